//! The package as a person meets it: installed on a fresh Debian by the one command of the README, used by an ordinary user, and removed
//! without a trace. And what stands in it, judged by those who read it: menus, software centres, the other family's package tool.
#![allow(missing_docs)]

mod contents;

use fantoccini::{Client, ClientBuilder, Locator};
use lp_tests::computer::{Computer, User};
use lp_tests::desktop::{Desk, PATIENCE, root};
use lp_tests::press::{Going, Said};
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// How often something is looked at that tells nobody when it changes.
const BEAT: Duration = Duration::from_millis(50);
/// A link that would start something if a link could.
const LINK: &str = "letterpress://run/sample?version=1.1.0";

/// The package with that ending, made by `./dev test` before the tests.
fn made(ending: &str) -> PathBuf {
    let folder = root().join("target/package");
    let mut files = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let found = files.find(|path| path.extension().is_some_and(|one| one == ending));
    found.unwrap_or_else(|| panic!("no .{ending} in `{}`: run `./dev package`", folder.display()))
}

/// What a program of the machine prints; it must do what is asked.
fn output(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|problem| panic!("{command:?} cannot be started: {problem}; `./dev test` installs it"));
    Said::from(done).expect(0).out
}

/// The version that all of it has: that of the workspace.
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Waits until the person sees exactly these windows.
async fn windows_are(desk: &Desk, titles: &[&str]) {
    // Number, desktop, computer, title.
    let seen = || {
        let listed =
            Command::new("wmctrl").arg("-l").env("DISPLAY", desk.display()).output().expect("`wmctrl` is installed by `./dev test`");
        let lines = String::from_utf8_lossy(&listed.stdout).into_owned();
        lines.lines().map(|line| line.split_whitespace().skip(3).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    let mut beat = tokio::time::interval(BEAT);
    let so = async {
        while seen() != titles {
            beat.tick().await;
        }
    };
    if tokio::time::timeout(PATIENCE, so).await.is_err() {
        panic!("the windows are not {titles:?} but {:?}", seen());
    }
}

/// A session bus of the person there; its address.
fn bus(computer: &Computer) -> String {
    computer.say(User::Person, &["dbus-daemon", "--session", "--fork", "--print-address=1"]).expect(0).out.trim().to_owned()
}

/// A program of the person at the desk, on that bus.
fn at(computer: &Computer, desk: &Desk, bus: &str, words: &[&str]) -> Command {
    let mut command = computer.command(User::Person, words);
    command.env("DISPLAY", desk.display()).env("DBUS_SESSION_BUS_ADDRESS", bus);
    command
}

/// Number of runs in the person's history.
fn runs(computer: &Computer) -> usize {
    let history = computer.say(User::Person, &["letterpress", "history", "--format", "json"]).expect(0).json();
    history["runs"].as_array().unwrap_or_else(|| panic!("no runs in {history}")).len()
}

/// Opens the window through WebDriver, there.
async fn driven(computer: &Computer, desk: &Desk, bus: &str) -> (Going, Client) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("loopback has ports").port();
    let mut driver = at(computer, desk, bus, &["WebKitWebDriver", &format!("--port={port}")]);
    driver.env("TAURI_WEBVIEW_AUTOMATION", "true");
    let driver = Going::of(driver);
    let listens = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, listens).await.expect("WebKitWebDriver listens");
    let wanted = json!({"webkitgtk:browserOptions": {"binary": "/usr/bin/letterpress-desktop", "args": []}});
    let serde_json::Value::Object(wanted) = wanted else { unreachable!("an object was written above") };
    let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
    let client = builder.capabilities(wanted).connect(&format!("http://127.0.0.1:{port}")).await.expect("the window opens");
    (driver, client)
}

