//! The front end's types are those of the DTOs. `UPDATE_TYPES=1` writes them anew.
#![allow(clippy::unwrap_used)]

use lp_api::dto;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use ts_rs::{Config, TS};

/// Everything that crosses, with what it refers to.
fn generate(folder: &Path) {
    let config = Config::new().with_out_dir(folder);
    macro_rules! export {
        ($($type:ident),+ $(,)?) => { $(dto::$type::export_all(&config).unwrap();)+ };
    }
    export!(
        ApiError,
        AppStatus,
        Settings,
        KeptFiles,
        ProjectSummary,
        ProjectDetail,
        ReportDto,
        RunRequest,
        RunPreview,
        RunFilter,
        RunPage,
        RunDetail,
        LogSummary,
        LogRange,
        LogHit,
        LogPart,
        LogKey,
        Notice,
        FeedPlace,
        Activity,
        SecretScope,
        SecretEntry,
        Uncovered,
        SearchRequest,
        SearchNews,
    );
    let names = files(folder).into_keys().filter_map(|name| name.strip_suffix(".ts").map(str::to_owned));
    let lines: String = names.map(|name| format!("export type {{ {name} }} from \"./{name}\";\n")).collect();
    fs::write(folder.join("index.ts"), format!("// Written by the test that writes the other files here. Do not edit.\n{lines}")).unwrap();
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())).collect()
}

/// The catalogue of the core's sentences as the front end loads it.
#[test]
fn the_front_ends_sentences_are_not_stale() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../ui/src/i18n/zh-CN/sentences.json");
    let sentences: BTreeMap<&str, &str> = lp_model::message::catalogue().collect();
    let fresh = serde_json::to_string_pretty(&sentences).unwrap() + "\n";
    if std::env::var_os("UPDATE_TYPES").is_some() {
        fs::write(path, fresh).unwrap();
        return;
    }
    let is_stale = fs::read_to_string(path).unwrap() != fresh;
    assert!(!is_stale, "stale; write it anew with `UPDATE_TYPES=1 cargo test --release -p lp-api --test types`");
}

#[test]
fn the_front_ends_types_are_not_stale() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../ui/src/api/types");
    let fresh = tempfile::tempdir().unwrap();
    generate(fresh.path());
    let (fresh, stored) = (files(fresh.path()), files(&committed));
    if std::env::var_os("UPDATE_TYPES").is_some() {
        for name in stored.keys().filter(|name| !fresh.contains_key(*name)) {
            fs::remove_file(committed.join(name)).unwrap();
        }
        for (name, text) in &fresh {
            fs::write(committed.join(name), text).unwrap();
        }
        return;
    }
    let stale: Vec<&String> = fresh.keys().chain(stored.keys()).filter(|name| fresh.get(*name) != stored.get(*name)).collect();
    assert!(stale.is_empty(), "stale: {stale:?}; write them anew with `UPDATE_TYPES=1 cargo test --release -p lp-api --test types`");
}
