#!/usr/bin/env bash
# Trains the sentiment model by SQL, in a throw-away cluster: about 20 minutes.
# Usage: models/sentiment/by_sql/build.sh OUT, after `make install`, with CRM_AI_DATA naming the data
# folder. Writes the new version's folder and metrics.csv into OUT; prints its figures.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../../scripts/lib.sh"
# shellcheck source=scripts/throwaway.sh
. scripts/throwaway.sh

OUT=${1:?a folder for the result is wanted}
HERE=models/sentiment/by_sql
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
query -f "$HERE/train.sql"
query -c "\\copy (SELECT * FROM crm_ai.run_metrics ORDER BY step) TO '$OUT/metrics.csv' CSV HEADER"
for model in sentiment@1 sentiment_next@1; do
    say "$model: the temperature of the rows kept for checks, and the development sets"
    query -At -v model="$model" -f "$HERE/temperature.sql"
    for measure in "sst2 sst/sst2_dev.tsv" "sst5 sst/stsa.fine.dev"; do
        # shellcheck disable=SC2086 # two words
        set -- $measure
        PGOPTIONS="-c crm_ai.sentiment_model=$model" query -f "benches/quality/$1.sql" <"$DATA/$2"
    done
done
query -c "SELECT crm_ai.export_model('sentiment_next@1', 'next')"
as_root cp "$PLACE"/models/next/* "$OUT"
