//! Sentences in rows, and the words of errors.
//!
//! A column with a sentence holds a [`Message`] as JSON; where it is a mere text, and in rows that earlier versions of the app have written, the
//! text itself.

use lp_model::{Message, message};

/// How a message that is a template begins as JSON.
const TEMPLATE: &str = "{\"template\":";

/// How the JSON of a text begins that looks like JSON itself: of one that begins with a bracket, and of one that begins with a quote.
const QUOTED: [&str; 2] = ["\"{", "\"\\"];

fn looks_like_json(text: &str) -> bool {
    text.starts_with(TEMPLATE) || QUOTED.iter().any(|quoted| text.starts_with(quoted))
}

/// A message as its column holds it.
pub(crate) fn to_column(message: &Message) -> String {
    match message.as_text() {
        Some(text) if !looks_like_json(text) => text.to_owned(),
        _ => serde_json::to_string(message).expect("plain data"),
    }
}

/// What a column holds.
pub(crate) fn from_column(column: &str) -> Message {
    let message = looks_like_json(column).then(|| serde_json::from_str(column).ok()).flatten();
    message.unwrap_or_else(|| Message::verbatim(column))
}

/// The name of a thing that the data folder holds, as errors say it.
pub(crate) fn noun(what: &str) -> Message {
    match what {
        "attempt" => message!("attempt"),
        "cancel reason" => message!("cancel reason"),
        "cause of a run" => message!("cause of a run"),
        "clean-up policy" => message!("clean-up policy"),
        "clean-up time" => message!("clean-up time"),
        "deletion" => message!("deletion"),
        "event" => message!("event"),
        "exit code" => message!("exit code"),
        "leftovers" => message!("leftovers"),
        "log" => message!("log"),
        "move" => message!("move"),
        "output" => message!("output"),
        "place of a stage" => message!("place of a stage"),
        "plan" => message!("plan"),
        "press" => message!("press"),
        "project" => message!("project"),
        "project id" => message!("project id"),
        "row" => message!("row"),
        "run" => message!("run"),
        "run id" => message!("run id"),
        "run number" => message!("run number"),
        "run state" => message!("run state"),
        "secret" => message!("secret"),
        "skip reason" => message!("skip reason"),
        "stage" => message!("stage"),
        "stage number" => message!("stage number"),
        "stage state" => message!("stage state"),
        "step" => message!("step"),
        "step kind" => message!("step kind"),
        "step number" => message!("step number"),
        "step outcome" => message!("step outcome"),
        "step state" => message!("step state"),
        other => Message::verbatim(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_gives_back_the_message_and_the_text_of_earlier_versions() {
        let sentence = message!("there is no {} `{}`", noun("run"), "7");
        let texts = ["", "no route to host", "{\"template\":\"x\"}", "\"{x}\"", "\"\\\"{x}\"", "\"quoted\""].map(Message::verbatim);
        for message in texts.into_iter().chain([sentence]) {
            assert_eq!(from_column(&to_column(&message)), message);
        }
        assert_eq!(to_column(&Message::verbatim("no route")), "no route");
        assert_eq!(from_column("image `nope` cannot be had"), Message::verbatim("image `nope` cannot be had"));
        assert_eq!(from_column("{\"template\": broken"), Message::verbatim("{\"template\": broken"));
    }
}
