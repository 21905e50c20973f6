#!/bin/sh
# Writes the answers of SQLite about our queries into `.sqlx`, so that a build needs no database.
# To be run after a change of `migrations/` or of a query; the result is committed. Needs `sqlite3` on the path.
set -eu
crate=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for migration in "$crate"/migrations/*.sql; do
    sqlite3 -bail "$scratch/schema.db" <"$migration"
done
mkdir -p "$crate/.sqlx" "$scratch/answers"
# The macros write one file per query while they expand, so the crate has to be compiled anew.
touch "$crate/src/lib.rs"
LETTERPRESS_PREPARE_QUERIES=1 DATABASE_URL="sqlite://$scratch/schema.db" SQLX_OFFLINE_DIR="$scratch/answers" \
    cargo build --release -p lp-store --manifest-path "$crate/Cargo.toml"
rm -f "$crate"/.sqlx/query-*.json
cp "$scratch"/answers/query-*.json "$crate/.sqlx/"
# And back: this build proves that the committed answers are enough.
cargo build --release -p lp-store --manifest-path "$crate/Cargo.toml"
