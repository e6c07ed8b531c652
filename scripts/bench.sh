#!/usr/bin/env bash
# Compares inference from SQL with raw ONNX Runtime and with transformers, in a throw-away cluster.
# `make bench` installs first; docs/benchmarks.md explains the figures. Settings:
#   CRM_AI_BENCH_ROWS     texts (2000)
#   CRM_AI_BENCH_ROUNDS   rounds of each comparison of many texts (3); 0 leaves these out
#   CRM_AI_BENCH_THREADS  numbers of threads, one comparison each ("all cores, then 1")
#   CRM_AI_DATA           the data folder: takes its airline tweets instead of the committed texts
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/throwaway.sh
. scripts/throwaway.sh

ROWS=${CRM_AI_BENCH_ROWS:-2000}
ROUNDS=${CRM_AI_BENCH_ROUNDS:-3}
THREADS=${CRM_AI_BENCH_THREADS:-$(nproc) 1}
HOME_OF_BENCH=benches/inference
PYTHON_PACKAGES="$CACHE/bench"
# What is compared with, pinned by hash; a folder of its own, so that nothing else sees it.
python_packages() {
    local wanted=$HOME_OF_BENCH/requirements.txt
    if cmp -s "$wanted" "$PYTHON_PACKAGES/requirements.txt"; then
        echo "Python packages: already there"
        return
    fi
    say "installing transformers, torch and onnxruntime into .cache/bench (3 GB to fetch, once)"
    rm -rf "$PYTHON_PACKAGES"
    python3 -m pip install --disable-pip-version-check --require-hashes --only-binary=:all: \
        --progress-bar on --target "$PYTHON_PACKAGES" -r "$wanted"
    cp "$wanted" "$PYTHON_PACKAGES/requirements.txt"
}

texts() {
    local source=tests/fixtures/model/texts.txt
    if [ -n "${CRM_AI_DATA:-}" ]; then
        source=$CRM_AI_DATA/airline_tweets/tweets_80.csv
    fi
    echo "texts: $source"
    python3 "$HOME_OF_BENCH/python/texts.py" "$ROWS" "$source" "$PLACE/texts.json"
    chmod 644 "$PLACE/texts.json"
}

python_packages
say "building the benchmark"
cargo build --release -p crm_ai_bench
cp "${CARGO_TARGET_DIR:-target}/release/crm_ai_bench" "$PLACE/"
texts
say "starting a throw-away cluster"
# Without kept answers: every round asks about the same texts.
MODELS="$("$PG_CONFIG" --sharedir)/crm_ai/models"
start_cluster "max_connections = 130" "shared_buffers = 128MB" "crm_ai.cache_size = 0" \
    "crm_ai.import_directory = '$MODELS'"
# The engine answers its own user alone.
RUN_AS=
[ "$SERVER_USER" = "$(id -un)" ] || RUN_AS="runuser -u $SERVER_USER --"
say "comparing: $(date -u +%Y-%m-%d), load average $(cut -d' ' -f1 /proc/loadavg)"
query -c "CREATE EXTENSION crm_ai"
DIGEST=$(query -At -c "
    SELECT sha256 FROM crm_ai.versions WHERE model = 'sentiment' AND is_champion")
query -At -c "SELECT 'the same model in int8: version '
    || crm_ai.import_model('sentiment_int8', '$DIGEST', 'int8')"
PYTHONPATH="$PYTHON_PACKAGES" "$PLACE/crm_ai_bench" run --place "$PLACE" --run-as "$RUN_AS" \
    --model "$MODELS/$DIGEST" \
    --library "$("$PG_CONFIG" --pkglibdir)/crm_ai/libonnxruntime.so" \
    --python python3 --scripts "$HOME_OF_BENCH/python" --rounds "$ROUNDS" --threads "$THREADS" &
DRIVER=$!
# Waited for, so that a signal ends it before the cluster is removed.
trap 'kill "$DRIVER" 2>/dev/null; exit 130' INT TERM
wait "$DRIVER"
