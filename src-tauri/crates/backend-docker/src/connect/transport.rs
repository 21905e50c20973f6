//! HTTP over connections that the library does not make itself.

use super::CALL_LIMIT_S;
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;

/// A connection to another computer is dear (logging in, a handshake), so one that is free is kept for the next call. Shorter than
/// anything between us and the engine that drops quiet connections.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// Free connections that are kept.
const IDLE_MOST: usize = 4;

/// A client whose connections come from `connector`. `url` is only for the HTTP headers.
pub(super) fn client<C>(connector: C, url: &str) -> Result<Docker, Error>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_LIMIT)
        .pool_max_idle_per_host(IDLE_MOST)
        .build(connector);
    let request = move |request: BollardRequest| {
        let answer = client.request(request);
        async move { Ok(answer.await?) }
    };
    Docker::connect_with_custom_transport(request, Some(url), CALL_LIMIT_S, API_DEFAULT_VERSION)
}
