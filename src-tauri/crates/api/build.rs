//! The sample is embedded: a changed file of it means a new build.

fn main() {
    println!("cargo::rerun-if-changed=../../sample");
}
