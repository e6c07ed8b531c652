#!/bin/sh
# The pg_config that pgrx asks, always under this one name: cargo would build pgrx anew if it
# changed. It is PG_CONFIG, but for a test that has a server of its own.
for candidate in "$CRM_AI_TEST_PG_CONFIG" "$PG_CONFIG" /usr/lib/postgresql/15/bin/pg_config; do
    if [ -x "$candidate" ]; then
        exec "$candidate" "$@"
    fi
done
exec pg_config "$@"
