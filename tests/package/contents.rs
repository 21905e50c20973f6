//! What stands in the two packages.

use super::{made, output, version};
use lp_tests::desktop::root;
use std::collections::BTreeSet;
use std::process::Command;

/// The files of the `.deb`, as absolute paths.
pub fn of_the_deb() -> BTreeSet<String> {
    let list = output(Command::new("dpkg-deb").arg("--contents").arg(made("deb")));
    // Mode, owner, size, date, time, path.
    let files = list.lines().filter(|line| !line.starts_with('d')).filter_map(|line| line.split_whitespace().nth(5));
    files.map(|path| format!("/{}", path.trim_start_matches("./"))).collect()
}

/// A field of the `.deb`.
fn field(name: &str) -> String {
    output(Command::new("dpkg-deb").arg("--field").arg(made("deb")).arg(name)).trim().to_owned()
}

/// What the `.rpm` answers.
fn asked(question: &[&str]) -> String {
    output(Command::new("rpm").arg("--query").arg("--package").args(question).arg(made("rpm")))
}

/// A text file out of the `.deb`.
fn text(path: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    output(Command::new("dpkg-deb").arg("--extract").arg(made("deb")).arg(folder.path()));
    std::fs::read_to_string(folder.path().join(path.trim_start_matches('/'))).expect("it is in the package")
}

#[test]
fn the_version_comes_from_one_place() {
    assert_eq!(field("Version"), version());
    assert_eq!(asked(&["--queryformat", "%{VERSION}"]), version());
    // A second place would go stale.
    for (file, key) in [("src-tauri/tauri.conf.json", "/version"), ("ui/package.json", "/version")] {
        let content: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(root().join(file)).expect("ours")).expect("it is JSON");
        assert_eq!(content.pointer(key), None, "{file}");
    }
}

#[test]
fn both_packages_hold_the_same() {
    let rpm: BTreeSet<String> = asked(&["--list"]).lines().map(str::to_owned).collect();
    // Two systems, two places.
    let moved = [
        ("/usr/share/zsh/vendor-completions/_letterpress", "/usr/share/zsh/site-functions/_letterpress"),
        ("/usr/share/doc/letterpress/copyright", "/usr/share/licenses/letterpress/LICENSE"),
    ];
    let deb = of_the_deb();
    let there = |path: String| moved.iter().find(|(of_deb, _)| *of_deb == path).map_or(path.clone(), |(_, of_rpm)| (*of_rpm).to_owned());
    assert_eq!(deb.iter().cloned().map(there).collect::<BTreeSet<_>>(), rpm);
    for file in [
        "/usr/bin/letterpress",
        "/usr/bin/letterpress-desktop",
        "/usr/share/applications/Letterpress.desktop",
        "/usr/share/metainfo/app.letterpress.desktop.metainfo.xml",
        "/usr/share/icons/hicolor/128x128/apps/letterpress-desktop.png",
        "/usr/share/man/man1/letterpress.1.gz",
        "/usr/share/bash-completion/completions/letterpress",
        "/usr/share/zsh/vendor-completions/_letterpress",
        "/usr/share/fish/vendor_completions.d/letterpress.fish",
    ] {
        assert!(deb.contains(file), "`{file}` is missing in {deb:?}");
    }
}

#[test]
fn what_is_loaded_or_only_read_is_asked_for_too() {
    let depends = field("Depends");
    for package in ["libwebkit2gtk-4.1-0", "libgtk-3-0", "libc6 (>= ", "libayatana-appindicator3-1", "ca-certificates"] {
        assert!(depends.contains(package), "`{package}` is missing in {depends}");
    }
    let requires = asked(&["--requires"]);
    for name in ["libwebkit2gtk-4.1.so.0()(64bit)", "libc.so.6()(64bit)", "libayatana-appindicator3.so.1()(64bit)", "ca-certificates"] {
        assert!(requires.lines().any(|line| line == name), "`{name}` is missing in {requires}");
    }
}

#[test]
fn menus_and_software_centres_read_it_in_both_languages() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let entry = text("/usr/share/applications/Letterpress.desktop");
    for line in ["Name=Letterpress", "Name[zh_CN]=Letterpress", "Exec=letterpress-desktop %u", "MimeType=x-scheme-handler/letterpress;"] {
        assert!(entry.lines().any(|one| one == line), "`{line}` is missing in:\n{entry}");
    }
    assert!(entry.contains("\nComment=") && entry.contains("\nComment[zh_CN]="), "{entry}");
    let file = folder.path().join("Letterpress.desktop");
    std::fs::write(&file, entry).expect("our own folder");
    output(Command::new("desktop-file-validate").arg(&file));

    let about = text("/usr/share/metainfo/app.letterpress.desktop.metainfo.xml");
    assert!(about.contains("<summary xml:lang=\"zh-CN\">"), "{about}");
    let file = folder.path().join("app.letterpress.desktop.metainfo.xml");
    std::fs::write(&file, about).expect("our own folder");
    output(Command::new("appstreamcli").args(["validate", "--no-net"]).arg(&file));
}