/// What is there beside the window.
fn the_command_is_complete(computer: &Computer) {
    let said = computer.say(User::Person, &["letterpress", "--version"]).expect(0).out;
    assert_eq!(said.trim(), format!("letterpress {}", version()));
    let page = computer.say(User::Person, &["zcat", "/usr/share/man/man1/letterpress-run.1.gz"]).expect(0).out;
    assert!(page.contains(".TH letterpress-run 1"), "{page}");
    let script = "source /usr/share/bash-completion/completions/letterpress && complete -p letterpress";
    computer.say(User::Person, &["bash", "-c", script]).expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_installs_it_uses_it_and_removes_it() {
    let computer = Computer::fresh();
    std::fs::copy(made("deb"), computer.path("/root/letterpress.deb")).expect("the tree is writable");
    let files = contents::of_the_deb();
    let before: Vec<&String> = files.iter().filter(|file| computer.path(file).symlink_metadata().is_ok()).collect();
    assert!(before.is_empty(), "{before:?} were there before");

    computer.say(User::Root, &["sh", "-c", "cd /root && exec apt-get install -y ./letterpress.deb"]).expect(0);
    the_command_is_complete(&computer);
    computer.say(User::Person, &["letterpress", "run", "sample", "--backend", "host"]).expect(0);
    let runs_so_far = runs(&computer);
    assert_eq!(runs_so_far, 1);

    // The window, with nothing there but what the package asks for. It is closed as a person does.
    let desk = Desk::new("C.UTF-8", &[]);
    let window = Going::of(at(&computer, &desk, &bus(&computer), &["letterpress-desktop"]));
    windows_are(&desk, &["Letterpress"]).await;
    output(Command::new("wmctrl").args(["-c", "Letterpress"]).env("DISPLAY", desk.display()));
    window.end().await.expect(0);

    // What a test needs to look into the window, and what each desktop has to open links.
    let tools = ["apt-get", "install", "-y", "webkit2gtk-driver", "desktop-file-utils", "libglib2.0-bin"];
    computer.say(User::Root, &tools).expect(0);
    let bus = bus(&computer);
    let handlers = at(&computer, &desk, &bus, &["gio", "mime", "x-scheme-handler/letterpress"]).output().expect("`gio` is installed");
    let handlers = Said::from(handlers).expect(0).out;
    assert!(handlers.contains("Letterpress.desktop"), "{handlers}");
    let (driver, client) = driven(&computer, &desk, &bus).await;
    // The page is alive, and knows what the terminal did: there was no project before.
    let card = Locator::Css("[data-testid=\"project-card\"]");
    client.wait().at_most(PATIENCE).for_element(card).await.expect("the window shows the project of the terminal's run");
    // A link opens the window and starts nothing.
    let launch = ["gio", "launch", "/usr/share/applications/Letterpress.desktop", LINK];
    Said::from(at(&computer, &desk, &bus, &launch).output().expect("`gio` is installed")).expect(0);
    Said::from(at(&computer, &desk, &bus, &["letterpress-desktop", LINK]).output().expect("it is installed")).expect(0);
    windows_are(&desk, &["Letterpress"]).await;
    assert_eq!(runs(&computer), runs_so_far, "a link has started a run");
    client.close().await.expect("the session ends");
    windows_are(&desk, &[]).await;
    drop(driver);

    computer.say(User::Root, &["apt-get", "purge", "-y", "letterpress"]).expect(0);
    let left: Vec<&String> = files.iter().filter(|file| computer.path(file).symlink_metadata().is_ok()).collect();
    assert!(left.is_empty(), "{left:?} were left");
    std::fs::remove_file(computer.path("/root/letterpress.deb")).expect("it was copied there");
    let found = ["find", "/", "-xdev", "-path", "/home", "-prune", "-o", "-iname", "*letterpress*", "-print"];
    let others = computer.say(User::Root, &found).expect(0).out;
    assert_eq!(others, "", "files are left");
    let cache = std::fs::read_to_string(computer.path("/usr/share/applications/mimeinfo.cache")).unwrap_or_default();
    assert!(!cache.contains("etterpress"), "{cache}");
    // What is the person's own stays.
    assert!(computer.path("/home/person/.local/share/letterpress/letterpress.db").is_file());
}
