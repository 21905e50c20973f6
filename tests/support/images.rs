//! Images for tests, made on the spot from what the machine has: no registry is asked for anything.

use crate::docker::require_engine;
use bollard::Docker;
use bollard::query_parameters::{CreateImageOptionsBuilder, ImportImageOptionsBuilder, TagImageOptionsBuilder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio_util::io::ReaderStream;

/// Names that the small image goes by. `alpine` and `busybox` are what pipelines of the tests ask for.
const BUSYBOX_NAMES: [&str; 3] = ["lp-test/busybox:1", "alpine:latest", "busybox:latest"];

/// Names that the Node image goes by.
const NODE_NAMES: [&str; 3] = ["lp-test/node:1", "node:20-alpine", "node:20"];

/// Label with the recipe's version: an image made by an older one is made again.
const RECIPE_LABEL: &str = "letterpress.test-recipe";
const BUSYBOX_RECIPE: &str = "busybox-1";
const NODE_RECIPE: &str = "node-1";

/// Where the programs of an image are.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes sure of a small image with a shell, named `lp-test/busybox:1`, `alpine:latest` and `busybox:latest`; returns the first name.
/// Made from Debian's `busybox-static`.
///
/// # Panics
/// When no engine answers, or `busybox` is not installed or not static.
pub async fn busybox_image() -> &'static str {
    busybox_image_in(&require_engine().await).await
}

/// The same in a given engine.
///
/// # Panics
/// When it refuses the image, or `busybox` is not installed or not static.
pub async fn busybox_image_in(docker: &Docker) -> &'static str {
    ensure(docker, BUSYBOX_NAMES[0], BUSYBOX_RECIPE, &BUSYBOX_NAMES, async || {
        let archive = tokio::task::spawn_blocking(busybox_archive).await.expect("the archive is made");
        load(docker, BUSYBOX_NAMES[0], BUSYBOX_RECIPE, archive).await;
    })
    .await;
    BUSYBOX_NAMES[0]
}

/// Imports the small image under that name into an engine of a test's own.
///
/// # Panics
/// When the engine refuses it, or `busybox` is not installed or not static.
pub async fn import_busybox(docker: &Docker, name: &str) {
    let archive = tokio::task::spawn_blocking(busybox_archive).await.expect("the archive is made");
    let path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned();
    import(docker, name, vec![path], futures_util::stream::iter([Ok(Bytes::from(archive))])).await;
}

/// Makes sure of an image with Debian, git, and the machine's own node and npm, named `node:20-alpine` and `node:20`; returns the first
/// name. npm in it uses the machine's registry and certificates. The first time takes minutes (`debootstrap`); the files are kept in
/// `target/lp-test-images`.
///
/// # Panics
/// When no engine answers, or `debootstrap`, `node` or `npm` is missing or fails.
pub async fn node_image() -> &'static str {
    let docker = require_engine().await;
    let certificates = "/etc/ssl/certs/ca-certificates.crt";
    let environment = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "NPM_CONFIG_CAFILE"].map(|name| format!("ENV {name}={certificates}"));
    ensure(&docker, NODE_NAMES[0], NODE_RECIPE, &NODE_NAMES, async || {
        let rootfs = tokio::task::spawn_blocking(node_rootfs).await.expect("the file tree is made");
        let mut changes = vec![format!("ENV {PATH}"), "CMD [\"/bin/sh\"]".to_owned(), format!("LABEL {RECIPE_LABEL}={NODE_RECIPE}")];
        changes.extend(environment);
        import(&docker, NODE_NAMES[0], changes, archive_of(&rootfs)).await;
    })
    .await;
    NODE_NAMES[1]
}

/// Makes the image unless it is there in this recipe's version, and gives it all its names. One process at a time.
async fn ensure(docker: &Docker, name: &str, recipe: &str, names: &[&str], make: impl AsyncFnOnce()) {
    let lock_name = format!("{recipe}.lock");
    let lock = tokio::task::spawn_blocking(move || lock(&lock_name)).await.expect("the lock is taken");
    let label = async |image: &str| {
        let labels = docker.inspect_image(image).await.ok().and_then(|found| found.config).and_then(|config| config.labels);
        labels.and_then(|labels| labels.get(RECIPE_LABEL).cloned())
    };
    if label(name).await.as_deref() != Some(recipe) {
        make().await;
    }
    for other in names {
        if label(other).await.as_deref() != Some(recipe) {
            let (repo, tag) = other.rsplit_once(':').expect("the names above have tags");
            let options = TagImageOptionsBuilder::new().repo(repo).tag(tag).build();
            docker.tag_image(name, Some(options)).await.expect("a present image can be named");
        }
    }
    drop(lock);
}

