//! The plugins that call `docker buildx`: Woodpecker's, and the geeklab's for Woodpecker and for Drone.
// woodpecker-ci/plugin-docker-buildx 3 `plugin/*.go`; thegeeklab/wp-docker-buildx 6 `plugin/impl.go`, `docker/docker.go`.

use super::auto_tag::{Derived, Rule};
use super::builder::Builder;
use super::parts::{DRONE, Facts, LOGIN, WOODPECKER, arguments, arguments_from_environment, automatic_label, build_time, labels, login};
use super::settings::Settings;
use super::tags::{TagNames, derived, not_default, only_derived, settle};
use lp_model::{BuildImage, BuildLogin, BuildValue, DOCKER_HUB, Instead, TagsFile, TagsSplit, message};

const TAGS: TagNames = TagNames {
    tags: &["PLUGIN_TAG", "PLUGIN_TAGS"],
    auto: &["PLUGIN_AUTO_TAG"],
    suffix: &["PLUGIN_DEFAULT_SUFFIX", "PLUGIN_AUTO_TAG_SUFFIX"],
};

const GEEKLAB_TAGS: TagNames = TagNames {
    tags: &["PLUGIN_TAGS", "PLUGIN_TAG"],
    auto: &["PLUGIN_AUTO_TAG", "PLUGIN_DEFAULT_TAGS"],
    suffix: &["PLUGIN_AUTO_TAG_SUFFIX", "PLUGIN_DEFAULT_SUFFIX"],
};

const GEEKLAB_DRONE_TAGS: TagNames = TagNames {
    tags: &["PLUGIN_TAG", "PLUGIN_TAGS"],
    auto: &["PLUGIN_DEFAULT_TAGS", "PLUGIN_AUTO_TAG"],
    suffix: &["PLUGIN_DEFAULT_SUFFIX", "PLUGIN_AUTO_TAG_SUFFIX"],
};

const PREFIX: &str = "org.opencontainers.image.";

fn common(settings: &mut Settings<'_>) -> BuildImage {
    let mut build = BuildImage::new(BuildValue::text(""));
    build.dockerfile = settings.some_text(&["PLUGIN_DOCKERFILE"]).unwrap_or(build.dockerfile);
    build.context = settings.some_text(&["PLUGIN_CONTEXT"]).unwrap_or(build.context);
    build.target = settings.some_text(&["PLUGIN_TARGET"]);
    build.pull = settings.flag(&["PLUGIN_PULL_IMAGE"], true);
    build.no_cache = settings.flag(&["PLUGIN_NO_CACHE"], false);
    build.push = !settings.flag(&["PLUGIN_DRY_RUN"], false);
    build.extra_hosts = settings.items(&["PLUGIN_ADD_HOST"]);
    build.platform = settings.items(&["PLUGIN_PLATFORMS"]).into_iter().next();
    // Cache sources of registries in the words of buildx are images too; any other kind is told by `real_plugin`.
    let sources = settings.text(&["PLUGIN_CACHE_FROM"]).unwrap_or_default().replace("type=registry,ref=", "");
    build.cache_from = sources.split([',', ';']).map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect();
    build
}

