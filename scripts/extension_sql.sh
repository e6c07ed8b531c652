#!/usr/bin/env bash
# Writes the extension's control file, install script and upgrade scripts into a folder:
#   scripts/extension_sql.sh FOLDER
# The parts in sql/schema are numbered in their order. Those below 30 and from 95 on make what a
# database has once; those between replace what is there, so that an upgrade runs them again after
# its own changes, which lie in sql/.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

FOLDER=${1:?the folder to write to}
VERSION=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)

# Names in the script are looked up in pg_catalog alone: whoever owns the target schema could have
# made operators and functions of the same names there.
header() {
    printf '\\echo Use "%s" to load this file. \\quit\n' "$1"
    echo "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);"
}

sed "s/@CARGO_VERSION@/$VERSION/" crm_ai.control >"$FOLDER/crm_ai.control"
{
    header "CREATE EXTENSION crm_ai"
    cat sql/schema/*.sql
} >"$FOLDER/crm_ai--$VERSION.sql"
for changes in sql/crm_ai--*--"$VERSION".sql; do
    {
        header "ALTER EXTENSION crm_ai UPDATE TO '$VERSION'"
        cat "$changes" sql/schema/[3-8]*.sql sql/schema/90_rights.sql
    } >"$FOLDER/$(basename "$changes")"
done
