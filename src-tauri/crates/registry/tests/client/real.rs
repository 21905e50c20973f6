//! Debian's `docker-registry` with a password and a certificate of a private authority.

use crate::{PASSWORD, ann, kind};
use lp_registry::{
    Client, ClientOptions, Credentials, Digest, ErrorKind, ImageReference, Platform, Proxy, PushProof, Reference, Repository, Tag, Tags,
};
use reqwest::Method;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// `htpasswd -Bbn ann hunter2`.
const HTPASSWD: &str = "ann:$2y$05$Lry19eRtd/KB4eeMtvIywumHhDKAla2YfFeNmshrulLHt1rptmUO2\n";

/// The certificate is for `localhost` and not for 127.0.0.1.
const CERTIFICATES: &str = "[req]\ndistinguished_name=name\nprompt=no\n[name]\nCN=letterpress test\n\
    [authority]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n\
    [server]\nbasicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n\
    [both]\nbasicConstraints=critical,CA:TRUE\nsubjectAltName=DNS:localhost\n";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

struct Real {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Drop for Real {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().expect("openssl is installed");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Real {
    fn start(delete: bool) -> Self {
        Self::start_as(delete, false)
    }

    fn start_as(delete: bool, self_signed: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::write(path.join("c.cnf"), CERTIFICATES).unwrap();
        std::fs::write(path.join("htpasswd"), HTPASSWD).unwrap();
        let key = "-config c.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout";
        if self_signed {
            // As Docker's documentation has it: an authority that is the server.
            openssl(path, &format!("req -x509 -extensions both {key} server.key -out server.crt -days 2"));
            std::fs::copy(path.join("server.crt"), path.join("ca.crt")).unwrap();
        } else {
            openssl(path, &format!("req -x509 -extensions authority {key} ca.key -out ca.crt -days 2"));
            openssl(path, &format!("req -new {key} server.key -out server.csr"));
            let signed = "-CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile c.cnf -extensions server";
            openssl(path, &format!("x509 -req -in server.csr {signed}"));
        }
        let at = |name: &str| path.join(name).display().to_string();
        let config = json!({
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": at("storage")}, "delete": {"enabled": delete}},
            "http": {"addr": "127.0.0.1:0", "secret": "x", "tls": {"certificate": at("server.crt"), "key": at("server.key")}},
            "auth": {"htpasswd": {"realm": "test", "path": at("htpasswd")}},
        });
        // JSON is YAML.
        std::fs::write(path.join("config.yml"), config.to_string()).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(path.join("config.yml")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("docker-registry is installed");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let port = loop {
            let Some(Ok(line)) = lines.next() else { panic!("docker-registry ended: {said}") };
            if let Some((_, address)) = line.split_once("listening on 127.0.0.1:") {
                let digits: String = address.chars().take_while(char::is_ascii_digit).collect();
                break digits.parse().unwrap();
            }
            said.push_str(&line);
        };
        // Ends when the child does.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, folder, port }
    }

    fn authority(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("ca.crt")).unwrap()
    }

    fn options(&self) -> ClientOptions {
        ClientOptions { authorities: vec![self.authority()], proxy: Proxy::None, ..ClientOptions::default() }
    }

    fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    fn repository(&self, login: Option<Credentials>) -> Repository {
        let image = ImageReference::parse(&format!("{}/team/app:1", self.host())).unwrap();
        Client::new(&self.options()).unwrap().repository(&image, login).unwrap()
    }

    /// Pushes as an engine would: the parts, then the manifest. Gives the manifest.
    async fn push(&self, tag: &str, label: &str) -> String {
        let mut store = rustls::RootCertStore::empty();
        store.add(CertificateDer::from_pem_slice(self.authority().as_bytes()).unwrap()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(store).with_no_client_auth();
        let http = reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy().build().unwrap();
        let send = async |method: Method, url: String, media_type: &str, body: String| {
            let request = http.request(method, url).basic_auth("ann", Some(PASSWORD)).header("Content-Type", media_type).body(body);
            let answer = request.send().await.unwrap();
            assert!(answer.status().is_success(), "{answer:?}");
            answer.headers().get("location").map(|location| location.to_str().unwrap().to_owned())
        };
        let base = format!("https://{}/v2/team/app", self.host());
        let config = json!({"os": "linux", "architecture": "amd64", "config": {"Labels": {"label": label}}, "rootfs": {"type": "layers", "diff_ids": []}});
        let config = config.to_string();
        let digest = Digest::of(config.as_bytes());
        let upload = send(Method::POST, format!("{base}/blobs/uploads/"), "", String::new()).await.unwrap();
        send(Method::PUT, format!("{upload}&digest={digest}"), "application/octet-stream", config.clone()).await;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest.as_str(), "size": config.len()},
            "layers": [],
        });
        let manifest = format!("{manifest:#}");
        send(Method::PUT, format!("{base}/manifests/{tag}"), MANIFEST, manifest.clone()).await;
        manifest
    }
}

