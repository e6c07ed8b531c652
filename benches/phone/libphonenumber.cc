// The same work as crates/clean/examples/bench_phones.rs, by C++ libphonenumber: reads a file of
// lines "REGION<tab>number", turns each into E.164 if it is valid, and prints numbers per second of
// processor time on one thread, with how many were valid and a hash of the answers.
//
// g++ -O2 -o libphonenumber libphonenumber.cc -lphonenumber

#include <phonenumbers/phonenumberutil.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

// Time that this thread has had a processor: other programs on the machine do not count.
double processor_seconds() {
  double nanoseconds = 0;
  std::ifstream("/proc/thread-self/schedstat") >> nanoseconds;
  return nanoseconds / 1e9;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s FILE SECONDS\n", argv[0]);
    return 2;
  }
  std::vector<std::pair<std::string, std::string>> rows;
  std::ifstream file(argv[1]);
  for (std::string line; std::getline(file, line);) {
    const auto tab = line.find('\t');
    const std::string region = line.substr(0, tab);
    rows.emplace_back(region.empty() ? "ZZ" : region, line.substr(tab + 1));
  }
  const PhoneNumberUtil& util = *PhoneNumberUtil::GetInstance();
  const double seconds_min = std::atof(argv[2]);

  // The first round warms the caches of compiled patterns and is not counted.
  uint64_t valid = 0, hash = 0;
  double seconds = 0;
  int rounds = -1;
  for (; rounds < 1 || seconds < seconds_min; ++rounds) {
    const double start = processor_seconds();
    valid = 0;
    hash = 14695981039346656037ULL;
    for (const auto& [region, raw] : rows) {
      PhoneNumber number;
      if (util.Parse(raw, region, &number) != PhoneNumberUtil::NO_PARSING_ERROR) continue;
      if (!util.IsValidNumber(number)) continue;
      std::string e164;
      util.Format(number, PhoneNumberUtil::E164, &e164);
      ++valid;
      for (const unsigned char c : e164) hash = (hash ^ c) * 1099511628211ULL;
    }
    if (rounds >= 0) seconds += processor_seconds() - start;
  }
  std::printf("libphonenumber C++: %.0f numbers/s, %zu rows, %llu valid, answers %016llx\n",
              rows.size() * rounds / seconds, rows.size(),
              static_cast<unsigned long long>(valid), static_cast<unsigned long long>(hash));
}
