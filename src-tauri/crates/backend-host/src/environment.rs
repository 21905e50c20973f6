//! The environment of a step's processes.

use crate::folder::{Root, StageFolder};
use crate::mark;
use lp_backend::{EnvText, StepContext};
use lp_model::Workspace;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Variables of the app's own environment that steps get too, besides everything that begins with `LC_`: what programs need to be
/// found, to speak the person's language, and to reach the network as the person does. Nothing that points to the person's files,
/// keys, agents or desktop session. A step's own variable of the same name replaces them.
pub(crate) const PASSED: &[&str] = &[
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    // Certificates of a company's own authority.
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    // Proxies, in the two spellings that are in use.
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    // Mirrors of package registries.
    "npm_config_registry",
    "NPM_CONFIG_REGISTRY",
    "npm_config_cafile",
    "NPM_CONFIG_CAFILE",
    "npm_config_proxy",
    "npm_config_https_proxy",
    "npm_config_noproxy",
    "npm_config_strict_ssl",
];

/// All variables of a step. `own` is the app's environment.
///
/// `HOME` and `TMPDIR` are always the stage's own: files of Drone 0.8 force `HOME=/root`, which is right in a container only.
pub(crate) fn build(
    own: impl Iterator<Item = (OsString, OsString)>,
    root: &Root,
    folder: &StageFolder,
    workspace: &Workspace,
    step: &StepContext,
    step_name: &str,
) -> BTreeMap<OsString, OsString> {
    let mut env: BTreeMap<OsString, OsString> = own.filter(|(name, _)| is_passed(name)).collect();
    for (name, value) in &step.env {
        let value = match value {
            EnvText::WorkspaceBase => folder.base().into_os_string(),
            EnvText::WorkspaceDir => folder.dir(workspace).into_os_string(),
            text => OsString::from(text.text("", "").as_ref()),
        };
        env.insert(OsString::from(name), value);
    }
    env.insert("HOME".into(), folder.home().into_os_string());
    env.insert("TMPDIR".into(), folder.tmp().into_os_string());
    env.insert(mark::STEP_VARIABLE.into(), step_name.into());
    env.insert(mark::ROOT_VARIABLE.into(), root.path().into());
    env
}

fn is_passed(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| PASSED.contains(&name) || name.starts_with("LC_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_model::{StageNumber, Step, StepKey, StepKind, StepNumber};
    use lp_secret::SecretValue;
    use std::sync::Arc;

    #[test]
    fn a_step_gets_its_own_variables_and_little_else() {
        let temp = tempfile::tempdir().unwrap();
        let root = Root::find(temp.path()).unwrap();
        let folder = root.stage("lp-a-1");
        let own = [
            ("PATH", "/bin"),
            ("LC_ALL", "zh_CN.UTF-8"),
            ("LANG", "C"),
            ("SSH_AUTH_SOCK", "/x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("HOME", "/me"),
        ];
        let step = StepContext {
            key: StepKey::first(StageNumber(1), StepNumber(1)),
            step: Arc::new(Step::new(1, "build", StepKind::Commands)),
            env: vec![
                ("BASE".into(), EnvText::WorkspaceBase),
                ("DIR".into(), EnvText::WorkspaceDir),
                ("HOME".into(), EnvText::Plain("/root".into())),
                ("LANG".into(), EnvText::Plain("en".into())),
                ("LETTERPRESS_STEP".into(), EnvText::Plain("forged".into())),
                ("TOKEN".into(), EnvText::Secret(SecretValue::new("hunter2"))),
            ],
            before: lp_backend::Before::Nothing,
        };
        let workspace = Workspace { base: "/go".into(), path: "src/app".into() };
        let own = own.into_iter().map(|(name, value)| (name.into(), value.into()));
        let env = build(own, &root, &folder, &workspace, &step, "lp-a-1-1-1");
        let text = |path: std::path::PathBuf| path.into_os_string().into_string().unwrap();
        let expected = [
            ("BASE", text(folder.base())),
            ("DIR", text(folder.base().join("src/app"))),
            ("HOME", text(folder.home())),
            ("LANG", "en".into()),
            ("LC_ALL", "zh_CN.UTF-8".into()),
            ("LETTERPRESS_ROOT", text(root.path().into())),
            ("LETTERPRESS_STEP", "lp-a-1-1-1".into()),
            ("PATH", "/bin".into()),
            ("TMPDIR", text(folder.tmp())),
            ("TOKEN", "hunter2".into()),
        ];
        let expected: BTreeMap<OsString, OsString> = expected.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        assert_eq!(env, expected);
    }
}
