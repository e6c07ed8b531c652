#!/usr/bin/env bash
# All checks, the cheap ones first; stops at the first that fails. The release profile is used
# throughout, so that each dependency is built once (clippy's own check apart).
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/throwaway.sh
. scripts/throwaway.sh

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
step "clippy" cargo clippy --release --workspace --all-targets -- -D warnings
step "tests of the crates" cargo test --release --workspace \
    --exclude crm_ai --exclude crm_ai_integration
step "tests of the extension's own code" cargo test --release -p crm_ai --lib
step "installation" scripts/install.sh install
step "integration tests" cargo test --release -p crm_ai_integration
step "documentation" doc_tests

say "all passed in $SECONDS s"
printf '%s\n' "${STEPS[@]}"
cat "$PLACE/result"
