//! Tables `run_text` and `run_search`: the words of runs, found by SQLite's FTS5.
//!
//! FTS5 cuts a text into words at blanks and punctuation, which Chinese does not have. So a text is cut here before it is stored: each stretch of
//! Chinese, Japanese or Korean characters into all its pairs (`修复车` → `修复 复车 车`; the last one alone, so that a single character is the beginning
//! of some word wherever it stands), and names with dots or dashes into all their ends (`1.2.3` → `1ɵ2ɵ3 2ɵ3 3`), so that a part of a version is
//! one word as well. What is looked for is cut in the same way. No tokenizer of our own: the file stays readable by any SQLite.
//!
//! A word is found by its beginning. FTS5 merges the runs of all words with that beginning before it gives out the first one, which takes long for
//! what stands in most runs. So the newest runs that the other filters let through are looked at first, one by one ([`LOOKED_AT`]): what is
//! frequent fills its page there, and what is rare is merged quickly.

use crate::{Store, StoreError};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// How many of the newest runs are looked at before the index is asked.
pub(crate) const LOOKED_AT: i64 = 2_000;
/// Most bytes of one run's words: values of a form may be long.
const LONGEST: usize = 16 * 1024;
/// How many runs of an older file get their words in one transaction.
const AT_ONCE: i64 = 500;
/// Stands for what joins the parts of a name; a letter for FTS5, and none that anybody writes.
const JOINT: &str = "ɵ";
/// Most parts of a name that are joined.
const MOST_PARTS: usize = 8;

/// What a character is for the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of a script that puts no blanks between words: Han, kana, hangul.
    NoBlanks,
    /// Any other letter or digit.
    Letter,
    /// Joins the parts of a name when it stands between two letters.
    Joint,
    /// Parts words.
    Other,
}

fn kind(c: char) -> Kind {
    match c {
        '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' => {
            Kind::NoBlanks
        }
        '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => Kind::NoBlanks,
        '.' | '-' | '_' | '/' | '@' | ':' | '+' => Kind::Joint,
        c if c.is_alphanumeric() => Kind::Letter,
        _ => Kind::Other,
    }
}

/// A part of a text that words are made of.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// A stretch without blanks.
    Stretch(&'a str),
    /// The parts of a name, or the one part of a word.
    Name(Vec<&'a str>),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found: Vec<Piece<'_>> = Vec::new();
    let mut rest = text;
    // Whether the next part belongs to the name before it.
    let (mut joined, mut before) = (false, Kind::Other);
    while let Some(first) = rest.chars().next() {
        let of = kind(first);
        let end = rest.find(|c| kind(c) != of).unwrap_or(rest.len());
        let part = &rest[..end];
        rest = &rest[end..];
        match (of, found.last_mut()) {
            (Kind::Letter, Some(Piece::Name(parts))) if joined => parts.push(part),
            (Kind::Letter, _) => found.push(Piece::Name(vec![part])),
            (Kind::NoBlanks, _) => found.push(Piece::Stretch(part)),
            (Kind::Joint | Kind::Other, _) => {}
        }
        // One joint, and directly behind a letter.
        joined = of == Kind::Joint && part.chars().count() == 1 && before == Kind::Letter;
        before = of;
    }
    found
}

/// The pairs of neighbours in a stretch, and its last character alone.
fn pairs(stretch: &str) -> Vec<&str> {
    let starts: Vec<usize> = stretch.char_indices().map(|(at, _)| at).collect();
    let end = |place: usize| starts.get(place).copied().unwrap_or(stretch.len());
    (0..starts.len()).map(|place| &stretch[starts[place]..end(place + 2)]).collect()
}

/// A text as it is stored: its words in small letters, a blank before and behind each.
fn cut(text: &str) -> String {
    let text = text.to_lowercase();
    let mut words = String::from(" ");
    for piece in pieces(&text) {
        match piece {
            Piece::Stretch(stretch) => words += &pairs(stretch).join(" "),
            Piece::Name(parts) => {
                let ends: Vec<String> = (0..parts.len()).map(|from| parts[from..parts.len().min(from + MOST_PARTS)].join(JOINT)).collect();
                words += &ends.join(" ");
            }
        }
        words.push(' ');
    }
    words
}

/// What is looked for: every one of these must occur.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words(Vec<Sought>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sought {
    /// A word that begins so.
    Beginning(String),
    /// These words one after the other.
    Row(String),
}

impl Words {
    /// The words of a text; `None` where it has no letter or digit.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let sought = |piece| match piece {
            Piece::Stretch(stretch) => match &pairs(stretch)[..] {
                [single] => Sought::Beginning((*single).to_owned()),
                pairs => Sought::Row(pairs[..pairs.len() - 1].join(" ")),
            },
            Piece::Name(parts) => Sought::Beginning(parts[..parts.len().min(MOST_PARTS)].join(JOINT)),
        };
        let words: Vec<Sought> = pieces(&text).into_iter().map(sought).collect();
        (!words.is_empty()).then_some(Self(words))
    }

    /// The same as an expression of FTS5. There are no quotes in words.
    pub fn expression(&self) -> String {
        let phrase = |sought: &Sought| match sought {
            Sought::Beginning(word) => format!("\"{word}\" *"),
            Sought::Row(words) => format!("\"{words}\""),
        };
        self.0.iter().map(phrase).collect::<Vec<_>>().join(" AND ")
    }

    /// The same as texts that stored words contain.
    pub fn parts(&self) -> Vec<String> {
        let part = |sought: &Sought| match sought {
            Sought::Beginning(word) => format!(" {word}"),
            Sought::Row(words) => format!(" {words} "),
        };
        self.0.iter().map(part).collect()
    }
}

