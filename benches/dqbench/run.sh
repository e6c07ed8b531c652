#!/usr/bin/env bash
# DQBench 1.0 (PyPI) for crm_ai.findings and for GoldenCheck, with the time of each, in one run.
# Wants python3 with its venv module; the extension must be installed.
# Usage: benches/dqbench/run.sh
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/throwaway.sh
. scripts/throwaway.sh

python3 -m venv "$PLACE/venv"
"$PLACE/venv/bin/pip" install --quiet -r benches/dqbench/requirements.txt
start_cluster "shared_buffers = 512MB" "log_min_messages = fatal"
query -c "CREATE EXTENSION crm_ai"
grep -m1 'model name' /proc/cpuinfo
echo "$(date -u +%F), $(nproc) cores, load average $(cut -d' ' -f1 /proc/loadavg)"
export PGHOST=$PLACE/server PGPORT=5432 PGUSER=postgres PGDATABASE=postgres PATH=$BIN:$PATH
export HOME=$PLACE
"$PLACE/venv/bin/python" benches/dqbench/exam.py "$@"
