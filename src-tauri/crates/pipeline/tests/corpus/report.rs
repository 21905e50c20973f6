//! Where answers and results differ, and which of that is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};

/// One line of `deviations.tsv`.
struct Row {
    table: &'static str,
    case: &'static str,
}

/// Collects the differences of all tables.
pub(crate) struct Report {
    rows: Vec<Row>,
    used: BTreeSet<usize>,
    table: &'static str,
    new: Vec<String>,
    compared: BTreeMap<&'static str, usize>,
}

impl Report {
    /// The text holds table, case and reason, separated by tabs; the table `*` names rules that hold for all of them.
    pub fn new(deviations: &'static str) -> Self {
        let mut rows = Vec::new();
        for line in deviations.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            let [table, case, reason] = columns[..] else { panic!("three columns are needed: {line}") };
            assert!(!reason.trim().is_empty(), "a deviation needs a reason: {line}");
            // The scenarios need an engine: their test reads its own rows.
            if table != "e2e_woodpecker" {
                rows.push(Row { table, case });
            }
        }
        Self { rows, used: BTreeSet::new(), table: "", new: Vec::new(), compared: BTreeMap::new() }
    }

    /// From here on it is about this table.
    pub fn begin(&mut self, table: &'static str) {
        self.table = table;
    }

    /// The table that it is about.
    pub fn table(&self) -> &'static str {
        self.table
    }

    /// What is said in the answer must be what comes out here.
    pub fn same<T: PartialEq + Debug>(&mut self, case: &str, what: &str, answer: &T, here: &T) {
        *self.compared.entry(self.table).or_default() += 1;
        if answer != here {
            self.differ(case, &format!("{what}: {answer:?}\n        here {here:?}"));
        }
    }

    /// Something of that case is not as in the answer.
    pub fn differ(&mut self, case: &str, difference: &str) {
        let case = case.replace('\n', "\\n");
        match self.rows.iter().position(|row| row.table == self.table && row.case == case) {
            Some(row) => {
                self.used.insert(row);
            }
            None => self.new.push(format!("{} | {case}\n    {difference}", self.table)),
        }
    }

    /// A difference that a rule for all tables explains.
    pub fn by_rule(&mut self, rule: &str) {
        let row = self.rows.iter().position(|row| row.table == "*" && row.case == rule);
        match row {
            Some(row) => {
                self.used.insert(row);
            }
            None => self.new.push(format!("{} | deviations.tsv has no rule `{rule}`", self.table)),
        }
    }

    /// Fails with all differences that are not meant, with rows that are not needed any more, and with tables of which nothing was
    /// compared.
    pub fn settle(self) {
        let mut text = String::new();
        for difference in &self.new {
            let _ = writeln!(text, "{difference}");
        }
        for (_, row) in self.rows.iter().enumerate().filter(|(n, _)| !self.used.contains(n)) {
            let _ = writeln!(text, "does not differ any more, remove it from deviations.tsv: {} | {}", row.table, row.case);
        }
        for (table, _) in crate::TABLES {
            if !self.compared.contains_key(table) {
                let _ = writeln!(text, "nothing of {table} was compared");
            }
        }
        eprintln!("compared: {:?}", self.compared);
        assert!(text.is_empty(), "{} differences:\n{text}", self.new.len());
    }
}
