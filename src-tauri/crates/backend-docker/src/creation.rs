//! Making and removing one container by its name, as engines really answer.

use crate::connect::Engine;
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
pub(crate) async fn create(engine: &Engine, name: &str, body: &ContainerCreateBody) -> Result<Creation, Error> {
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
