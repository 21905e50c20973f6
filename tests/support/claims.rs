//! An engine that says that it is older or newer than it is.

use lp_backend_docker::EngineAddress;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

/// The version that the engine behind is asked in: every engine of these tests speaks it.
const SPOKEN: (u32, u32) = (1, 41);

/// A server in front of an engine that claims other versions of the API and, like a real one, takes calls in no others.
pub struct Claims {
    path: PathBuf,
    calls: Arc<Mutex<Vec<String>>>,
    // Aborts the copying when it is dropped.
    _tasks: JoinSet<()>,
}

struct Front {
    engine: PathBuf,
    newest: (u32, u32),
    oldest: (u32, u32),
    calls: Arc<Mutex<Vec<String>>>,
}

impl Claims {
    /// Listens at `path` (a new Unix socket) in front of `engine`; versions as `(1, 52)`.
    ///
    /// # Panics
    /// When the socket cannot be made.
    pub fn open(path: &Path, engine: PathBuf, newest: (u32, u32), oldest: (u32, u32)) -> Self {
        let listener = UnixListener::bind(path).expect("a new socket can be made in a folder of the test");
        let calls = Arc::new(Mutex::new(Vec::new()));
        let front = Arc::new(Front { engine, newest, oldest, calls: calls.clone() });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let front = front.clone();
                connections.spawn(async move {
                    // A connection that breaks is the business of the one who made it.
                    let _ = front.serve(client).await;
                });
            }
        });
        Self { path: path.to_owned(), calls, _tasks: tasks }
    }

    /// Address for a backend.
    pub fn address(&self) -> EngineAddress {
        EngineAddress::new(format!("unix://{}", self.path.display()))
    }

    /// The paths of all calls so far, with their versions.
    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().expect("no test panics while it holds this").clone()
    }
}

impl Front {
    /// One call: its first line is looked at, everything else is copied.
    async fn serve(&self, mut client: UnixStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        let end = loop {
            if let Some(end) = head.windows(2).position(|two| two == b"\r\n") {
                break end;
            }
            if client.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        };
        let line = String::from_utf8_lossy(&head[..end]).into_owned();
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        self.calls.lock().expect("no test panics while it holds this").push(path.to_owned());

        let (version, bare) = split_version(path);
        if let Some(asked) = version
            && !(self.oldest..=self.newest).contains(&asked)
        {
            let message = format!("client version {}.{} is not supported here", asked.0, asked.1);
            return answer(&mut client, "400 Bad Request", &serde_json::json!({ "message": message })).await;
        }
        if bare == "/version" {
            let ((newest, newest_minor), (oldest, oldest_minor)) = (self.newest, self.oldest);
            let claim = serde_json::json!({
                "Version": "99.9.9",
                "ApiVersion": format!("{newest}.{newest_minor}"),
                "MinAPIVersion": format!("{oldest}.{oldest_minor}"),
                "Os": "linux",
                "Arch": "amd64",
            });
            return answer(&mut client, "200 OK", &claim).await;
        }
        let mut server = UnixStream::connect(&self.engine).await?;
        server.write_all(format!("{method} /v{}.{}{bare} HTTP/1.1", SPOKEN.0, SPOKEN.1).as_bytes()).await?;
        server.write_all(&head[end..]).await?;
        tokio::io::copy_bidirectional(&mut client, &mut server).await?;
        Ok(())
    }
}

/// `/v1.52/info` -> `(1, 52)` and `/info`.
fn split_version(path: &str) -> (Option<(u32, u32)>, &str) {
    let parse = || {
        let (version, _) = path.strip_prefix("/v")?.split_once('/')?;
        let (major, minor) = version.split_once('.')?;
        Some(((major.parse().ok()?, minor.parse().ok()?), &path[version.len() + 2..]))
    };
    parse().map_or((None, path), |(version, bare)| (Some(version), bare))
}

async fn answer(client: &mut UnixStream, status: &str, body: &serde_json::Value) -> std::io::Result<()> {
    let body = body.to_string();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    client.write_all(format!("{head}{body}").as_bytes()).await?;
    client.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::split_version;

    #[test]
    fn paths_with_and_without_a_version() {
        assert_eq!(split_version("/v1.52/info?x=/v1"), (Some((1, 52)), "/info?x=/v1"));
        assert_eq!(split_version("/volumes/a"), (None, "/volumes/a"));
        assert_eq!(split_version("/_ping"), (None, "/_ping"));
    }
}
