//! Every error that the crates below the use cases can give, said in Chinese: no template is without it, no part stays English.
#![allow(clippy::unwrap_used)]

use lp_backend::{BackendError, SinkError};
use lp_engine::StartError;
use lp_engine::scheduler::{BadPlan, ReplayError, RetryError};
use lp_git::GitError;
use lp_model::image::ReferenceError;
use lp_model::{IllegalMove, Message, RunId, RunState, StageNumber, message};
use lp_registry::{ConfigError, HelperError};
use lp_secret::vault::{OsStoreError, VaultError};
use lp_store::StoreError;
use std::io;
use std::path::PathBuf;

/// What is the same in every language: a name, or what the system said.
const NAME: &str = "北";

fn name() -> String {
    NAME.to_owned()
}

fn said() -> Message {
    Message::verbatim(NAME)
}

fn problem() -> io::Error {
    io::Error::other(NAME)
}

fn of_git() -> Vec<(Message, Message)> {
    let (path, object, file, target, branch) = (name, name, name, name, name);
    let io = |action| GitError::Io { action, path: PathBuf::from(NAME), source: problem() };
    let conflict = |files: usize, more| GitError::Conflict { branch: branch(), files: vec![name(); files], more };
    let errors = [
        GitError::NotFound { path: path() },
        GitError::NotARepository { path: path() },
        GitError::Empty { path: path() },
        GitError::NoCommitYet { branch: branch() },
        GitError::Corrupt { message: said() },
        GitError::MissingObject { path: path(), object: object() },
        GitError::PartialClone { path: path(), object: object() },
        GitError::Borrowed { file: file(), folder: path() },
        GitError::Moved { file: file(), target: target() },
        GitError::Unreadable { path: path() },
        GitError::BadConfig { file: file(), line: 7 },
        conflict(1, 0),
        conflict(2, 0),
        conflict(2, 3),
        GitError::IllegalPath { path: path() },
        GitError::Denied { path: path() },
        GitError::ObjectFormat { path: path(), format: name() },
        GitError::ReferenceFormat { path: path(), format: name() },
        GitError::Unsupported { path: path(), what: name() },
        GitError::UnknownVersion { text: name() },
        GitError::Ambiguous { text: name() },
        GitError::TooLarge { path: path(), bytes: 2, limit: 1 },
        GitError::Exists { path: path() },
        GitError::DiskFull { path: path() },
        io("open"),
        io("list"),
        io("create"),
        io("remove"),
        io("replace"),
        GitError::Git { message: name() },
    ];
    errors.iter().map(|error| (error.told(), error.hint())).collect()
}

fn of_the_store() -> Vec<(Message, Message)> {
    let io = |action| StoreError::Io { action, path: PathBuf::from(NAME), source: problem() };
    let mut errors = vec![
        StoreError::DiskFull,
        StoreError::Busy,
        StoreError::NewerFile { found: 9, known: 3 },
        StoreError::Corrupt { path: name(), message: said() },
        StoreError::Denied { message: said() },
        StoreError::IllegalMove(IllegalMove::Unknown { subject: message!("stage {}", 1_u32) }),
        StoreError::Owned { pid: None },
        StoreError::Owned { pid: Some(7) },
        StoreError::Stopped,
        StoreError::Pattern { message: said() },
        StoreError::NotABackup { path: PathBuf::from(NAME), message: said() },
        StoreError::Database(Box::new(problem())),
    ];
    errors.extend(["project", "run", "log"].map(|what| StoreError::NotFound { what, id: name() }));
    errors.extend(
        ["move", "deletion", "press", "output", "row", "secret", "step"].map(|what| StoreError::Conflict { what, message: said() }),
    );
    errors.extend(["plan", "event", "run state", "leftovers"].map(|what| StoreError::Unreadable { what, message: said() }));
    errors.extend(["append to", "copy", "create", "list", "lock", "open", "read", "remove", "rename", "use", "write"].map(io));
    errors.iter().map(|error| (error.told(), Message::default())).collect()
}

