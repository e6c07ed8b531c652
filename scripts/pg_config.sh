#!/bin/sh
# The pg_config that pgrx asks, always under this one name: cargo would build pgrx anew if it
# changed. It is PG_CONFIG, but for a test that has a server of its own.
# Headers are always the real ones: the test's copy of the server has none.
case "$1" in
--includedir*) unset CRM_AI_TEST_PG_CONFIG ;;
esac
for candidate in "$CRM_AI_TEST_PG_CONFIG" "$PG_CONFIG" /usr/lib/postgresql/15/bin/pg_config; do
    if [ -x "$candidate" ]; then
        exec "$candidate" "$@"
    fi
done
exec pg_config "$@"
