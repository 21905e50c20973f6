//! The working copy: the files of a commit into the volume of a stage, against `git archive | docker cp -`; and what it costs
//! that the working copy is a repository.

use crate::measure::{Memory, computing, median};
use crate::table::{Row, Table};
use async_trait::async_trait;
use lp_backend::{Backend, Cancel, CancelHandle, Files, Keep, NoNotes, Source, StageContext};
use lp_backend_docker::{DockerBackend, DockerOptions};
use lp_git::Repository;
use lp_model::{Checkout, RunId, Tracking};
use lp_tests::conformance::{plan_stage, shell};
use lp_tests::{docker, images};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How many files of how many bytes: 10 000 files, 200 MB, as source trees have them: many small ones, few large.
const SIZES: [(usize, usize); 4] = [(6_000, 2_000), (3_000, 15_000), (900, 120_000), (100, 350_000)];

/// Every so many a file that no compression makes smaller.
const NOISE_EVERY: usize = 20;

/// Commits after the first, each of which changes a sixth of the files: what is packed lies in the repository as a fetch leaves it, in one
/// pack file, in part as differences to other versions.
const CHANGES: usize = 5;

/// How much history the clone steps of the dialects fetch when the file says nothing.
const CLONES: [(&str, Option<u32>); 2] = [("one commit as in Woodpecker", Some(1)), ("all of the history as in Drone", None)];

/// Measures reading alone, and reading into a volume.
pub async fn measure(table: &mut Table, times: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let repository = folder.path().join("repository");
    let bytes = make_repository(&repository);
    let sha = said(Command::new("git").arg("-C").arg(&repository).args(["rev-parse", "main"])).trim().to_owned();
    let commit = |checkout| Arc::new(Commit { repository: repository.clone(), sha: sha.clone(), checkout });
    let source = commit(None);
    let rate = |seconds: f64| bytes as f64 / seconds / 1e6;
    let shown = |seconds: f64| format!("{seconds:.2} s ({:.0} MB/s)", rate(seconds));

    let (mut floors, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..times {
        floors.push(archive(&repository, &sha, None));
        ours.push(read(&source).await);
    }
    let (floor, our) = (median(floors), median(ours));
    table.add(
        Row::new("commit of 10 000 files / 200 MB as a tar, thrown away (`git archive`)", shown(our))
            .floor(shown(floor))
            .ratio(floor / our),
    );

    let place = Place::new().await;
    let (mut floors, mut ours, mut more, mut computed) = (Vec::new(), Vec::new(), 0.0_f64, Vec::new());
    for number in 0..times {
        floors.push(place.by_hand(number, &repository, &sha));
        let (before, computing_before) = (Memory::begin(), computing());
        ours.push(place.prepared(&number.to_string(), &source).await);
        computed.push(computing() - computing_before);
        more = more.max(Memory::read().most - before.now);
    }
    let (floor, our) = (median(floors), median(ours));
    table.add(
        Row::new("the same into the volume of a stage (`git archive \\| docker cp -`)", shown(our))
            .floor(shown(floor))
            .ratio(floor / our)
            .aim("rate ≥ 0.70×", floor / our >= 0.7),
    );
    table.add(Row::new("the same: memory and computing of ours", format!("{more:.0} MB more, {:.2} s", median(computed))));

    for (words, depth) in CLONES {
        let checkout = Checkout { tracking: Tracking::Branch("main".into()), depth, ..Checkout::on_branch("main") };
        let cloned = commit(Some(checkout));
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for number in 0..times {
            without.push(place.prepared(&format!("{number}-files"), &source).await);
            with.push(place.prepared(&format!("{number}-git"), &cloned).await);
        }
        let (floor, our) = (median(without), median(with));
        table.add(
            Row::new(format!("the same with `.git`, {words} (without)"), shown(our))
                .floor(shown(floor))
                .ratio(our / floor)
                .aim("time ≤ 1.10×", our / floor <= 1.1),
        );
    }
}

/// Writes the repository; returns the bytes of the files of its newest commit.
fn make_repository(path: &Path) -> u64 {
    run(Command::new("git").args(["init", "--quiet", "--bare", "--initial-branch=main"]).arg(path));
    let mut import = Command::new("git")
        .arg("-C")
        .arg(path)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the benchmark needs git");
    let mut out = BufWriter::new(import.stdin.take().expect("it was asked for a pipe"));
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut files: Vec<Vec<u8>> =
        SIZES.iter().flat_map(|&(count, bytes)| std::iter::repeat_n(bytes, count)).map(|bytes| vec![b'\n'; bytes]).collect();
    for (number, file) in files.iter_mut().enumerate() {
        dice.fill(file, number % NOISE_EVERY == 0);
    }
    for commit in 0..=CHANGES {
        let head = format!("commit refs/heads/main\ncommitter A <a@example.test> {} +0000\ndata 2\nc\n", 1_700_000_000 + commit);
        out.write_all(head.as_bytes()).expect("git reads");
        for (number, file) in files.iter_mut().enumerate() {
            if commit > 0 {
                if (number + commit) % 6 != 0 {
                    continue;
                }
                let (length, half) = (file.len(), file.len() / 2);
                dice.fill(&mut file[half..(half + 100).min(length)], false);
            }
            let head = format!("M 100644 inline src/{}/{}/file{number}.txt\ndata {}\n", number % 37, number % 11, file.len());
            out.write_all(head.as_bytes()).and_then(|()| out.write_all(file)).and_then(|()| out.write_all(b"\n")).expect("git reads");
        }
    }
    drop(out);
    assert!(import.wait().is_ok_and(|status| status.success()), "git takes the commits");
    run(Command::new("git").arg("-C").arg(path).args(["repack", "-adfq"]));
    files.iter().map(|file| file.len() as u64).sum()
}

/// Numbers that are the same each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Words in lines, or noise.
    fn fill(&mut self, bytes: &mut [u8], noise: bool) {
        if noise {
            bytes.iter_mut().for_each(|byte| *byte = self.next() as u8);
            return;
        }
        // A few thousand words of 2 to 9 letters, each spelt from its number.
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut word = self.next() % 4_000 * 2_654_435_761;
            let length = (2 + word as usize % 8).min(rest.len());
            let (now, later) = rest.split_at_mut(length);
            for byte in now.iter_mut() {
                *byte = b'a' + (word % 26) as u8;
                word = word / 26 + 7;
            }
            now[length - 1] = if self.next().is_multiple_of(9) { b'\n' } else { b' ' };
            rest = later;
        }
    }
}

