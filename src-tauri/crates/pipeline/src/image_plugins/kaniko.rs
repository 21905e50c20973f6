//! The plugins that build with kaniko: Drone's own, and the shell scripts of banzaicloud and Woodpecker.
// drone/drone-kaniko `cmd/kaniko-docker/main.go`; banzaicloud/drone-kaniko and woodpecker-ci/plugin-kaniko `plugin.sh`.

use super::auto_tag::{Derived, Rule, expand};
use super::builder::{Builder, Cloud};
use super::parts::{DRONE, Facts, LoginNames, WOODPECKER, arguments, host, labels, login, with_registry};
use super::settings::Settings;
use super::tags::{TAGS_FILE, TagNames, derived, only_derived, settle};
use lp_model::{BuildImage, BuildLogin, BuildValue, DOCKER_HUB, Instead, TagsFile, TagsSplit, message};

const TAGS: TagNames = TagNames { tags: &["PLUGIN_TAGS"], auto: &["PLUGIN_AUTO_TAG"], suffix: &["PLUGIN_AUTO_TAG_SUFFIX"] };

/// Settings of drone-kaniko that must be whole numbers.
const NUMBERS: [&str; 4] = ["PLUGIN_CACHE_TTL", "PLUGIN_PUSH_RETRY", "PLUGIN_IMAGE_FS_EXTRACT_RETRY", "PLUGIN_IMAGE_DOWNLOAD_RETRY"];

const LOGIN: LoginNames = LoginNames { registry: &["PLUGIN_REGISTRY"], username: &["PLUGIN_USERNAME"], password: &["PLUGIN_PASSWORD"] };

/// In drone-kaniko the names that mean the login elsewhere mean that of the base image.
const BASE_IMAGE: LoginNames = LoginNames {
    registry: &["PLUGIN_DOCKER_REGISTRY", "PLUGIN_BASE_IMAGE_REGISTRY", "DOCKER_REGISTRY"],
    username: &["PLUGIN_DOCKER_USERNAME", "PLUGIN_BASE_IMAGE_USERNAME", "DOCKER_USERNAME"],
    password: &["PLUGIN_DOCKER_PASSWORD", "PLUGIN_BASE_IMAGE_PASSWORD", "DOCKER_PASSWORD"],
};

fn common(settings: &mut Settings<'_>) -> BuildImage {
    let mut build = BuildImage::new(settings.value(&["PLUGIN_REPO"]).unwrap_or_else(|| BuildValue::text("")));
    build.dockerfile = settings.some_text(&["PLUGIN_DOCKERFILE"]).unwrap_or(build.dockerfile);
    build.dockerfile_in_context = true;
    build.context = settings.some_text(&["PLUGIN_CONTEXT"]).unwrap_or(build.context);
    build.target = settings.some_text(&["PLUGIN_TARGET"]);
    build
}

/// What the settings of drone-kaniko ask for.
pub fn read(cloud: Cloud, settings: &mut Settings<'_>) -> BuildImage {
    let mut build = common(settings);
    build.push = !settings.flag(&["PLUGIN_NO_PUSH"], false);
    build.platform = settings.some_text(&["PLUGIN_PLATFORM", "PLUGIN_CUSTOM_PLATFORM"]);
    build.artifact_file = settings.some_text(&["PLUGIN_ARTIFACT_FILE"]);
    build.login_config = settings.hidden(&["PLUGIN_CONFIG"]);
    if let Some(folder) = settings.some_text(&["PLUGIN_CONTEXT_SUB_PATH"]) {
        build.context = format!("{}/{folder}", build.context.trim_end_matches('/'));
    }
    for name in NUMBERS {
        if let Some(text) = settings.some_text(&[name]).filter(|text| text.parse::<i64>().is_err()) {
            let reason = message!("the setting `{}` is `{}`, which is no whole number", super::settings::setting(name), text);
            settings.wrong.get_or_insert(Instead::Fails(reason));
        }
    }
    tags(settings, &mut build);
    let multiple = settings.flag(&["PLUGIN_MULTIPLE_BUILD_ARGS"], false);
    let items = match multiple {
        true => settings.text(&["PLUGIN_BUILD_ARGS_NEW"]).unwrap_or_default().split(';').map(|item| item.trim().to_owned()).collect(),
        false => settings.items(&["PLUGIN_BUILD_ARGS"]),
    };
    arguments(&items, settings, &mut build);
    labels(&settings.items(&["PLUGIN_CUSTOM_LABELS"]), "", &mut build);
    registries(cloud, settings, &mut build);
    build
}

fn tags(settings: &mut Settings<'_>, build: &mut BuildImage) {
    let given = settings.list(TAGS.tags);
    let others = given.as_ref().is_some_and(|tags| tags[..] != ["latest"]);
    settle(build, given, &["latest"], false);
    let (auto, expanded) = (settings.flag(TAGS.auto, false), settings.flag(&["PLUGIN_EXPAND_TAG"], false));
    if auto && (others || expanded) {
        build.instead = Some(Instead::Fails(message!("`auto_tag` goes neither with `tags` nor with `expand_tag`")));
    } else if auto {
        let (found, reference) = derived(Rule::Docker20, &TAGS, "latest", &DRONE, settings);
        only_derived(build, found, &reference, Instead::Fails);
    } else if expanded {
        build.tags = build.tags.iter().flat_map(|tag| expand(tag)).collect();
        if build.tags_file.is_some() {
            let reason = message!("`expand_tag` is about tags of the file `{}`, which is known only when the step starts", TAGS_FILE);
            settings.unreadable.get_or_insert(reason);
        }
    }
}

