//! `.gitattributes` of a commit, as far as a checkout acts on them. Those of the folder that the repository lies in do not count, nor does
//! `$GIT_DIR/info/attributes`: a clone has only what was committed.

use gix_attributes::search::{MetadataCollection, Outcome};
use gix_attributes::{Search, StateRef};
use gix_glob::pattern::Case;
use std::io;
use std::path::{Path, PathBuf};

/// The attributes that change what a checkout writes.
const NAMES: [&str; 6] = ["text", "crlf", "eol", "ident", "working-tree-encoding", "filter"];

/// The rules of the folders that a walk is in.
pub(crate) struct Attributes {
    search: Search,
    names: MetadataCollection,
    outcome: Outcome,
    /// Rules beside the built-in ones.
    lists: usize,
}

/// What the attributes say about one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FileAttributes {
    pub line_ends: LineEnds,
    pub ident: bool,
    pub encoding: Option<String>,
    pub filter: Option<String>,
}

/// What happens to the ends of lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LineEnds {
    /// Nothing.
    #[default]
    Kept,
    /// A line feed without a carriage return gets one.
    CrLf,
    /// The same for what looks like text and has none yet.
    CrLfOfText,
}

impl Attributes {
    pub fn new() -> io::Result<Self> {
        let mut names = MetadataCollection::default();
        let no_files: [PathBuf; 0] = [];
        let search = Search::new_globals(no_files, &mut Vec::new(), &mut names)?;
        Ok(Self { search, names, outcome: Outcome::default(), lists: 0 })
    }

    /// Enters a folder that has rules. `folder` is its path from the root, without a slash at the end.
    pub fn enter(&mut self, folder: &[u8], rules: &[u8]) -> io::Result<()> {
        let mut source = crate::out::as_path(folder).into_owned();
        source.push(".gitattributes");
        // Macros count only at the root: git documentation, gitattributes, "DEFINING MACRO ATTRIBUTES".
        self.search.add_patterns_buffer(rules, source, Some(Path::new("")), &mut self.names, folder.is_empty())?;
        self.outcome = Outcome::default();
        self.outcome.initialize_with_selection(&self.names, NAMES);
        self.lists += 1;
        Ok(())
    }

    /// Leaves a folder that has rules.
    pub fn leave(&mut self) {
        self.search.pop_pattern_list();
        self.lists -= 1;
    }

    /// What counts for a file.
    pub fn of(&mut self, path: &[u8]) -> FileAttributes {
        if self.lists == 0 {
            return FileAttributes::default();
        }
        self.outcome.reset();
        if !self.search.pattern_matching_relative_path(path.into(), Case::Sensitive, Some(false), &mut self.outcome) {
            return FileAttributes::default();
        }
        let mut found = FileAttributes::default();
        let (mut text, mut crlf, mut eol) = (StateText::Unspecified, StateText::Unspecified, StateText::Unspecified);
        for matched in self.outcome.iter_selected() {
            let state = StateText::of(matched.assignment.state);
            match matched.assignment.name.as_str() {
                "text" => text = state,
                "crlf" => crlf = state,
                "eol" => eol = state,
                "ident" => found.ident = state == StateText::Set,
                "working-tree-encoding" => found.encoding = state.value(),
                "filter" => found.filter = state.value(),
                _ => {}
            }
        }
        found.line_ends = line_ends(&text, &crlf, &eol);
        found
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum StateText {
    Unspecified,
    Set,
    Unset,
    Value(String),
}

impl StateText {
    fn of(state: StateRef<'_>) -> Self {
        match state {
            StateRef::Unspecified => Self::Unspecified,
            StateRef::Set => Self::Set,
            StateRef::Unset => Self::Unset,
            StateRef::Value(value) => Self::Value(value.as_bstr().to_string()),
        }
    }

    fn value(self) -> Option<String> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }
}

/// git convert.c, `convert_attrs`, with `core.autocrlf` off and `core.eol` as on Linux: a clone in a container has neither.
fn line_ends(text: &StateText, crlf: &StateText, eol: &StateText) -> LineEnds {
    // `crlf` is the old name of `text`; its value `input` means line feeds.
    let known = |state: &StateText| match state {
        StateText::Unspecified => false,
        StateText::Value(value) => value == "auto" || value == "input",
        StateText::Set | StateText::Unset => true,
    };
    let text = if known(text) { text } else { crlf };
    match (text, eol) {
        (StateText::Unset, _) => LineEnds::Kept,
        (_, StateText::Value(eol)) if eol == "crlf" => match text {
            StateText::Value(value) if value == "auto" => LineEnds::CrLfOfText,
            _ => LineEnds::CrLf,
        },
        _ => LineEnds::Kept,
    }
}
