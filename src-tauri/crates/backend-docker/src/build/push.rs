//! Pushing an image under its names, one after the other, as every client of an engine does; and what came of it.

use super::log::Log;
use super::trouble;
use crate::connect::ContainerEngine;
use crate::connect::raw::{Line, RawCall};
use crate::error;
use futures_util::{StreamExt as _, stream};
use hyper::header::HeaderName;
use lp_backend::BackendError;
use lp_model::{ImageReference, Message, message};
use lp_registry::Credentials;
use std::collections::HashMap;
use std::time::Duration;

/// How long is waited before a push is tried again that was refused for a reason that may pass.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(10)];

/// The header with the login of a push.
const AUTH: HeaderName = HeaderName::from_static("x-registry-auth");

/// An image at its registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pushed {
    pub digest: String,
    /// Of its manifest, in bytes.
    pub size: u64,
}

/// Pushes an image by its name.
///
/// # Errors
/// `Ok(Err(_))`: what the engine or the registry said, which is in the log by then.
pub(super) async fn push(
    engine: &ContainerEngine,
    name: &ImageReference,
    login: Option<Credentials>,
    log: &mut Log<'_>,
) -> Result<Result<Pushed, String>, BackendError> {
    let mut pauses = PAUSES.into_iter();
    loop {
        match once(engine, name, login.as_ref(), log).await? {
            Err(said) if trouble::may_pass(&said) => {
                let Some(pause) = pauses.next() else { return Ok(Err(said)) };
                log.sink.note(message!("the push of `{}` is tried again in {} s: {}", name.familiar(), pause.as_secs(), said)).await;
                tokio::time::sleep(pause).await;
            }
            ended => return Ok(ended),
        }
    }
}

async fn once(
    engine: &ContainerEngine,
    name: &ImageReference,
    login: Option<&Credentials>,
    log: &mut Log<'_>,
) -> Result<Result<Pushed, String>, BackendError> {
    let tag = name.tag().unwrap_or("latest");
    let path = format!("/images/{}/push?tag={tag}", name.name());
    // An engine wants the header also where nobody logs in.
    let json = login.map_or_else(|| "{}".to_owned(), |login| super::logins::json(name.host(), login).to_string());
    let call = RawCall { path, login: Some((AUTH, json)) };
    let mut answer = std::pin::pin!(engine.raw(call, stream::empty()));
    let (mut layers, mut digest) = (Layers::default(), None);
    while let Some(line) = answer.next().await {
        let line = match line {
            Ok(line) => line,
            Err(lost) if error::is_transport(&lost) => return Err(error::unreachable(&lost)),
            Err(refused) => {
                let said = error::message(&refused).to_string();
                log.line(&said).await?;
                return Ok(Err(said));
            }
        };
        if let Some(said) = line.failure() {
            log.line(said).await?;
            return Ok(Err(said.to_owned()));
        }
        digest = digest_of(&line).or(digest);
        match (&line.id, &line.status) {
            (Some(_), Some(_)) => {
                layers.take(&line);
                log.sink.progress(layers.sentence(&name.familiar()));
            }
            (None, Some(status)) => log.line(status).await?,
            _ => {}
        }
    }
    match digest {
        Some(pushed) => Ok(Ok(pushed)),
        None => pushed_before(engine, name).await,
    }
}

/// What the engine knows of an image that it has pushed, for those that do not say it (Podman before 5).
async fn pushed_before(engine: &ContainerEngine, name: &ImageReference) -> Result<Result<Pushed, String>, BackendError> {
    let found = engine
        .docker
        .inspect_image(&name.canonical())
        .await
        .map_err(|refused| error::call(message!("look for image `{}`", name.canonical()), &refused))?;
    let digest = found.repo_digests.into_iter().flatten().find_map(|one| {
        let (repository, digest) = one.split_once('@')?;
        let same = ImageReference::parse(repository).is_ok_and(|other| other.same_name(name));
        same.then(|| digest.to_owned())
    });
    Ok(digest.map(|digest| Pushed { digest, size: 0 }).ok_or_else(|| "the engine did not say what it has pushed".to_owned()))
}

/// The digest, from what is meant for programs, else from the line that people read.
fn digest_of(line: &Line) -> Option<Pushed> {
    let of_aux = || {
        let aux = line.aux.as_ref()?;
        Some(Pushed { digest: aux.get("Digest")?.as_str()?.to_owned(), size: aux.get("Size")?.as_u64()? })
    };
    let of_text = || {
        let (_, rest) = line.status.as_deref()?.split_once("digest: ")?;
        let (digest, size) = rest.split_once(" size: ")?;
        Some(Pushed { digest: digest.to_owned(), size: size.trim().parse().ok()? })
    };
    of_aux().or_else(of_text)
}

/// What is known of the layers of a push.
#[derive(Debug, Default)]
struct Layers {
    /// Sent and whole size in bytes, by layer.
    sizes: HashMap<String, (u64, u64)>,
    /// Layers that the registry has.
    done: std::collections::HashSet<String>,
}

impl Layers {
    fn take(&mut self, line: &Line) {
        let (Some(id), Some(status)) = (&line.id, &line.status) else { return };
        let layer = self.sizes.entry(id.clone()).or_default();
        match status.as_str() {
            "Pushing" => {
                let progress = line.progress.unwrap_or_default();
                let current = progress.current.unwrap_or(0);
                *layer = (current, progress.total.unwrap_or(layer.1).max(current));
            }
            "Pushed" | "Layer already exists" => {
                layer.0 = layer.1;
                self.done.insert(id.clone());
            }
            mounted if mounted.starts_with("Mounted from") => drop(self.done.insert(id.clone())),
            _ => {}
        }
    }

    fn sentence(&self, name: &str) -> Message {
        let (sent, whole) = self.sizes.values().fold((0, 0), |(sent, whole), layer| (sent + layer.0, whole + layer.1));
        let megabytes = |bytes: u64| (bytes + 500_000) / 1_000_000;
        message!("pushing `{}`: {} of {} layers, {} of {} MB", name, self.done.len(), self.sizes.len(), megabytes(sent), megabytes(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: &str) -> Line {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_digest_is_read_wherever_it_stands() {
        let of_aux = line(r#"{"progressDetail":{},"aux":{"Tag":"1","Digest":"sha256:ab","Size":528}}"#);
        let of_text = line(r#"{"status":"1: digest: sha256:ab size: 528"}"#);
        for line in [of_aux, of_text] {
            assert_eq!(digest_of(&line), Some(Pushed { digest: "sha256:ab".into(), size: 528 }));
        }
        assert_eq!(digest_of(&line(r#"{"status":"Preparing","id":"a"}"#)), None);
    }

    #[test]
    fn progress_in_a_sentence() {
        let mut layers = Layers::default();
        for json in [
            r#"{"id":"a","status":"Preparing"}"#,
            r#"{"id":"a","status":"Pushing","progressDetail":{"current":4000000,"total":20000000}}"#,
            r#"{"id":"b","status":"Layer already exists"}"#,
            r#"{"id":"c","status":"Mounted from team/base"}"#,
        ] {
            layers.take(&line(json));
        }
        assert_eq!(layers.sentence("app:1"), "pushing `app:1`: 2 of 3 layers, 4 of 20 MB");
        layers.take(&line(r#"{"id":"a","status":"Pushed"}"#));
        assert_eq!(layers.sentence("app:1"), "pushing `app:1`: 3 of 3 layers, 20 of 20 MB");
    }
}
