#!/bin/sh
# Accuracy of the address model on a fifth of the labelled addresses that neither has seen, beside
# usaddress retrained on the same four fifths, in one run. Wants python3 with its venv module.
# Usage: benches/addresses/run.sh
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --require-hashes -r benches/addresses/requirements.txt
cargo build --quiet --release -p crm_ai_clean --example train_addresses --example label_addresses
examples=${CARGO_TARGET_DIR:-target}/release/examples
date -u +%F
"$examples/train_addresses" "$work/model.crf" | tail -n 1
"$work/venv/bin/python" benches/addresses/compare.py "$examples/label_addresses" "$work/model.crf"
