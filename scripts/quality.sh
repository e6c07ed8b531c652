#!/usr/bin/env bash
# How good the shipped sentiment model is, measured by SQL on data that it was not trained on.
# Needs CRM_AI_DATA (by default data/), the folder of the data; says what it skips where a file is
# missing. `make quality` installs first.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/throwaway.sh
. scripts/throwaway.sh

DATA=${CRM_AI_DATA:-data}
MEASURED=0
SKIPPED=()

# Runs benches/quality/NAME.sql on FILE.
measure() {
    local name=$1 file=$2 what=$3
    if [ ! -r "$file" ]; then
        SKIPPED+=("$what: no file $file")
        return
    fi
    say "$what"
    # \copy takes no variables: the rows come through the standard input.
    query -f "benches/quality/$name.sql" <"$file"
    MEASURED=$((MEASURED + 1))
}

start_cluster "fsync = off"
query -c "CREATE EXTENSION crm_ai" -c "
    SELECT name AS model, precision, parameters FROM crm_ai.versions
    WHERE model = 'sentiment' AND is_champion"
measure airline "$DATA"/airline_tweets/tweets_80.csv "airline customers' tweets"
measure sst2 "$DATA"/sst/sst2_dev.tsv "Stanford Sentiment Treebank, two classes, dev"
measure sst5 "$DATA"/sst/stsa.fine.dev "Stanford Sentiment Treebank, five levels, dev"
measure food "$DATA"/modeldata/small_fine_foods_test.csv "fine-food reviews, test file"
measure samples models/sentiment/samples.tsv "everyday sentences"

say "measured: $MEASURED, skipped: ${#SKIPPED[@]}"
for skipped in "${SKIPPED[@]}"; do
    echo "skipped $skipped (CRM_AI_DATA names the data folder)"
done
