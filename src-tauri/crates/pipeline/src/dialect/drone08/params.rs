//! Parameters of plugins in 0.8.

use crate::shared::params;
use lp_yaml::{Node, Schema, Typed, Value, scalar};

/// As [`params::value`]; a whole number beyond 63 bits is nothing.
pub fn value(node: &Node) -> Option<String> {
    let beyond = matches!(node.value, Value::Scalar { .. }) && matches!(scalar::typed(node, Schema::Drone08), Some(Typed::Big(_)));
    if beyond { None } else { params::value(node, Schema::Drone08) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_beyond_63_bits_is_nothing() {
        let of = |text: &str| value(lp_yaml::parse("f", format!("k: {text}\n").as_bytes()).unwrap().remove(0).root.get("k").unwrap());
        assert_eq!(of("12345678901234567890"), None);
        assert_eq!(of("1234567890").as_deref(), Some("1234567890"));
        assert_eq!(of("[12345678901234567890]").as_deref(), Some("12345678901234567890"));
    }
}
