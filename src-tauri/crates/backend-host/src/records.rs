//! What is written down of one attempt of a step, so that another process can take it over:
//! `lp-RUN-STAGE/steps/lp-RUN-STAGE-STEP-ATTEMPT.N/`, readable by its owner alone.
//!
//! | file | written by | what |
//! |---|---|---|
//! | `boot` | the app | which start of the computer this belongs to |
//! | `supervisor.sh`, `pump.sh` | the app | what carries the step |
//! | `start` | the supervisor | before the program runs: a line about itself, then one about the program |
//! | `pump` | the pump | a line about itself |
//! | `output` | the pump | what the program writes. Secrets are in it as they came: it goes with the stage |
//! | `words` | the supervisor's shell | what it says about a program that a signal ended |
//! | `exit` | the supervisor | exit code of the program, and when it ended |
//! | `asked` | the app | the step was asked to end |
//!
//! `N` counts starts that came to nothing before the program ran: a supervisor that comes late finds its folder spoilt.

use crate::folder::{StageFolder, make_private};
use crate::process_tree::Process;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What stands in `start` when it was made by who does *not* want the program to be started.
const VOID: &str = "void\n";

/// Room for what the supervisor writes into `exit`.
const EXIT_BYTES: usize = 128;

/// The folder of one attempt.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    path: PathBuf,
}

/// What `start` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Nothing yet.
    Open,
    /// Somebody is about to write, or was ended before: the program does not run yet.
    Torn,
    /// It will never be started from this folder.
    Void,
    /// It runs, or is about to, or has run.
    Claimed {
        supervisor: Process,
        /// `None` for the moment before it is made.
        program: Option<Process>,
    },
}

/// What `exit` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit {
    /// As the shell tells it: `128 + n` may be signal `n`.
    pub(crate) code: i32,
    /// The shell said that it was a signal. It is silent about some of them.
    pub(crate) by_signal: bool,
    /// Hundredths of a second since the computer was started.
    pub(crate) at: u64,
}

impl Records {
    /// The newest ones of an attempt.
    pub(crate) fn find(stage: &StageFolder, step_name: &str) -> io::Result<Option<Self>> {
        Ok(Self::last(stage, step_name)?.map(|(_, path)| Self { path }))
    }

    /// Makes them, beside older ones.
    pub(crate) fn make(stage: &StageFolder, step_name: &str) -> io::Result<Self> {
        let number = Self::last(stage, step_name)?.map_or(1, |(number, _)| number + 1);
        let path = stage.steps().join(format!("{step_name}.{number}"));
        make_private(&path)?;
        let records = Self { path };
        records.write("supervisor.sh", include_bytes!("supervisor.sh"))?;
        records.write("pump.sh", include_bytes!("pump.sh"))?;
        records.write("output", b"")?;
        records.write("words", b"")?;
        records.write("exit", &[b' '; EXIT_BYTES])?;
        records.write("boot", boot()?.as_bytes())?;
        records.make_durable(stage)?;
        Ok(records)
    }

    /// Sees to it that a loss of power from now on leaves a trace of the attempt: its program may run before what the app has written down about it
    /// is on the disk.
    fn make_durable(&self, stage: &StageFolder) -> io::Result<()> {
        for path in [&self.path.join("boot"), &self.path, &stage.steps()] {
            File::open(path)?.sync_all()?;
        }
        Ok(())
    }

    /// Removes all of an attempt.
    pub(crate) fn remove(stage: &StageFolder, step_name: &str) -> io::Result<()> {
        while let Some((_, path)) = Self::last(stage, step_name)? {
            fs::remove_dir_all(path)?;
        }
        Ok(())
    }

