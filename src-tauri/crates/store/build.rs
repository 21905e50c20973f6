//! Tells cargo to compile again when a migration is added: `sqlx::migrate!` only watches the files that it has seen.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
