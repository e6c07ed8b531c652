#!/usr/bin/env bash
# All checks, the cheap ones first; stops at the first that fails. The release profile is used
# throughout, so that each dependency is built once (clippy's own check apart).
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/throwaway.sh
. scripts/throwaway.sh

# A copy of the server in which `cargo pgrx test` may install its build: the real one, which other
# clusters may be using, never sees it. PostgreSQL finds its files relative to its programs.
private_server() {
    local what folder
    for what in --bindir --pkglibdir --sharedir; do
        folder=$("$PG_CONFIG" "$what")
        mkdir -p "$PLACE/private$(dirname "$folder")"
        cp -a "$folder" "$PLACE/private$(dirname "$folder")/"
    done
    export CRM_AI_TEST_PG_CONFIG="$PLACE/private$BIN/pg_config"
}

# SQL functions inside a test server.
pg_tests() {
    local run_as=()
    private_server
    if [ "$SERVER_USER" != "$(id -un)" ]; then
        run_as=(--runas "$SERVER_USER")
    fi
    install -d -o "$SERVER_USER" "$PLACE/pg_test"
    plainly cargo pgrx test --release "${run_as[@]}" --pgdata "$PLACE/pg_test/data" pg15
    unset CRM_AI_TEST_PG_CONFIG
    rm -rf "$PLACE/private" "$PLACE/pg_test"
}

# The SQL in README.md and docs/, in a server of its own.
doc_tests() {
    start_cluster "fsync = off"
    # The line with the result is kept for the end of all.
    PATH="$BIN:$PATH" PGHOST="$PLACE/server" PGPORT=5432 PGUSER=postgres \
        cargo xtask doctest README.md docs/*.md | sed "/^test result:/{w $PLACE/result
d}"
}

step "formatting" cargo fmt --all --check
step "tidy" cargo xtask tidy
step "clippy" cargo clippy --release --workspace --all-targets --features pg_test -- -D warnings
step "tests of the crates" cargo test --release --workspace \
    --exclude crm_ai --exclude crm_ai_integration
step "tests of SQL functions in a server" pg_tests
step "installation" scripts/install.sh install
step "integration tests" cargo test --release -p crm_ai_integration
step "documentation" doc_tests

say "all passed in $SECONDS s"
printf '%s\n' "${STEPS[@]}"
cat "$PLACE/result"