/// Makes an image of a tar in memory, whole with its settings: Podman reads those of an import in another way than Docker.
async fn load(docker: &Docker, name: &str, recipe: &str, layer: Vec<u8>) {
    let digest = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let arch = docker.version().await.expect("the engine answers").arch;
    let config = serde_json::json!({
        "architecture": arch,
        "os": "linux",
        "config": { "Env": [PATH], "Cmd": ["/bin/sh"], "Labels": { RECIPE_LABEL: recipe } },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", digest(&layer))] },
    })
    .to_string();
    let config_name = format!("{}.json", digest(config.as_bytes()));
    let manifest =
        serde_json::json!([{ "Config": config_name, "RepoTags": [format!("docker.io/{name}")], "Layers": ["layer.tar"] }]).to_string();
    let mut builder = tar::Builder::new(Vec::new());
    for (file, bytes) in [(config_name.as_str(), config.as_bytes()), ("layer.tar", &layer), ("manifest.json", manifest.as_bytes())] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, file, bytes).expect("writing to memory cannot fail");
    }
    let archive = bollard::body_full(builder.into_inner().expect("writing to memory cannot fail").into());
    let answers: Result<Vec<_>, _> = docker.import_image(ImportImageOptionsBuilder::new().build(), archive, None).try_collect().await;
    if let Err(error) = answers {
        panic!("image `{name}` cannot be loaded: {error}");
    }
}

/// Makes an image of a tar; `changes` are lines of a `Dockerfile`.
///
/// # Panics
/// When the engine refuses it.
pub async fn import(docker: &Docker, name: &str, changes: Vec<String>, archive: impl Stream<Item = io::Result<Bytes>> + Send + 'static) {
    let (repo, tag) = name.rsplit_once(':').expect("names of test images have tags");
    // Changes are one parameter, a line each.
    let options = CreateImageOptionsBuilder::new().from_src("-").repo(repo).tag(tag).changes(changes).build();
    let patient = docker.clone().with_timeout(std::time::Duration::from_secs(600));
    let answers: Result<Vec<_>, _> = patient.create_image(Some(options), Some(bollard::body_try_stream(archive)), None).try_collect().await;
    if let Err(error) = answers {
        panic!("image `{name}` cannot be imported: {error}");
    }
}

/// A tar with `busybox` and a link for each of its programs.
fn busybox_archive() -> Vec<u8> {
    let program = Path::new("/bin/busybox");
    let file = fs::read(program).expect("the small test image needs /bin/busybox (apt-get install busybox-static)");
    let list = output_of(Command::new(program).arg("--list"));
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |name: &str, kind: tar::EntryType, mode: u32, content: &[u8], link: Option<&str>| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        header.set_mtime(0);
        match link {
            Some(target) => builder.append_link(&mut header, name, target),
            None => builder.append_data(&mut header, name, content),
        }
        .expect("writing to memory cannot fail");
    };
    for folder in ["bin/", "etc/", "root/", "usr/", "usr/bin/", "var/"] {
        add(folder, tar::EntryType::Directory, 0o755, &[], None);
    }
    add("tmp/", tar::EntryType::Directory, 0o1777, &[], None);
    add("etc/passwd", tar::EntryType::Regular, 0o644, b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n", None);
    add("etc/group", tar::EntryType::Regular, 0o644, b"root:x:0:\nnogroup:x:65534:\n", None);
    add("bin/busybox", tar::EntryType::Regular, 0o755, &file, None);
    for applet in list.lines().filter(|applet| *applet != "busybox" && !applet.is_empty()) {
        add(&format!("bin/{applet}"), tar::EntryType::Symlink, 0o777, &[], Some("/bin/busybox"));
    }
    add("usr/bin/env", tar::EntryType::Symlink, 0o777, &[], Some("/bin/busybox"));
    builder.into_inner().expect("writing to memory cannot fail")
}

/// The file tree of the Node image: Debian, then node, npm and npm's settings.
fn node_rootfs() -> PathBuf {
    let folder = cache_folder();
    let rootfs = folder.join("node-rootfs");
    let complete = folder.join(format!("{NODE_RECIPE}.complete"));
    if complete.exists() {
        return rootfs;
    }
    // A tree that was left half made is of no use.
    if rootfs.exists() {
        fs::remove_dir_all(&rootfs).expect("an incomplete tree can be removed");
    }
    let (mirror, suite) = debian_mirror().expect("debootstrap needs a Debian mirror, and apt's sources on this machine name none");
    run(Command::new("debootstrap").args(["--variant=minbase", "--include=ca-certificates,git", &suite]).arg(&rootfs).arg(&mirror));
    for leftover in ["var/cache/apt/archives", "var/lib/apt/lists"] {
        run(Command::new("find").arg(rootfs.join(leftover)).args(["-type", "f", "-delete"]));
    }

    install_node(&rootfs);
    fs::write(&complete, "").expect("the cache folder is writable");
    rootfs
}

