#!/usr/bin/env bash
# Builds the release and installs it where pg_config says; `package` leaves the same tree under
# target/package. Building is done by the caller, copying as root.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

TREE="$PWD/target/package"
LIBRARIES="$("$PG_CONFIG" --pkglibdir)"
SHARE="$("$PG_CONFIG" --sharedir)"

build() {
    say "building the engine"
    cargo build --release -p crm_ai_engine
    say "building the extension"
    rm -rf "$TREE"
    cargo pgrx package --pg-config "$PG_CONFIG" --out-dir "$TREE" 2>&1 | grep -v '^$'
}

# The engine, its library and the models, each of these under its artifact's digest.
collect() {
    local private="$TREE$LIBRARIES/crm_ai" models="$TREE$SHARE/crm_ai/models" folder digest
    mkdir -p "$private" "$models"
    cp target/release/crm_ai_engine "$CRM_AI_ONNXRUNTIME" "$private/"
    cp "$CACHE/onnxruntime/LICENSE" "$private/LICENSE.onnxruntime"
    for folder in models/sentiment "$CRM_AI_MINILM"; do
        digest=$(target/release/crm_ai_engine digest "$folder")
        mkdir -p "$models/$digest"
        local file
        for file in config.json crm_ai.json model.safetensors special_tokens_map.json \
            tokenizer.json tokenizer_config.json vocab.txt 1_Pooling/config.json; do
            if [ -f "$folder/$file" ]; then
                install -D -m 644 "$folder/$file" "$models/$digest/$file"
            fi
        done
        [ "$(target/release/crm_ai_engine digest "$models/$digest")" = "$digest" ] ||
            fail "the copy of $folder is not the same artifact"
    done
}

# Puts each file in place by renaming: a server that runs keeps the one that it has mapped.
copy() {
    local file
    (cd "$TREE" && find . -type f) | while read -r file; do
        file=${file#.}
        if ! cmp -s "$TREE$file" "${DESTDIR:-}$file"; then
            as_root mkdir -p "$(dirname "${DESTDIR:-}$file")"
            as_root cp "$TREE$file" "${DESTDIR:-}$file.new"
            as_root mv -f "${DESTDIR:-}$file.new" "${DESTDIR:-}$file"
            echo "installed ${DESTDIR:-}$file"
        fi
    done
}

build
collect
if [ "${1:-install}" = install ]; then
    say "installing"
    copy
    echo "installed: CREATE EXTENSION crm_ai; is all that a database needs now"
else
    echo "package: $TREE"
fi
