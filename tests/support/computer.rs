//! A fresh Debian computer in a folder, for packages: what is installed in it is seen there and nowhere else. Its mounts and processes are
//! its own and end with it, also when a test fails. Its network is that of the machine. Only root can have one.

use crate::images::{cache_folder, debian_mirror, install_node, lock, output_of, run};
use crate::island::children;
use crate::press::Said;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Version of the recipe of the file tree: one that was made by an older one is made again.
const RECIPE: &str = "debian-1";

/// The first process, which holds the mounts and takes leave of processes that nobody else waits for. `$1` is the file tree, `$2` the folder
/// in which downloaded packages are kept.
const INIT: &str = "set -e
mount -t proc proc \"$1/proc\"
mount --rbind /dev \"$1/dev\"
mount -t tmpfs tmpfs \"$1/dev/shm\"
mount --bind \"$2\" \"$1/var/cache/apt/archives\"
echo up
while :; do sleep 86400 & wait; done";

/// Where programs are, for either user.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Who does something there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// The administrator.
    Root,
    /// An ordinary person, with a home folder and no rights.
    Person,
}

/// The computer. Its folder is removed with it.
pub struct Computer {
    unshare: Child,
    first: Pid,
    /// The file tree is `root` in it: the folder itself belongs to root alone, and a person must be able to enter `/`.
    folder: TempDir,
}

impl Computer {
    /// A computer with the system's smallest set of packages, node, up-to-date package lists and an ordinary user. Its Debian is that of the
    /// machine, which the packages are built for. The first time takes minutes (`debootstrap`); the file tree is kept in
    /// `target/lp-test-images`, and so are downloaded packages.
    ///
    /// # Panics
    /// When the test does not run as root, `debootstrap`, `unshare` or `nsenter` is missing, or the mirror does not answer.
    pub fn fresh() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the computer");
        let root = folder.path().join("root");
        let archives = cache_folder().join("debian-archives");
        fs::create_dir_all(archives.join("partial")).expect("the cache folder is writable");
        run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(debian_rootfs()).arg(&root));
        let mut unshare = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", INIT, "sh"])
            .arg(&root)
            .arg(&archives)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`unshare` can be started (on Debian: apt-get install util-linux)");
        let mut said = String::new();
        BufReader::new(unshare.stdout.take().expect("piped")).read_line(&mut said).expect("a pipe can be read");
        assert_eq!(said, "up\n", "a test with a computer of its own runs as root");
        let first = *children(unshare.id()).first().expect("it has just spoken");
        let computer = Self { unshare, first, folder };
        computer.say(User::Root, &["useradd", "--create-home", "--uid", "1000", "--shell", "/bin/bash", "person"]).expect(0);
        computer.say(User::Root, &["apt-get", "update"]).expect(0);
        computer
    }

    /// A path of the computer as the test reaches it. What is mounted there is not seen.
    ///
    /// # Panics
    /// When the path is not absolute.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join("root").join(inside.strip_prefix('/').expect("paths of a computer are absolute"))
    }

    /// A program there, with an environment that holds what a login gives and the machine's proxies.
    pub fn command(&self, user: User, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.first.as_raw_nonzero().to_string(), "--mount", "--pid", "chroot"]);
        if user == User::Person {
            command.arg("--userspec=1000:1000");
        }
        command.arg(self.path("/")).args(words).stdin(Stdio::null());
        command.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive");
        command.env("HOME", if user == User::Person { "/home/person" } else { "/root" });
        for name in ["http_proxy", "https_proxy", "no_proxy"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
    }

    /// Does something there and waits for its end.
    ///
    /// # Panics
    /// When `nsenter` cannot be started.
    pub fn say(&self, user: User, words: &[&str]) -> Said {
        self.command(user, words).output().expect("`nsenter` can be started (on Debian: apt-get install util-linux)").into()
    }
}

impl Drop for Computer {
    /// The kernel ends all its processes with the first one, and its mounts with the last.
    fn drop(&mut self) {
        let _ended_already = kill_process(self.first, Signal::KILL);
        let _ended_already = self.unshare.wait();
    }
}

/// The file tree of a fresh system.
fn debian_rootfs() -> PathBuf {
    let _one_at_a_time = lock(&format!("{RECIPE}.lock"));
    let rootfs = cache_folder().join("debian-rootfs");
    let complete = cache_folder().join(format!("{RECIPE}.complete"));
    if complete.exists() {
        return rootfs;
    }
    // A tree that was left half made is of no use.
    if rootfs.exists() {
        fs::remove_dir_all(&rootfs).expect("an incomplete tree can be removed");
    }
    let (mirror, suite) = debian_mirror().expect("debootstrap needs a Debian mirror, and apt's sources on this machine name none");
    run(Command::new("debootstrap").args(["--variant=minbase", &suite]).arg(&rootfs).arg(&mirror));
    run(Command::new("find").arg(rootfs.join("var/cache/apt/archives")).args(["-type", "f", "-delete"]));
    // How the machine itself reaches the mirror: proxies, dates that are not checked, certificates.
    let settings = output_of(Command::new("apt-config").args(["dump", "Acquire"]));
    fs::write(rootfs.join("etc/apt/apt.conf.d/00machine"), settings).expect("the tree is writable");
    // Stricter than a person's computer: what a package only recommends does not come with it. And quicker: a power cut is not feared.
    fs::write(rootfs.join("etc/apt/apt.conf.d/01only-depends"), "APT::Install-Recommends \"false\";\n").expect("the tree is writable");
    fs::write(rootfs.join("etc/dpkg/dpkg.cfg.d/no-sync"), "force-unsafe-io\n").expect("the tree is writable");
    // What the sample's steps run when they are not in containers of their own, and the machine's certificates.
    install_node(&rootfs);
    // Nothing is started there as a service.
    let policy = rootfs.join("usr/sbin/policy-rc.d");
    fs::write(&policy, "#!/bin/sh\nexit 101\n").expect("the tree is writable");
    run(Command::new("chmod").arg("755").arg(&policy));
    fs::write(&complete, "").expect("the cache folder is writable");
    rootfs
}
