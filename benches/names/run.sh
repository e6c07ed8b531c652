#!/bin/sh
# Accuracy on labelled names that no model here has learnt: crm_ai_clean beside nameparser and
# probablepeople, which is trained on the same rows. Takes some minutes. Usage: benches/names/run.sh
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
labelled=crates/clean/data/name/labelled.tsv
bin=${CARGO_TARGET_DIR:-target}/release/examples

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet -r benches/names/requirements.txt
cargo build --quiet --release -p crm_ai_clean --example train_names --example tag_names
"$bin/train_names" "$labelled" "$work/model.bin" --leave-out 0 --rows "$work/rows.tsv" \
    > "$work/faults" 2> "$work/log"
tail -1 "$work/log"
cmp "$work/model.bin" crates/clean/data/name/model.bin && echo "the model is the built-in one"
"$bin/tag_names" "$work/model.bin" "$work/rows.tsv" > "$work/tagged.tsv"
"$work/venv/bin/python" benches/names/compare.py "$labelled" "$work/tagged.tsv" 0
