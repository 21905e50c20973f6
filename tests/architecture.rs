//! The arrows between the packages, and where the heavy libraries may be used. A new arrow is its own commit, which edits
//! [`ARROWS`] and says why.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Package -> packages of ours that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("lp-model", &[]),
    // The YAML node tree is one crate because pipeline files and `.letterpress.yml` both need it and neither may use the other.
    ("lp-yaml", &["lp-model"]),
    ("lp-pipeline", &["lp-model", "lp-yaml"]),
    ("lp-workflow", &["lp-model", "lp-yaml"]),
    ("lp-secret", &["lp-model"]),
    ("lp-store", &["lp-model"]),
    ("lp-git", &["lp-model"]),
    ("lp-registry", &["lp-model", "lp-secret"]),
    // Deliveries become event facts (model), and are verified with the secret of the webhook.
    ("lp-forge", &["lp-model", "lp-secret"]),
    // Schedules need nothing but words; git and forge come with polling and deliveries.
    ("lp-trigger", &["lp-model"]),
    ("lp-backend", &["lp-model", "lp-secret"]),
    ("lp-backend-docker", &["lp-backend", "lp-model", "lp-registry", "lp-secret"]),
    ("lp-backend-host", &["lp-backend", "lp-model", "lp-secret"]),
    ("lp-engine", &["lp-backend", "lp-model", "lp-secret"]),
    (
        "lp-api",
        &[
            "lp-model",
            "lp-pipeline",
            "lp-workflow",
            "lp-secret",
            "lp-registry",
            "lp-backend",
            "lp-backend-docker",
            "lp-backend-host",
            "lp-engine",
            "lp-store",
            "lp-git",
            "lp-forge",
        ],
    ),
    ("lp-cli", &["lp-api"]),
    ("letterpress-desktop", &["lp-api"]),
];

/// Library -> the only packages of ours that may name it. `lp-tests` may use anything.
const HOMES: &[(&str, &[&str])] = &[
    ("tauri", &["letterpress-desktop"]),
    ("bollard", &["lp-backend-docker"]),
    ("sqlx", &["lp-store"]),
    ("git2", &["lp-git"]),
    ("clap", &["lp-cli"]),
    ("granit-parser", &["lp-yaml"]),
    ("keyring", &["lp-secret"]),
];

/// Packages that are pure: no runtime, no I/O libraries.
const PURE: &[&str] = &["lp-model", "lp-yaml", "lp-pipeline", "lp-workflow"];
const IMPURE: &[&str] = &["tokio", "tokio-util", "rustix", "tempfile", "uuid", "jiff", "async-trait", "futures-util"];

struct Package {
    name: String,
    uses: BTreeSet<String>,
}

/// The workspace's packages with their normal and build dependencies (dev-dependencies may go anywhere).
fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO")).args(["metadata", "--no-deps", "--format-version=1", "--offline"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| Package {
            name: text(&package["name"]),
            uses: package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
                .map(|dependency| text(&dependency["name"]))
                .collect(),
        })
        .collect()
}

#[test]
fn arrows_are_those_of_the_plan() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = ARROWS.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut wrong = Vec::new();
    for package in packages.iter().filter(|package| package.name != "lp-tests") {
        let Some(allowed) = allowed.get(package.name.as_str()) else {
            wrong.push(format!("`{}` stands in no row of ARROWS", package.name));
            continue;
        };
        for used in package.uses.iter().filter(|used| ours.contains(used.as_str()) && !allowed.contains(used.as_str())) {
            wrong.push(format!("`{}` may not use `{used}`", package.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (name, _) in ARROWS {
        assert!(ours.contains(name), "ARROWS names `{name}`, which is gone");
    }
}

#[test]
fn each_library_stays_in_its_home() {
    for package in packages().iter().filter(|package| package.name != "lp-tests") {
        for (library, homes) in HOMES {
            assert!(
                !package.uses.contains(*library) || homes.contains(&package.name.as_str()),
                "`{}` may not use `{library}`",
                package.name
            );
        }
    }
}

#[test]
fn pure_packages_are_pure() {
    for package in packages().iter().filter(|package| PURE.contains(&package.name.as_str())) {
        for library in IMPURE {
            assert!(!package.uses.contains(*library), "`{}` is pure and may not use `{library}`", package.name);
        }
    }
}

/// Pure packages read no clock, no environment and no files, in their own code either.
#[test]
fn pure_packages_ask_the_system_nothing() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("src-tauri/crates");
    for name in PURE {
        let folder = root.join(name.trim_start_matches("lp-")).join("src");
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                // Tests may look around; what ships may not.
                if entry.file_name() == "tests.rs" {
                    continue;
                }
                let text = std::fs::read_to_string(entry.path()).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                for word in ["std::fs", "std::env", "std::net", "std::process", "SystemTime", "Instant::now", "std::thread"] {
                    assert!(!text.contains(word), "{} uses `{word}`", entry.path().display());
                }
            }
        }
    }
}

/// The map points at modules; a module that moves takes its line with it.
#[test]
fn the_map_points_at_what_is_there() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../src-tauri");
    let map = std::fs::read_to_string(folder.join("ARCHITECTURE.md")).unwrap();
    let targets: Vec<&str> = map.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(targets.len() > 50, "{}", targets.len());
    let gone: Vec<&&str> = targets.iter().filter(|target| !folder.join(target).exists()).collect();
    assert!(gone.is_empty(), "ARCHITECTURE.md points at nothing: {gone:?}");
}
