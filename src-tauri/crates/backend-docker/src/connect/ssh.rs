//! Engines of other computers, reached as the `docker` command does it: the system's `ssh` logs in and starts `docker system dial-stdio`
//! over there, which copies between its standard streams and the engine's socket. So the keys, jump hosts and aliases of the user's own
//! `ssh` count, and nothing listens on a port.
//!
//! Not by the library's connector: it accepts the key of an unknown host without a word, takes no settings, and starts a second
//! connection in the background for each.

use super::address::EngineAddress;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use lp_model::{Message, message};
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tower_service::Service;

/// Time for the other computer to accept a connection.
const CONNECT_LIMIT_S: u32 = 10;

/// How many may log in at the same time: a server that is set up as usual turns some away from the eleventh on.
const LOGINS_AT_ONCE: usize = 6;

/// A connection counts as logging in until its first answer, at most so long: an upload is answered only at its end.
const LOGIN_TIME: Duration = Duration::from_secs(3);

/// What is kept of what `ssh` says when it fails.
const WORDS_LIMIT: usize = 8 * 1024;

/// Exit code of `ssh` when it failed itself, and of a shell that does not find a program.
const SSH_FAILED: i32 = 255;
const NOT_FOUND: i32 = 127;

/// Where to log in, and which socket to ask for there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Destination {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    /// Path of the engine's socket over there; the `docker` command's own choice when not given.
    socket: Option<String>,
    config: Option<PathBuf>,
}

impl Destination {
    fn of(address: &EngineAddress) -> Result<Self, Message> {
        let rest = address.url.strip_prefix("ssh://").ok_or_else(|| message!("it does not begin with `ssh://`"))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map(|text| text.parse().map_err(|_| message!("`{}` is not a port", text))).transpose()?;
        // The names become arguments of `ssh`, the path a word for a shell over there.
        let is_name = |text: &str, more: &str| {
            !text.is_empty() && !text.starts_with('-') && text.chars().all(|c| c.is_alphanumeric() || "._-".contains(c) || more.contains(c))
        };
        if !is_name(host, ":%") {
            return Err(message!("`{}` is not the name of a host", host));
        }
        if let Some(user) = user.filter(|user| !is_name(user, "+\\@")) {
            return Err(message!("`{}` is not the name of a user", user));
        }
        if !path.is_empty() && !path.chars().all(|c| c.is_ascii_alphanumeric() || "._-/+:@,".contains(c)) {
            return Err(message!("the path `/{}` has characters that cannot be passed on safely", path));
        }
        Ok(Self {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            socket: (!path.is_empty()).then(|| format!("/{path}")),
            config: address.ssh_config.clone(),
        })
    }

