#!/usr/bin/env bash
# Duplicates: crm_ai.dedupe by its default call beside Splink (the settings of its own examples) and
# GoldenMatch (zero configuration) on tables with a known truth, and on made-up customers.
# Needs CRM_AI_DATA (by default data/), the folder of the data; a table that is missing is named and
# left out. Wants python3 with its venv module; the extension must be installed.
# Usage: benches/linkage/run.sh [--rows N] [--alone] [TABLE…]
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/throwaway.sh
. scripts/throwaway.sh

ROWS=20000
PEERS=(--peers)
while [ "${1:-}" != "${1#--}" ]; do
    case $1 in
    --rows) ROWS=$2 && shift 2 ;;
    --alone) PEERS=() && shift ;;
    *) fail "unknown option $1" ;;
    esac
done
PYTHON=python3
if [ "${#PEERS[@]}" -gt 0 ]; then
    python3 -m venv "$PLACE/venv"
    "$PLACE/venv/bin/pip" install --quiet -r benches/linkage/requirements.txt
    PYTHON=$PLACE/venv/bin/python
fi
cargo build --quiet --release -p crm_ai_linkage --example customers
"$TARGET/release/examples/customers" "$ROWS" 20261201 >"$PLACE/customers.csv"
start_cluster "shared_buffers = 512MB" "fsync = off"
query -c "CREATE EXTENSION crm_ai"
grep -m1 'model name' /proc/cpuinfo
echo "$(date -u +%F), $(nproc) cores, load average $(cut -d' ' -f1 /proc/loadavg)"
export PGHOST=$PLACE/server PGPORT=5432 PGUSER=postgres PGDATABASE=postgres PATH=$BIN:$PATH
"$PYTHON" benches/linkage/compare.py "${PEERS[@]}" --customers "$PLACE/customers.csv" \
    --data "${CRM_AI_DATA:-data}" "$@"
