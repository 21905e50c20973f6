//! The real window for tests: a virtual display with a window manager and a bus of its own, WebKit's WebDriver, and the release
//! binary with a fresh home folder.

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long a page may take to show what is expected. Generous: a loaded machine must not fail a test.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often something is looked at that tells nobody when it changes.
const BEAT: Duration = Duration::from_millis(50);

/// A program that ends with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _gone_already = self.0.wait();
    }
}

/// A display, a bus and a home folder: what stays when the window is closed and opened again.
pub struct Desk {
    home: tempfile::TempDir,
    display: String,
    environment: Vec<(String, String)>,
    _running: Vec<Running>,
}

/// An open window.
pub struct Window {
    /// The WebDriver session.
    pub client: Client,
    data_folder: PathBuf,
    /// What the app was started with.
    environment: Vec<(String, OsString)>,
    _driver: Running,
    _bus: Running,
}

fn spawn(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|problem| {
        panic!("`{:?}` cannot be started: {problem}; `./dev test` installs what is needed", command.get_program())
    })
}

/// A program at that desk, whose words nobody reads.
fn in_environment<'a>(command: &'a mut Command, environment: &[(String, OsString)]) -> &'a mut Command {
    command
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("XDG_DATA_HOME")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

impl Desk {
    /// A fresh desk. `language` is the system's (`zh_CN.UTF-8`, `en_US.UTF-8`); `more` are further environment variables.
    pub fn new(language: &str, more: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).expect("our own folder");

        let mut xvfb = spawn(
            Command::new("Xvfb")
                .args(["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let mut number = String::new();
        BufReader::new(xvfb.stdout.take().expect("piped")).read_line(&mut number).expect("Xvfb says its display");
        let display = format!(":{}", number.trim());
        assert!(display.len() > 1, "Xvfb did not start");

        let manager =
            spawn(Command::new("openbox").env("DISPLAY", &display).env("HOME", home.path()).stdout(Stdio::null()).stderr(Stdio::null()));
        let mut environment = vec![("LANG".to_owned(), language.to_owned()), ("LC_ALL".to_owned(), language.to_owned())];
        environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self { home, display, environment, _running: vec![Running(xvfb), Running(manager)] }
    }

    /// The home folder of the person at this desk.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The display, as `DISPLAY` names it.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// The data folder that the window uses.
    pub fn data_folder(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Opens the window.
    pub async fn open(&self) -> Window {
        let runtime = self.home.path().join("runtime");
        std::fs::create_dir_all(&runtime).expect("our own folder");
        std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o700)).expect("our own folder");
        // A bus of its own: on a shared one the name of an app that has just ended may not be free yet, and a second start would only call it.
        let mut daemon = spawn(
            Command::new("dbus-daemon").args(["--session", "--nofork", "--print-address=1"]).stdout(Stdio::piped()).stderr(Stdio::null()),
        );
        let mut bus = String::new();
        BufReader::new(daemon.stdout.take().expect("piped")).read_line(&mut bus).expect("dbus-daemon says its address");
        let daemon = Running(daemon);
        let port = free_port();
        let mut environment: Vec<(String, OsString)> = vec![
            ("DISPLAY".to_owned(), self.display.clone().into()),
            ("DBUS_SESSION_BUS_ADDRESS".to_owned(), bus.trim().into()),
            ("HOME".to_owned(), self.home.path().into()),
            ("XDG_RUNTIME_DIR".to_owned(), runtime.into()),
            ("LETTERPRESS_HOME".to_owned(), self.data_folder().into()),
        ];
        environment.extend(self.environment.iter().map(|(name, value)| (name.clone(), value.into())));
        let mut command = Command::new("WebKitWebDriver");
        let driver =
            spawn(in_environment(&mut command, &environment).arg(format!("--port={port}")).env("TAURI_WEBVIEW_AUTOMATION", "true"));
        let driver = Running(driver);
        wait_for_port(port).await;
        let binary = binary("letterpress-desktop");
        let wanted = json!({"webkitgtk:browserOptions": {"binary": binary, "args": []}});
        let serde_json::Value::Object(wanted) = wanted else { unreachable!("an object was written above") };
        let mut builder = ClientBuilder::new(hyper_util_connector());
        let address = format!("http://127.0.0.1:{port}");
        let client = tokio::time::timeout(PATIENCE, builder.capabilities(wanted).connect(&address))
            .await
            .unwrap_or_else(|_| panic!("the window `{}` did not open within {PATIENCE:?}", binary.display()))
            .unwrap_or_else(|problem| panic!("the window `{}` did not open: {problem}", binary.display()));
        Window { client, data_folder: self.data_folder(), environment, _driver: driver, _bus: daemon }
    }

    /// Ends the app as a crash would, without asking it.
    pub fn kill_app(&self) {
        let pid = app_pid(&self.data_folder()).expect("the app runs");
        let pid = rustix::process::Pid::from_raw(pid).expect("a process id is positive");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is ours");
    }
}

fn hyper_util_connector() -> hyper_util::client::legacy::connect::HttpConnector {
    hyper_util::client::legacy::connect::HttpConnector::new()
}

impl Window {
    /// Keeps what the window shows as `tests/artifacts/NAME.png`, once all of it is drawn.
    pub async fn screenshot(&self, name: &str) {
        let drawn = "const [done] = arguments;
            const lasts = document.getAnimations().filter(one => one.effect.getComputedTiming().endTime !== Infinity);
            Promise.allSettled([document.fonts.ready, ...lasts.map(one => one.finished)])
                .then(() => requestAnimationFrame(() => requestAnimationFrame(done)))";
        self.client.execute_async(drawn, vec![]).await.expect("the page is drawn");
        let folder = root().join("tests/artifacts");
        std::fs::create_dir_all(&folder).expect("our own folder");
        let picture = self.client.screenshot().await.expect("the window can be drawn");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("our own file");
    }