fn of_secrets_and_logins() -> Vec<(Message, Message)> {
    let (path, account, context) = (|| PathBuf::from(NAME), name, name);
    let vault = [
        VaultError::KeyMissing { file: path() },
        VaultError::KeyStoreSilent { source: OsStoreError { message: said() } },
        VaultError::KeyStoreBroken { account: account() },
        VaultError::KeyFileExposed { path: path(), mode: 0o644 },
        VaultError::KeyFileBroken { path: path() },
        VaultError::KeyFile { action: "made", path: path(), source: problem() },
        VaultError::KeyFile { action: "read", path: path(), source: problem() },
        VaultError::NoRandomness,
        VaultError::Newer { context: context() },
        VaultError::NotOpened { context: context() },
    ];
    let mut all: Vec<_> = vault.iter().map(|error| (error.told(), error.hint())).collect();
    let files = [
        ConfigError::Syntax { line: 1, column: 2 }.told(),
        ConfigError::Entry { host: name() }.told(),
        ConfigError::HelperName { helper: name() }.told(),
        HelperError::Refused(name()).told(),
        HelperError::Form.told(),
    ];
    all.extend(files.map(|told| (told, Message::default())));
    all
}

fn of_backends() -> Vec<(Message, Message)> {
    let errors = [
        BackendError::unreachable(said()),
        BackendError::image(NAME, said()),
        BackendError::unsupported(NAME, said()),
        BackendError::start(NAME, said()),
        BackendError::source_unreadable(said()),
        BackendError::files_gone(said()),
        BackendError::disk_full(said()),
        BackendError::lost(said()),
        BackendError::Sink(SinkError { message: said(), hint: Message::default() }),
        BackendError::Cancelled,
        BackendError::call(said(), said()),
    ];
    errors.iter().map(|error| (error.told(), error.hint())).collect()
}

fn of_the_engine() -> Vec<(Message, Message)> {
    let what = || message!("stage `{}`", NAME);
    let moves = || IllegalMove::State { subject: message!("the run"), from: "passed", to: "running" };
    let run = || RunId::parse("run-1").unwrap();
    let plans = [BadPlan::Numbering { what: what() }, BadPlan::UnknownNeed { what: what(), need: 3 }, BadPlan::Cycle { what: what() }];
    let mut all: Vec<_> = plans.into_iter().map(|bad| StartError::Plan(bad).told()).collect();
    all.extend([
        StartError::AlreadyLive(run()).told(),
        StartError::Replay { run: run(), error: ReplayError::Move(moves()) }.told(),
        StartError::Retry(RetryError::State { state: RunState::Passed }).told(),
        StartError::Retry(RetryError::NotRemoved { stage: StageNumber(1) }).told(),
        StartError::Closed.told(),
    ]);
    let names = [
        ReferenceError::Empty,
        ReferenceError::TooLong,
        ReferenceError::UpperCase(name()),
        ReferenceError::Part { name: name(), part: name() },
        ReferenceError::Tag(name()),
        ReferenceError::Digest(name()),
    ];
    all.extend(names.iter().map(ReferenceError::told));
    all.into_iter().map(|told| (told, Message::default())).collect()
}

/// Whether three English words stand in a row outside of what is code.
fn has_english(text: &str) -> bool {
    let words = |plain: &str| {
        let is_english = |word: &&str| word.len() > 1 && word.chars().all(|c| c.is_ascii_alphabetic());
        let mut row = 0;
        plain.split([' ', ',', ';', ':']).filter(|word| !word.is_empty()).any(|word| {
            row = if is_english(&word) { row + 1 } else { 0 };
            row == 3
        })
    };
    text.split('`').step_by(2).any(words)
}

#[test]
fn every_error_is_said_in_chinese() {
    let all = [of_git(), of_the_store(), of_secrets_and_logins(), of_backends(), of_the_engine()].concat();
    assert!(all.len() > 100, "{}", all.len());
    for (told, hint) in all {
        for message in [told, hint] {
            assert_eq!(message.untranslated(), None, "{message}");
            let chinese = message.in_chinese();
            assert!(message.is_empty() || chinese != message.to_string(), "{chinese}");
            assert!(!has_english(&chinese), "{chinese}");
        }
    }
}

#[test]
fn english_words_in_a_row_are_found() {
    for (text, expected) in [
        ("no such file", true),
        ("无法读取 `no such file`：北", false),
        ("请安装最新的 Letterpress", false),
        ("创建 failed because nobody", true),
    ] {
        assert_eq!(has_english(text), expected, "{text}");
    }
}
