//! What was found, as a table that reads well in a terminal and in `RESULTS.md`.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// One figure.
pub struct Row {
    /// What was done.
    pub what: String,
    /// What it takes without us.
    pub floor: String,
    /// What it takes with us.
    pub ours: String,
    /// Ours to the floor, or empty.
    pub ratio: String,
    /// What is wanted, or empty.
    pub aim: String,
    /// Whether the aim is met; `None` without one.
    pub met: Option<bool>,
}

impl Row {
    /// A figure without a floor, a ratio and an aim.
    pub fn new(what: impl Into<String>, ours: impl Into<String>) -> Self {
        Self { what: what.into(), floor: String::new(), ours: ours.into(), ratio: String::new(), aim: String::new(), met: None }
    }

    /// With what it takes without us.
    pub fn floor(mut self, floor: impl Into<String>) -> Self {
        self.floor = floor.into();
        self
    }

    /// With the ratio of ours to the floor.
    pub fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = format!("{ratio:.2}");
        self
    }

    /// With what is wanted.
    pub fn aim(mut self, aim: impl Into<String>, met: bool) -> Self {
        self.aim = aim.into();
        self.met = Some(met);
        self
    }

    fn cells(&self) -> [&str; 6] {
        let met = match self.met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        [&self.what, &self.floor, &self.ours, &self.ratio, &self.aim, met]
    }
}

/// All figures of one run of the program.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Table {
    /// Adds a figure, and shows it at once: the whole takes minutes.
    pub fn add(&mut self, row: Row) {
        let cells: Vec<&str> = row.cells().into_iter().filter(|cell| !cell.is_empty()).collect();
        eprintln!("  {}", cells.join("  |  "));
        self.rows.push(row);
    }

    /// Adds a sentence below the table.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// The table in Markdown, its columns in line, the notes below.
    pub fn markdown(&self) -> String {
        let head = ["what", "floor", "ours", "ratio", "aim", "met"];
        let lines: Vec<[&str; 6]> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        let mut text = String::new();
        for (number, cells) in lines.iter().enumerate() {
            for (cell, width) in cells.iter().zip(&widths) {
                let _ = write!(text, "| {cell:width$} ");
            }
            text.push_str("|\n");
            if number == 0 {
                for width in &widths {
                    let _ = write!(text, "| {} ", "-".repeat(*width));
                }
                text.push_str("|\n");
            }
        }
        for note in &self.notes {
            let _ = write!(text, "\n{note}\n");
        }
        text
    }

    /// Appends the table, with a heading and where it was measured, to the file of figures.
    pub fn write(&self, group: &str, place: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/RESULTS.md");
        let mut file = OpenOptions::new().append(true).open(&path).expect("the file of figures is in the repository");
        let section = format!("\n## {group}\n\n`./dev bench {group}`, {place}\n\n{}", self.markdown());
        file.write_all(section.as_bytes()).expect("the file of figures can be written");
        eprintln!("written to {}", path.display());
    }
}
