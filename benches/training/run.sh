#!/bin/sh
# Steps per second and peak memory of the trainer beside PyTorch's. Takes some minutes.
# Usage: benches/training/run.sh [OPTIONS OF compare.py]
set -eu
cd "$(dirname "$0")/../.."
library=${CRM_AI_ONNXRUNTIME:-.cache/onnxruntime/libonnxruntime.so}
base=${CRM_AI_MINILM:-.cache/models/minilm}
venv=.cache/bench/training

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet -r benches/inference/requirements.txt
cargo build --quiet --release -p crm_ai_train --example steps
steps=${CARGO_TARGET_DIR:-target}/release/examples/steps
"$venv/bin/python" benches/training/compare.py "$steps" "$library" "$base" "$@"
