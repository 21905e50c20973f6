//! Which part of a command is a script for another shell.

/// What of a command another shell reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handed {
    /// The next word.
    Word,
    /// Everything that follows.
    Rest,
}

/// Programs that read scripts.
const SHELLS: [&str; 7] = ["sh", "bash", "ash", "dash", "zsh", "ksh", "mksh"];
/// Other programs whose option `-c` takes a script.
const STARTERS: [&str; 4] = ["su", "runuser", "script", "flock"];
/// Words before the name of a command.
const BEFORE: [&str; 14] = ["!", "if", "then", "do", "else", "elif", "while", "until", "command", "exec", "time", "sudo", "env", "nohup"];
/// Options of `ssh` that take the next word.
const SSH_OPTIONS: &str = "BbcDEeFIiJLlmOopQRSWw";
/// How much of a command is looked at: who hands a script on stands close before it.
pub(super) const LOOKED_AT: usize = 512;
/// Most options of a command that prints.
const PRINT_OPTIONS: usize = 3;

/// What another shell reads of what follows this part of a script, which ends where a word begins.
pub(super) fn handed(before: &str) -> Option<Handed> {
    let words = words(before);
    let first = first(&words)?;
    match words[first] {
        "eval" => return Some(Handed::Rest),
        "trap" if words.len() == first + 1 => return Some(Handed::Word),
        _ => {}
    }
    if let Some(rest) = behind_ssh(&words) {
        return rest.map(|_| Handed::Rest);
    }
    takes_script(&words).then_some(Handed::Word)
}

/// Whether what follows this part of a script is printed.
pub(super) fn prints(before: &str) -> bool {
    let words = words(before);
    let Some((name, options)) = first(&words).and_then(|first| words[first..].split_first()) else { return false };
    matches!(*name, "echo" | "printf") && options.len() <= PRINT_OPTIONS && options.iter().all(|word| word.starts_with('-'))
}

/// Whether this command reads a script from its standard input.
pub(super) fn reads_script(command: &str) -> bool {
    let words = words(command);
    if let Some(rest) = behind_ssh(&words)
        && rest.is_none_or(<[&str]>::is_empty)
    {
        return rest.is_some();
    }
    let Some(shell) = words.iter().rposition(|word| is_shell(word)) else { return false };
    let options = &words[shell + 1..];
    let script = |word: &&str| word.starts_with('-') && !word.starts_with("--") && word.contains('c');
    !options.iter().any(script) && (options.contains(&"-s") || only_options(options))
}

/// The words of the command that is not over yet.
fn words(before: &str) -> Vec<&str> {
    let from = before.len().saturating_sub(LOOKED_AT);
    let near = (from..before.len()).find(|at| before.is_char_boundary(*at)).map_or("", |at| &before[at..]);
    let start = near.rfind(['\n', ';', '|', '&', '(', '`']).map_or(0, |at| at + 1);
    near[start..].split_whitespace().collect()
}

/// Where the name of the command stands.
fn first(words: &[&str]) -> Option<usize> {
    words.iter().position(|word| !BEFORE.contains(word) && !word.contains('='))
}

fn program(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}

fn is_shell(word: &str) -> bool {
    SHELLS.contains(&program(word))
}

/// What follows the host of `ssh`: `None` inside when no host is named yet, `None` for another command.
fn behind_ssh<'words>(words: &'words [&'words str]) -> Option<Option<&'words [&'words str]>> {
    let mut at = words.iter().position(|word| program(word) == "ssh")? + 1;
    while let Some(option) = words.get(at).and_then(|word| word.strip_prefix('-')) {
        at += if option.len() == 1 && SSH_OPTIONS.contains(option) { 2 } else { 1 };
    }
    Some(words.get(at + 1..).filter(|_| at < words.len()))
}

/// Whether the last of the words is the option of a shell behind which its script stands.
fn takes_script(words: &[&str]) -> bool {
    let Some((option, before)) = words.split_last() else { return false };
    let Some(letters) = option.strip_prefix('-').filter(|letters| !letters.starts_with('-') && letters.contains('c')) else { return false };
    let by_name = before.iter().rposition(|word| is_shell(word)).is_some_and(|shell| {
        let is_entrypoint = shell.checked_sub(1).is_some_and(|at| before[at] == "--entrypoint");
        is_entrypoint || only_options(&before[shell + 1..])
    });
    let entrypoint = |word: &&str| word.strip_prefix("--entrypoint=").is_some_and(is_shell);
    let starter = || letters.ends_with('c') && before.iter().any(|word| STARTERS.contains(&program(word)));
    by_name || before.iter().any(entrypoint) || starter()
}

/// Whether these are options of a shell alone, not the name of a file.
fn only_options(words: &[&str]) -> bool {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if !word.starts_with(['-', '+']) {
            return false;
        }
        if word.ends_with(['o', 'O']) && !word.starts_with("--") {
            words.next();
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_shell_reads_is_known_by_the_command() {
        for (before, expected) in [
            ("sh -c ", Some(Handed::Word)),
            ("cd a && /bin/bash -lc ", Some(Handed::Word)),
            ("sh -ceu ", Some(Handed::Word)),
            ("bash -o pipefail -c ", Some(Handed::Word)),
            ("docker exec -i box sh -ec ", Some(Handed::Word)),
            ("docker run --entrypoint sh image -c ", Some(Handed::Word)),
            ("docker run --entrypoint=/bin/sh image -c ", Some(Handed::Word)),
            ("su - deploy -c ", Some(Handed::Word)),
            ("script -qc ", Some(Handed::Word)),
            ("trap ", Some(Handed::Word)),
            ("trap \"ls\" ", None),
            ("eval ", Some(Handed::Rest)),
            ("if A=b eval echo ", Some(Handed::Rest)),
            ("ssh host ", Some(Handed::Rest)),
            ("ssh -p 22 -o StrictHostKeyChecking=no deploy@host cd a ", Some(Handed::Rest)),
            ("ssh ", None),
            ("ssh -i ", None),
            ("ssh -i key ", None),
            ("sh script -x ", None),
            ("bash deploy.sh -c ", None),
            ("grep -c ", None),
            ("echo sh; tar -c ", None),
            ("", None),
        ] {
            assert_eq!(handed(before), expected, "{before}");
        }
        // However long the command is: what counts stands at its end.
        assert_eq!(handed(&format!("docker run {}box sh -c ", "-e 名=值 ".repeat(10_000))), Some(Handed::Word));
    }

    #[test]
    fn a_shell_without_a_file_reads_its_input() {
        for (command, expected) in [
            ("sh", true),
            (" sudo bash -s -- a", true),
            ("bash -eu -o pipefail", true),
            ("docker exec -i box sh", true),
            ("ssh -p 22 host", true),
            ("ssh host bash", true),
            ("ssh host cat", false),
            ("ssh", false),
            ("sh script", false),
            ("sh -c cat", false),
            ("cat", false),
        ] {
            assert_eq!(reads_script(command), expected, "{command}");
        }
    }
}