fn registries(cloud: Cloud, settings: &mut Settings<'_>, build: &mut BuildImage) {
    let given = settings.some_text(&["PLUGIN_REGISTRY"]);
    let registry = match cloud {
        Cloud::Gcr => given.unwrap_or_else(|| "gcr.io".to_owned()),
        _ => given.unwrap_or_else(|| DOCKER_HUB.to_owned()),
    };
    let in_front = matches!(cloud, Cloud::Gcr | Cloud::Gar)
        || (cloud == Cloud::None && settings.flag(&["PLUGIN_EXPAND_REPO"], false) && registry != DOCKER_HUB);
    if in_front {
        match with_registry(&registry, &build.repository) {
            Some(repository) => build.repository = repository,
            None => _ = settings.text(&["PLUGIN_REPO"]),
        }
    }
    match cloud {
        Cloud::Gcr | Cloud::Gar => {
            if let Some(password) = settings.hidden(&["PLUGIN_JSON_KEY"]) {
                let username = BuildValue::text("_json_key");
                build.logins.push(BuildLogin { registry: BuildValue::text(registry), username, password, may_be_base64: true });
            }
        }
        _ => {
            let (has_name, own) = (settings.is_set(LOGIN.username), login(LOGIN, settings));
            if build.push && build.login_config.is_none() && (own.is_none() || !has_name) {
                let reason = message!("this plugin wants `username` and `password`, or `config`, unless `no_push` is set");
                build.instead.get_or_insert(Instead::Fails(reason));
            }
            build.logins.extend(own);
        }
    }
    build.logins.extend(login(BASE_IMAGE, settings));
    if build.repository.as_text() == Some("") {
        build.instead.get_or_insert(Instead::Fails(message!("the setting `{}` is needed: the name of the image", "repo")));
    }
}

/// What the settings of a shell script ask for.
pub fn read_script(builder: Builder, settings: &mut Settings<'_>) -> BuildImage {
    let of_woodpecker = builder == Builder::WoodpeckerKaniko;
    let mut build = common(settings);
    let facts: Facts = if of_woodpecker { WOODPECKER } else { DRONE };
    let dry = of_woodpecker && settings.flag(&["PLUGIN_DRY_RUN"], false);
    build.push = build.repository.as_text() != Some("") && !dry;
    let registry = settings.some_text(&["PLUGIN_REGISTRY"]).unwrap_or_else(|| "index.docker.io".to_owned());
    // The registry always goes in front, also where the name has it already: then it is there twice, as the script has it.
    match build.repository.as_text() {
        Some("") => {}
        Some(repository) => build.repository = BuildValue::text(format!("{}/{repository}", host(&registry))),
        None => _ = settings.text(&["PLUGIN_REPO"]),
    }
    match settings.list(TAGS.tags) {
        Some(tags) => build.tags = tags,
        None if settings.flag(TAGS.auto, false) => {
            let (found, _) = derived(builder.rule(), &TAGS, "latest", &facts, settings);
            if let Derived::Tags(tags) = found {
                if tags.len() > 1 {
                    build.remarks.push(message!("this plugin gives every version the tag `{}` too", "latest"));
                }
                build.tags = tags;
            }
        }
        None => {
            build.tags = vec!["latest".to_owned()];
            build.tags_file = Some(TagsFile { path: TAGS_FILE.to_owned(), split: TagsSplit::CommasAndLines });
        }
    }
    if of_woodpecker && let Some(names) = settings.list(&["PLUGIN_DESTINATIONS"]) {
        build.more_names = names;
        build.tags.clear();
        build.tags_file = None;
    }
    if !build.push {
        build.tags.clear();
        build.more_names.clear();
        build.tags_file = None;
    }
    let items = settings.items(&["PLUGIN_BUILD_ARGS"]);
    arguments(&items, settings, &mut build);
    // The script asks for each by its name alone; one that is not there is empty.
    for name in settings.items(&["PLUGIN_BUILD_ARGS_FROM_ENV"]) {
        let value = settings.of_environment(&name).unwrap_or_else(|| BuildValue::text(""));
        build.build_args.insert(name, value);
    }
    script_logins(&registry, of_woodpecker, settings, &mut build);
    build
}

fn script_logins(registry: &str, of_woodpecker: bool, settings: &mut Settings<'_>, build: &mut BuildImage) {
    if settings.is_set(LOGIN.username) != settings.is_set(LOGIN.password) {
        let reason = message!("this plugin wants `username` and `password` together");
        build.instead.get_or_insert(Instead::Fails(reason));
    }
    build.logins.extend(login(LOGIN, settings));
    if let Some(password) = settings.hidden(&["PLUGIN_JSON_KEY"]) {
        let (registry, username) = (BuildValue::text(registry), BuildValue::text("_json_key"));
        build.logins.push(BuildLogin { registry, username, password, may_be_base64: false });
    }
    if of_woodpecker {
        build.login_config = settings.hidden(&["PLUGIN_DOCKER_CONFIG_JSON"]);
    }
}
