#!/usr/bin/env bash
# A throw-away cluster of the demo's own, with customers cleaned and judged in it. It stays, for
# psql, until `make demo-stop`; the next `make demo` uses it again.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

BIN=$("$PG_CONFIG" --bindir)
# Where the cluster lies: a folder that its user may enter, wherever this checkout is.
NOTE="$CACHE/demo"
PLACE=$(cat "$NOTE" 2>/dev/null || true)

server() { as_postgres "$BIN/pg_ctl" -D "$PLACE/data" "$@"; }

query() {
    PGOPTIONS="-c client_min_messages=warning" "$BIN/psql" -X -q -v ON_ERROR_STOP=1 -P pager=off \
        -h "$PLACE" -p "$(cat "$PLACE/port")" -U postgres "$@"
}

stop() {
    if [ -n "$PLACE" ] && [ -d "$PLACE/data" ]; then
        server -m fast stop >/dev/null 2>&1 || true
        rm -rf "$PLACE"
    fi
    rm -f "$NOTE"
}

# What the cluster was made from: another build, or another demo, wants a new one.
origin() {
    local installed
    installed=$("$PG_CONFIG" --pkglibdir)
    cat "$installed/crm_ai.so" "$installed/crm_ai/crm_ai_engine" scripts/demo/*.sql \
        scripts/demo/customers.csv sql/schema/*.sql | sha256sum
}

make_cluster() {
    say "making a cluster"
    PLACE=$(mktemp -d /var/tmp/crm_ai_demo.XXXXXX)
    mkdir -p "$CACHE"
    echo "$PLACE" >"$NOTE"
    free_port >"$PLACE/port"
    chown "$SERVER_USER" "$PLACE"
    chmod 755 "$PLACE"
    as_postgres "$BIN/initdb" -D "$PLACE/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
        --no-sync >/dev/null
    # Nobody else on the machine may connect; root may.
    printf '%s\n' "listen_addresses = ''" "port = $(cat "$PLACE/port")" \
        "unix_socket_directories = '$PLACE'" "unix_socket_permissions = 0700" \
        "shared_preload_libraries = 'crm_ai'" |
        as_postgres tee -a "$PLACE/data/postgresql.conf" >/dev/null
}

start() {
    server status >/dev/null 2>&1 && return
    say "starting the cluster"
    server -l "$PLACE/log" -w start >/dev/null ||
        fail "the server did not start: $(tail -n 5 "$PLACE/log")"
}

load() {
    say "loading, cleaning and judging customers"
    query -d postgres -c "DROP DATABASE IF EXISTS demo WITH (FORCE)" -c "CREATE DATABASE demo"
    query -d demo -f scripts/demo/load.sql
    origin >"$PLACE/origin"
}

if [ "${1:-}" = stop ]; then
    stop
    echo "the demo's cluster is gone"
    exit
fi
for variable in $(compgen -e PG); do
    case "$variable" in
    PG_CONFIG | PGRX_*) ;;
    *) unset "$variable" ;;
    esac
done
scripts/install.sh install
if [ -n "$PLACE" ] && [ "$(origin)" != "$(cat "$PLACE/origin" 2>/dev/null || true)" ]; then
    stop
    PLACE=
fi
[ -n "$PLACE" ] || make_cluster
start
[ -f "$PLACE/origin" ] || load
query -d demo -f scripts/demo/show.sql
cat <<END

Go on with

    $BIN/psql -h $PLACE -p $(cat "$PLACE/port") -U postgres demo

for example  SELECT crm_sentiment('This is a great product!');
The tables are customer (as it came) and customer_clean. make demo-stop removes the cluster.
END
