#!/usr/bin/env bash
# Trains the sentiment model anew, by SQL in a throw-away cluster: about 50 minutes on two cores.
# Usage: models/sentiment/build.sh OUT, after `make install`, with CRM_AI_DATA naming the data
# folder. Writes the model's folder and metrics.csv into OUT, and prints the figures that choose
# whether it is shipped: those of the rows kept for checks, beside the shipped model's.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/throwaway.sh
. scripts/throwaway.sh

OUT=${1:?a folder for the result is wanted}
HERE=models/sentiment
DATA=$(realpath "${CRM_AI_DATA:-data}")
mkdir -p "$OUT"

say "the data are those of data.sha256"
sums=$(realpath "$HERE/data.sha256")
(cd "$DATA" && sha256sum --quiet --check "$sums")

# The server reads and writes copies: the clone may be closed to its user.
install -d -o "$SERVER_USER" "$PLACE/models" "$PLACE/rows"
install -m 644 "$HERE"/*.tsv "$PLACE/rows"
start_cluster "crm_ai.import_directory = '$PLACE/models'" "crm_ai.train_nice = 0"

say "rows"
query -c "CREATE EXTENSION crm_ai"
query -v data="$DATA" -v here="$PLACE/rows" -f "$HERE/rows.sql"

say "training"
query -v here="$PLACE/rows" -f "$HERE/train.sql"
query -c "COPY (
        SELECT step, of, epoch, loss, learning_rate
        FROM (SELECT *, row_number() OVER (ORDER BY step) AS number FROM crm_ai.run_metrics) AS each
        WHERE number % 25 = 0 ORDER BY step
    ) TO STDOUT (FORMAT csv, HEADER)" >"$OUT/metrics.csv"

say "the rows kept for checks"
for model in sentiment sentiment_next@1; do
    query -v model="$model" -f "$HERE/checks.sql"
done
query -c "SELECT crm_ai.export_model('sentiment_next@1', 'next')"
as_root cp "$PLACE"/models/next/* "$OUT"
say "the temperature that these rows advise (the card tells why 1 is shipped)"
query -At -v model=sentiment_next@1 -f "$HERE/temperature.sql"
echo '{"temperature": 1.0, "max_tokens": 256, "pooling": "cls", "precision": "auto"}' \
    >"$OUT/crm_ai.json"
say "$OUT holds the new model, in 32 bits; reference.py makes of it what is shipped"
