//! When only the plugin itself can do what its settings ask for, because no engine builds like that over its API.
//!
//! Such a setting is never dropped without a word: the plugin's container runs, and the plan says why.

use super::builder::{Builder, Cloud};
use super::settings::{Settings, setting};
use lp_model::{BuildImage, Message, message};

/// Settings that only the plugin can do whatever their value is.
const ALWAYS: &[&str] = &[
    // buildx: other results than an image, other caches than the engine's, other builders, several contexts, attestations.
    "PLUGIN_OUTPUT",
    "PLUGIN_CACHE_TO",
    "PLUGIN_CACHE_IMAGES",
    "PLUGIN_BUILDKIT_CONFIG",
    "PLUGIN_BUILDKIT_DRIVEROPT",
    "PLUGIN_NAMED_CONTEXT",
    // Secrets and keys that instructions of the Dockerfile mount.
    "PLUGIN_SECRET",
    "PLUGIN_SECRETS",
    "PLUGIN_SECRETS_FROM_ENV",
    "PLUGIN_SECRETS_FROM_FILE",
    "PLUGIN_SSH_AGENT_KEY",
    // Signatures.
    "PLUGIN_COSIGN_PRIVATE_KEY",
    // Images that are there already, and images as files.
    "PLUGIN_SOURCE_IMAGE",
    "PLUGIN_SOURCE_TAR_PATH",
    "PLUGIN_TAR_PATH",
    "PLUGIN_DESTINATION_TAR_PATH",
    "PLUGIN_OCI_LAYOUT_PATH",
    "PLUGIN_IMAGE_NAME_WITH_DIGEST_FILE",
    "PLUGIN_IMAGE_NAME_TAG_WITH_DIGEST_FILE",
    // Variables that are read from a file before anything else, and options that are handed on as they are.
    "PLUGIN_ENV_FILE",
    "PLUGIN_EXTRA_OPTS",
];

/// Settings that only the plugin can do when they are true.
const WHEN_TRUE: &[&str] = &["PLUGIN_PUSH_ONLY", "PLUGIN_REPRODUCIBLE", "PLUGIN_SINGLE_SNAPSHOT"];

/// Attestations: `false` and an empty text are satisfied by themselves.
const ATTESTATIONS: &[&str] = &["PLUGIN_PROVENANCE", "PLUGIN_SBOM"];

/// Settings of logins that the interface of a cloud hands out.
const CLOUD: &[&str] = &[
    "PLUGIN_ECR_CREATE_REPOSITORY",
    "PLUGIN_AWS_ACCESS_KEY_ID",
    "PLUGIN_AWS_SECRET_ACCESS_KEY",
    "PLUGIN_AWS_REGION",
    "PLUGIN_WORKLOAD_IDENTITY",
    "PLUGIN_OIDC_TOKEN_ID",
];

/// Why the plugin itself has to run; `None` where an engine can do it.
pub fn why(builder: Builder, build: &BuildImage, settings: &mut Settings<'_>) -> Option<Message> {
    if let Some(reason) = settings.unreadable.clone() {
        return Some(reason);
    }
    if let Some(name) = ALWAYS.iter().find(|name| settings.is_set(&[name]) && is_known(builder, name)) {
        return Some(message!("the setting `{}` is for the plugin itself: no engine does it when it builds", setting(name)));
    }
    if let Some(name) = WHEN_TRUE.iter().find(|name| settings.flag(&[name], false)) {
        return Some(message!("the setting `{}` is for the plugin itself: no engine does it when it builds", setting(name)));
    }
    let wanted = |name: &&&str, settings: &mut Settings<'_>| {
        settings.is_set(&[name]) && !matches!(settings.text(&[name]), Some("false" | "False" | "FALSE" | "0" | "f" | "F" | ""))
    };
    if let Some(name) = ATTESTATIONS.iter().find(|name| wanted(name, settings)) {
        return Some(message!("the setting `{}` is for the plugin itself: no engine does it when it builds", setting(name)));
    }
    let several = if is_known(builder, "PLUGIN_PLATFORMS") { settings.items(&["PLUGIN_PLATFORMS"]).len() } else { 0 };
    let platforms = several.max(build.platform.as_deref().unwrap_or_default().split(',').count());
    if platforms > 1 {
        return Some(message!("an image for {} platforms at once needs the builder of the plugin", platforms));
    }
    if build.cache_from.iter().any(|source| source.contains('=')) {
        return Some(message!("the setting `{}` names a cache that is no image", "cache_from"));
    }
    if build.context == "-" || build.context.contains("://") || build.context.starts_with("git@") {
        return Some(message!("the context `{}` is no folder of the working copy", build.context.clone()));
    }
    of_cloud(builder, settings)
}

/// The plugins of Drone and Woodpecker that do not know a setting leave it alone.
fn is_known(builder: Builder, name: &str) -> bool {
    match name {
        "PLUGIN_OUTPUT"
        | "PLUGIN_CACHE_TO"
        | "PLUGIN_CACHE_IMAGES"
        | "PLUGIN_BUILDKIT_CONFIG"
        | "PLUGIN_BUILDKIT_DRIVEROPT"
        | "PLUGIN_NAMED_CONTEXT"
        | "PLUGIN_SECRETS"
        | "PLUGIN_PLATFORMS" => {
            matches!(builder, Builder::Buildx | Builder::GeeklabBuildx | Builder::GeeklabDroneBuildx)
        }
        "PLUGIN_SECRET" | "PLUGIN_SECRETS_FROM_ENV" | "PLUGIN_SECRETS_FROM_FILE" | "PLUGIN_SSH_AGENT_KEY" => {
            matches!(builder, Builder::Docker { era, .. } if era >= super::builder::Era::V20)
        }
        "PLUGIN_COSIGN_PRIVATE_KEY" | "PLUGIN_SOURCE_IMAGE" => {
            matches!(builder, Builder::Docker { era, .. } if era >= super::builder::Era::V21)
        }
        "PLUGIN_SOURCE_TAR_PATH"
        | "PLUGIN_TAR_PATH"
        | "PLUGIN_DESTINATION_TAR_PATH"
        | "PLUGIN_OCI_LAYOUT_PATH"
        | "PLUGIN_IMAGE_NAME_WITH_DIGEST_FILE"
        | "PLUGIN_IMAGE_NAME_TAG_WITH_DIGEST_FILE" => matches!(builder, Builder::Kaniko(_)),
        "PLUGIN_EXTRA_OPTS" => builder == Builder::WoodpeckerKaniko,
        _ => true,
    }
}

fn of_cloud(builder: Builder, settings: &Settings<'_>) -> Option<Message> {
    let cloud = match builder {
        Builder::Docker { cloud, .. } | Builder::Kaniko(cloud) => cloud,
        _ => Cloud::None,
    };
    let service_principal = settings.is_set(&["SERVICE_PRINCIPAL_CLIENT_SECRET"]);
    if cloud == Cloud::Ecr || (cloud == Cloud::Acr && !service_principal) || CLOUD.iter().any(|name| settings.is_set(&[name])) {
        return Some(message!("the login comes from the interface of the cloud, which the plugin asks"));
    }
    None
}
