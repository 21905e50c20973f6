//! Parts of a tag that is a version number.

use crate::shared::environment::{Environment, set};

/// Sets `DRONE_SEMVER…` when the tag is a semantic version (with or without a leading `v`), else `DRONE_SEMVER_ERROR`.
pub(super) fn semver(tag: &str, env: &mut Environment) {
    let text = tag.strip_prefix('v').unwrap_or(tag);
    let (version, build) = text.split_once('+').unwrap_or((text, ""));
    let (core, prerelease) = version.split_once('-').unwrap_or((version, ""));
    let parts: Vec<&str> = core.split('.').collect();
    let [major, minor, patch] = parts[..] else {
        return set(env, "DRONE_SEMVER_ERROR", format!("{text} is not in dotted-tri format"));
    };
    if let Some(part) = [major, minor, patch].into_iter().find(|part| part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit())) {
        return set(env, "DRONE_SEMVER_ERROR", format!("`{part}` in {text} is not a number"));
    }
    set(env, "DRONE_SEMVER", text);
    set(env, "DRONE_SEMVER_MAJOR", major);
    set(env, "DRONE_SEMVER_MINOR", minor);
    set(env, "DRONE_SEMVER_PATCH", patch);
    set(env, "DRONE_SEMVER_PRERELEASE", prerelease);
    set(env, "DRONE_SEMVER_BUILD", build);
    set(env, "DRONE_SEMVER_SHORT", core);
}

/// Sets `DRONE_CALVER…` when the tag is a calendar version: a year of four digits, then a month, then perhaps more.
pub(super) fn calver(tag: &str, env: &mut Environment) {
    let text = tag.strip_prefix('v').unwrap_or(tag);
    let (core, modifier) = text.split_once('-').unwrap_or((text, ""));
    let parts: Vec<&str> = core.splitn(3, '.').collect();
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (major, minor, micro) = match parts[..] {
        [major, minor] => (major, minor, ""),
        [major, minor, micro] if numeric(micro) => (major, minor, micro),
        _ => return,
    };
    if !(numeric(major) && numeric(minor) && major.len() == 4 && major.starts_with("20")) {
        return;
    }
    set(env, "DRONE_CALVER", text);
    set(env, "DRONE_CALVER_MAJOR_MINOR", format!("{major}.{minor}"));
    set(env, "DRONE_CALVER_MAJOR", major);
    set(env, "DRONE_CALVER_MINOR", minor);
    set(env, "DRONE_CALVER_MICRO", micro);
    set(env, "DRONE_CALVER_SHORT", core);
    set(env, "DRONE_CALVER_MODIFIER", modifier);
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_model::EnvValue;

    fn show(tag: &str) -> String {
        let mut env = Environment::new();
        semver(tag, &mut env);
        calver(tag, &mut env);
        let texts = env.iter().map(|(name, value)| match value {
            EnvValue::Text(text) => format!("{}={text}", name.trim_start_matches("DRONE_")),
            _ => unreachable!("only texts are set"),
        });
        texts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn versions() {
        assert_eq!(
            show("v1.2.3-rc.1+b5"),
            "SEMVER=1.2.3-rc.1+b5 SEMVER_BUILD=b5 SEMVER_MAJOR=1 SEMVER_MINOR=2 SEMVER_PATCH=3 SEMVER_PRERELEASE=rc.1 SEMVER_SHORT=1.2.3"
        );
        assert_eq!(show("v1.2"), "SEMVER_ERROR=1.2 is not in dotted-tri format");
        assert_eq!(show("1.x.3"), "SEMVER_ERROR=`x` in 1.x.3 is not a number");
        assert!(show("2026.11.3").contains("CALVER_MAJOR=2026") && show("2026.11.3").contains("SEMVER_MAJOR=2026"));
    }
}