    fn last(stage: &StageFolder, step_name: &str) -> io::Result<Option<(u32, PathBuf)>> {
        let entries = match fs::read_dir(stage.steps()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            entries => entries?,
        };
        let mut last = None;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(step_name)?.strip_prefix('.')?.parse::<u32>().ok());
            if let Some(number) = number {
                last = last.max(Some((number, entry.path())));
            }
        }
        Ok(last)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether they were made since the computer was started: after that, a process number means nothing.
    pub(crate) fn is_of_this_boot(&self) -> io::Result<bool> {
        Ok(self.read("boot")?.is_some_and(|text| boot().is_ok_and(|now| now.as_bytes() == text)))
    }

    /// The output as far as it has come.
    pub(crate) fn output(&self) -> io::Result<File> {
        File::open(self.path.join("output"))
    }

    /// For the pump. What is written goes to the end, wherever that is.
    pub(crate) fn output_to_append(&self) -> io::Result<File> {
        OpenOptions::new().append(true).open(self.path.join("output"))
    }

    /// For the supervisor's shell.
    pub(crate) fn words_to_append(&self) -> io::Result<File> {
        OpenOptions::new().append(true).open(self.path.join("words"))
    }

    /// What the supervisor's shell has said, its last line.
    pub(crate) fn words(&self) -> io::Result<String> {
        let words = self.read("words")?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&words).lines().next_back().unwrap_or_default().to_owned())
    }

    /// A file without its line end is one that is being written.
    pub(crate) fn start(&self) -> io::Result<Start> {
        let Some(text) = self.read("start")? else { return Ok(Start::Open) };
        if text == VOID.as_bytes() {
            return Ok(Start::Void);
        }
        let mut lines = text.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
        let Some(supervisor) = lines.next().and_then(Process::parse) else { return Ok(Start::Torn) };
        Ok(Start::Claimed { supervisor, program: lines.next().and_then(Process::parse) })
    }

    /// Makes sure that the program is never started from here. False when somebody was faster.
    pub(crate) fn make_void(&self) -> io::Result<bool> {
        match OpenOptions::new().write(true).create_new(true).open(self.path.join("start")) {
            Ok(mut file) => file.write_all(VOID.as_bytes()).map(|()| true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn pump(&self) -> io::Result<Option<Process>> {
        Ok(self.read("pump")?.and_then(|text| Process::parse(text.strip_suffix(b"\n")?)))
    }

    /// How the program ended, once it has.
    pub(crate) fn exit(&self) -> io::Result<Option<Exit>> {
        let Some(text) = self.read("exit")? else { return Ok(None) };
        let Some((code, at)) = parse_exit(&text) else { return Ok(None) };
        Ok(Some(Exit { code, by_signal: code > 128 && !self.words()?.is_empty(), at }))
    }

    /// Writes down that the step is being ended by us.
    pub(crate) fn set_asked(&self) -> io::Result<()> {
        self.write("asked", b"")
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.path.join("asked").exists()
    }

    /// Tries whether the disk takes anything.
    pub(crate) fn try_disk(&self) -> io::Result<()> {
        let path = self.path.join("try");
        let tried = self.write("try", &[b' '; 64 * 1024]);
        // The answer is what counts; the stage takes the file with it.
        let _ = fs::remove_file(path);
        tried
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path.join(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(self.path.join(name))?;
        file.write_all(bytes)
    }
}

/// `CODE UPTIME IDLE`, a line end, blanks.
fn parse_exit(text: &[u8]) -> Option<(i32, u64)> {
    let line = text.split_inclusive(|byte| *byte == b'\n').next()?.strip_suffix(b"\n")?;
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let code = words.next()?.parse().ok()?;
    let (seconds, hundredths) = words.next()?.split_once('.')?;
    Some((code, seconds.parse::<u64>().ok()?.checked_mul(100)?.checked_add(hundredths.parse().ok()?)?))
}

/// Names this start of the computer.
fn boot() -> io::Result<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Root;

    fn stage() -> (tempfile::TempDir, StageFolder) {
        let temp = tempfile::tempdir().unwrap();
        let stage = Root::find(temp.path()).unwrap().stage("lp-a-1");
        (temp, stage)
    }

    #[test]
    fn the_newest_records_of_an_attempt_count() {
        let (_temp, stage) = stage();
        assert!(Records::find(&stage, "lp-a-1-1-1").unwrap().is_none());
        for number in 1..=11 {
            let made = Records::make(&stage, "lp-a-1-1-1").unwrap();
            assert!(made.path().ends_with(format!("lp-a-1-1-1.{number}")));
        }
        Records::make(&stage, "lp-a-1-1-10").unwrap();
        assert!(Records::find(&stage, "lp-a-1-1-1").unwrap().unwrap().path().ends_with("lp-a-1-1-1.11"));
        Records::remove(&stage, "lp-a-1-1-1").unwrap();
        assert!(Records::find(&stage, "lp-a-1-1-1").unwrap().is_none());
        assert!(Records::find(&stage, "lp-a-1-1-10").unwrap().is_some());
    }

    #[test]
    fn only_whole_lines_count() {
        let (_temp, stage) = stage();
        let records = Records::make(&stage, "lp-a-1-1-1").unwrap();
        let me = fs::read_to_string("/proc/self/stat").unwrap();
        let process = Process::parse(me.as_bytes()).unwrap();
        let write = |name: &str, text: &str| fs::write(records.file(name), text).unwrap();
        assert_eq!(records.start().unwrap(), Start::Open);
        write("start", "");
        assert_eq!(records.start().unwrap(), Start::Torn);
        write("start", me.trim_end());
        assert_eq!(records.start().unwrap(), Start::Torn);
        write("start", &format!("{me}{}", me.trim_end()));
        assert_eq!(records.start().unwrap(), Start::Claimed { supervisor: process, program: None });
        write("start", &format!("{me}{me}"));
        assert_eq!(records.start().unwrap(), Start::Claimed { supervisor: process, program: Some(process) });

        assert_eq!(records.exit().unwrap(), None);
        write("exit", &format!("139 12.5{}", " ".repeat(100)));
        assert_eq!(records.exit().unwrap(), None);
        write("exit", &format!("139 12.05 3.00\n{}", " ".repeat(100)));
        assert_eq!(records.exit().unwrap(), Some(Exit { code: 139, by_signal: false, at: 1205 }));
        write("words", "Segmentation fault\n");
        assert_eq!(records.exit().unwrap(), Some(Exit { code: 139, by_signal: true, at: 1205 }));
    }

    #[test]
    fn what_is_void_stays_void() {
        let (_temp, stage) = stage();
        let records = Records::make(&stage, "lp-a-1-1-1").unwrap();
        assert!(records.make_void().unwrap());
        assert_eq!(records.start().unwrap(), Start::Void);
        assert!(!records.make_void().unwrap());
        assert!(records.is_of_this_boot().unwrap());
        fs::write(records.file("boot"), "another\n").unwrap();
        assert!(!records.is_of_this_boot().unwrap());
    }
}
