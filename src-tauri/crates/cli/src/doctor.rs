//! `letterpress doctor`: what there is on this computer.

use crate::arguments::{Doctor, Format};
use crate::exit::ExitCode;
use lp_api::App;
use lp_api::dto::{ApiError, KeyPlaceWord};
use std::sync::Arc;

/// Prints it; ends with "no engine" when none answers.
pub async fn carry_out(app: &Arc<App>, wanted: Doctor) -> Result<ExitCode, ApiError> {
    let status = app.probe_engines().await?;
    let engine = status.engines.iter().find(|engine| engine.answers);
    let code = if engine.is_some() { ExitCode::Passed } else { ExitCode::NoEngine };
    if wanted.format == Format::Json {
        say!("{}", serde_json::to_string_pretty(&status).expect("plain data"));
        return Ok(code);
    }
    say!("letterpress {}", status.version);
    match engine {
        Some(engine) => {
            say!("✓ container engine: {} {} (API {}) at {}", engine.name, engine.version, engine.api_version, engine.address)
        }
        None => {
            say!("✗ container engine: none answers");
            for engine in &status.engines {
                say!("    {}: {}", engine.address, engine.problem);
            }
            say!("    start Docker or Podman; until then only the sample runs, directly on this computer");
        }
    }
    let gigabytes = status.disk.free_bytes as f64 / 1e9;
    say!("{} free disk space: {gigabytes:.1} GB", if status.disk.low { "✗" } else { "✓" });
    say!("✓ data folder: {}", status.data_folder);
    match status.key_place {
        KeyPlaceWord::OsKeyStore => say!("✓ key for secrets: in the key store of the system"),
        KeyPlaceWord::File => say!("! key for secrets: in the file {} (no key store answers)", status.key_path),
        KeyPlaceWord::NotYet => say!("✓ key for secrets: made with the first secret"),
        KeyPlaceWord::Unavailable => {
            say!("✗ key for secrets: cannot be found or read; restore it, or remove the secrets and set them anew")
        }
    }
    if !status.is_owner {
        say!("! another letterpress drives the runs of this data folder");
    }
    Ok(code)
}
