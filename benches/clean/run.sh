#!/usr/bin/env bash
# Cleaning of generated customers from SQL beside pandas with phonenumbers and email-validator, and
# phones from SQL beside C++ libphonenumber. Wants g++, libphonenumber-dev, and a python3 with those
# packages (CRM_AI_BENCH_PYTHON). The extension must be installed. Usage:
# benches/clean/run.sh [rows, 1000000]
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/throwaway.sh
. scripts/throwaway.sh

ROWS=${1:-1000000}
PYTHON=${CRM_AI_BENCH_PYTHON:-python3}
export ROWS

# Runs a statement, telling its elapsed and its processor time (the leader's alone).
timed() {
    local what=$1 settings=$2 statement=$3 log
    log=$(query -At -c "SET client_min_messages = log; $settings; SET log_statement_stats = on" \
        -c "$statement" 2>&1)
    printf '%s\n' "$log" | awk -v what="$what" -v rows="$ROWS" '
        /user, .*system, .*elapsed/ && !/\[/ { user = $2; system_time = $5; elapsed = $8 }
        END { printf "%-44s %7.2f s elapsed (%9.0f rows/s), %7.2f s processor\n",
              what, elapsed, rows / elapsed, user + system_time }'
}

say "generating $ROWS rows"
start_cluster "shared_buffers = 512MB" "max_wal_size = 8GB" "log_min_messages = fatal"
query -c "CREATE EXTENSION crm_ai"
query -v rows="$ROWS" -f benches/clean/generate.sql
grep -m1 'model name' /proc/cpuinfo
echo "$(date -u +%F), $(nproc) cores, load average $(cut -d' ' -f1 /proc/loadavg)"

REST="required => '{email}', distinct_on => '{*}', replace => true"
SAME="columns => '{\"phone\": \"phone:US\", \"email\": \"email\"}', $REST"
ALL="columns => NULL, $REST"
WORKERS="SET max_parallel_workers_per_gather"

# Times clean_table: what it is called, the number of workers, its options.
clean() {
    timed "$1" "$WORKERS = $2" "SELECT crm_ai.clean_table('bench_raw', 'bench_clean', $3)"
}

# Times a query over the phones in one process: what it is called, what it counts.
count() {
    timed "$1" "$WORKERS = 0" "SELECT count($2) FROM bench_phone"
}

say "clean_table"
clean "phone and e-mail, one process" 0 "$SAME"
clean "phone and e-mail, with workers" 2 "$SAME"
clean "all columns by guess, one process" 0 "$ALL"
clean "all columns by guess, with workers" 2 "$ALL"

say "pandas, phonenumbers and email-validator"
query -c "COPY bench_raw TO STDOUT (FORMAT csv, HEADER)" > "$PLACE/raw.csv"
"$PYTHON" benches/clean/pandas_rows.py "$PLACE/raw.csv"

say "phones, one process"
query -c "CREATE UNLOGGED TABLE bench_phone AS
    SELECT phone FROM bench_raw WHERE phone IS NOT NULL"
query -c "VACUUM ANALYZE bench_phone"
count "scan alone: count(phone)" "phone"
count "count(crm_normalize_phone(phone, 'US'))" "crm_normalize_phone(phone, 'US')"
count "count(crm_phone_digits(phone))" "crm_phone_digits(phone)"
query -At -c "SELECT E'US\t' || phone FROM bench_phone LIMIT 100000" > "$PLACE/phones"
g++ -O2 -o "$PLACE/libphonenumber" benches/phone/libphonenumber.cc -lphonenumber
"$PLACE/libphonenumber" "$PLACE/phones" 5
