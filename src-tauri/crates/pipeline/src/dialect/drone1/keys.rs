//! Every key that 1.x knows, by its place in the schema.

use super::document::{self, CLONE_KEYS, CONCURRENCY_KEYS, PLATFORM_KEYS, VOLUME_KEYS};
use super::step::{self, MOUNT_KEYS};
use super::when::KNOWN;
use crate::dialect::Keys;
use crate::shared::when::SIDES;
use crate::shared::workspace;

/// Places in the schema, and the keys there.
pub(super) fn keys() -> Keys {
    vec![
        ("/definitions/runnable/properties", document::KEYS.to_vec()),
        ("/definitions/runnable/properties/platform/properties", PLATFORM_KEYS.to_vec()),
        ("/definitions/runnable/properties/clone/properties", CLONE_KEYS.to_vec()),
        ("/definitions/runnable/properties/concurrency/properties", CONCURRENCY_KEYS.to_vec()),
        ("/definitions/runnable/properties/workspace/properties", workspace::KEYS.to_vec()),
        ("/definitions/volume/properties", VOLUME_KEYS.to_vec()),
        ("/definitions/step/properties", step::KEYS.to_vec()),
        ("/definitions/step/properties/volumes/items/properties", MOUNT_KEYS.to_vec()),
        ("/definitions/conditions/properties", KNOWN.to_vec()),
        ("/definitions/condition/anyOf/2/properties", SIDES.to_vec()),
        ("/definitions/event/anyOf/2/properties", SIDES.to_vec()),
    ]
}
