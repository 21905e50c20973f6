//! Images that were built and are not over with: named so that the next attempt, or the next process, finds them and only pushes.
//!
//! The name is of a host that cannot exist ([`crate::image::own`]); it says whose image it is, of which step, and what it was built from. It goes when
//! its stage is destroyed without its files. The image itself stays, under the names that it was built for.

use crate::DockerBackend;
use crate::connect::ContainerEngine;
use crate::error;
use bollard::query_parameters::{ListImagesOptionsBuilder, TagImageOptionsBuilder};
use lp_backend::{BackendError, StageContext};
use lp_model::{StepKey, message};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// A record that lies in an engine.
pub(crate) struct Record {
    /// The whole name.
    pub name: String,
    pub run: String,
    pub stage: String,
}

impl DockerBackend {
    /// Where the records of this data folder are: a folder has an id of its own, so that two of them on one engine leave each other alone.
    fn records(&self) -> String {
        let id: String = Sha256::digest(self.owner.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("letterpress.invalid/built-{id}")
    }

    /// The name for what a step builds of what has that fingerprint.
    pub(super) fn record_name(&self, stage: &StageContext, key: StepKey, fingerprint: &str) -> String {
        format!("{}:{}.{}.{}.{fingerprint}", self.records(), stage.run, key.stage, key.step)
    }

    /// All records that lie in the engine.
    pub(crate) async fn find_records(&self, engine: &ContainerEngine) -> Result<Vec<Record>, BackendError> {
        let filter = HashMap::from([("reference", vec![self.records()])]);
        let found = engine.docker.list_images(Some(ListImagesOptionsBuilder::new().filters(&filter).build())).await;
        let found = found.map_err(|refused| error::call(message!("list images"), &refused))?;
        let records = self.records();
        let of_name = |name: String| {
            let mut parts = name.strip_prefix(&records)?.strip_prefix(':')?.split('.');
            let (run, stage) = (parts.next()?.to_owned(), parts.next()?.to_owned());
            Some(Record { run, stage, name })
        };
        Ok(found.into_iter().flat_map(|image| image.repo_tags).filter_map(of_name).collect())
    }
}

/// Gives an image one more name.
pub(super) async fn tag(engine: &ContainerEngine, image: &str, name: &str) -> Result<(), BackendError> {
    let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
    let options = TagImageOptionsBuilder::new().repo(repository).tag(tag).build();
    engine.docker.tag_image(image, Some(options)).await.map_err(|refused| error::call(message!("name the image `{}`", name), &refused))
}
