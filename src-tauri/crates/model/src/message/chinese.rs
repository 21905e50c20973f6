//! The Chinese templates.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Blocks of two lines, sorted: the English template and the Chinese one. A hole with a number (`{1}`) takes that argument, for
/// where Chinese puts things into another order.
const CATALOGUE: &str = include_str!("zh.txt");

static TEMPLATES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| catalogue().collect());

/// All pairs: the English template and the Chinese one, in the order of the catalogue.
pub fn catalogue() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut lines = CATALOGUE.lines().filter(|line| !line.is_empty());
    std::iter::from_fn(move || lines.next().zip(lines.next()))
}

/// The Chinese for an English template.
pub(super) fn of(template: &str) -> Option<&'static str> {
    TEMPLATES.get(template).copied()
}
