//! `matrix:`: one stage per combination of values.

use lp_model::{Code, Span, What, message, what};
use lp_yaml::{Entry, Findings, Node, Value, decode};
use std::sync::Arc;

/// Most combinations of axes that the originals run; they dropped further ones without a word.
pub const MAX_CELLS: usize = 27;

/// What a value of an axis is that says nothing (`~`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nothing {
    /// An empty text.
    EmptyText,
    /// No value.
    NoValue,
}

/// The values of one combination, in the order of the axes.
pub type Cell = Vec<(String, String)>;

/// The combination in words: `GO=1.10 DB=x`.
pub fn cell_name(cell: &Cell) -> String {
    cell.iter().map(|(axis, value)| format!("{axis}={value}")).collect::<Vec<_>>().join(" ")
}

/// All combinations, the last axis fastest. A file without a matrix has one combination without values.
///
/// Values are text as written (`1.10` stays `1.10`), which is why the file is read for them *before* substitution. With
/// `include:` only the combinations of that list count.
pub fn cells(root: &Node, nothing: Nothing, findings: &mut Findings<'_>) -> Vec<Cell> {
    let none = vec![Vec::new()];
    let Some(node) = root.get("matrix") else { return none };
    let Some(entries) = decode::map(node, what!("`{}`", "matrix"), findings) else { return none };
    if let Some(include) = decode::get(entries, "include") {
        return included(include, findings).filter(|cells| !cells.is_empty()).unwrap_or(none);
    }
    let mut axes = Vec::new();
    for entry in entries {
        axes.push((entry.key.text.clone(), axis(entry, nothing, findings)));
    }
    let combinations = axes.iter().try_fold(1_usize, |product, (_, values)| product.checked_mul(values.len())).unwrap_or(usize::MAX);
    too_many(combinations, node.span, findings);
    let mut cells: Vec<Cell> = none;
    for (name, values) in &axes {
        let longer = cells
            .iter()
            .flat_map(|cell| values.iter().map(move |value| cell.iter().cloned().chain([(name.clone(), value.clone())]).collect()));
        // Earlier axes vary slowest, so what is cut off here could only give combinations past the limit.
        cells = longer.take(MAX_CELLS).collect();
    }
    cells
}

/// Most axes of a matrix of which it is told where they lack.
const MAX_AXES: usize = 32;

/// The names of all axes, unless there are very many.
pub(crate) fn axes(cells: &[Cell]) -> Vec<String> {
    let mut axes: Vec<String> = Vec::new();
    for (name, _) in cells.iter().flatten() {
        if !axes.contains(name) {
            axes.push(name.clone());
        }
        if axes.len() > MAX_AXES {
            return Vec::new();
        }
    }
    axes
}

/// Those axes that a combination has not. They are empty for it; only where they are used in a step that runs for this combination somebody
/// may have forgotten them.
pub(crate) fn lacking<'a>(axes: &'a [String], cell: &Cell) -> Vec<&'a str> {
    axes.iter().map(String::as_str).filter(|name| !cell.iter().any(|(own, _)| own == name)).collect()
}

fn too_many(combinations: usize, span: Span, findings: &mut Findings<'_>) {
    if combinations > MAX_CELLS {
        let message = message!("the matrix has {} combinations, only the first {} run", combinations, MAX_CELLS);
        findings.warning(Code::MatrixCut, span, message).help(message!("split the file, or name the combinations under `include:`"));
    }
}

fn axis(entry: &Entry, nothing: Nothing, findings: &mut Findings<'_>) -> Vec<String> {
    let what = what!("axis `{}` of `matrix`", entry.key.text);
    if entry.key.text == "exclude" {
        findings
            .error(Code::MatrixExclude, entry.key.span, message!("`matrix` has no `exclude`"))
            .help(message!("name the combinations you want under `include:`"));
        return Vec::new();
    }
    let Value::Seq(items) = &entry.value.value else {
        findings.error(Code::WrongType, entry.value.span, message!("{} must be a list, not {}", what, entry.value.kind()));
        return Vec::new();
    };
    let counts = |item: &&Arc<Node>| nothing == Nothing::EmptyText || !item.is_null();
    if !items.iter().any(|item| counts(&item)) {
        findings.error(Code::EmptyAxis, entry.value.span, message!("{} has no values", what));
    }
    items.iter().filter(counts).filter_map(|item| scalar(item, what, findings)).collect()
}