/// Writes the words of a run anew.
pub(crate) async fn index(connection: &mut SqliteConnection, run: i64) -> Result<(), StoreError> {
    let query = sqlx::query!(
        "SELECT project.name, run.workflow_name, run.workflow_title, run.target, run.branch, run.actor, run.version_name, run.version_title,
             run.version_author, run.version_sha, run.message
         FROM run CROSS JOIN project ON project.key = run.project_key WHERE run.key = ?1",
        run
    );
    let row = query.fetch_one(&mut *connection).await?;
    let mut texts = vec![row.version_name, row.version_title, row.name, row.workflow_name];
    match serde_json::from_str::<BTreeMap<String, String>>(&row.workflow_title) {
        Ok(by_language) => texts.extend(by_language.into_values()),
        Err(_) => texts.push(row.workflow_title),
    }
    texts.extend([row.target, row.branch, row.actor, row.version_author, row.version_sha]);
    texts.extend(sqlx::query_scalar!("SELECT text FROM run_note WHERE run_key = ?1", run).fetch_optional(&mut *connection).await?);
    let message = crate::words::from_column(&row.message);
    texts.extend([message.to_string(), message.in_chinese()]);
    let query = sqlx::query_scalar!("SELECT text FROM run_excerpt WHERE run_key = ?1 ORDER BY stage, step", run);
    texts.extend(query.fetch_all(&mut *connection).await?);
    let query = sqlx::query_scalar!("SELECT value FROM run_input WHERE run_key = ?1 ORDER BY name", run);
    texts.extend(query.fetch_all(&mut *connection).await?);
    let mut text = texts.join("\n");
    text.truncate(text.floor_char_boundary(LONGEST));
    let words = cut(&text);
    let query = sqlx::query!(
        "INSERT INTO run_text (run_key, words) VALUES (?1, ?2) ON CONFLICT (run_key) DO UPDATE SET words = excluded.words",
        run,
        words
    );
    query.execute(connection).await?;
    Ok(())
}

impl Store {
    /// Writes the words of runs that an older version of the app has stored, some at a time: one that is killed meanwhile goes on later.
    pub(crate) async fn index_backlog(&self) -> Result<(), StoreError> {
        loop {
            let query = sqlx::query_scalar!("SELECT run_key FROM search_backlog ORDER BY run_key DESC LIMIT ?1", AT_ONCE);
            let keys = query.fetch_all(&self.readers).await?;
            let (Some(newest), Some(oldest)) = (keys.first().copied(), keys.last().copied()) else { return Ok(()) };
            let mut write = self.write().await?;
            for key in keys {
                index(&mut write, key).await?;
            }
            sqlx::query!("DELETE FROM search_backlog WHERE run_key BETWEEN ?1 AND ?2", oldest, newest).execute(&mut *write).await?;
            write.commit().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_into_words() {
        for (text, words) in [
            ("修复 Cart总价v2", " 修复 复 cart 总价 价 v2 "),
            ("车", " 车 "),
            ("Fix (the) cart.", " fix the cart "),
            ("1.2.3-rc1", " 1ɵ2ɵ3ɵrc1 2ɵ3ɵrc1 3ɵrc1 rc1 "),
            ("src/main.rs: a..b -x", " srcɵmainɵrs mainɵrs rs a b x "),
            ("𠀀𠀁ア", " 𠀀𠀁 𠀁ア ア "),
            ("a.修.b", " a 修 b "),
            ("%", " "),
        ] {
            assert_eq!(cut(text), words, "{text}");
        }
        let long = cut(&"a.".repeat(5_000));
        assert!(long.len() < 200_000, "{}", long.len());
    }

    #[test]
    fn what_is_looked_for_is_cut_in_the_same_way() {
        for (text, expression) in [
            ("购物车", "\"购物 物车\""),
            ("车", "\"车\" *"),
            ("cart 总价", "\"cart\" * AND \"总价\""),
            ("V2版", "\"v2\" * AND \"版\" *"),
            ("1.2", "\"1ɵ2\" *"),
            ("NEAR(a\" OR *)", "\"near\" * AND \"a\" * AND \"or\" *"),
        ] {
            assert_eq!(Words::of(text).unwrap().expression(), expression);
        }
        assert_eq!(Words::of(" %_ - \" "), None);
        assert_eq!(Words::of("1.2 购物").unwrap().parts(), [" 1ɵ2", " 购物 "]);
    }
}
