#!/usr/bin/env bash
# Builds the release and installs it where pg_config says; `package` leaves the same tree under
# target/package. The caller builds; only the copying is done as root.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

TREE="$PWD/target/package"
LIBRARIES="$("$PG_CONFIG" --pkglibdir)"
SHARE="$("$PG_CONFIG" --sharedir)"
ENGINE="$TARGET/release/crm_ai_engine"

build() {
    say "building the engine and the extension"
    cargo build --release -p crm_ai_engine
    cargo build --release "${FOR_MAJOR[@]}" --target-dir "$EXTENSION_TARGET"
    rm -rf "$TREE"
    install -D -m 755 "$EXTENSION_TARGET/release/libcrm_ai.so" "$TREE$LIBRARIES/crm_ai.so"
    install -d -m 755 "$TREE$SHARE/extension"
    scripts/extension_sql.sh "$TREE$SHARE/extension"
}

# The engine, its library and the models, each of these under its artifact's digest.
collect() {
    local private="$TREE$LIBRARIES/crm_ai" models="$TREE$SHARE/crm_ai/models" folder digest file
    install -D -m 755 "$ENGINE" "$private/crm_ai_engine"
    install -m 755 "$CRM_AI_ONNXRUNTIME" "$private/libonnxruntime.so"
    install -m 644 "$(dirname "$CRM_AI_ONNXRUNTIME")/LICENSE" "$private/LICENSE.onnxruntime"
    for folder in models/sentiment "$CRM_AI_MINILM"; do
        digest=$("$ENGINE" digest "$folder")
        for file in config.json crm_ai.json model.safetensors special_tokens_map.json \
            tokenizer.json tokenizer_config.json vocab.txt 1_Pooling/config.json; do
            if [ -f "$folder/$file" ]; then
                install -D -m 644 "$folder/$file" "$models/$digest/$file"
            fi
        done
        [ "$("$ENGINE" digest "$models/$digest")" = "$digest" ] ||
            fail "the copy of $folder is not the same artifact"
        grep -q "'$digest'" sql/schema/95_builtin_models.sql ||
            fail "the extension does not know $folder as it is: run cargo xtask builtin"
    done
}

# Puts each file in place by renaming: a server that runs keeps the one that it has mapped.
copy() {
    local file mode target
    while read -r mode file; do
        target=${DESTDIR:-}$file
        cmp -s "$TREE$file" "$target" && continue
        as_root install -D -m "$mode" "$TREE$file" "$target.new"
        as_root mv -f "$target.new" "$target"
        echo "installed $target"
    done < <(cd "$TREE" && find . -type f -printf '%m %P\n' | sed 's| | /|')
}

case "${1:-install}" in
install | package) ;;
*) fail "usage: $0 [install | package]" ;;
esac
build
collect
if [ "${1:-install}" = package ]; then
    echo "package: $TREE"
    exit
fi
say "installing"
copy
echo "installed in $LIBRARIES and $SHARE: a database needs only CREATE EXTENSION crm_ai"