/// Gives a file tree the machine's own node and npm, in `/usr/local`, with the machine's registry and certificates.
pub(crate) fn install_node(rootfs: &Path) {
    let node = program_path("node");
    let npm = program_path("npm");
    let npm_folder = npm.ancestors().find(|path| path.ends_with("node_modules/npm")).expect("`npm` lies in its package's folder");
    let local = rootfs.join("usr/local");
    fs::create_dir_all(local.join("lib/node_modules")).expect("the tree is writable");
    fs::create_dir_all(local.join("etc")).expect("the tree is writable");
    fs::copy(&node, local.join("bin/node")).expect("node can be copied");
    run(Command::new("cp").arg("-a").arg(npm_folder).arg(local.join("lib/node_modules/")));
    for (name, script) in [("npm", "npm-cli.js"), ("npx", "npx-cli.js")] {
        let link = local.join("bin").join(name);
        std::os::unix::fs::symlink(format!("../lib/node_modules/npm/bin/{script}"), link).expect("the tree is writable");
    }
    // The machine's own settings, so that `npm ci` in a container comes as far as it does outside; its tokens stay here.
    let registry = output_of(Command::new("npm").args(["config", "get", "registry"]));
    let npmrc =
        format!("registry={}\ncafile=/usr/local/etc/certificates.crt\nupdate-notifier=false\nfund=false\naudit=false\n", registry.trim());
    fs::write(local.join("etc/npmrc"), npmrc).expect("the tree is writable");
    fs::create_dir_all(rootfs.join("etc/ssl/certs")).expect("the tree is writable");
    let certificates = fs::canonicalize("/etc/ssl/certs/ca-certificates.crt").expect("the machine has a certificate bundle");
    fs::copy(&certificates, rootfs.join("etc/ssl/certs/ca-certificates.crt")).expect("the bundle can be copied");
    // One that installing Debian's own certificates does not write anew.
    fs::copy(&certificates, local.join("etc/certificates.crt")).expect("the bundle can be copied");
}

/// A file tree as a tar stream with its owners and modes.
fn archive_of(rootfs: &Path) -> futures_util::stream::BoxStream<'static, io::Result<Bytes>> {
    let mut command = tokio::process::Command::new("tar");
    command.arg("--numeric-owner").arg("--one-file-system").arg("-C").arg(rootfs).args(["-c", "."]);
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("`tar` can be started");
    let output = child.stdout.take().expect("it was asked for a pipe");
    let end = futures_util::stream::once(async move {
        match child.wait().await {
            Ok(status) if status.success() => Ok(Bytes::new()),
            Ok(status) => Err(io::Error::other(format!("tar ended with {status}"))),
            Err(error) => Err(error),
        }
    });
    ReaderStream::with_capacity(output, 256 * 1024).chain(end).boxed()
}

/// First Debian mirror in apt's sources and the name of its main suite.
pub(crate) fn debian_mirror() -> Option<(String, String)> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(folder) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(folder.flatten().map(|entry| entry.path()));
    }
    files.sort();
    let codename =
        fs::read_to_string("/etc/os-release").ok()?.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=").map(str::to_owned))?;
    files.iter().filter_map(|file| fs::read_to_string(file).ok()).find_map(|text| mirror_in(&text, &codename)).map(|url| (url, codename))
}

/// The address of the mirror that carries the suite `codename` itself, in either of apt's two formats.
fn mirror_in(text: &str, codename: &str) -> Option<String> {
    for paragraph in text.split("\n\n") {
        let field = |name: &str| paragraph.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if let (Some(urls), Some(suites)) = (field("URIs:"), field("Suites:"))
            && suites.split_whitespace().any(|suite| suite == codename)
            && field("Components:").is_some_and(|components| components.split_whitespace().any(|c| c == "main"))
        {
            return urls.split_whitespace().next().map(str::to_owned);
        }
    }
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace().filter(|word| !word.starts_with('[') && !word.ends_with(']'));
        let is_source = words.next() == Some("deb");
        let url = words.next()?;
        (is_source && words.next() == Some(codename) && words.any(|component| component == "main")).then(|| url.to_owned())
    })
}

fn program_path(name: &str) -> PathBuf {
    let paths = std::env::var_os("PATH").expect("there is a PATH");
    let found = std::env::split_paths(&paths).map(|folder| folder.join(name)).find(|path| path.is_file());
    fs::canonicalize(found.unwrap_or_else(|| panic!("the Node test image needs `{name}` on this machine")))
        .expect("a found file has a path")
}

/// Where what takes long to make is kept between runs of the tests.
pub(crate) fn cache_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace folder").join("target"), PathBuf::from);
    let folder = target.join("lp-test-images");
    fs::create_dir_all(&folder).expect("the target folder is writable");
    folder
}

pub(crate) fn lock(name: &str) -> fs::File {
    let file = fs::File::create(cache_folder().join(name)).expect("the target folder is writable");
    file.lock().expect("a file can be locked");
    file
}

pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

pub(crate) fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_of_sources() {
        let old = "# c\ndeb [signed-by=/k] http://packages.example/x stable main\ndeb http://mirror.example/debian bookworm main contrib\n";
        let new = "Types: deb\nURIs: http://other.example/x\nSuites: nodistro\nComponents: main\n\nTypes: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n";
        for text in [old, new] {
            assert_eq!(mirror_in(text, "bookworm").as_deref(), Some("http://mirror.example/debian"));
            assert_eq!(mirror_in(text, "trixie"), None);
        }
    }
}
