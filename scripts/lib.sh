# Shared by the scripts beside it: saying what is done, and doing it as root where that is needed.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Rust by rustup is not in the path of a fresh login or of sudo.
if [ -d "$HOME/.cargo/bin" ]; then
    export PATH="$HOME/.cargo/bin:$PATH"
fi

PG_CONFIG=${PG_CONFIG:-$(command -v pg_config || echo /usr/bin/pg_config)}
export PG_CONFIG
# What pgrx builds against, also for plain cargo.
export PGRX_PG_CONFIG_PATH="$PG_CONFIG"
CACHE="$PWD/.cache"
export CRM_AI_ONNXRUNTIME="${CRM_AI_ONNXRUNTIME:-$CACHE/onnxruntime/libonnxruntime.so}"
export CRM_AI_MINILM="${CRM_AI_MINILM:-$CACHE/models/minilm}"

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

# Runs a command as the user `postgres`, since the server refuses to run as root.
as_postgres() {
    if [ "$(id -un)" = postgres ]; then
        "$@"
    elif [ "$(id -u)" = 0 ]; then
        runuser -u postgres -- "$@"
    else
        sudo -u postgres "$@"
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
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
