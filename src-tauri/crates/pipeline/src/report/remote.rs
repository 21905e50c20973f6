//! Commands that ask `origin`: the server of the repository gave the clone step's login to every step (`netrc`), and here no container gets one.
//!
//! Found in the text of the file, since a program that a command calls is no part of any dialect: only what plainly stands where a command begins
//! counts. An address of its own, and a file that sees to a login or a key itself, are nothing to say.

use crate::source::Source;
use lp_model::{Code, message};
use lp_yaml::Findings;

/// Traces of a login or of a remote that the file itself sets up.
const OWN_LOGIN: [&str; 13] = [
    ".git-credentials",
    ".netrc",
    "GIT_ASKPASS",
    "GIT_SSH",
    "core.sshCommand",
    "credential.",
    "extraheader",
    "extraHeader",
    "id_ed25519",
    "id_rsa",
    "insteadOf",
    "remote set-url",
    "ssh-add",
];
/// Variables that hold the address of the repository itself.
const OWN_ADDRESS: [&str; 6] =
    ["CI_REPO_CLONE_URL", "CI_REPO_REMOTE", "DRONE_GIT_HTTP_URL", "DRONE_REMOTE_URL", "CI_REPO_LINK", "DRONE_REPO_LINK"];
/// Options of git itself that take the next word.
const WITH_WORD: [&str; 5] = ["-C", "-c", "--git-dir", "--work-tree", "--namespace"];
/// Words after which a command begins.
const BEFORE_COMMANDS: [&str; 11] = ["!", "command", "do", "else", "exec", "if", "nice", "sudo", "then", "time", "while"];
/// Most words of one command that are looked at.
const MOST_WORDS: usize = 24;

/// Notes the commands of a file that ask `origin`, each kind of command once.
pub(super) fn note(source: &Source<'_>, findings: &mut Findings<'_>) {
    let text = source.index.text();
    if OWN_LOGIN.iter().any(|trace| text.contains(trace)) {
        return;
    }
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        for (at, length, command) in asking(line) {
            findings.need(Code::NeedsRemote, source.index.span(start + at..start + at + length), || {
                let message = message!("`git {}` asks `origin`, and a step has no login for it here", command.to_owned());
                let help = message!(
                    "what everybody may read works; for the rest give the step a token as a secret and name it in the address, or fetch on this computer before the run"
                );
                (message, help)
            });
        }
        start += line.len();
    }
}

/// The commands of a line that ask `origin`: where each begins, how long its words up to the name of the command are, and that name.
fn asking(line: &str) -> impl Iterator<Item = (usize, usize, &'static str)> {
    let comment = if line.trim_start().starts_with('#') { 0 } else { line.find(" #").unwrap_or(line.len()) };
    line.match_indices("git ").take_while(move |(at, _)| *at < comment).filter_map(move |(at, _)| {
        let command = begins(&line[..at]).then(|| asked(&line[at + 4..]))??;
        Some((at, "git".len(), command))
    })
}

/// Whether a command begins behind this part of a line.
fn begins(before: &str) -> bool {
    let before = before.trim_end_matches(['"', '\'']).trim_end_matches([' ', '\t']);
    match before.chars().next_back() {
        None => true,
        Some('-' | '[' | ',' | ';' | '&' | '|' | '(' | '`' | '{') => true,
        Some(':') => before.ends_with("commands:"),
        Some(_) => {
            let word = before.rsplit([' ', '\t', '"', '\'']).next().unwrap_or_default();
            BEFORE_COMMANDS.contains(&word) || word == "-c" || word.starts_with(|c: char| c.is_ascii_uppercase()) && word.contains('=')
        }
    }
}

/// The command behind the word `git`, if it asks `origin`.
fn asked(behind: &str) -> Option<&'static str> {
    let end = behind.find([';', '&', '|', '\n', ')', '`']).unwrap_or(behind.len());
    let mut words = behind[..end]
        .split_whitespace()
        .take(MOST_WORDS)
        .map(|word| word.trim_matches(['"', '\'', ',', ']', '}']))
        .filter(|word| !word.is_empty());
    let mut first = words.next()?;
    while first.starts_with('-') {
        if WITH_WORD.contains(&first) {
            words.next()?;
        }
        first = words.next()?;
    }
    let command = match first {
        "clone" => "clone",
        "fetch" => "fetch",
        "ls-remote" => "ls-remote",
        "pull" => "pull",
        "push" => "push",
        "lfs" => match words.next()? {
            "fetch" => "lfs fetch",
            "pull" => "lfs pull",
            "push" => "lfs push",
            _ => return None,
        },
        "remote" => match words.next()? {
            "show" => "remote show",
            "update" => "remote update",
            _ => return None,
        },
        // What is recorded is filled in from this computer; what is newer is only there.
        "submodule" if words.clone().next() == Some("update") => {
            return words.any(|word| word == "--remote").then_some("submodule update --remote");
        }
        _ => return None,
    };
    let is_own = |word: &str| OWN_ADDRESS.iter().any(|name| word.contains(name));
    let asks = match words.find(|word| !word.starts_with('-')) {
        // An option's word may stand before the address.
        Some(word) if command == "clone" => is_own(word) || words.any(is_own),
        None => command != "clone",
        Some(address) => address == "origin" || is_own(address),
    };
    asks.then_some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_origin_is_found_where_commands_stand() {
        for (line, command) in [
            ("  - git fetch --tags", "fetch"),
            ("  - git fetch", "fetch"),
            ("  - 'git -c user.name=x push origin HEAD:main'", "push"),
            ("  commands: [ls, git pull --rebase]", "pull"),
            ("  commands: git ls-remote --tags origin", "ls-remote"),
            ("      cd x && git push --follow-tags origin \"$TAG\"", "push"),
            ("    if ! git -C sub fetch --unshallow; then", "fetch"),
            ("  - V=$(git ls-remote --heads)", "ls-remote"),
            ("  - sh -c \"git fetch --all\"", "fetch"),
            ("  - GIT_TRACE=1 git fetch --depth=100 origin main", "fetch"),
            ("  - git clone --depth 1 $DRONE_REMOTE_URL other", "clone"),
            ("  - git clone ${CI_REPO_CLONE_URL} .", "clone"),
            ("  - git push ${DRONE_GIT_HTTP_URL} HEAD", "push"),
            ("  - git lfs pull", "lfs pull"),
            ("  - git remote update", "remote update"),
            ("  - git submodule update --init --remote", "submodule update --remote"),
        ] {
            assert_eq!(asking(line).map(|(_, _, command)| command).collect::<Vec<_>>(), [command], "{line}");
        }
        assert_eq!(asking("  - git fetch && git push").count(), 2);
    }

    #[test]
    fn nothing_else_is() {
        for line in [
            "  # - git fetch",
            "  - make # git fetch",
            "  - name: git push",
            "  name: git fetch",
            "  - echo git push",
            "  - git describe --tags",
            "  - git submodule update --init --recursive",
            "  - git clone https://git.example/tools/x.git",
            "  - git clone git@git.example:tools/x.git",
            "  - git push https://me:$TOKEN@git.example/shop.git HEAD",
            "  - git push \"$URL\" HEAD",
            "  - git push heroku main",
            "  - legit fetch",
            "  - git fetched",
            "  image: plugins/git fetch",
            "  - git",
            "  - git -C",
        ] {
            assert_eq!(asking(line).count(), 0, "{line}");
        }
    }
}
