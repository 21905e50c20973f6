//! Every key that Woodpecker knows, by its place in the schema.

use super::document::{self, CONCURRENCY_KEYS};
use super::step::{self, DEPENDENCY_KEYS, DOCKER_KEYS, OLD_KEYS};
use super::when::{KNOWN, PATH_KEYS};
use crate::dialect::Keys;
use crate::shared::compose::SECRET_KEYS;
use crate::shared::when::SIDES;
use crate::shared::workspace;

/// Places in the schema, and the keys there.
pub(super) fn keys() -> Keys {
    vec![
        ("/properties", document::KEYS.to_vec()),
        ("/properties/workspace/properties", workspace::KEYS.to_vec()),
        ("/properties/concurrency/anyOf/2/properties", CONCURRENCY_KEYS.to_vec()),
        ("/definitions/container/properties", [step::KEYS.as_slice(), OLD_KEYS.as_slice()].concat()),
        ("/definitions/container/properties/secrets/items/anyOf/1/properties", SECRET_KEYS.to_vec()),
        ("/definitions/container/properties/backend_options/properties/docker/properties", DOCKER_KEYS.to_vec()),
        ("/definitions/dependencies/anyOf/1/items/anyOf/1/properties", DEPENDENCY_KEYS.to_vec()),
        ("/definitions/conditions/properties", KNOWN.to_vec()),
        ("/definitions/conditions/properties/path/anyOf/1/properties", PATH_KEYS.to_vec()),
        ("/definitions/condition/anyOf/1/properties", SIDES.to_vec()),
        ("/definitions/event/anyOf/2/properties", SIDES.to_vec()),
        ("/definitions/status/anyOf/2/properties", SIDES.to_vec()),
    ]
}