    /// The element with that `data-testid`, once it is there.
    pub async fn find(&self, test_id: &str) -> Element {
        self.css(&format!("[data-testid=\"{test_id}\"]")).await
    }

    /// The element that a CSS selector finds, once it is there.
    pub async fn css(&self, selector: &str) -> Element {
        self.css_within(selector, PATIENCE).await
    }

    /// The same with another patience.
    pub async fn css_within(&self, selector: &str, patience: Duration) -> Element {
        match self.client.wait().at_most(patience).for_element(Locator::Css(selector)).await {
            Ok(element) => element,
            Err(problem) => panic!("`{selector}` did not appear within {patience:?}: {problem}\nthe page says:\n{}", self.text().await),
        }
    }

    /// All elements that a CSS selector finds now.
    pub async fn all(&self, selector: &str) -> Vec<Element> {
        self.client.find_all(Locator::Css(selector)).await.expect("the page answers")
    }

    /// Everything that can be read on the page.
    pub async fn text(&self) -> String {
        let body = self.client.execute("return document.body.innerText", vec![]).await;
        body.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Waits until a text can be read on the page.
    pub async fn says(&self, text: &str) {
        let mut beat = tokio::time::interval(BEAT);
        let said = async {
            while !self.text().await.contains(text) {
                beat.tick().await;
            }
        };
        if tokio::time::timeout(PATIENCE, said).await.is_err() {
            panic!("`{text}` did not appear within {PATIENCE:?}; the page says:\n{}", self.text().await);
        }
    }

    /// Clicks the element with that `data-testid`, once it is there and enabled. What has a consequence takes no press in its first moment.
    pub async fn click(&self, test_id: &str) {
        let selector = format!("[data-testid=\"{test_id}\"]:not([disabled]):not([aria-disabled=\"true\"]):not([data-armed=\"false\"])");
        self.css(&selector).await.click().await.unwrap_or_else(|problem| panic!("`{test_id}` cannot be clicked: {problem}"));
    }

    /// Calls a command of the app as the front end does.
    pub async fn invoke(&self, command: &str, arguments: serde_json::Value) -> serde_json::Value {
        let script = "const [command, args, done] = arguments;
            window.__TAURI_INTERNALS__.invoke(command, args).then(value => done({ok: value}), error => done({error}))";
        self.client.execute_async(script, vec![json!(command), arguments]).await.expect("the page answers")
    }

    /// Titles of the windows that the person sees: that of the app, and whatever it may have opened.
    pub fn titles(&self) -> Vec<String> {
        let listed = in_environment(&mut Command::new("wmctrl"), &self.environment).arg("-l").stdout(Stdio::piped()).output();
        let listed = listed.unwrap_or_else(|problem| panic!("`wmctrl` cannot be started: {problem}; `./dev test` installs what is needed"));
        // Number, desktop, computer, title.
        let lines = String::from_utf8_lossy(&listed.stdout).into_owned();
        lines
            .lines()
            .filter_map(|line| line.split_whitespace().nth(3).map(|word| line[line.find(word).unwrap_or(0)..].to_owned()))
            .collect()
    }

    /// Waits until the person sees so many windows.
    pub async fn windows_are(&self, count: usize) {
        let mut beat = tokio::time::interval(BEAT);
        let so_many = async {
            while self.titles().len() != count {
                beat.tick().await;
            }
        };
        if tokio::time::timeout(PATIENCE, so_many).await.is_err() {
            panic!("there are not {count} windows but {:?}", self.titles());
        }
    }

    /// Presses the cross of the window's frame. While runs go on the app only hides it.
    pub async fn press_the_cross(&self) {
        self.windows_are(1).await;
        let pressed = in_environment(&mut Command::new("wmctrl"), &self.environment).args(["-c", "Letterpress"]).status();
        assert!(pressed.expect("`wmctrl` was just used").success(), "no window is called so: {:?}", self.titles());
    }

    /// Starts the app once more beside the one that runs; ends when the second one has.
    pub async fn start_again(&self) {
        let environment = self.environment.clone();
        let second = move || in_environment(&mut Command::new(binary("letterpress-desktop")), &environment).status();
        let ended = tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(second)).await;
        assert!(ended.expect("a second start only calls the first one").expect("it is no panic").expect("it starts").success());
    }

