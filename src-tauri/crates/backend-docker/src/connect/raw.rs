//! Calls whose answer the library cannot give: it knows neither the trace of BuildKit nor what an engine says at the end of a push, and writes
//! logins in the wrong alphabet. They go over the library's own connection, whatever that is; only the request is another one.

use super::ContainerEngine;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bollard::BollardRequest;
use bollard::errors::Error;
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Deserialize;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// For the library, which wants a limit for each call. Who waits gives such a call up when it is silent for too long.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The longest line of an answer: a trace holds pieces of output.
const LONGEST_LINE: usize = 16 << 20;

/// A `POST` to an engine.
pub(crate) struct RawCall {
    /// Path and query, without the version of the API.
    pub path: String,
    /// A header with a login or several, as JSON; it is written as the engine reads it.
    pub login: Option<(HeaderName, String)>,
}

/// A line of an answer that comes bit by bit.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Line {
    /// Of a layer, or what `aux` is.
    pub id: Option<String>,
    /// Text of a build.
    pub stream: Option<String>,
    /// What is done just now.
    pub status: Option<String>,
    #[serde(rename = "progressDetail")]
    pub progress: Option<Progress>,
    /// What a program wants to know.
    pub aux: Option<serde_json::Value>,
    error: Option<String>,
    #[serde(rename = "errorDetail")]
    detail: Option<Detail>,
}

/// How far a layer is, in bytes.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
pub(crate) struct Progress {
    #[serde(default)]
    pub current: Option<u64>,
    #[serde(default)]
    pub total: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Detail {
    message: Option<String>,
}

impl Line {
    /// Why the engine gives up.
    pub fn failure(&self) -> Option<&str> {
        let of_detail = self.detail.as_ref().and_then(|detail| detail.message.as_deref());
        of_detail.or(self.error.as_deref())
    }
}

impl ContainerEngine {
    /// Calls, sends the body, and gives the lines of the answer. That the call went well says nothing about what it was for: [`Line::failure`].
    pub fn raw<B>(&self, call: RawCall, body: B) -> impl Stream<Item = Result<Line, Error>> + Send + use<B>
    where
        B: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let path = format!("/v{}{}", self.info.api_version, call.path);
        let body = Arc::new(Mutex::new(Some(bollard::body_try_stream(body))));
        let asking = self.patient(NO_LIMIT).with_request_modifier(move |mut request: BollardRequest| {
            let mut parts = request.uri().clone().into_parts();
            parts.path_and_query = path.parse().ok();
            if let Ok(uri) = parts.try_into() {
                *request.uri_mut() = uri;
            }
            *request.method_mut() = hyper::Method::POST;
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
            if let Some((name, json)) = &call.login
                && let Ok(mut value) = HeaderValue::try_from(URL_SAFE.encode(json))
            {
                value.set_sensitive(true);
                request.headers_mut().insert(name.clone(), value);
            }
            if let Some(body) = body.lock().unwrap_or_else(PoisonError::into_inner).take() {
                *request.body_mut() = body;
            }
            request
        });
        lines(asking.export_image("raw"))
    }
}

/// The lines of an answer, one JSON object each.
fn lines(answer: impl Stream<Item = Result<Bytes, Error>> + Send + 'static) -> impl Stream<Item = Result<Line, Error>> + Send {
    let state = Some((Box::pin(answer), BytesMut::new()));
    let all = stream::unfold(state, async |state| {
        let (mut answer, mut buffer) = state?;
        loop {
            if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line = buffer.split_to(end);
                buffer.advance(1);
                return Some((parsed(&line), Some((answer, buffer))));
            }
            match answer.next().await {
                Some(Ok(piece)) if buffer.len() + piece.len() <= LONGEST_LINE => buffer.extend_from_slice(&piece),
                Some(Ok(_)) => return Some((Err(broken("a line of the answer is too long")), None)),
                Some(Err(error)) => return Some((Err(error), None)),
                None => return Some((parsed(&buffer), None)),
            }
        }
    });
    all.filter_map(|line| std::future::ready(line.transpose()))
}

fn parsed(line: &[u8]) -> Result<Option<Line>, Error> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    serde_json::from_slice(line).map(Some).map_err(|_| broken("the answer is none that this version of the app can read"))
}

fn broken(what: &str) -> Error {
    Error::DockerStreamError { error: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_whole_from_pieces_of_any_size() {
        let text = "{\"stream\":\"Step 1/1 : FROM a\\n\"}\r\n\r\n{\"id\":\"x\",\"status\":\"Pushing\",\"progressDetail\":{\"current\":5,\"total\":9}}\n\
            {\"errorDetail\":{\"code\":1,\"message\":\"no\"},\"error\":\"not this\"}";
        for size in [1, 3, 1000] {
            let pieces: Vec<_> = text.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            let all: Vec<Line> = lines(stream::iter(pieces)).map(Result::unwrap).collect().await;
            assert_eq!(all.len(), 3, "{size}");
            assert_eq!(all[0].stream.as_deref(), Some("Step 1/1 : FROM a\n"));
            assert_eq!(all[1].progress.unwrap().total, Some(9));
            assert_eq!((all[0].failure(), all[2].failure()), (None, Some("no")));
        }
        let broken: Vec<_> = lines(stream::iter([Ok(Bytes::from_static(b"<html>\n"))])).collect().await;
        assert!(broken[0].is_err());
    }
}