/// The files of a commit, as the app hands them to a backend.
struct Commit {
    repository: PathBuf,
    sha: String,
    /// The repository that comes with the files, if any.
    checkout: Option<Checkout>,
}

#[async_trait]
impl Source for Commit {
    async fn open(&self) -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
        let packed = Repository::open(&self.repository).and_then(|repository| match &self.checkout {
            Some(checkout) => repository.check_out(&self.sha, checkout),
            None => repository.pack(&self.sha),
        });
        Ok(Box::new(packed.map_err(io::Error::other)?))
    }
}

/// Reads the tar of a commit and throws it away.
async fn read(source: &Arc<Commit>) -> Duration {
    let begun = Instant::now();
    let mut tar = source.open().await.expect("the repository can be read");
    let mut buffer = vec![0; 256 << 10];
    while tar.read(&mut buffer).await.expect("the commit can be read") > 0 {}
    begun.elapsed()
}

/// `git archive`, thrown away or into a path of a container.
fn archive(repository: &Path, sha: &str, into: Option<&str>) -> Duration {
    let begun = Instant::now();
    let mut archive = Command::new("git");
    archive.arg("-C").arg(repository).args(["archive", "--format=tar", sha]);
    match into {
        None => run(archive.stdout(Stdio::null())),
        Some(path) => {
            let mut archive = archive.stdout(Stdio::piped()).spawn().expect("the benchmark needs git");
            let tar = archive.stdout.take().expect("it was asked for a pipe");
            run(Command::new("docker").args(["cp", "-", path]).stdin(tar));
            assert!(archive.wait().is_ok_and(|status| status.success()), "git writes the archive");
        }
    }
    begun.elapsed()
}

/// Where the files go.
struct Place {
    backend: DockerBackend,
}

impl Place {
    async fn new() -> Self {
        images::busybox_image().await;
        let backend = DockerBackend::new(DockerOptions::new(docker::addresses(), "bench"));
        let place = Self { backend };
        // The first time the image of the loader has to be made.
        let warm = place.stage("warm", None);
        place.backend.prepare(&warm, &NoNotes, &asked_for_nothing()).await.expect("a place can be made");
        place.backend.destroy(&warm, Keep::Nothing).await.expect("it can be removed");
        place
    }

    fn stage(&self, name: &str, source: Option<Arc<dyn Source>>) -> StageContext {
        let run = RunId::parse(&format!("bench-{name}-{}", uuid::Uuid::now_v7().simple())).expect("letters and digits");
        let stage = plan_stage(1, vec![shell(1, "build", "true")]);
        StageContext { run, stage: Arc::new(stage), source, engine: None, files: Files::Fresh }
    }

    /// Everything that is done until the first step could begin: its network, its volume, the files.
    async fn prepared(&self, name: &str, source: &Arc<Commit>) -> Duration {
        let stage = self.stage(name, Some(Arc::clone(source) as _));
        settle();
        let begun = Instant::now();
        self.backend.prepare(&stage, &NoNotes, &asked_for_nothing()).await.expect("the files are copied");
        let took = begun.elapsed();
        let left = self.backend.destroy(&stage, Keep::Nothing).await.expect("it can be removed");
        assert_eq!(left, [""; 0], "nothing is left");
        took
    }

    /// Only the copying; volume and container are made before the clock runs.
    fn by_hand(&self, number: usize, repository: &Path, sha: &str) -> Duration {
        let name = format!("lp-bench-copy-{number}-{}", std::process::id());
        run(Command::new("docker").args(["volume", "create", &name]).stdout(Stdio::null()));
        let mount = format!("{name}:/w");
        run(Command::new("docker").args(["create", "--name", &name, "--volume", &mount, "alpine", "true"]).stdout(Stdio::null()));
        settle();
        let took = archive(repository, sha, Some(&format!("{name}:/w")));
        run(Command::new("docker").args(["rm", &name]).stdout(Stdio::null()));
        run(Command::new("docker").args(["volume", "rm", &name]).stdout(Stdio::null()));
        took
    }
}

/// What was written before must not slow down what is measured now.
fn settle() {
    rustix::fs::sync();
}

fn asked_for_nothing() -> Cancel {
    CancelHandle::new(Duration::ZERO).1
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(status.success(), "{command:?} failed");
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(output.status.success(), "{command:?} failed");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
