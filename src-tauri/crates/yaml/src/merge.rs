//! The merge key `<<`: entries of other maps, where the map has no entry of its own.

use crate::node::{Entry, Node, Value};
use crate::scalar::is_null;
use lp_model::Span;
use std::collections::HashSet;
use std::sync::Arc;

/// Appends the entries of the merged maps. A key of the map itself wins, wherever `<<` stands; of several merged maps the
/// earlier wins.
///
/// # Errors
/// The place of a value that is neither a map nor a list of maps.
pub(crate) fn merge(entries: &mut Vec<Entry>, sources: Vec<Arc<Node>>, budget: &mut u64) -> Result<(), Span> {
    if sources.is_empty() {
        return Ok(());
    }
    let mut present: HashSet<String> = entries.iter().map(|entry| entry.key.text.clone()).collect();
    let mut take = |node: &Arc<Node>| -> Result<(), Span> {
        let Value::Map(more) = &node.value else { return Err(node.span) };
        for entry in more {
            *budget = budget.saturating_sub(1);
            if *budget > 0 && present.insert(entry.key.text.clone()) {
                entries.push(Entry { merged: true, ..entry.clone() });
            }
        }
        Ok(())
    };
    for source in sources {
        match &source.value {
            Value::Seq(items) => items.iter().try_for_each(&mut take)?,
            Value::Scalar { text, plain: true } if is_null(text) => {}
            _ => take(&source)?,
        }
    }
    Ok(())
}
