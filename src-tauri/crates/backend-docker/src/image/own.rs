//! The images that we need ourselves, made on the spot out of a few hundred bytes, so that no registry is asked and nothing has to be shipped.
//!
//! Their names are of a host that cannot exist (RFC 6761 keeps `.invalid` free), so that no registry can have them; and an image that bears the name
//! counts only if its content is ours, because anybody on the computer can give names. Containers are made of the id.

use crate::connect::ContainerEngine;
use crate::creation::{Creation, create};
use crate::error;
use bollard::errors::Error;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::CreateImageOptionsBuilder;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use lp_backend::BackendError;
use lp_model::message;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::PoisonError;
use tokio::sync::Mutex;

/// An image of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnImage {
    name: &'static str,
    /// A tar: the only layer.
    layer: Bytes,
}

impl OwnImage {
    /// Without a single file: something to hang a volume on while it is filled.
    pub fn empty() -> Self {
        // A tar ends with two blocks of zeros, and an empty one is nothing else.
        Self { name: "letterpress.invalid/empty:1", layer: Bytes::from_static(&[0; 1024]) }
    }

    /// With the holder's program alone.
    pub fn holder(layer: Bytes) -> Self {
        Self { name: "letterpress.invalid/holder:1", layer }
    }

    /// As the engine names the content of a layer.
    fn digest(&self) -> String {
        Sha256::digest(&self.layer).iter().fold("sha256:".to_owned(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to memory cannot fail");
            text
        })
    }
}

/// The ids of our images.
#[derive(Default)]
pub(crate) struct OwnImages {
    /// By address of the engine and name.
    ids: std::sync::Mutex<HashMap<(String, &'static str), String>>,
    /// Held while one is looked for or made: of two imports at once one would lose its name to the other and lie about.
    turn: Mutex<()>,
}

impl OwnImages {
    /// Makes a container of one of our images, or finds it there. `body` names no image.
    pub async fn create(
        &self,
        engine: &ContainerEngine,
        image: &OwnImage,
        name: &str,
        mut body: ContainerCreateBody,
    ) -> Result<Creation, BackendError> {
        let id = self.id(engine, image, None).await?;
        body.image = Some(id.clone());
        let created = match create(engine, name, &body).await {
            // It was removed since.
            Err(missing) if error::is_missing(&missing) => {
                body.image = Some(self.id(engine, image, Some(&id)).await?);
                create(engine, name, &body).await
            }
            other => other,
        };
        created.map_err(|refused| error::call(message!("create container `{}`", name), &refused))
    }

    /// The id, of another image than the one that is `gone`.
    async fn id(&self, engine: &ContainerEngine, image: &OwnImage, gone: Option<&str>) -> Result<String, BackendError> {
        let _turn = self.turn.lock().await;
        let key = (engine.info.address.clone(), image.name);
        let known = self.ids.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(id) = known.filter(|id| Some(id.as_str()) != gone) {
            return Ok(id);
        }
        let id = match find(engine, image).await? {
            Some(id) => id,
            None => import(engine, image).await?,
        };
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(key, id.clone());
        Ok(id)
    }
}

/// The id of the image with that name, if it is ours.
async fn find(engine: &ContainerEngine, image: &OwnImage) -> Result<Option<String>, BackendError> {
    let found = match engine.docker.inspect_image(image.name).await {
        Ok(found) => found,
        Err(missing) if error::is_missing(&missing) => return Ok(None),
        Err(refused) => return Err(error::call(message!("look for image `{}`", image.name), &refused)),
    };
    let layers = found.root_fs.and_then(|files| files.layers).unwrap_or_default();
    Ok(found.id.filter(|_| layers == [image.digest()]))
}

async fn import(engine: &ContainerEngine, image: &OwnImage) -> Result<String, BackendError> {
    let failed = |refused: &Error| error::call(message!("import image `{}`", image.name), refused);
    // The tag stands in the name: Podman before 4.5 ignores it as a parameter of its own.
    let options = CreateImageOptionsBuilder::new().from_src("-").repo(image.name).build();
    let answers = engine.docker.create_image(Some(options), Some(bollard::body_full(image.layer.clone())), None);
    let answers: Vec<_> = answers.try_collect().await.map_err(|refused| failed(&refused))?;
    // The last line is the id.
    let id = answers.into_iter().filter_map(|answer| answer.status).next_back().map(|line| line.trim().to_owned());
    id.filter(|id| !id.is_empty())
        .ok_or_else(|| BackendError::call(message!("import image `{}`", image.name), message!("the engine did not say its id")))
}
