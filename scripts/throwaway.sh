# A throw-away cluster of the caller's own: started by `start_cluster`, gone when the script ends.
# shellcheck shell=bash

PLACE=$(mktemp -d "${TMPDIR:-/tmp}/crm_ai.XXXXXX")
chmod 755 "$PLACE"
BIN=$("$PG_CONFIG" --bindir)

cleanup() {
    if [ -f "$PLACE/server/data/postmaster.pid" ]; then
        as_postgres "$BIN/pg_ctl" -D "$PLACE/server/data" -m immediate stop >/dev/null || true
    fi
    rm -rf "$PLACE"
}
trap cleanup EXIT

# Starts it with the extension preloaded; each argument is a line of postgresql.conf. Its data and
# its socket lie in $PLACE/server; it listens to nothing else, and to nobody but its user and root.
start_cluster() {
    local variable
    for variable in $(compgen -e PG); do
        case "$variable" in
        PG_CONFIG | PGRX_*) ;;
        *) unset "$variable" ;;
        esac
    done
    install -d -o "$SERVER_USER" "$PLACE/server"
    as_postgres "$BIN/initdb" -D "$PLACE/server/data" -U postgres -A trust -E UTF8 \
        --locale=C.UTF-8 --no-sync >/dev/null
    printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$PLACE/server'" \
        "unix_socket_permissions = 0700" "port = 5432" \
        "shared_preload_libraries = 'crm_ai'" "$@" |
        as_postgres tee -a "$PLACE/server/data/postgresql.conf" >/dev/null
    as_postgres "$BIN/pg_ctl" -D "$PLACE/server/data" -l "$PLACE/server/log" -w start >/dev/null ||
        fail "the server did not start: $(tail -n 5 "$PLACE/server/log")"
}

# psql on it, with nothing of the user's settings.
query() {
    "$BIN/psql" -X -q -v ON_ERROR_STOP=1 -h "$PLACE/server" -p 5432 -U postgres "$@" postgres
}
