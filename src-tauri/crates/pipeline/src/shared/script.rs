//! From the `commands` of a step to the script that its shell runs.
//!
//! The log looks as it always did (`+ go build`, then the output), but the trace line is a quoted text: the originals
//! wrote it with `echo`, which ran every backtick twice and showed Chinese as escapes. The script travels as an argument,
//! not through standard input, which a command like `ssh` would swallow.

/// The longest argument that Linux takes is 128 KiB, with the name in front of it.
pub const MAX_SCRIPT_BYTES: usize = 120_000;

/// The entrypoint that takes the script as its only argument.
pub fn entrypoint() -> Vec<String> {
    vec!["/bin/sh".into(), "-c".into()]
}

/// A command of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What the shell reads.
    pub text: String,
    /// What its trace line shows: the values that were entered, in place of the variables that hold them.
    pub shown: String,
}

impl From<String> for Command {
    fn from(text: String) -> Self {
        Self { shown: text.clone(), text }
    }
}

/// One script for all commands: they share one shell, and the first that fails ends it. It needs nothing but a POSIX
/// shell (busybox, dash and bash are known to work). A folder (Woodpecker's `directory`) is made if it is missing, and entered.
pub fn script<C: Clone + Into<Command>>(folder: Option<&str>, commands: &[C]) -> String {
    let mut script = String::from("set -e\n");
    if let Some(folder) = folder {
        let folder = quote(folder);
        script.push_str(&format!("mkdir -p -- {folder}\ncd -- {folder}\n"));
    }
    for command in commands.iter().cloned().map(Into::into) {
        let shown = command.shown.trim_end_matches(['\n', '\r']);
        script.push_str("\nprintf '%s\\n' ");
        script.push_str(&quote(&format!("+ {shown}")));
        script.push('\n');
        script.push_str(&command.text);
        script.push('\n');
    }
    script
}

/// A text as one word of a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_shows_what_is_written_and_runs_nothing() {
        let script =
            script::<String>(None, &["go build".into(), "echo \"$A\" `date` 'x' 中文".into(), "if true\nthen echo y; fi\n".into()]);
        assert_eq!(
            script,
            "set -e\n\
             \nprintf '%s\\n' '+ go build'\ngo build\n\
             \nprintf '%s\\n' '+ echo \"$A\" `date` '\\''x'\\'' 中文'\necho \"$A\" `date` 'x' 中文\n\
             \nprintf '%s\\n' '+ if true\nthen echo y; fi'\nif true\nthen echo y; fi\n\n"
        );
    }

    #[test]
    fn real_shells_print_it() {
        let commands: [String; 4] =
            ["echo \"a\\nb $HOME_OF_NOBODY\" `echo tick`".into(), "X='中文'".into(), "echo \"$X\"; false".into(), "echo never".into()];
        let mut tried = 0;
        for shell in [&["/bin/sh"][..], &["dash"], &["bash"], &["busybox", "sh"]] {
            let run = std::process::Command::new(shell[0]).args(&shell[1..]).arg("-c").arg(script(None, &commands)).output();
            // Only `/bin/sh` is on every machine.
            let Ok(output) = run else { continue };
            tried += 1;
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.starts_with("+ echo \"a\\nb $HOME_OF_NOBODY\" `echo tick`\n"), "{shell:?} {text}");
            assert!(text.ends_with("+ X='中文'\n+ echo \"$X\"; false\n中文\n"), "{shell:?} {text}");
            assert_eq!(output.status.code(), Some(1), "{shell:?}");
        }
        assert!(tried > 0, "no shell at all");
    }

    #[test]
    fn a_folder_is_made_and_entered() {
        let place = std::env::temp_dir().join(format!("lp-script-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        let script = script::<String>(Some("a 'b'/-c"), &["pwd".into()]);
        let output = std::process::Command::new("/bin/sh").args(["-c", &script]).current_dir(&place).output().unwrap();
        std::fs::remove_dir_all(&place).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with("+ pwd\n") && text.ends_with("/a 'b'/-c\n"), "{text}");
    }
}
