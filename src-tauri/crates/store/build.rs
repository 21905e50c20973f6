//! Two things that the compiler of queries has to be told.

fn main() {
    // `sqlx::migrate!` only watches the files that it has seen, not new ones.
    println!("cargo:rerun-if-changed=migrations");
    // Queries are checked against the committed answers in `.sqlx`, whatever `DATABASE_URL` this machine has set for something else;
    // only `prepare.sh`, which writes them, asks a database.
    println!("cargo:rerun-if-env-changed=LETTERPRESS_PREPARE_QUERIES");
    if std::env::var_os("LETTERPRESS_PREPARE_QUERIES").is_none() {
        println!("cargo:rustc-env=SQLX_OFFLINE=true");
    }
}
