//! The texts as which a secret can appear in a log.

use crate::SecretValue;
use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use zeroize::Zeroizing;

/// Shorter texts are not masked (`drone.md` §2.8, Woodpecker's rule).
const MIN_CHARS: usize = 4;

/// All texts to look for, sorted, each once.
pub(super) fn forms(secrets: &[SecretValue]) -> Vec<Zeroizing<String>> {
    let mut forms = Vec::new();
    for secret in secrets {
        let value = secret.expose();
        // Programs trim what they read and shells cut trailing line breaks, so the trimmed value is what appears;
        // where the untrimmed one appears, the trimmed one is found inside it.
        let trimmed = value.trim();
        push(&mut forms, trimmed.to_owned());
        for line in trimmed.split(['\n', '\r']) {
            push(&mut forms, line.trim().to_owned());
        }
        if is_maskable(trimmed) {
            for text in [trimmed, value] {
                for alphabet in [&STANDARD, &URL_SAFE] {
                    base64(&mut forms, text, alphabet);
                }
                percent(&mut forms, text);
                json(&mut forms, text);
            }
        }
    }
    forms.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    forms.dedup_by(|a, b| a.as_str() == b.as_str());
    forms
}

fn is_maskable(text: &str) -> bool {
    // Asterisks alone are what a mask looks like, not a secret.
    text.chars().nth(MIN_CHARS - 1).is_some() && text.bytes().any(|b| b != b'*')
}

fn push(forms: &mut Vec<Zeroizing<String>>, text: String) {
    let text = Zeroizing::new(text);
    if is_maskable(&text) {
        forms.push(text);
    }
}

/// The encoded value by itself, and the part of it that is the same wherever the value stands in a longer text
/// (`user:TOKEN`): a byte's encoding depends on its position modulo 3, so there are three such parts.
fn base64(forms: &mut Vec<Zeroizing<String>>, text: &str, alphabet: &Alphabet) {
    let engine = GeneralPurpose::new(alphabet, NO_PAD);
    push(forms, engine.encode(text));
    for shift in 0..3 {
        let mut shifted = Zeroizing::new(vec![0; shift]);
        shifted.extend_from_slice(text.as_bytes());
        let encoded = Zeroizing::new(engine.encode(&shifted[..]));
        let first = (shift * 8).div_ceil(6);
        let after = shifted.len() * 8 / 6;
        push(forms, encoded[first..after].to_owned());
    }
}

/// The value between the quotes of JSON: as our own plans write a setting that is a list or map, and as most other programs do, which
/// escape only what they must.
fn json(forms: &mut Vec<Zeroizing<String>>, text: &str) {
    push(forms, lp_model::json_escape(text));
    push(forms, text.replace('\\', "\\\\").replace('"', "\\\""));
}

/// The value in an address or a form: what is kept and how the rest is written differs between programs.
fn percent(forms: &mut Vec<Zeroizing<String>>, text: &str) {
    // RFC 3986 unreserved characters; then what JavaScript's `encodeURIComponent` keeps besides; then a path or a whole address.
    for kept in ["-._~", "-._~!'()*", "-._~!'()*$&+,;=:@/?"] {
        for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
            for plus in [false, true] {
                let mut encoded = String::with_capacity(text.len() * 3);
                for byte in text.bytes() {
                    if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
                        encoded.push(char::from(byte));
                    } else if byte == b' ' && plus {
                        encoded.push('+');
                    } else {
                        encoded.push('%');
                        encoded.push(char::from(digits[usize::from(byte >> 4)]));
                        encoded.push(char::from(digits[usize::from(byte & 15)]));
                    }
                }
                push(forms, encoded);
            }
        }
    }
}
