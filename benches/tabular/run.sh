#!/bin/sh
# Boosted trees beside XGBoost and LightGBM on customer tables, same splits, in one run. Wants
# python3 with its venv module, and the data of `make quality` in CRM_AI_DATA.
# Usage: benches/tabular/run.sh
set -eu
cd "$(dirname "$0")/../.."
data=${CRM_AI_DATA:-data}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --require-hashes -r benches/tabular/requirements.txt
cargo build --quiet --release -p crm_ai_tabular --example fit_table
examples=${CARGO_TARGET_DIR:-target}/release/examples
date -u +%F
"$work/venv/bin/python" benches/tabular/compare.py "$examples/fit_table" "$data"
