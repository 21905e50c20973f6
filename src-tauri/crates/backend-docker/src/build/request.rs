//! The call that builds, and what it answers.

use super::context::{Context, Failure, Reader};
use super::log::Log;
use super::resolved::{Logins, Resolved};
use super::trace::{TRACE, Trace};
use super::{Stop, logins, trouble};
use crate::connect::ContainerEngine;
use crate::connect::raw::RawCall;
use crate::error;
use crate::image::Images;
use futures_util::{StreamExt as _, TryStreamExt as _};
use hyper::header::HeaderName;
use lp_backend::BackendError;
use lp_model::{BuildImage, ImageReference, message};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use tokio::sync::watch;

/// The header with the logins for images that a build begins with.
const CONFIG: HeaderName = HeaderName::from_static("x-registry-config");

/// What an engine says of a build that ends because its disk is full.
const DISK_FULL: &str = "no space left on device";

pub(super) struct Request {
    /// Names and values as they are; several of a name may stand there.
    query: Vec<(&'static str, String)>,
    has_squash: bool,
    by_buildkit: bool,
    logins: Map<String, Value>,
}

impl Request {
    /// By the classic builder.
    pub fn new(build: &BuildImage, resolved: &Resolved, context: &Context) -> Self {
        let mut query = vec![("dockerfile", context.dockerfile.clone()), ("rm", "1".to_owned()), ("forcerm", "1".to_owned())];
        if !resolved.build_args.is_empty() {
            query.push(("buildargs", json!(resolved.build_args).to_string()));
        }
        if !resolved.labels.is_empty() {
            query.push(("labels", json!(resolved.labels).to_string()));
        }
        query.extend(build.target.clone().map(|target| ("target", target)));
        query.extend(build.platform.clone().map(|platform| ("platform", platform)));
        query.extend(build.no_cache.then(|| ("nocache", "1".to_owned())));
        query.extend(build.extra_hosts.iter().map(|line| ("extrahosts", line.clone())));
        Self { query, has_squash: build.squash, by_buildkit: false, logins: Map::new() }
    }

    /// Has BuildKit build. Says whether that can be.
    pub fn by_buildkit(&mut self) -> bool {
        self.by_buildkit = !self.has_squash;
        self.by_buildkit
    }

    pub fn squash(&mut self) {
        self.query.push(("squash", "1".to_owned()));
    }

    pub fn cache_from(&mut self, images: Vec<String>) {
        if !images.is_empty() {
            self.query.push(("cachefrom", json!(images).to_string()));
        }
    }

    /// The logins of the step, and those that the app has for the images that it begins with.
    pub async fn logins(&mut self, app: &Images, images: &[String], step: &Logins) {
        for image in images.iter().filter_map(|image| ImageReference::parse(image).ok()) {
            let login = match step.of_image(&image) {
                Some(login) => Some(login),
                None => app.login(&image).await,
            };
            if let Some(login) = login {
                self.logins.insert(logins::key(image.host()).to_owned(), logins::json(image.host(), &login));
            }
        }
        for (host, login) in step.hosts() {
            self.logins.insert(logins::key(host).to_owned(), logins::json(host, login));
        }
    }

    /// Sends the folder and follows the build to its end; returns the id of the image.
    pub async fn send(self, engine: &ContainerEngine, reader: &Reader<'_>, context: &Context, log: &mut Log<'_>) -> Result<String, Stop> {
        let failure = Failure::default();
        let (sent, mut taken) = watch::channel(0);
        let folder = reader.folder(context, failure.clone()).inspect_ok(move |piece| sent.send_modify(|all| *all += piece.len() as u64));
        let login = (!self.logins.is_empty()).then(|| (CONFIG, Value::Object(self.logins.clone()).to_string()));
        let mut answer = std::pin::pin!(engine.raw(RawCall { path: self.path(), login }, folder));
        let sink = log.sink;
        // The engine says nothing before it has the whole folder.
        let telling = async {
            while taken.changed().await.is_ok() {
                sink.progress(message!("sending the folder to the builder: {} MB", *taken.borrow_and_update() / 1_000_000));
            }
            std::future::pending::<Infallible>().await
        };
        let mut telling = std::pin::pin!(telling);
        let (mut trace, mut image) = (Trace::default(), None);
        loop {
            let next = tokio::select! {
                biased;
                next = answer.next() => next,
                never = &mut telling => match never {},
            };
            let line = match next {
                None => break,
                Some(Ok(line)) => line,
                Some(Err(refused)) => {
                    // A folder that cannot be read makes the call fail too; then that is the reason.
                    if let Some(why) = failure.take() {
                        return Err(BackendError::call(message!("read `{}`", context.folder.clone()), why).into());
                    }
                    if error::is_transport(&refused) {
                        return Err(error::unreachable(&refused).into());
                    }
                    return failed(&error::message(&refused).to_string(), log).await;
                }
            };
            if let Some(said) = line.failure() {
                return failed(said, log).await;
            }
            if line.id.as_deref() == Some(TRACE) {
                let text = line.aux.as_ref().map(|aux| trace.text(aux)).unwrap_or_default();
                log.write(&text).await?;
            } else if let Some(id) = line.aux.as_ref().and_then(|aux| aux.get("ID")).and_then(Value::as_str) {
                image = Some(id.to_owned());
            }
            if let Some(text) = &line.stream {
                log.write(text.as_bytes()).await?;
            }
            if let (Some(status), None) = (&line.status, &line.id) {
                log.line(status).await?;
            }
        }
        image.ok_or_else(|| BackendError::call(message!("build the image"), message!("the engine did not say its id")).into())
    }

    fn path(&self) -> String {
        let version = if self.by_buildkit { "2" } else { "1" };
        let all = self.query.iter().map(|(name, value)| (*name, value.as_str())).chain([("version", version)]);
        let all: Vec<_> = all.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))).collect();
        format!("/build?{}", all.join("&"))
    }
}

/// The build went wrong: what the engine says is the end of the log.
async fn failed(said: &str, log: &mut Log<'_>) -> Result<String, Stop> {
    log.line(said).await?;
    if said.contains(DISK_FULL) {
        return Err(BackendError::disk_full(lp_model::Message::verbatim(said)).into());
    }
    if let Some(meaning) = trouble::meaning(said) {
        log.sink.note(meaning).await;
    }
    Err(Stop::Failed)
}
