//! A registry on the loopback interface with one image, for tests of fetching: it counts, waits and refuses as it is told.

use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The running registry. Its image has any name below it and the tags `latest` and `1`.
pub struct Registry {
    /// Host and port as in an image name.
    pub host: String,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

struct State {
    /// Content type and bytes by digest.
    blobs: HashMap<String, (&'static str, Vec<u8>)>,
    manifest: String,
    layer: String,
    /// `user:password` that is asked for.
    login: Option<String>,
    asked: Mutex<Vec<String>>,
    /// The layer is handed out only when this is true.
    open: watch::Sender<bool>,
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

impl Registry {
    /// Starts it. `layer` is an uncompressed tar; `login` is `user:password`.
    pub async fn start(layer: Vec<u8>, login: Option<&str>) -> Self {
        let layer_digest = digest(&layer);
        let config = serde_json::json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }, "os": "linux", "config": {"Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
        });
        let config = config.to_string().into_bytes();
        let media = "application/vnd.docker.distribution.manifest.v2+json";
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": media,
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": config.len(), "digest": digest(&config)},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": layer.len(), "digest": layer_digest}],
        });
        let manifest = manifest.to_string().into_bytes();
        let blobs = [(media, manifest.clone()), ("application/octet-stream", config), ("application/octet-stream", layer)];
        let state = Arc::new(State {
            blobs: blobs.into_iter().map(|(kind, bytes)| (digest(&bytes), (kind, bytes))).collect(),
            manifest: digest(&manifest),
            layer: layer_digest,
            login: login.map(|login| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(login))),
            asked: Mutex::default(),
            open: watch::channel(true).0,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(listener, state.clone()));
        Self { host, state, _tasks: tasks }
    }

    /// Holds the layer back from now on, or hands it out.
    pub fn hold_layer(&self, hold: bool) {
        self.state.open.send_replace(!hold);
    }

    /// How often the layer was asked for.
    pub fn layer_requests(&self) -> usize {
        let asked = self.state.asked.lock().unwrap();
        asked.iter().filter(|path| path.ends_with(&self.state.layer)).count()
    }

    /// How often the manifest of a tag was asked for with `GET` or `HEAD`.
    pub fn manifest_requests(&self, tag: &str) -> usize {
        let asked = self.state.asked.lock().unwrap();
        asked.iter().filter(|path| path.ends_with(&format!("/manifests/{tag}"))).count()
    }
}

async fn listen(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        connections.spawn(async move {
            // A client that goes away in the middle is none of our business.
            let _ = serve(stream, state).await;
        });
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    while let Some(request) = lines.next_line().await? {
        let mut login = None;
        while let Some(header) = lines.next_line().await? {
            if header.is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(": ")
                && name.eq_ignore_ascii_case("authorization")
            {
                login = Some(value.to_owned());
            }
        }
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
        let (head, body) = if state.login.is_some() && login != state.login {
            ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"test\"\r\nContent-Type: text/plain".to_owned(), Vec::new())
        } else {
            state.asked.lock().unwrap().push(path.clone());
            answer(&state, &path).await
        };
        writer.write_all(format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes()).await?;
        if method != "HEAD" {
            writer.write_all(&body).await?;
        }
    }
    Ok(())
}

/// Status line with headers, and the body.
async fn answer(state: &State, path: &str) -> (String, Vec<u8>) {
    if path == "/v2/" {
        return ("200 OK\r\nDocker-Distribution-Api-Version: registry/2.0".to_owned(), b"{}".to_vec());
    }
    let wanted = match path.rsplit_once("/manifests/").or_else(|| path.rsplit_once("/blobs/")) {
        Some((_, "latest" | "1")) => state.manifest.as_str(),
        Some((_, digest)) => digest,
        None => "",
    };
    if wanted == state.layer {
        let _ = state.open.subscribe().wait_for(|open| *open).await;
    }
    match state.blobs.get(wanted) {
        Some((kind, bytes)) => (format!("200 OK\r\nContent-Type: {kind}\r\nDocker-Content-Digest: {wanted}"), bytes.clone()),
        None => {
            let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
            ("404 Not Found\r\nContent-Type: application/json".to_owned(), body.into())
        }
    }
}
