//! What a plain text means. The rules are those of the YAML 1.1 library that Drone used (`yes` is a bool, `010` is eight),
//! in two ages that differ in how they read floats; raw text is always kept beside.

use crate::node::{Key, Node, Value};

/// Whose rules decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Drone 0.5 to 0.8: `1e3` is a float.
    Drone08,
    /// Drone 1.x and 2.x: a float with an exponent needs its sign (`1e+3`), so `1e3` is a text.
    Drone1,
    /// Woodpecker, whose library follows YAML 1.2 more closely: only `true` and `false` are bools; floats as in Drone 0.8.
    Woodpecker,
}

/// A scalar with its meaning.
#[derive(Debug, Clone, PartialEq)]
pub enum Typed {
    /// Nothing.
    Null,
    /// `true yes on y` and `false no off n`, in lower case, capitalised or in capitals.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number that does not fit into 63 bits.
    Big(u64),
    /// A number with a fraction.
    Float(f64),
    /// Bytes of a `!!binary`.
    Binary(Vec<u8>),
    /// Anything else.
    Text(String),
}

/// Whether a plain text says "nothing".
pub fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The bool that a plain text says, if it says one.
pub fn bool_of(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// The meaning of a scalar node; `None` for a list or map.
pub fn typed(node: &Node, schema: Schema) -> Option<Typed> {
    let Value::Scalar { text, plain } = &node.value else { return None };
    Some(match node.tag.as_deref() {
        Some("!!binary") => binary(text),
        None if *plain => plain_type(text, schema),
        Some("!!int" | "!!float" | "!!bool" | "!!null") => plain_type(text, schema),
        _ => Typed::Text(text.clone()),
    })
}

/// The meaning of a key as text: `yes: x` has the key `true`.
pub fn key_text(key: &Key, schema: Schema) -> String {
    if !key.plain {
        return key.text.clone();
    }
    match plain_type(&key.text, schema) {
        Typed::Bool(value) => value.to_string(),
        Typed::Int(value) => value.to_string(),
        Typed::Float(value) => go_float(value),
        _ => key.text.clone(),
    }
}

fn binary(text: &str) -> Typed {
    use base64::Engine as _;
    let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(packed).map_or_else(|_| Typed::Text(text.to_owned()), Typed::Binary)
}

fn plain_type(text: &str, schema: Schema) -> Typed {
    if is_null(text) {
        return Typed::Null;
    }
    let yes_or_no = schema == Schema::Woodpecker && !matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE");
    if let Some(value) = bool_of(text).filter(|_| !yes_or_no) {
        return Typed::Bool(value);
    }
    match text {
        ".nan" | ".NaN" | ".NAN" => return Typed::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Typed::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Typed::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Typed::Text(text.to_owned());
    }
    let digits = text.replace('_', "");
    match whole(&digits) {
        Some(value) => value,
        None if is_float(&digits, schema) => digits.parse().map_or_else(|_| Typed::Text(text.to_owned()), Typed::Float),
        None => Typed::Text(text.to_owned()),
    }
}

fn whole(text: &str) -> Option<Typed> {
    let (negative, body) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, body) = match body.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &body[2..]),
        [b'0', b'b' | b'B', ..] => (2, &body[2..]),
        [b'0', b'o' | b'O', ..] => (8, &body[2..]),
        [b'0', _, ..] => (8, &body[1..]),
        _ => (10, body),
    };
    if !body.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(body, radix).ok()?;
    let value = if negative { -value } else { value };
    i64::try_from(value).map(Typed::Int).or_else(|_| u64::try_from(value).map(Typed::Big)).ok()
}

/// `[-+]?[0-9]*\.?[0-9]+` and an exponent; 0.8 takes what its number parser takes, also `5.` and `1e3`, and so does Woodpecker's.
fn is_float(text: &str, schema: Schema) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or(("", mantissa));
    let numeric = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let signed = exponent.is_none_or(|e| {
        let unsigned = e.strip_prefix(['-', '+']);
        let tail = if schema != Schema::Drone1 { unsigned.unwrap_or(e) } else { unsigned.unwrap_or("") };
        !tail.is_empty() && numeric(tail)
    });
    let digits = if schema != Schema::Drone1 { !before.is_empty() || !after.is_empty() } else { !after.is_empty() };
    digits && signed && numeric(before) && numeric(after)
}

/// A float as Go's `%v` writes it: the shortest digits, an exponent outside of 1e-4 … 1e6.
pub fn go_float(value: f64) -> String {
    special(value).unwrap_or_else(|| shortest(value, -4, 6, 2))
}

/// A float as Go's JSON writes it.
pub fn json_float(value: f64) -> String {
    special(value).map_or_else(|| shortest(value, -6, 21, 1), |_| "null".to_owned())
}

fn special(value: f64) -> Option<String> {
    match value {
        v if v.is_nan() => Some("NaN".into()),
        v if v.is_infinite() => Some(if v > 0.0 { "+Inf".into() } else { "-Inf".into() }),
        _ => None,
    }
}

fn shortest(value: f64, smallest: i32, largest: i32, exponent_digits: usize) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || (smallest..largest).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:0exponent_digits$}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_texts_mean_what_they_meant_in_drone() {
        let show = |text: &str, schema| match plain_type(text, schema) {
            Typed::Null => "null".to_owned(),
            Typed::Bool(v) => format!("bool {v}"),
            Typed::Int(v) => format!("int {v}"),
            Typed::Big(v) => format!("big {v}"),
            Typed::Float(v) => format!("float {}", go_float(v)),
            Typed::Binary(_) => "binary".to_owned(),
            Typed::Text(v) => format!("text {v}"),
        };
        for (text, expected) in [
            ("~", "null"),
            ("Yes", "bool true"),
            ("oN", "text oN"),
            ("0x1F", "int 31"),
            ("0b101", "int 5"),
            ("-12", "int -12"),
            ("0123", "int 83"),
            ("08", "float 8"),
            ("1_000", "int 1000"),
            ("0", "int 0"),
            ("0x", "text 0x"),
            ("--1", "text --1"),
            ("12345678901234567890", "big 12345678901234567890"),
            ("1.10", "float 1.1"),
            (".5", "float 0.5"),
            ("100.0", "float 100"),
            ("1.0.0", "text 1.0.0"),
            ("2017-01-01", "text 2017-01-01"),
            ("190:20:30", "text 190:20:30"),
            (".", "text ."),
            ("-", "text -"),
        ] {
            assert_eq!(show(text, Schema::Drone08), expected, "{text}");
            assert_eq!(show(text, Schema::Drone1), expected, "{text}");
        }
        assert_eq!(show("1e3", Schema::Drone08), "float 1000");
        assert_eq!(show("1e3", Schema::Drone1), "text 1e3");
        assert_eq!(show("1e+3", Schema::Drone1), "float 1000");
        assert_eq!(show("1e3", Schema::Woodpecker), "float 1000");
        assert_eq!((show("yes", Schema::Woodpecker), show("True", Schema::Woodpecker)), ("text yes".into(), "bool true".into()));
    }

    #[test]
    fn floats_are_written_as_go_writes_them() {
        for (value, plain, json) in [
            (1.5e10, "1.5e+10", "15000000000"),
            (0.1, "0.1", "0.1"),
            (1e21, "1e+21", "1e+21"),
            (0.00001, "1e-05", "0.00001"),
            (1e-7, "1e-07", "1e-7"),
            (0.0, "0", "0"),
            (f64::INFINITY, "+Inf", "null"),
        ] {
            assert_eq!(go_float(value), plain);
            assert_eq!(json_float(value), json);
        }
    }
}