    /// As one would type it.
    fn login(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let port = self.port.map(|port| format!("-p {port} ")).unwrap_or_default();
        format!("{port}{user}{}", self.host)
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = ["-T", "-a", "-x"].map(str::to_owned).into();
        let options = [
            // There is nobody to answer a question: it must fail and say why.
            "BatchMode=yes".to_owned(),
            format!("ConnectTimeout={CONNECT_LIMIT_S}"),
            // What the user has set up for sessions of his own would be in the way.
            "ClearAllForwardings=yes".to_owned(),
            "RemoteCommand=none".to_owned(),
            "PermitLocalCommand=no".to_owned(),
        ];
        for option in options {
            arguments.extend(["-o".to_owned(), option]);
        }
        if let Some(config) = &self.config {
            arguments.extend(["-F".to_owned(), config.display().to_string()]);
        }
        if let Some(user) = &self.user {
            arguments.extend(["-l".to_owned(), user.clone()]);
        }
        if let Some(port) = self.port {
            arguments.extend(["-p".to_owned(), port.to_string()]);
        }
        arguments.extend(["--".to_owned(), self.host.clone(), "docker".to_owned()]);
        if let Some(socket) = &self.socket {
            arguments.extend(["--host".to_owned(), format!("unix://{socket}")]);
        }
        arguments.extend(["system".to_owned(), "dial-stdio".to_owned()]);
        arguments
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new("ssh");
        command.args(self.arguments()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // Ctrl-C in a terminal is for us, who then end the steps in order and still need the connection.
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().map_err(|problem| match problem.kind() {
            io::ErrorKind::NotFound => io::Error::other(message!(
                "the program `ssh` is not installed on this computer; install the OpenSSH client and check again"
            )),
            _ => io::Error::other(message!("the program `ssh` cannot be started: {}", problem)),
        })
    }

    /// Why the connection ended, from what `ssh` said and its exit code.
    fn reason(&self, code: Option<i32>, words: &str) -> Message {
        let login = self.login();
        let host = &self.host;
        let says = |text: &str| words.contains(text);
        // The last line is the reason; before it come the texts of the server and of the configuration.
        let last = words.lines().map(str::trim).rfind(|line| !line.is_empty());
        let last = last.map_or_else(|| message!("it gave no reason"), |line| Message::verbatim(line.trim_end_matches('.')));
        if says("REMOTE HOST IDENTIFICATION HAS CHANGED") {
            return message!(
                "the key of host `{}` is not the one that ssh knows: it was set up anew, or somebody poses as it; ask who runs it, then remove the old key with `ssh-keygen -R {}` and log in once with `ssh {}`",
                host,
                host,
                login
            );
        }
        if says("Host key verification failed") {
            return message!(
                "ssh does not know host `{}` yet; log in once with `ssh {}` in a terminal and check the key that it shows",
                host,
                login
            );
        }
        if says("Permission denied (") {
            return message!(
                "host `{}` does not let us in: {}; a password cannot be asked for here, so see that `ssh {}` works without one (`ssh-copy-id {}`, or `ssh-add` for a key with a password)",
                host,
                last,
                login,
                login
            );
        }
        if code == Some(NOT_FOUND) || says("command not found") {
            return message!(
                "host `{}` has no program `docker` (18.09 or newer), which passes the connection on to the engine; install it there: {}",
                host,
                last
            );
        }
        if says("permission denied while trying to connect") {
            return message!("the user on host `{}` may not use the engine: add the user to the group `docker` there: {}", host, last);
        }
        match code {
            Some(SSH_FAILED) => message!("ssh cannot reach host `{}`: {}; see that `ssh {}` works in a terminal", host, last, login),
            _ => message!("host `{}` gives no connection to an engine: {}; see that `ssh {} docker version` works", host, last, login),
        }
    }
}

/// Starts an `ssh` for each connection.
#[derive(Debug, Clone)]
pub(super) struct Ssh {
    destination: Arc<Destination>,
    logins: Arc<Semaphore>,
}

impl Ssh {
    pub fn new(address: &EngineAddress) -> Result<Self, Message> {
        Ok(Self { destination: Arc::new(Destination::of(address)?), logins: Arc::new(Semaphore::new(LOGINS_AT_ONCE)) })
    }
}

impl Service<Uri> for Ssh {
    type Response = TokioIo<Line>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<TokioIo<Line>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The address is always the one that this was made for.
    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { destination, logins } = self.clone();
        async move {
            let turn = logins.acquire_owned().await.map_err(io::Error::other)?;
            let mut child = destination.start()?;
            let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
                return Err(io::Error::other(message!("the streams of `ssh` are missing")));
            };
            let login = Some((turn, Box::pin(tokio::time::sleep(LOGIN_TIME))));
            let ended = Some(end(child, stderr, destination).boxed());
            Ok(TokioIo::new(Line { stdin: Some(stdin), stdout, ended, login }))
        }
        .boxed()
    }
}

/// Waits until `ssh` has ended: nothing when it ended in peace, else the reason.
async fn end(mut child: Child, mut stderr: ChildStderr, destination: Arc<Destination>) -> Option<Message> {
    let mut words = Vec::new();
    let mut piece = [0; 1024];
    let status = loop {
        // Not until the end of its messages: a master connection that the user has configured lives on and holds on to them.
        tokio::select! {
            status = child.wait() => break status,
            Ok(length @ 1..) = stderr.read(&mut piece) => keep(&mut words, &piece[..length]),
        }
    };
    while let Some(Ok(length @ 1..)) = stderr.read(&mut piece).now_or_never() {
        keep(&mut words, &piece[..length]);
    }
    match status {
        Ok(status) if status.success() => None,
        status => Some(destination.reason(status.ok().and_then(|status: ExitStatus| status.code()), &String::from_utf8_lossy(&words))),
    }
}

fn keep(words: &mut Vec<u8>, piece: &[u8]) {
    words.extend_from_slice(piece);
    if words.len() > WORDS_LIMIT {
        words.drain(..words.len() - WORDS_LIMIT);
    }
}

/// One connection: the streams of one `ssh`, which is killed with it.
pub(super) struct Line {
    /// Gone when our side is closed.
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    /// Holds the process; gone when it has ended.
    ended: Option<BoxFuture<'static, Option<Message>>>,
    login: Option<(OwnedSemaphorePermit, Pin<Box<Sleep>>)>,
}

