#!/bin/sh
# Phones per second of processor time on one thread: crm_ai_clean beside Debian's C++
# libphonenumber, same inputs, same run. Wants g++ and libphonenumber-dev. Usage:
# benches/phone/run.sh [seconds for each]
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-5}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# The oracle's rows: each region, dialling form and kind of number, valid and not.
gzip -dc tests/fixtures/clean/phone_truth.csv.gz | python3 -c '
import csv, sys
for row in csv.DictReader(sys.stdin):
    print(row["default_region"], row["raw"], sep="\t")' > "$work/world"
# Customers of one country, in the four forms that they type.
python3 - > "$work/us" <<'PYTHON'
import random
rng = random.Random(42)
forms = ["({}) {}-{}", "{}-{}-{}", "+1 {} {} {}", "{}{}{}"]
for _ in range(20000):
    area = rng.choice(["212", "312", "415", "650", "713", "305", "206", "617"])
    form = rng.choice(forms)
    print("US", form.format(area, rng.randrange(200, 1000), f"{rng.randrange(10000):04}"), sep="\t")
PYTHON

g++ -O2 -o "$work/libphonenumber" benches/phone/libphonenumber.cc -lphonenumber
cargo build --quiet --release -p crm_ai_clean --example bench_phones
grep -m1 'model name' /proc/cpuinfo
date -u +%F
dpkg-query -W libphonenumber-dev
for input in world us; do
    echo "-- $input"
    "$work/libphonenumber" "$work/$input" "$seconds"
    "${CARGO_TARGET_DIR:-target}/release/examples/bench_phones" "$work/$input" "$seconds"
done