/// What the settings of Woodpecker's plugin ask for. `commit_time_s` is the time of the commit in seconds since 1970, 0 where it is not known.
pub fn read(commit_time_s: i64, settings: &mut Settings<'_>) -> BuildImage {
    let mut build = common(settings);
    repositories(settings, &mut build);
    logins(settings, &mut build);
    build.login_config = settings.hidden(&["PLUGIN_CONFIG", "DOCKER_PLUGIN_CONFIG"]);
    let given = settings.list(TAGS.tags);
    settle(&mut build, given, &["latest"], false);
    if let Some(path) = settings.some_text(&["PLUGIN_TAGS_FILE", "PLUGIN_TAG_FILE"]) {
        build.tags_file = Some(TagsFile { path, split: TagsSplit::Lines });
    }
    let mut automatic = settings.flag(&["PLUGIN_DEFAULT_LABELS", "PLUGIN_AUTO_LABEL"], true);
    if settings.flag(TAGS.auto, false) {
        let default_tag = settings.some_text(&["PLUGIN_DEFAULT_TAG"]).unwrap_or_else(|| "latest".to_owned());
        let (found, reference) = derived(Rule::Buildx, &TAGS, &default_tag, &WOODPECKER, settings);
        match found {
            Derived::Tags(tags) => {
                // Tags that are given, and the `latest` that counts as given, stay.
                build.tags.splice(0..0, tags);
                build.tags_file = None;
            }
            Derived::Nothing => {
                automatic = false;
                build.remarks.push(message!(
                    "{}; this plugin then pushes the tags of its setting `tags` (`latest` without it)",
                    not_default(&reference)
                ));
            }
            Derived::NoVersion(reason) => build.instead = Some(Instead::Fails(reason)),
        }
    }
    if build.repository.as_text() == Some("") {
        // Without a name the image is built all the same, and there is nothing to push.
        build.tags.clear();
        build.tags_file = None;
        if build.push {
            build.instead.get_or_insert(Instead::Fails(message!("the setting `{}` is needed: the name of the image", "repo")));
        }
    }
    build.build_args.insert("DOCKER_IMAGE_CREATED".to_owned(), build_time());
    if commit_time_s > 0 {
        build.build_args.insert("SOURCE_DATE_EPOCH".to_owned(), BuildValue::text(commit_time_s.to_string()));
    }
    let items = settings.items(&["PLUGIN_BUILD_ARGS"]);
    let given = arguments(&items, settings, &mut build);
    let names = settings.items(&["PLUGIN_BUILD_ARGS_FROM_ENV"]);
    arguments_from_environment(&names, given, settings, &mut build);
    labels(&settings.items(&["PLUGIN_LABEL", "PLUGIN_LABELS"]), "", &mut build);
    if automatic {
        automatic_labels(&WOODPECKER, settings, &mut build);
    }
    build
}

/// Several repositories, each with all the tags.
fn repositories(settings: &mut Settings<'_>, build: &mut BuildImage) {
    match settings.value(&["PLUGIN_REPO"]) {
        Some(BuildValue::Text(_)) => {
            let mut all = settings.items(&["PLUGIN_REPO"]).into_iter().map(BuildValue::Text);
            build.repository = all.next().unwrap_or_else(|| BuildValue::text(""));
            build.more_repositories = all.collect();
        }
        Some(later) => build.repository = later,
        None => {}
    }
}

/// The login of the single settings, then those of the list `logins`, of which only the first may have no password.
fn logins(settings: &mut Settings<'_>, build: &mut BuildImage) {
    build.logins.extend(login(LOGIN, settings));
    if !settings.is_set(&["PLUGIN_LOGINS"]) {
        return;
    }
    let Some(list) = settings.json(&["PLUGIN_LOGINS"]) else {
        // As a secret it is a text of which nothing is known; as a text it is no list.
        if settings.text(&["PLUGIN_LOGINS"]).is_some() {
            settings.wrong.get_or_insert(Instead::Fails(message!("the setting `{}` is no list of logins", "logins")));
        }
        return;
    };
    for (n, members) in list.into_iter().enumerate() {
        let member = |key: &str| members.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
        let full = |key: &str| member(key).filter(|value| value.as_text() != Some(""));
        let registry = full("registry").unwrap_or_else(|| BuildValue::text(DOCKER_HUB));
        match (full("username"), full("password")) {
            (Some(username), Some(password)) => {
                // A password is never written down, also where the file says it openly.
                let password = match password {
                    BuildValue::Text(_) => BuildValue::Later(lp_model::Later::Variable {
                        name: "PLUGIN_LOGINS".to_owned(),
                        pointer: format!("/{n}/password"),
                        secrets: Vec::new(),
                    }),
                    later => later,
                };
                build.logins.push(BuildLogin { registry, username, password, may_be_base64: false });
            }
            _ if n == 0 => {}
            _ => {
                let reason = message!("each login of `{}` but the first needs `username` and `password`", "logins");
                settings.wrong.get_or_insert(Instead::Fails(reason));
            }
        }
        if ["aws_region", "aws_access_key_id", "aws_secret_access_key"].iter().any(|key| full(key).is_some()) {
            let reason = message!("the setting `{}` asks for a login that only the interface of the cloud hands out", "logins");
            settings.unreadable.get_or_insert(reason);
        }
    }
}

