//! `letterpress doctor`: what there is on this computer.

use crate::arguments::{Doctor, Format};
use crate::exit::ExitCode;
use lp_api::App;
use lp_api::dto::{ApiError, EngineStatus, KeyPlaceWord};
use std::sync::Arc;

fn described(engine: &EngineStatus) -> String {
    format!("{} {} (API {}) at {}", engine.name, engine.version, engine.api_version, place(engine))
}

fn place(engine: &EngineStatus) -> String {
    if engine.context.is_empty() { engine.address.clone() } else { format!("{} (docker context `{}`)", engine.address, engine.context) }
}

/// Prints it; ends with "no engine" when none answers.
pub async fn carry_out(app: &Arc<App>, wanted: Doctor) -> Result<ExitCode, ApiError> {
    app.check_key().await;
    let status = app.probe_engines().await?;
    let engine = status.engines.iter().find(|engine| engine.used && engine.answers);
    let code = if engine.is_some() { ExitCode::Passed } else { ExitCode::NoEngine };
    if wanted.format == Format::Json {
        crate::say::json(&status);
        return Ok(code);
    }
    say!("letterpress {}", status.version);
    match engine {
        Some(engine) => {
            say!("✓ container engine: {}", described(engine));
            if engine.started_by_app {
                say!("    letterpress has started the service of Podman, because no other engine answered, and ends it with itself");
            }
        }
        None => {
            say!("✗ container engine: none answers");
            say!("    start Docker or Podman; until then only the sample runs, directly on this computer");
        }
    }
    // The others: usual places where nothing answers are of interest only to one who has no engine.
    for other in status.engines.iter().filter(|other| engine.is_none_or(|engine| engine.choice != other.choice)) {
        if other.answers {
            say!("    also: {}", described(other));
        } else if engine.is_none() || !other.context.is_empty() {
            say!("    {}: {}", place(other), other.problem);
        }
    }
    for logins in app.registry_logins().await {
        let hosts = if logins.hosts.is_empty() { "none of a host of its own".to_owned() } else { logins.hosts.join(", ") };
        say!("{} registry logins in {}: {hosts}", if logins.problems.is_empty() { "✓" } else { "!" }, logins.place);
        for problem in logins.problems {
            say!("    {problem}");
        }
    }
    let gigabytes = status.disk.free_bytes as f64 / 1e9;
    say!("{} free disk space: {gigabytes:.1} GB", if status.disk.low { "✗" } else { "✓" });
    say!("✓ data folder: {}", status.data_folder);
    match status.key_place {
        KeyPlaceWord::OsKeyStore => say!("✓ key for secrets: in the key store of the system"),
        KeyPlaceWord::File => say!("! key for secrets: in the file {} (no key store answers)", status.key_path),
        KeyPlaceWord::NotYet => say!("✓ key for secrets: made with the first secret"),
        KeyPlaceWord::NotFetched => say!("✓ key for secrets: fetched when a secret is needed"),
        KeyPlaceWord::Unavailable => {
            say!("✗ key for secrets: cannot be found or read; restore it, or remove the secrets and set them anew")
        }
    }
    if app.is_driven_elsewhere() {
        say!("! another letterpress drives the runs of this data folder");
    }
    Ok(code)
}