fn scalar(node: &Arc<Node>, what: What<'_>, findings: &mut Findings<'_>) -> Option<String> {
    if node.is_null() { Some(String::new()) } else { decode::text(node, what!("a value of {}", what), findings) }
}

fn included(node: &Node, findings: &mut Findings<'_>) -> Option<Vec<Cell>> {
    let items = decode::list(node, what!("`{}` of `{}`", "include", "matrix"), findings)?;
    // Only the product of axes is cut: what is written out one by one is meant one by one.
    // 0.8 and Woodpecker: `yaml/matrix/matrix.go`, the limit stands in `calc` alone.
    let mut cells = Vec::new();
    for item in items {
        let entries = decode::map(item, what!("an item of `{}`", "include"), findings)?;
        cells.push(
            entries
                .iter()
                .filter_map(|entry| Some((entry.key.text.clone(), scalar(&entry.value, what!("axis `{}`", entry.key.text), findings)?)))
                .collect(),
        );
    }
    Some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(matrix: &str) -> (Vec<String>, Vec<String>) {
        show_in(matrix, Nothing::EmptyText)
    }

    fn show_in(matrix: &str, nothing: Nothing) -> (Vec<String>, Vec<String>) {
        let root = lp_yaml::parse("f", format!("matrix: {matrix}\n").as_bytes()).unwrap().remove(0).root;
        let mut findings = Findings::new("f");
        let cells = cells(&root, nothing, &mut findings);
        let shown = cells.iter().map(|cell| cell.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")).collect();
        (shown, findings.into_sorted().into_iter().map(|d| d.code).collect())
    }

    #[test]
    fn combinations() {
        for (matrix, expected) in [
            ("{A: [1, 2], B: [x, y]}", &["A=1 B=x", "A=1 B=y", "A=2 B=x", "A=2 B=y"][..]),
            ("{V: [1.10, 010, true, ~]}", &["V=1.10", "V=010", "V=true", "V="][..]),
            ("{A: [1, 2], include: [{A: 9}, {B: 3, C: 4}]}", &["A=9", "B=3 C=4"][..]),
            ("{}", &[""][..]),
            ("~", &[""][..]),
        ] {
            assert_eq!(show(matrix), (expected.iter().map(|s| (*s).to_owned()).collect(), vec![]), "{matrix}");
        }
    }

    #[test]
    fn a_value_that_says_nothing_may_be_none() {
        assert_eq!(show_in("{V: [a, ~, '']}", Nothing::NoValue), (vec!["V=a".to_owned(), "V=".into()], vec![]));
        assert_eq!(show_in("{V: [~]}", Nothing::NoValue).1, ["empty-axis"]);
    }

    #[test]
    fn what_is_no_matrix() {
        for (matrix, code) in [
            ("{A: one}", "wrong-type"),
            ("{A: [{x: 1}]}", "wrong-type"),
            ("{A: []}", "empty-axis"),
            ("{A: [1], exclude: [{A: 1}]}", "matrix-exclude"),
            ("[a]", "wrong-type"),
            ("{include: {A: 1}}", "wrong-type"),
        ] {
            assert_eq!(show(matrix).1, [code], "{matrix}");
        }
    }

    #[test]
    fn too_many_are_cut_with_a_warning() {
        let (cells, findings) = show("{A: [1, 2, 3, 4], B: [1, 2, 3, 4, 5, 6, 7]}");
        assert_eq!((cells.len(), cells[26].as_str(), findings), (27, "A=4 B=6", vec!["matrix-cut".to_owned()]));
        let listed: String = (0..60).map(|n| format!("{{A: {n}}}, ")).collect();
        let (cells, findings) = show(&format!("{{include: [{listed}]}}"));
        assert_eq!((cells.len(), findings.len()), (60, 0), "what is written out is never cut");
        let huge: String = (0..60).map(|n| format!("A{n}: [1, 2, 3], ")).collect();
        assert_eq!(show(&format!("{{{huge}}}")).0.len(), 27);
    }
}
