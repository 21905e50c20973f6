//! The texts to look for. How a program may write the bytes of a text otherwise (`%2B`, `\u002b`, `&#43;`) is no form: a [`super::Spelling`]
//! is undone while the stream is read, byte by byte, so that no list of programs has to be complete.
//!
//! What cannot be undone byte by byte is a form: base64, a blank written as `+`, and the text that is left of a value without its quotes.

use crate::SecretValue;
use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use zeroize::Zeroizing;

/// Shorter texts are not masked (Woodpecker's rule: pipeline/shared/replace_secrets.go; Drone 1.x hides texts from two characters on).
pub(super) const MIN_CHARS: usize = 4;

/// Of so many bytes of values, the shortest first, the encodings are known as well: each byte of them is about sixteen states of the
/// automaton. Values beyond are found as they are, line by line.
pub(super) const ENCODED_BYTES: usize = 64 * 1024;

/// What a form is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// The value, a line of it, or one of its encodings: found as it stands and in every spelling but [`super::Spelling::Quoted`].
    Text,
    /// What is left of a value with quotes in it when all quotes are taken away: found only where some were.
    Bare,
}

/// A text to look for.
#[derive(Clone)]
pub(super) struct Form {
    pub text: Zeroizing<String>,
    pub class: Class,
}

/// All texts to look for, sorted, each once.
pub(super) fn forms(secrets: &[SecretValue]) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut by_length: Vec<&SecretValue> = secrets.iter().collect();
    by_length.sort_by_key(|secret| secret.expose().len());
    let mut encoded_bytes = 0;
    for secret in by_length {
        let value = secret.expose();
        // Programs trim what they read and shells cut trailing line breaks, so the trimmed value is what appears;
        // where the untrimmed one appears, the trimmed one is found inside it.
        let trimmed = value.trim();
        for line in trimmed.split(['\n', '\r']) {
            written(&mut forms, line.trim());
        }
        encoded_bytes += value.len();
        if is_maskable(trimmed) && encoded_bytes <= ENCODED_BYTES {
            written(&mut forms, trimmed);
            for text in [trimmed, value] {
                for alphabet in [&STANDARD, &URL_SAFE] {
                    base64(&mut forms, text, alphabet);
                }
            }
        }
    }
    forms.sort_by(|a, b| (a.text.as_str(), a.class).cmp(&(b.text.as_str(), b.class)));
    // Of two classes of one text the first counts, which is found everywhere.
    forms.dedup_by(|later, first| later.text.as_str() == first.text.as_str());
    forms
}

pub(super) fn is_maskable(text: &str) -> bool {
    // Asterisks alone are what a mask looks like, not a secret.
    text.chars().nth(MIN_CHARS - 1).is_some() && text.bytes().any(|b| b != b'*')
}

fn push(forms: &mut Vec<Form>, text: String, class: Class) {
    let text = Zeroizing::new(text);
    if is_maskable(&text) {
        forms.push(Form { text, class });
    }
}

/// A text as people and programs write it.
fn written(forms: &mut Vec<Form>, text: &str) {
    push(forms, text.to_owned(), Class::Text);
    if text.contains(' ') {
        // In forms and in queries of addresses.
        push(forms, text.replace(' ', "+"), Class::Text);
    }
    // As our own plans write a setting that is a list or map, and as most other programs write JSON. Both are undone in the stream; as forms they are found where JSON stands inside JSON, an address or a page once more.
    if text.contains(['"', '\\']) {
        push(forms, lp_model::json_escape(text), Class::Text);
        push(forms, text.replace('\\', "\\\\").replace('"', "\\\""), Class::Text);
    }
    if text.contains(super::spelling::QUOTES) {
        push(forms, text.replace(super::spelling::QUOTES, ""), Class::Bare);
    }
}

/// The encoded value by itself, and the part of it that is the same wherever the value stands in a longer text
/// (`user:TOKEN`): a byte's encoding depends on its position modulo 3, so there are three such parts.
fn base64(forms: &mut Vec<Form>, text: &str, alphabet: &Alphabet) {
    let engine = GeneralPurpose::new(alphabet, NO_PAD);
    push(forms, engine.encode(text), Class::Text);
    for shift in 0..3 {
        let mut shifted = Zeroizing::new(vec![0; shift]);
        shifted.extend_from_slice(text.as_bytes());
        let encoded = Zeroizing::new(engine.encode(&shifted[..]));
        let first = (shift * 8).div_ceil(6);
        let after = shifted.len() * 8 / 6;
        push(forms, encoded[first..after].to_owned(), Class::Text);
    }
}
