//! Every key that 0.8 knows, by its place in the schema.

use super::when::KNOWN;
use super::{TOP_KEYS, container};
use crate::dialect::Keys;
use crate::shared::compose::SECRET_KEYS;
use crate::shared::when::SIDES;
use crate::shared::workspace;

/// Places in the schema, and the keys there.
pub(super) fn keys() -> Keys {
    vec![
        ("/properties", TOP_KEYS.to_vec()),
        ("/definitions/container/properties", container::KEYS.to_vec()),
        ("/definitions/container/then/properties", container::KEYS.to_vec()),
        ("/definitions/container/properties/secrets/items/anyOf/1/properties", SECRET_KEYS.to_vec()),
        ("/definitions/workspace/properties", workspace::KEYS.to_vec()),
        ("/definitions/when/properties", KNOWN.to_vec()),
        ("/definitions/condition/anyOf/1/properties", SIDES.to_vec()),
        ("/definitions/event/anyOf/2/properties", SIDES.to_vec()),
    ]
}
