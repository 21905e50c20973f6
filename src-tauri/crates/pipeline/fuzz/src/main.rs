//! One execution: the first byte chooses event, path, trust and what is asked, the rest is the file. `./dev fuzz` says how it is run.
#![no_main]
#![allow(missing_docs)]

#[path = "../../tests/hostile/check.rs"]
mod check;
#[path = "../../tests/hostile/mutate.rs"]
mod mutate;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|bytes: &[u8]| {
    if let Some((way, file)) = bytes.split_first() {
        check::ask(file, way % check::WAYS, way / check::WAYS % check::QUESTIONS);
    }
});

// Every other mutation is one of lines and words; those of bytes alone seldom get past the YAML parser.
fuzz_mutator!(|bytes: &mut [u8], size: usize, max: usize, seed: u32| {
    if seed % 2 == 0 || size < 2 {
        return fuzzer_mutate(bytes, size, max);
    }
    let mut random = mutate::Random(seed.into());
    let mutant = mutate::mutate(&bytes[1..size], &[], &mut random);
    let len = mutant.len().min(max - 1);
    bytes[1..=len].copy_from_slice(&mutant[..len]);
    len + 1
});