impl Line {
    /// The engine has closed the connection, or `ssh` has failed: only its end tells which.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(ended) = &mut self.ended else { return Poll::Ready(Ok(())) };
        let reason = ready!(ended.as_mut().poll(context));
        self.ended = None;
        Poll::Ready(reason.map_or(Ok(()), |reason| Err(io::Error::other(reason))))
    }

    /// A write that failed because `ssh` has ended says so instead of "broken pipe".
    fn poll_written<T>(&mut self, written: io::Result<T>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.as_ref().is_err_and(|problem| problem.kind() == io::ErrorKind::BrokenPipe) {
            ready!(self.poll_end(context))?;
        }
        Poll::Ready(written)
    }

    fn stdin(&mut self) -> io::Result<Pin<&mut ChildStdin>> {
        self.stdin.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.login.as_mut().is_some_and(|(_, time)| time.as_mut().poll(context).is_ready()) {
            self.login = None;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stdout).poll_read(context, buffer))?;
        self.login = None;
        if buffer.filled().len() == before && buffer.remaining() > 0 {
            return self.poll_end(context);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(self.stdin()?.poll_write(context, bytes));
        self.poll_written(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(self.stdin()?.poll_flush(context));
        self.poll_written(flushed, context)
    }

    /// The other side sees the end of its input.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stdin = None;
        Poll::Ready(Ok(()))
    }
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(url: &str) -> Result<Destination, Message> {
        Destination::of(&EngineAddress::new(url))
    }

    #[test]
    fn an_address_becomes_arguments() {
        let fixed =
            "-T -a -x -o BatchMode=yes -o ConnectTimeout=10 -o ClearAllForwardings=yes -o RemoteCommand=none -o PermitLocalCommand=no";
        let table = [
            ("ssh://build", "-- build docker system dial-stdio"),
            ("ssh://build/", "-- build docker system dial-stdio"),
            ("ssh://ann@build.example.com:2222", "-l ann -p 2222 -- build.example.com docker system dial-stdio"),
            ("ssh://[fe80::1%eth0]:22", "-p 22 -- fe80::1%eth0 docker system dial-stdio"),
            ("ssh://pod@build/run/podman/podman.sock", "-l pod -- build docker --host unix:///run/podman/podman.sock system dial-stdio"),
        ];
        for (url, expected) in table {
            assert_eq!(destination(url).unwrap().arguments().join(" "), format!("{fixed} {expected}"), "{url}");
        }
        let address = EngineAddress { ssh_config: Some("/etc/letterpress/ssh".into()), ..EngineAddress::new("ssh://build") };
        let arguments = Destination::of(&address).unwrap().arguments().join(" ");
        assert!(arguments.contains(" -F /etc/letterpress/ssh -- build "), "{arguments}");
    }

    #[test]
    fn nothing_of_an_address_becomes_an_option_or_a_command() {
        let table = [
            ("ssh://", "is not the name of a host"),
            ("ssh://-oProxyCommand=x", "is not the name of a host"),
            ("ssh://a b", "is not the name of a host"),
            ("ssh://-l@build", "is not the name of a user"),
            ("ssh://build:22x", "`22x` is not a port"),
            ("ssh://build/run/$(id)", "passed on safely"),
            ("ssh://build/run/a;b", "passed on safely"),
        ];
        for (url, part) in table {
            let reason = destination(url).unwrap_err();
            assert!(reason.to_string().contains(part), "{url}: {reason}");
        }
    }

    #[test]
    fn each_failure_says_what_to_do() {
        let destination = destination("ssh://ann@build:2222").unwrap();
        let banner = "Welcome to build.\n";
        let table = [
            (255, "Host key verification failed.", "does not know host `build` yet; log in once with `ssh -p 2222 ann@build`"),
            (255, "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.", "`ssh-keygen -R build`"),
            (255, "ann@build: Permission denied (publickey).", "does not let us in: ann@build: Permission denied (publickey); a password"),
            (255, "ssh: Could not resolve hostname build: Name or service not known", "cannot reach host `build`: ssh: Could not resolve"),
            (255, "ssh: connect to host build port 2222: Connection refused", "Connection refused; see that `ssh -p 2222 ann@build` works"),
            (255, "", "it gave no reason"),
            (127, "bash: line 1: docker: command not found", "host `build` has no program `docker`"),
            (1, "Got permission denied while trying to connect to the Docker daemon socket", "add the user to the group `docker`"),
            (1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "gives no connection to an engine: Cannot connect"),
        ];
        for (code, words, part) in table {
            let reason = destination.reason(Some(code), &format!("{banner}{words}\r\n")).to_string();
            assert!(reason.contains(part) || words.is_empty(), "{part} is not in {reason}");
        }
        assert!(destination.reason(Some(255), " \n").to_string().contains("it gave no reason"));
        assert!(destination.reason(None, "").to_string().contains("gives no connection"));
    }
}
