#!/usr/bin/env bash
# How the memory of a backend and of the engine grows while one SELECT judges a large table.
# Usage: benches/memory/run.sh [MEGABYTES]   (by default 1024; some minutes)
# The model is a tiny one, so that the rows go by quickly; what is measured is all but the model.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/throwaway.sh
. scripts/throwaway.sh

MEGABYTES=${1:-1024}

# Resident memory of a process that is not shared, in MB.
private_mb() { awk '/RssAnon/{print int($2 / 1024)}' "/proc/$1/status"; }

cp -r tests/fixtures/model/bert_classifier "$PLACE/tiny"
chmod -R a+rX "$PLACE/tiny"
start_cluster "work_mem = 4MB" "fsync = off" "crm_ai.import_directory = '$PLACE'" \
    "max_parallel_workers_per_gather = 0" "jit = off"
say "making $MEGABYTES MB of notes"
query -c "CREATE EXTENSION crm_ai" -c "SELECT crm_ai.import_model('tiny', 'tiny')" \
    -c "ALTER SYSTEM SET crm_ai.sentiment_model = 'tiny'" >/dev/null
query -c "CREATE TABLE notes AS
    SELECT n AS id, note FROM generate_series(1, $MEGABYTES * 1024) n,
    LATERAL (SELECT string_agg(md5((n * 32 + i)::text), ' ') AS note
             FROM generate_series(1, 31) i) made" -c "ANALYZE notes"
query -At -c "SELECT count(*) || ' rows, ' || pg_size_pretty(sum(octet_length(note))) FROM notes"
engine=$(query -At -c "SELECT pid FROM crm_ai.engine_stats()")
for batching in on off; do
    rows=$([ $batching = on ] && echo "notes" || echo "(SELECT * FROM notes LIMIT 20000) few")
    say "crm_ai.batching = $batching"
    query -At -c "SELECT pg_backend_pid()" -c "SELECT crm_classify('tiny', 'warm')" \
        -c "SET crm_ai.batching = $batching" \
        -c "SELECT count(crm_classify('tiny', note)) || ' judged' FROM $rows" \
        > "$PLACE/out_$batching" &
    client=$!
    until [ -s "$PLACE/out_$batching" ]; do sleep 0.1; done
    backend=$(head -n 1 "$PLACE/out_$batching")
    sleep 0.3
    first=$(private_mb "$backend")
    most=$first
    engine_most=0
    while kill -0 "$client" 2>/dev/null; do
        now=$(private_mb "$backend" 2>/dev/null || echo 0)
        engine_now=$(private_mb "$engine" 2>/dev/null || echo 0)
        [ "${now:-0}" -le "$most" ] || most=$now
        [ "${engine_now:-0}" -le "$engine_most" ] || engine_most=$engine_now
        sleep 0.5
    done
    wait "$client"
    tail -n 1 "$PLACE/out_$batching"
    echo "backend: $first MB of its own at first, $most MB at most; engine: $engine_most MB at most"
done
