#!/usr/bin/env bash
# What an insert costs with nothing, a watch, a row trigger and a statement trigger on the table,
# and how far a watch is behind at a steady rate. Wants the installed extension and pgbench.
# Settings:
#   CRM_AI_BENCH_SECONDS  seconds of each measurement (3)
#   CRM_AI_BENCH_ROUNDS   rounds of the comparison (15)
#   CRM_AI_BENCH_RATE     rows per second of the steady stream (500)
#   TMPDIR                where the cluster lies (/tmp): on another disk, or in memory
#   CRM_AI_BENCH_DELAY    commit_delay in microseconds: a disk's wait, where it lies in memory (0)
cd "$(dirname "$0")/../.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh
# shellcheck source=scripts/throwaway.sh
. scripts/throwaway.sh

SECONDS_EACH=${CRM_AI_BENCH_SECONDS:-3}
ROUNDS=${CRM_AI_BENCH_ROUNDS:-15}
STREAM_SECONDS=20
RATE=${CRM_AI_BENCH_RATE:-500}

# Durable commits, as in use: `fsync` is on.
start_cluster "max_worker_processes = 16" "shared_buffers = 256MB" "max_wal_size = 4GB" \
    "commit_delay = ${CRM_AI_BENCH_DELAY:-0}" "commit_siblings = 0"
query -c "CREATE EXTENSION crm_ai"
for kind in plain watched row_trigger statement_trigger; do
    query -c "CREATE TABLE $kind (id bigserial PRIMARY KEY, note text, mood text)"
    echo "INSERT INTO $kind (note) VALUES ('The parcel came late and nobody answered, ticket ' ||
        (random() * 20)::int)" | tr '\n' ' ' >"$PLACE/$kind.sql"
done
chmod 644 "$PLACE"/*.sql
query -c "CREATE TRIGGER t BEFORE INSERT ON row_trigger FOR EACH ROW
              EXECUTE FUNCTION crm_enrich('mood=crm_sentiment(note)')" \
    -c "CREATE TRIGGER t AFTER INSERT ON statement_trigger REFERENCING NEW TABLE AS fresh
            FOR EACH STATEMENT EXECUTE FUNCTION crm_enrich('mood=crm_sentiment(note)')" \
    -c "SELECT crm_ai.watch('watched', 'note', 'sentiment', 'mood')" >/dev/null

# bench KIND OPTIONS...: transactions per second of inserts into a table.
bench() {
    local kind=$1
    shift
    "$BIN/pgbench" -h "$PLACE/server" -p 5432 -U postgres -n -M prepared \
        -f "$PLACE/$kind.sql" "$@" postgres 2>/dev/null
}
tps() { bench "$@" | sed -n 's/^tps = \([0-9.]*\).*/\1/p'; }
load() { cut -d' ' -f1 /proc/loadavg; }

say "inserts per second: $(date -u +%F), $(nproc) cores, load average before $(load)"
bench plain -T 2 >/dev/null && bench watched -T 2 >/dev/null
# Without the scheduler's work: what the insert itself pays.
query -c "UPDATE crm_ai.watch_state SET next_try = now() + interval '1 day'"
for clients in 1 8; do
    for round in $(seq "$ROUNDS"); do
        query -c "TRUNCATE crm_ai.pending, plain, watched" -c CHECKPOINT
        # Each goes first as often as the other.
        if [ $((round % 2)) = 0 ]; then
            plain=$(tps plain -c "$clients" -T "$SECONDS_EACH")
            watched=$(tps watched -c "$clients" -T "$SECONDS_EACH")
        else
            watched=$(tps watched -c "$clients" -T "$SECONDS_EACH")
            plain=$(tps plain -c "$clients" -T "$SECONDS_EACH")
        fi
        echo "$plain $watched" | awk '{ printf "%.0f %.0f %.3f\n", $1, $2, $2 / $1 }'
    done >"$PLACE/rounds"
    for column in 1 2 3; do
        sort -n -k "$column" "$PLACE/rounds" | awk -v column="$column" -v clients="$clients" '
            BEGIN { split("plain, watched, watched / plain of a round", name, ", ") }
            { value[NR] = $column }
            END { printf "%d clients, %s: median %s (%s to %s)\n", clients, name[column],
                value[int((NR + 1) / 2)], value[1], value[NR] }'
    done
    echo "load average $(load)"
done
query -c "UPDATE crm_ai.watch_state SET next_try = NULL"
for kind in plain row_trigger statement_trigger; do
    bench "$kind" -c 1 -T 2 >/dev/null
    echo "$kind, a row each, texts known to the engine: $(tps "$kind" -c 1 -T "$SECONDS_EACH")"
done
for kind in row_trigger statement_trigger; do
    echo "$kind, 500 new texts in one statement:"
    query -c '\timing on' -c "INSERT INTO $kind (note) SELECT 'New ticket, nobody answered ' ||
        md5(i::text || '$kind') FROM generate_series(1, 500) i" | grep Time
done

say "a steady stream of $RATE rows per second into the watched table, load average $(load)"
bench watched -c 4 -R "$RATE" -T "$STREAM_SECONDS" >"$PLACE/stream" &
STREAM=$!
for _ in $(seq $((STREAM_SECONDS - 2))); do
    sleep 1
    query -At -c "SELECT rows_waiting, round(lag_seconds::numeric, 2) FROM crm_ai.watches"
done | sort -t'|' -k2 -n | awk -F'|' '{ lag[NR] = $2; rows[NR] = $1 }
    END { printf "lag, seconds: median %s, most %s\n", lag[int((NR + 1) / 2)], lag[NR] }'
wait "$STREAM"
grep -E "tps|latency average" "$PLACE/stream"
