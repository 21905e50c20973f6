//! The Chinese templates.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Blocks of two lines, sorted: the English template and the Chinese one. A hole with a number (`{1}`) takes that argument, for
/// where Chinese puts things into another order.
const CATALOGUE: &str = include_str!("zh.txt");

static TEMPLATES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let lines: Vec<&str> = CATALOGUE.lines().filter(|line| !line.is_empty()).collect();
    lines.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
});

/// The Chinese for an English template.
pub(super) fn of(template: &str) -> Option<&'static str> {
    TEMPLATES.get(template).copied()
}