fn tag(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

fn names(tags: Tags) -> Vec<String> {
    let mut names = tags.names;
    names.sort();
    names
}

#[tokio::test]
async fn certificates_and_logins_are_told_apart() {
    let real = Real::start(true);
    let check = async |options: ClientOptions, host: String, login: Option<Credentials>| {
        Client::new(&options).unwrap().registry(&host, login).unwrap().check().await
    };
    check(real.options(), real.host(), Some(ann())).await.unwrap();
    let unknown = ClientOptions { authorities: Vec::new(), ..real.options() };
    assert_eq!(kind(check(unknown, real.host(), Some(ann())).await), ErrorKind::UnknownAuthority);
    let by_address = format!("127.0.0.1:{}", real.port);
    assert!(matches!(kind(check(real.options(), by_address, Some(ann())).await), ErrorKind::WrongName { .. }));
    let plain = ClientOptions { plain_hosts: [real.host()].into(), ..real.options() };
    assert_eq!(kind(check(plain, real.host(), Some(ann())).await), ErrorKind::EncryptionWanted);
    let wrong = Credentials::password("ann", format!("{PASSWORD}x"));
    assert_eq!(kind(check(real.options(), real.host(), Some(wrong)).await), ErrorKind::Unauthorized { with_login: true });
    assert_eq!(kind(check(real.options(), real.host(), None).await), ErrorKind::Unauthorized { with_login: false });
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_is_accepted_when_it_was_handed_in() {
    let real = Real::start_as(true, true);
    let check =
        async |options: ClientOptions, host: String| Client::new(&options).unwrap().registry(&host, Some(ann())).unwrap().check().await;
    check(real.options(), real.host()).await.unwrap();
    assert!(matches!(kind(check(real.options(), format!("127.0.0.1:{}", real.port)).await), ErrorKind::WrongName { .. }));
    let other = Real::start_as(true, true);
    for authorities in [Vec::new(), vec![other.authority()]] {
        let options = ClientOptions { authorities, ..real.options() };
        assert_eq!(kind(check(options, real.host()).await), ErrorKind::UnknownAuthority);
    }
}

#[tokio::test]
async fn an_image_is_found_read_and_tagged_again() {
    let real = Real::start(true);
    let bytes = real.push("1", "one").await;
    let app = real.repository(Some(ann()));
    assert_eq!(names(app.tags(10).await.unwrap()), ["1"]);
    let digest = Digest::of(bytes.as_bytes());
    let found = app.find(&tag("1")).await.unwrap();
    assert_eq!((&found.digest, found.media_type.as_str(), found.size), (&digest, MANIFEST, Some(bytes.len() as u64)));
    let manifest = app.manifest(&tag("1")).await.unwrap();
    assert_eq!(manifest.bytes, bytes.as_bytes());
    app.put_tag(&manifest, &Tag::parse("production").unwrap()).await.unwrap();
    assert_eq!(app.find(&tag("production")).await.unwrap().digest, digest);
    assert_eq!(names(app.tags(10).await.unwrap()), ["1", "production"]);
    let config = app.config(&tag("production"), &Platform::parse("linux/amd64").unwrap()).await.unwrap();
    assert_eq!((config.digest, config.labels["label"].as_str()), (digest, "one"));
    assert_eq!(kind(app.find(&tag("2")).await), ErrorKind::NoManifest { reference: "2".into() });
    let nowhere = app.registry().repository("team/nowhere").unwrap();
    assert_eq!(kind(nowhere.tags(10).await), ErrorKind::NoRepository);
}

#[tokio::test]
async fn a_deletion_takes_every_tag_of_the_image_and_no_other() {
    let real = Real::start(true);
    real.push("1", "one").await;
    real.push("2", "two").await;
    let app = real.repository(Some(ann()));
    let manifest = app.manifest(&tag("1")).await.unwrap();
    app.put_tag(&manifest, &Tag::parse("latest").unwrap()).await.unwrap();
    assert_eq!(names(app.tags(10).await.unwrap()), ["1", "2", "latest"]);
    app.delete(&manifest.digest).await.unwrap();
    assert_eq!(names(app.tags(10).await.unwrap()), ["2"]);
    assert!(matches!(kind(app.delete(&manifest.digest).await), ErrorKind::NoManifest { .. }));
    let last = app.find(&tag("2")).await.unwrap().digest;
    app.delete(&last).await.unwrap();
    assert_eq!(app.tags(10).await.unwrap(), Tags::default());
}

#[tokio::test]
async fn a_registry_that_deletes_nothing_says_so() {
    let real = Real::start(false);
    real.push("1", "one").await;
    let app = real.repository(Some(ann()));
    let digest = app.find(&tag("1")).await.unwrap().digest;
    assert_eq!(kind(app.delete(&digest).await), ErrorKind::DeleteOff);
    assert_eq!(names(app.tags(10).await.unwrap()), ["1"]);
}

#[tokio::test]
async fn the_right_to_push_is_proven_and_nothing_stays() {
    let real = Real::start(true);
    assert_eq!(real.repository(Some(ann())).can_push().await.unwrap(), PushProof::Upload);
    // What makes an upload one is gone. The registry then writes a hash of nothing into its folder again, because it closes what it has deleted.
    let mut folders = vec![real.folder.path().join("storage/docker/registry/v2/repositories/team/app/_uploads")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let is_folder = entry.file_type().unwrap().is_dir();
            if is_folder { folders.push(entry.path()) } else { files.push(entry.file_name().into_string().unwrap()) }
        }
    }
    assert!(!files.iter().any(|name| name == "startedat" || name == "data"), "{files:?}");
    assert_eq!(kind(real.repository(Some(ann())).tags(10).await), ErrorKind::NoRepository);
    let wrong = Credentials::password("ann", "x");
    assert_eq!(kind(real.repository(Some(wrong)).can_push().await), ErrorKind::Unauthorized { with_login: true });
    assert_eq!(kind(real.repository(None).can_push().await), ErrorKind::Unauthorized { with_login: false });
}
