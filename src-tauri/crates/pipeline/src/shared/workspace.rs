//! `workspace:`: where the working copy lies in the containers.

use crate::shared::environment;
use lp_model::{Code, EventFacts, Span, Workspace, message, what};
use lp_yaml::{Findings, Node, decode};

/// Keys of `workspace`.
pub(crate) const KEYS: [&str; 2] = ["base", "path"];

/// Folders with the programs and the system of every image: a working copy there would hide them, or take their place.
// 1.x: runner-go `container/volume.go` `IsRestrictedVolume`; the folders of libraries and the other ones of programs are ours.
const RESTRICTED: [&str; 22] = [
    "/bin",
    "/dev",
    "/etc/docker",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/media",
    "/mnt",
    "/mount",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/var/run",
];
/// Folders of which only the parts below may be taken.
const RESTRICTED_ALONE: [&str; 6] = ["/", "/etc", "/usr", "/usr/local", "/usr/local/lib", "/var"];

/// An absolute path without `.`, `..`, double and last slashes: what an engine makes of it.
pub(crate) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether two paths are the same folder.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    clean(one) == clean(other)
}

/// Whether a working copy there would lie over programs or the system of an image.
pub(crate) fn is_restricted(path: &str) -> bool {
    let path = clean(path).to_lowercase();
    let below = |folder: &&str| path.strip_prefix(*folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    RESTRICTED_ALONE.contains(&path.as_str()) || RESTRICTED.iter().any(below)
}

/// What the file says of the working copy where `base` is the folder that its server takes: `src/<host>/<owner>/<repo>` below it, for a folder
/// without an address `src`. 0.8 and Woodpecker mount the working copy wherever the file wants it; here not over an image's programs.
pub(crate) fn read(root: &Node, base: &str, facts: &EventFacts, findings: &mut Findings<'_>) -> Workspace {
    let repo = &facts.repo;
    let host = environment::host(&repo.link).or_else(|| environment::host(&repo.remote));
    let path = match host {
        Some(host) if !repo.owner.is_empty() => format!("src/{host}/{}", repo.slug()),
        _ => "src".to_owned(),
    };
    let mut workspace = Workspace { base: base.into(), path };
    let Some(node) = root.get("workspace") else { return workspace };
    let Some(entries) = decode::map(node, what!("`{}`", "workspace"), findings) else { return workspace };
    decode::unknown_keys(entries, &KEYS, what!("`{}`", "workspace"), findings);
    let mut text = |key: &str| {
        let node = decode::get(entries, key)?;
        Some((decode::text(node, what!("`{}` of `{}`", key, "workspace"), findings)?, node.span))
    };
    let (base, path) = (text("base"), text("path"));
    if let Some((base, span)) = base
        && is_allowed(&base, span, findings)
    {
        workspace.base = base;
    }
    if let Some((path, span)) = path {
        set_path(&mut workspace, path, span, findings);
    }
    workspace
}

/// Takes the path below the base; one that leads out of it would be another folder than the one that is mounted.
pub(crate) fn set_path(workspace: &mut Workspace, path: String, span: Span, findings: &mut Findings<'_>) {
    let base = clean(&workspace.base);
    let inside = clean(&format!("{base}/{path}"));
    if inside == base || inside.strip_prefix(base.as_str()).is_some_and(|rest| rest.starts_with('/')) {
        workspace.path = path;
    } else {
        findings.error(Code::WorkspaceBase, span, message!("`path` leads out of `base`: `{}`", path));
    }
}

/// Whether a base is an absolute path at which a working copy may lie; if not, an error says so.
fn is_allowed(base: &str, span: Span, findings: &mut Findings<'_>) -> bool {
    let absolute = is_absolute(base, span, findings);
    let restricted = absolute && is_restricted(base);
    if restricted {
        findings
            .error(Code::WorkspaceBase, span, message!("at `{}` the working copy would hide the programs of every image", base.to_owned()))
            .help(message!("choose a folder of its own, e.g. `/work`"));
    }
    absolute && !restricted
}

/// Whether a base is an absolute path below `/`; if not, an error says so.
pub(crate) fn is_absolute(base: &str, span: Span, findings: &mut Findings<'_>) -> bool {
    let absolute = base.starts_with('/') && clean(base) != "/";
    if !absolute {
        findings.error(Code::WorkspaceBase, span, message!("`base` must be an absolute path below `/`, not `{}`", base.to_owned()));
    }
    absolute
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_programs_are_kept_free_however_they_are_written() {
        for (path, expected) in [
            ("/bin", true),
            ("/bin/", true),
            ("//bin", true),
            ("/drone/../bin", true),
            ("/BIN", true),
            ("/usr/local/bin/x", true),
            ("/usr", true),
            ("/etc", true),
            ("/etc/docker/certs.d", true),
            ("/var/run", true),
            ("/proc/1", true),
            ("/drone/..", true),
            ("/binary", false),
            ("/go", false),
            ("/var/www/owncloud", false),
            ("/usr/src/app", false),
            ("/drone/src", false),
            ("/builds/bin", false),
        ] {
            assert_eq!(is_restricted(path), expected, "{path}");
        }
        assert!(is_same("/drone/", "/drone/./src/.."));
    }
}
