//! plugins/docker, and the plugins for clouds that are made of it.
// drone-plugins/drone-docker: `cmd/drone-docker/main.go`, `docker.go`, and a command for each cloud.

use super::builder::{Builder, Cloud, Era};
use super::parts::{
    DRONE, LOGIN, LoginNames, arguments, arguments_from_environment, automatic_label, build_time, labels, login, with_registry,
};
use super::settings::Settings;
use super::tags::{TagNames, derived, only_derived, settle};
use lp_model::{BuildImage, BuildLogin, BuildValue, Instead, message};

const TAGS: TagNames = TagNames {
    tags: &["PLUGIN_TAG", "PLUGIN_TAGS"],
    auto: &["PLUGIN_DEFAULT_TAGS", "PLUGIN_AUTO_TAG"],
    suffix: &["PLUGIN_DEFAULT_SUFFIX", "PLUGIN_AUTO_TAG_SUFFIX"],
};

const BASE_IMAGE: LoginNames = LoginNames {
    registry: &["PLUGIN_DOCKER_REGISTRY", "PLUGIN_BASE_IMAGE_REGISTRY", "DOCKER_BASE_IMAGE_REGISTRY"],
    username: &["PLUGIN_DOCKER_USERNAME", "PLUGIN_BASE_IMAGE_USERNAME", "DOCKER_BASE_IMAGE_USERNAME"],
    password: &["PLUGIN_DOCKER_PASSWORD", "PLUGIN_BASE_IMAGE_PASSWORD", "DOCKER_BASE_IMAGE_PASSWORD"],
};

/// What the settings of plugins/docker ask for.
pub fn read(era: Era, cloud: Cloud, settings: &mut Settings<'_>) -> BuildImage {
    let mut build = common(settings, Builder::Docker { era, cloud });
    let dry_run: &[&str] = if era >= Era::V21 { &["PLUGIN_DRY_RUN", "PLUGIN_NO_PUSH"] } else { &["PLUGIN_DRY_RUN"] };
    build.push = !settings.flag(dry_run, false);
    add_labels(era, settings, &mut build);
    if era >= Era::V18 {
        build.cache_from = settings.items(&["PLUGIN_CACHE_FROM"]);
        build.extra_hosts = settings.items(&["PLUGIN_ADD_HOST"]);
    }
    squash(settings, &mut build);
    if era >= Era::V20 {
        build.platform = settings.some_text(&["PLUGIN_PLATFORM"]);
        build.artifact_file = settings.some_text(&["PLUGIN_ARTIFACT_FILE"]);
        build.logins.extend(login(BASE_IMAGE, settings));
        build.login_config = settings.hidden(&["PLUGIN_CONFIG", "DOCKER_PLUGIN_CONFIG"]);
    }
    of_cloud(cloud, settings, &mut build);
    build
}

/// What the settings of thegeeklab/drone-docker ask for.
pub fn read_geeklab(settings: &mut Settings<'_>) -> BuildImage {
    let mut build = common(settings, Builder::GeeklabDocker);
    build.push = !settings.flag(&["PLUGIN_DRY_RUN"], false);
    build.cache_from = settings.items(&["PLUGIN_CACHE_FROM"]);
    build.extra_hosts = settings.items(&["PLUGIN_ADD_HOST"]);
    build.login_config = settings.hidden(&["PLUGIN_CONFIG", "DOCKER_PLUGIN_CONFIG"]);
    build
}

fn common(settings: &mut Settings<'_>, builder: Builder) -> BuildImage {
    let mut build = BuildImage::new(settings.value(&["PLUGIN_REPO"]).unwrap_or_else(|| BuildValue::text("")));
    build.dockerfile = settings.some_text(&["PLUGIN_DOCKERFILE"]).unwrap_or(build.dockerfile);
    build.context = settings.some_text(&["PLUGIN_CONTEXT"]).unwrap_or(build.context);
    build.target = settings.some_text(&["PLUGIN_TARGET"]);
    build.pull = settings.flag(&["PLUGIN_PULL_IMAGE"], true);
    build.no_cache = settings.flag(&["PLUGIN_NO_CACHE"], false);
    build.logins.extend(login(LOGIN, settings));
    let given = settings.list(TAGS.tags);
    let file_wins = matches!(builder, Builder::Docker { era: Era::V17 | Era::V18, .. });
    settle(&mut build, given, &["latest"], file_wins);
    if settings.flag(TAGS.auto, false) {
        let (found, reference) = derived(builder.rule(), &TAGS, "latest", &DRONE, settings);
        only_derived(&mut build, found, &reference, Instead::Passes);
    }
    let newest = matches!(builder, Builder::Docker { era: Era::V21, .. });
    let items = match newest && settings.flag(&["PLUGIN_MULTIPLE_BUILD_ARGS"], false) {
        true => settings.text(&["PLUGIN_BUILD_ARGS_NEW"]).unwrap_or_default().split(';').map(|item| item.trim().to_owned()).collect(),
        false => settings.items(&["PLUGIN_BUILD_ARGS"]),
    };
    let given = arguments(&items, settings, &mut build);
    let names = settings.items(&["PLUGIN_BUILD_ARGS_FROM_ENV"]);
    arguments_from_environment(&names, given, settings, &mut build);
    build
}

