//! Making and removing one container by its name, as engines really answer.

use crate::connect::ContainerEngine;
use crate::error;
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use std::time::Duration;
use tokio::time::Instant;

/// How long an engine may be busy with a container of that name for somebody else, and how often it is asked again.
const BUSY_LIMIT: Duration = Duration::from_secs(10);
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// What came of making a container.
#[derive(Debug)]
pub(crate) enum Creation {
    /// It is made.
    Made,
    /// One of that name was there.
    There(Box<ContainerInspectResponse>),
}

/// Makes a container, or finds the one of that name.
///
/// An engine reserves the name before it knows the container, and keeps it a moment longer than the container: for a process that has died in the middle,
/// or for somebody who is removing it. Then the name is taken and nobody has it, so it is asked again for a while.
pub(crate) async fn create(engine: &ContainerEngine, name: &str, body: &ContainerCreateBody) -> Result<Creation, Error> {
    let until = Instant::now() + BUSY_LIMIT;
    loop {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let taken = match engine.docker.create_container(Some(options), body.clone()).await {
            Ok(_) => return Ok(Creation::Made),
            Err(taken) if error::is_taken(&taken) => taken,
            Err(refused) => return Err(refused),
        };
        match engine.docker.inspect_container(name, None).await {
            Ok(found) => return Ok(Creation::There(Box::new(found))),
            Err(missing) if error::is_missing(&missing) && Instant::now() < until => {}
            Err(missing) if error::is_missing(&missing) => return Err(taken),
            Err(refused) => return Err(refused),
        }
        tokio::time::sleep(BUSY_PAUSE).await;
    }
}

/// Removes a container with its unnamed volumes, whatever it does. One that is gone already counts as removed.
pub(crate) async fn remove(docker: &Docker, name: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match docker.remove_container(name, Some(options)).await {
        Err(missing) if error::is_missing(&missing) => Ok(()),
        other => other,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::path::Path;
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::UnixListener;
    use tokio::task::JoinSet;

    const TAKEN: (&str, &str) = ("409 Conflict", r#"{"message":"Conflict. The container name \"/a\" is already in use"}"#);
    const NOWHERE: (&str, &str) = ("404 Not Found", r#"{"message":"No such container: a"}"#);
    const MADE: (&str, &str) = ("201 Created", r#"{"Id":"1","Warnings":[]}"#);
    const FOUND: (&str, &str) = ("200 OK", r#"{"Id":"1","State":{"Status":"running","Running":true}}"#);

    /// An engine that gives these answers, one after the other.
    async fn scripted(folder: &Path, answers: Vec<(&'static str, &'static str)>, tasks: &mut JoinSet<()>) -> ContainerEngine {
        let path = folder.join("engine.sock");
        let listener = UnixListener::bind(&path).unwrap();
        tasks.spawn(async move {
            for (status, body) in answers {
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream = BufReader::new(stream);
                let (mut line, mut length) = (String::new(), 0);
                while stream.read_line(&mut line).await.unwrap() > 2 {
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                stream.read_exact(&mut vec![0; length]).await.unwrap();
                let head =
                    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}", body.len());
                stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        let url = format!("unix://{}", path.display());
        ContainerEngine::unasked(Docker::connect_with_unix(&url, 10, bollard::API_DEFAULT_VERSION).unwrap())
    }

    #[tokio::test]
    async fn a_name_that_nobody_has_yet_is_waited_for() {
        let table = [
            (vec![MADE], true),
            // Reserved for a process that has died: the container appears, or the name is free again.
            (vec![TAKEN, NOWHERE, TAKEN, NOWHERE, TAKEN, FOUND], false),
            (vec![TAKEN, NOWHERE, TAKEN, NOWHERE, MADE], true),
        ];
        for (answers, expected) in table {
            let folder = tempfile::tempdir().unwrap();
            let mut tasks = JoinSet::new();
            let engine = scripted(folder.path(), answers.clone(), &mut tasks).await;
            let made = create(&engine, "a", &ContainerCreateBody::default()).await.unwrap();
            assert_eq!(matches!(made, Creation::Made), expected, "{answers:?}");
            tasks.join_all().await;
        }
    }
}
