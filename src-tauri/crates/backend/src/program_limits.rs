//! What Linux takes when a program is started: the same in a container and on the computer itself, so it is looked at before anything is made.
//!
//! A text that the app has found out (a commit message) is cut, because a version must not be lost by its message. A text that somebody has written
//! down for the step would mean something else when it is cut: it is refused by name. (Linux: `execve(2)`, "Limits on size of arguments and
//! environment".)

use crate::{BackendError, Before, EnvText, StageContext, StepContext};
use lp_model::{Message, message};

/// Longest single argument, and longest `NAME=value`, with the byte that ends it: 32 pages (`MAX_ARG_STRLEN`).
const LONGEST_TEXT: usize = 32 * 4096;

/// All of them together, for the usual limit of 8 MiB for a stack: a quarter of it.
const ALL_TEXTS: usize = 2 * 1024 * 1024;

/// What one of them costs besides its bytes: the end of the text and a pointer to it.
const TEXT_COST: usize = 1 + 8;

/// Endings of the names of sentences among the facts of the dialects, which are cut.
const SENTENCES: [&str; 6] = ["COMMIT_MESSAGE", "PULL_REQUEST_TITLE", "RELEASE_TITLE", "COMMIT_AUTHOR", "AUTHOR_NAME", "AUTHOR_EMAIL"];

/// Endings of the names of lists among them, half of which would be no list: they are left out, as Woodpecker does with more than 500 files.
const LISTS: [&str; 2] = ["PIPELINE_FILES", "PULL_REQUEST_LABELS"];

/// The step with texts that a program can be started with, and what was cut or left out, in words.
///
/// # Errors
/// [`BackendError::Start`], which names what is too long, and by how much.
pub fn startable(stage: &StageContext, step: &StepContext) -> Result<(StepContext, Vec<Message>), BackendError> {
    // What runs already was startable.
    if step.before == Before::Created {
        return Ok((step.clone(), Vec::new()));
    }
    let refused = |message: Message| {
        BackendError::start(&step.step.name, message)
            .hinted(message!("put the long text into a file of the repository, and read it in the step"))
    };
    let workspace = step.step.workspace(&stage.stage.workspace);
    let dir = workspace.dir();
    let mut notes = Vec::new();
    let mut env = Vec::with_capacity(step.env.len());
    let mut all = 0;
    for (name, value) in &step.env {
        let mut value = value.clone();
        let room = LONGEST_TEXT.saturating_sub(name.len() + "=".len() + 1);
        let length = value.text(&workspace.base, &dir).len();
        if length > room {
            match &mut value {
                EnvText::Plain(text) if is_fact(name, &SENTENCES) => {
                    text.truncate(text.floor_char_boundary(room));
                    notes.push(message!("`{}` is cut: it has {} bytes, and a program can be given {}", name, length, room));
                }
                EnvText::Plain(_) if is_fact(name, &LISTS) => {
                    notes.push(message!("`{}` is left out: it has {} bytes, and a program can be given {}", name, length, room));
                    continue;
                }
                _ => return Err(refused(message!("the variable `{}` has {} bytes, and a program can be given {}", name, length, room))),
            }
        }
        all += name.len() + "=".len() + length.min(room) + TEXT_COST;
        env.push((name.clone(), value));
    }
    for argument in step.step.entrypoint.iter().chain(&step.step.command).flatten() {
        if argument.len() >= LONGEST_TEXT {
            let message = message!("its commands have {} bytes, and a program can be given {}", argument.len(), LONGEST_TEXT - 1);
            return Err(refused(message));
        }
        all += argument.len() + TEXT_COST;
    }
    if all > ALL_TEXTS {
        return Err(refused(message!("its variables and commands have {} bytes together, and a program can be given {}", all, ALL_TEXTS)));
    }
    Ok((StepContext { env, ..step.clone() }, notes))
}

fn is_fact(name: &str, endings: &[&str]) -> bool {
    (name.starts_with("DRONE_") || name.starts_with("CI_")) && endings.iter().any(|ending| name.ends_with(ending))
}
