//! `letterpress doctor`: what there is on this computer.

use crate::arguments::{Doctor, Format};
use crate::exit::ExitCode;
use crate::say::words;
use lp_api::dto::{ApiError, EngineStatus, KeyPlaceWord};
use lp_api::{App, Message, message};
use std::sync::Arc;

fn described(engine: &EngineStatus) -> Message {
    message!("{} {} (API {}) at {}", engine.name, engine.version, engine.api_version, place(engine))
}

fn place(engine: &EngineStatus) -> Message {
    match engine.context.as_str() {
        "" => Message::verbatim(&engine.address),
        context => message!("{} (docker context `{}`)", engine.address, context),
    }
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
            tell!("✓ container engine: {}", described(engine));
            if engine.started_by_app {
                tell!("    letterpress has started the service of Podman, because no other engine answered, and ends it with itself");
            }
        }
        None => {
            tell!("✗ container engine: none answers");
            tell!("    start Docker or Podman; until then only the sample runs, directly on this computer");
        }
    }
    // The others: usual places where nothing answers are of interest only to one who has no engine.
    for other in status.engines.iter().filter(|other| engine.is_none_or(|engine| engine.choice != other.choice)) {
        if other.answers {
            tell!("    also: {}", described(other));
        } else if engine.is_none() || !other.context.is_empty() {
            tell!("    {}: {}", place(other), other.problem);
        }
    }
    for logins in app.registry_logins().await {
        let hosts = match logins.hosts.is_empty() {
            true => message!("none of a host of its own"),
            false => Message::verbatim(logins.hosts.join(", ")),
        };
        tell!("{} registry logins in {}: {}", if logins.problems.is_empty() { "✓" } else { "!" }, logins.place, hosts);
        for problem in logins.problems {
            say!("    {}", words(&problem));
        }
    }
    let gigabytes = status.disk.free_bytes as f64 / 1e9;
    tell!("{} free disk space: {} GB", if status.disk.low { "✗" } else { "✓" }, format_args!("{gigabytes:.1}"));
    tell!("✓ data folder: {}", status.data_folder);
    match status.key_place {
        KeyPlaceWord::OsKeyStore => tell!("✓ key for secrets: in the key store of the system"),
        KeyPlaceWord::File => tell!("! key for secrets: in the file {} (no key store answers)", status.key_path),
        KeyPlaceWord::NotYet => tell!("✓ key for secrets: made with the first secret"),
        KeyPlaceWord::NotFetched => tell!("✓ key for secrets: fetched when a secret is needed"),
        KeyPlaceWord::Unavailable => {
            tell!("✗ key for secrets: cannot be found or read; restore it, or remove the secrets and set them anew")
        }
    }
    if app.is_driven_elsewhere() {
        tell!("! another letterpress drives the runs of this data folder");
    }
    Ok(code)
}