fn automatic_labels(facts: &Facts, settings: &mut Settings<'_>, build: &mut BuildImage) {
    automatic_label(&format!("{PREFIX}created"), build_time(), build);
    for (name, names) in [("source", facts.remote), ("url", facts.link), ("revision", facts.sha)] {
        if let Some(value) = settings.value(names).filter(|value| value.as_text() != Some("")) {
            automatic_label(&format!("{PREFIX}{name}"), value, build);
        }
    }
    let tag = settings.text(facts.reference).and_then(|reference| reference.strip_prefix("refs/tags/"));
    if let Some(version) = tag.and_then(super::auto_tag::version_text) {
        automatic_label(&format!("{PREFIX}version"), BuildValue::Text(version), build);
    }
}

/// What the settings of the geeklab's plugins ask for: no tag without a setting, and nothing is pushed without a tag.
pub fn read_geeklab(builder: Builder, settings: &mut Settings<'_>) -> BuildImage {
    let for_woodpecker = builder == Builder::GeeklabBuildx;
    let (names, facts) = if for_woodpecker { (GEEKLAB_TAGS, WOODPECKER) } else { (GEEKLAB_DRONE_TAGS, DRONE) };
    let mut build = common(settings);
    build.repository = settings.value(&["PLUGIN_REPO"]).unwrap_or_else(|| BuildValue::text(""));
    build.logins.extend(login(LOGIN, settings));
    build.login_config = match for_woodpecker {
        true => settings.hidden(&["PLUGIN_REGISTRY_CONFIG", "DOCKER_REGISTRY_CONFIG"]),
        false => settings.hidden(&["PLUGIN_CONFIG", "DOCKER_PLUGIN_CONFIG"]),
    };
    if for_woodpecker {
        build.dockerfile = settings.some_text(&["PLUGIN_CONTAINERFILE"]).unwrap_or_else(|| "Containerfile".to_owned());
    }
    let given = settings.list(names.tags).map(|tags| tags.into_iter().filter(|tag| !tag.is_empty()).collect());
    settle(&mut build, given, &[], false);
    if settings.flag(names.auto, false) {
        let (found, reference) = derived(builder.rule(), &names, "latest", &facts, settings);
        if found == Derived::Nothing {
            build.tags.clear();
            build.tags_file = None;
            build.remarks.push(message!("{}; the image is built and not pushed", not_default(&reference)));
        } else {
            only_derived(&mut build, found, &reference, Instead::Passes);
        }
    }
    build.more_names = settings.items(&["PLUGIN_EXTRA_TAGS"]);
    build.push &= !build.tags.is_empty() || !build.more_names.is_empty() || build.tags_file.is_some();
    let given = match for_woodpecker {
        true => {
            let members = settings.json(&["PLUGIN_BUILD_ARGS"]).unwrap_or_default().into_iter().flatten();
            build.build_args.extend(members);
            build.build_args.keys().cloned().collect()
        }
        false => {
            let items = settings.items(&["PLUGIN_BUILD_ARGS"]);
            arguments(&items, settings, &mut build)
        }
    };
    if for_woodpecker && settings.is_set(&["PLUGIN_BUILD_ARGS"]) && build.build_args.is_empty() {
        build.remarks.push(message!("`build_args` of this plugin is a map `NAME: value`; what stands there is none and is left out"));
    }
    let from_environment = settings.items(&["PLUGIN_BUILD_ARGS_FROM_ENV"]);
    arguments_from_environment(&from_environment, given, settings, &mut build);
    match for_woodpecker && settings.flag(&["PLUGIN_AUTO_LABEL", "PLUGIN_DEFAULT_LABELS"], false) {
        // They take the place of those that are given.
        true => automatic_labels(&facts, settings, &mut build),
        false => labels(&settings.items(&["PLUGIN_LABELS"]), "", &mut build),
    }
    build
}
