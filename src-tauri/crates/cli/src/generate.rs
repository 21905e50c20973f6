//! `letterpress generate-files`: what a package installs beside the command, written from the definition of the commands itself.

use crate::arguments::{Arguments, GenerateFiles};
use crate::exit::ExitCode;
use crate::language::Language;
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::Path;
use std::{fs, io};

/// The name of the command, which its completions and manual pages go by.
const NAME: &str = "letterpress";

/// Shell, the folder that it gets, and the name under which it looks for completions of the command.
const SHELLS: [(Shell, &str, &str); 3] =
    [(Shell::Bash, "bash", "letterpress"), (Shell::Zsh, "zsh", "_letterpress"), (Shell::Fish, "fish", "letterpress.fish")];

/// Writes the files. Says what went wrong where the folder cannot be written.
pub fn carry_out(wanted: &GenerateFiles, language: Language) -> ExitCode {
    let Err(problem) = write(&wanted.folder) else { return ExitCode::Passed };
    let folder = wanted.folder.display();
    match language {
        Language::En => remark!("error: `{folder}` cannot be written: {problem}; name a folder that is yours"),
        Language::Zh => remark!("错误：无法写入 `{folder}`：{problem}；请指定一个您有权写入的文件夹"),
    }
    ExitCode::Failed
}

/// Writes `bash`, `zsh`, `fish` (completions) and `man` (a page for the command, and one for each of its commands).
fn write(folder: &Path) -> io::Result<()> {
    let mut command = visible(Arguments::command());
    for (shell, place, name) in SHELLS {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, NAME, &mut script);
        fs::create_dir_all(folder.join(place))?;
        fs::write(folder.join(place).join(name), script)?;
    }
    let man = folder.join("man");
    fs::create_dir_all(&man)?;
    clap_mangen::generate_to(command, man)
}

/// The same command without the commands that `--help` does not show.
fn visible(command: clap::Command) -> clap::Command {
    let shown: Vec<clap::Command> = command.get_subcommands().filter(|one| !one.is_hide_set()).cloned().collect();
    let mut alone = clap::Command::new(NAME)
        .args(command.get_arguments().cloned())
        .subcommands(shown)
        .subcommand_required(command.is_subcommand_required_set())
        .version(env!("CARGO_PKG_VERSION"));
    if let Some(about) = command.get_about() {
        alone = alone.about(about.clone());
    }
    if let Some(after) = command.get_after_help() {
        alone = alone.after_help(after.clone());
    }
    alone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_that_is_shown_has_a_page_and_is_completed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(folder.path()).expect("our own folder");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("it was written");
        let scripts = SHELLS.map(|(_, place, name)| read(&format!("{place}/{name}")));
        for command in Arguments::command().get_subcommands() {
            let name = command.get_name();
            let shown = !command.is_hide_set();
            assert_eq!(folder.path().join(format!("man/{NAME}-{name}.1")).is_file(), shown, "{name}");
            for script in &scripts {
                assert_eq!(script.contains(name), shown, "{name}");
            }
        }
        let page = read("man/letterpress.1");
        assert!(page.contains(".TH letterpress 1") && page.contains("130 cancelled"), "{page}");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let wanted = GenerateFiles { folder: file.path().join("inside") };
        assert_eq!(carry_out(&wanted, Language::En), ExitCode::Failed);
    }
}
