# Shared by the scripts beside it: saying what is done, and doing it as the user that it takes.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# The server, which is another user, reads what is built and installed here.
umask 022

# Rust by rustup is not in the path of a fresh login or of sudo.
if [ -d "$HOME/.cargo/bin" ]; then
    export PATH="$HOME/.cargo/bin:$PATH"
fi

# The server that is built for and installed into.
if [ -z "${PG_CONFIG:-}" ]; then
    PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config
    [ -x "$PG_CONFIG" ] || PG_CONFIG=$(command -v pg_config || echo "$PG_CONFIG")
fi
export PG_CONFIG
# As in .cargo/config.toml.
export PGRX_PG_CONFIG_PATH="${PGRX_PG_CONFIG_PATH:-$PWD/scripts/pg_config.sh}"
# A test server must not spend 140 ms on each error.
unset RUST_BACKTRACE

CACHE="$PWD/.cache"
export CRM_AI_ONNXRUNTIME="${CRM_AI_ONNXRUNTIME:-$CACHE/onnxruntime/libonnxruntime.so}"
export CRM_AI_MINILM="${CRM_AI_MINILM:-$CACHE/models/minilm}"
# shellcheck disable=SC2034 # for the scripts beside it
TARGET=${CARGO_TARGET_DIR:-$PWD/target}

say() { printf '\n== %s\n' "$*"; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Runs a command as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        command -v sudo >/dev/null || fail "run this as root, or install sudo"
        sudo "$@"
    fi
}

# The server's major version, for which the extension alone is built anew.
MAJOR=$("$PG_CONFIG" --version 2>/dev/null | sed 's/[^0-9]*\([0-9]*\).*/\1/' || true)
FOR_MAJOR=(-p crm_ai --no-default-features --features "pg${MAJOR:-15}")
EXTENSION_TARGET=$TARGET
[ "${MAJOR:-15}" = 15 ] || EXTENSION_TARGET="$TARGET/pg$MAJOR"

# The user that throw-away servers run as: PostgreSQL refuses root.
SERVER_USER=$(id -un)
[ "$(id -u)" != 0 ] || SERVER_USER=postgres

# Runs a command as that user, in a folder that it may enter.
as_postgres() {
    if [ "$SERVER_USER" = "$(id -un)" ]; then
        (cd / && "$@")
    else
        (cd / && runuser -u "$SERVER_USER" -- "$@")
    fi
}

# Runs a step, telling its name and how long it took.
step() {
    local name=$1 began=$SECONDS
    shift
    say "$name"
    "$@"
    STEPS+=("$(printf '%5d s  %s' $((SECONDS - began)) "$name")")
}
STEPS=()

# A TCP port that nothing listens on.
free_port() {
    /usr/bin/python3 - <<'PYTHON'
import socket

with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1])
PYTHON
}