fn squash(settings: &mut Settings<'_>, build: &mut BuildImage) {
    if settings.flag(&["PLUGIN_SQUASH"], false) {
        build.squash = settings.flag(&["PLUGIN_EXPERIMENTAL"], false);
        if !build.squash {
            build.remarks.push(message!("`squash` has no effect without `experimental: true`"));
        }
    }
}

fn add_labels(era: Era, settings: &mut Settings<'_>, build: &mut BuildImage) {
    let sha = settings.value(DRONE.sha).unwrap_or_else(|| BuildValue::text("00000000"));
    let text = |names: &[&str], settings: &Settings<'_>| settings.value(names).unwrap_or_else(|| BuildValue::text(""));
    let prefix = if era >= Era::V20 { "org.opencontainers.image." } else { "org.label-schema." };
    if era >= Era::V20 {
        if settings.flag(&["PLUGIN_AUTO_LABEL"], true) {
            let (remote, link) = (text(DRONE.remote, settings), text(DRONE.link, settings));
            for (name, value) in [("created", build_time()), ("revision", sha), ("source", remote), ("url", link)] {
                automatic_label(&format!("{prefix}{name}"), value, build);
            }
        }
    } else {
        if era >= Era::V18 {
            automatic_label("org.label-schema.schema-version", BuildValue::text("1.0"), build);
        }
        for (name, value) in [("build-date", build_time()), ("vcs-ref", sha), ("vcs-url", text(DRONE.remote, settings))] {
            automatic_label(&format!("{prefix}{name}"), value, build);
        }
    }
    labels(&settings.items(&["PLUGIN_LABEL_SCHEMA"]), prefix, build);
    if era >= Era::V18 {
        labels(&settings.items(&["PLUGIN_CUSTOM_LABELS"]), "", build);
    }
}

/// What a plugin for a cloud sets by itself before it calls plugins/docker.
fn of_cloud(cloud: Cloud, settings: &mut Settings<'_>, build: &mut BuildImage) {
    let registry = match cloud {
        Cloud::None | Cloud::Ecr => return,
        Cloud::Gcr => settings.some_text(&["PLUGIN_REGISTRY"]).unwrap_or_else(|| "gcr.io".to_owned()),
        Cloud::Gar => {
            let of_location = settings.some_text(&["PLUGIN_LOCATION"]).map(|location| format!("{location}-docker.pkg.dev"));
            settings.some_text(&["PLUGIN_REGISTRY"]).or(of_location).unwrap_or_default()
        }
        Cloud::Acr => settings.some_text(&["PLUGIN_REGISTRY"]).unwrap_or_else(|| "azurecr.io".to_owned()),
        Cloud::Heroku => "registry.heroku.com".to_owned(),
    };
    let (username, password) = match cloud {
        Cloud::Heroku => (settings.value(&["PLUGIN_EMAIL", "HEROKU_EMAIL"]), settings.hidden(&["PLUGIN_API_KEY", "HEROKU_API_KEY"])),
        Cloud::Acr => (settings.value(&["SERVICE_PRINCIPAL_CLIENT_ID"]), settings.hidden(&["SERVICE_PRINCIPAL_CLIENT_SECRET"])),
        _ => {
            let key = settings.hidden(&["PLUGIN_JSON_KEY", "GCR_JSON_KEY", "GOOGLE_CREDENTIALS", "TOKEN"]);
            (Some(BuildValue::text("_json_key")), key)
        }
    };
    if registry.is_empty() {
        build.instead.get_or_insert(Instead::Fails(message!("one of the settings `registry` and `location` is needed")));
    }
    if cloud == Cloud::Heroku {
        let app = settings.some_text(&["PLUGIN_APP"]).unwrap_or_default();
        let kind = settings.some_text(&["PLUGIN_PROCESS_TYPE"]).unwrap_or_else(|| "web".to_owned());
        build.repository = BuildValue::text(format!("{registry}/{app}/{kind}"));
    } else if let Some(repository) = with_registry(&registry, &build.repository) {
        build.repository = repository;
    } else {
        // Reading it as a text says why it cannot be.
        settings.text(&["PLUGIN_REPO"]);
    }
    if let Some(password) = password {
        let username = username.unwrap_or_else(|| BuildValue::text(""));
        let may_be_base64 = matches!(cloud, Cloud::Gcr | Cloud::Gar);
        build.logins.retain(|login| login.registry.as_text() != Some(lp_model::DOCKER_HUB));
        build.logins.insert(0, BuildLogin { registry: BuildValue::text(registry), username, password, may_be_base64 });
    }
}
