//! HTTP over connections that the library does not make itself.

use super::CALL_LIMIT_S;
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
#[cfg(unix)]
use futures_util::future::BoxFuture;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;

/// A connection to another computer is dear (logging in, a handshake), and on this one a tenth of what a call costs us, so one that is free is
/// kept for the next call. Shorter than anything between us and the engine that drops quiet connections.
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

/// Connects to a socket of this computer.
#[cfg(unix)]
#[derive(Debug, Clone)]
pub(super) struct Socket(std::sync::Arc<std::path::Path>);

#[cfg(unix)]
impl Socket {
    /// The socket of a `unix://` address; an error where there is none.
    pub fn new(url: &str) -> Result<Self, Error> {
        let path = url.strip_prefix("unix://").unwrap_or(url);
        let found = std::path::Path::new(path);
        if found.exists() { Ok(Self(found.into())) } else { Err(Error::SocketNotFoundError(path.to_owned())) }
    }
}

#[cfg(unix)]
impl tower_service::Service<hyper::Uri> for Socket {
    type Response = hyper_util::rt::TokioIo<tokio::net::UnixStream>;
    type Error = std::io::Error;
    type Future = BoxFuture<'static, std::io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    /// The address is always the one that this was made for.
    fn call(&mut self, _: hyper::Uri) -> Self::Future {
        let path = std::sync::Arc::clone(&self.0);
        Box::pin(async move { Ok(hyper_util::rt::TokioIo::new(tokio::net::UnixStream::connect(&path).await?)) })
    }
}