    /// Closes the window and waits until the app has ended.
    pub async fn close(self) {
        self.client.clone().close().await.expect("the session ends");
        self.ended().await;
    }

    /// Waits until the app has ended by itself.
    pub async fn ended(self) {
        // A second start while the first is still closing would only call the first one (there is one instance per desk).
        let gone = async {
            while app_pid(&self.data_folder).is_some() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.expect("the app ends when its window is closed");
    }
}

/// The app's process over that data folder, while there is one.
fn app_pid(data_folder: &Path) -> Option<i32> {
    let mine = format!("LETTERPRESS_HOME={}", data_folder.display());
    let executable = binary("letterpress-desktop");
    let processes = std::fs::read_dir("/proc").expect("there is /proc").flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).find(|pid| {
        let is_ours = std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|path| path == executable);
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        is_ours && environment.split(|byte| *byte == 0).any(|entry| entry == mine.as_bytes())
    })
}

/// Top of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the project").to_owned()
}

/// A binary of ours, built by `./dev test` in the same profile as the tests.
pub fn binary(name: &str) -> PathBuf {
    // Tests lie in target/release/deps, the bench in target/release.
    let ours = std::env::current_exe().expect("we run");
    let folder = ours.ancestors().skip(1).find(|folder| !folder.ends_with("deps")).expect("a program lies in a folder").to_owned();
    let path = folder.join(name);
    assert!(path.is_file(), "`{}` is not built: run `./dev test`, or `cargo build --release --workspace --all-targets`", path.display());
    path
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("loopback has ports").port()
}

async fn wait_for_port(port: u16) {
    let reached = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("WebKitWebDriver listens");
}
