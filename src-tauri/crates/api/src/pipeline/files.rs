//! Files on the disk, as a developer edits them: which ones are meant by a path, and what belongs together.

use crate::dto::{ApiError, ErrorCode};
use crate::pipeline::PLACES;
use crate::project::sources::inputs_of;
use lp_model::{Message, message};
use lp_pipeline::Inputs;
use std::path::{Path, PathBuf};

/// The file with the buttons.
const WORKFLOW_FILE: &str = ".letterpress.yml";
/// The folder with the workflows of Woodpecker.
const WORKFLOW_FOLDER: &str = ".woodpecker";

/// A file that was read.
#[derive(Debug)]
pub(crate) struct DiskFile {
    /// Its path as it was named.
    pub shown: String,
    /// Its path as it is in a repository: what the compiler tells dialects apart by.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Whether it was asked for; if not, it is read because others need it.
    pub asked: bool,
}

/// Files that are read together.
#[derive(Debug)]
pub(crate) enum Group {
    /// A pipeline: one file, or all the workflows of Woodpecker.
    Pipeline(Vec<DiskFile>),
    /// `.letterpress.yml`.
    Workflows(DiskFile),
}

/// What a path stands for before anything is read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    File(PathBuf),
    /// The workflows in a folder; those that were asked for, or all.
    Folder(PathBuf, Option<Vec<PathBuf>>),
}

/// Everything that the paths stand for, and what could not be read.
pub(crate) fn groups(paths: &[PathBuf]) -> (Vec<Group>, Vec<ApiError>) {
    let (mut named, mut groups, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for path in paths {
        match names(path) {
            Ok(more) => more.into_iter().for_each(|one| add(one, &mut named)),
            Err(error) => unreadable.push(error),
        }
    }
    for one in named {
        match read(one) {
            Ok(group) => groups.push(group),
            Err(error) => unreadable.push(error),
        }
    }
    (groups, unreadable)
}

/// The pipeline that a path stands for.
pub(crate) fn pipeline(path: &Path) -> Result<Vec<DiskFile>, ApiError> {
    let is_pipeline = |named: &Named| !matches!(named, Named::File(path) if is_workflow_file(path));
    let named = names(path)?.into_iter().find(is_pipeline).ok_or_else(|| no_pipeline(path))?;
    match read(named)? {
        Group::Pipeline(files) => Ok(files),
        Group::Workflows(_) => Err(no_pipeline(path)),
    }
}

/// The fields of the forms of the project that a file on the disk belongs to, for questions without a person: those of the `.letterpress.yml` in
/// its folder or the nearest one above it, up to the root of the repository.
pub(crate) fn inputs_around(path: &Path) -> Inputs {
    let place = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for folder in place.ancestors().filter(|folder| folder.is_dir()) {
        let found = std::fs::read(folder.join(WORKFLOW_FILE)).ok();
        if let Some(bytes) = found {
            let workflows = lp_workflow::parse(WORKFLOW_FILE, &bytes).map(|(workflows, _)| workflows).unwrap_or_default();
            return inputs_of(&workflows);
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    Inputs::new()
}

pub(crate) fn no_pipeline(path: &Path) -> ApiError {
    missing(message!("`{}` has no pipeline file", path.display()))
}

fn missing(message: Message) -> ApiError {
    ApiError::new(ErrorCode::PipelineMissing, message).hint(message!("name a pipeline file, or a folder that has one"))
}

fn is_workflow_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == WORKFLOW_FILE)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml")
}

/// The folder of workflows that a file lies in, also when it is named from within.
fn workflow_folder(path: &Path) -> Option<PathBuf> {
    let place = std::path::absolute(path).ok()?;
    let inside = place.parent()?.file_name()? == WORKFLOW_FOLDER && is_yaml(path);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    inside.then(|| parent.unwrap_or(Path::new(".")).to_owned())
}

/// The same file may be named twice, and some workflows of a folder one by one.
fn add(one: Named, named: &mut Vec<Named>) {
    let same = |a: &Path, b: &Path| a == b || std::path::absolute(a).ok() == std::path::absolute(b).ok();
    for other in named.iter_mut() {
        match (&one, other) {
            (Named::File(path), Named::File(other)) if same(path, other) => return,
            (Named::Folder(path, asked), Named::Folder(other, others)) if same(path, other) => {
                match (asked, others) {
                    (Some(asked), Some(others)) => others.extend(asked.clone()),
                    (None, others) => *others = None,
                    (Some(_), None) => {}
                }
                return;
            }
            _ => {}
        }
    }
    named.push(one);
}

/// A file stands for itself (a workflow of Woodpecker for itself among those beside it), the folder of a project for what the app
/// would read in it, another folder for the workflows in it.
fn names(path: &Path) -> Result<Vec<Named>, ApiError> {
    if !path.is_dir() {
        return Ok(vec![match workflow_folder(path) {
            Some(folder) => Named::Folder(folder, Some(vec![path.to_owned()])),
            None => Named::File(path.to_owned()),
        }]);
    }
    let mut named = Vec::new();
    let is_folder = std::path::absolute(path).is_ok_and(|place| place.file_name().is_some_and(|name| name == WORKFLOW_FOLDER));
    if !is_folder {
        let workflows = below(path, WORKFLOW_FILE);
        if workflows.is_file() {
            named.push(Named::File(workflows.clone()));
        }
        named.extend(first_pipeline(path));
        for pipeline in pipelines_of(&workflows) {
            let pipeline = below(path, &pipeline);
            let pipeline = if pipeline.is_dir() { Named::Folder(pipeline, None) } else { Named::File(pipeline) };
            add(pipeline, &mut named);
        }
    }
    if named.is_empty() && !yaml_files(path)?.is_empty() {
        named.push(Named::Folder(path.to_owned(), None));
    }
    if named.is_empty() { Err(no_pipeline(path)) } else { Ok(named) }
}

/// `path/name`, without a leading `./`.
fn below(path: &Path, name: impl AsRef<Path>) -> PathBuf {
    if path == Path::new(".") { name.as_ref().to_owned() } else { path.join(name) }
}

/// The pipeline that a project has if it does not say which; as at a commit.
fn first_pipeline(path: &Path) -> Option<Named> {
    PLACES.iter().map(|place| below(path, place)).find_map(|place| {
        let workflows = place.is_dir() && yaml_files(&place).is_ok_and(|files| !files.is_empty());
        if workflows { Some(Named::Folder(place, None)) } else { place.is_file().then_some(Named::File(place)) }
    })
}

/// The pipelines that the buttons name.
fn pipelines_of(workflows: &Path) -> Vec<String> {
    let Ok(bytes) = std::fs::read(workflows) else { return Vec::new() };
    let parsed = lp_workflow::parse(WORKFLOW_FILE, &bytes).map(|(workflows, _)| workflows).unwrap_or_default();
    parsed.into_iter().filter_map(|workflow| workflow.pipeline).collect()
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, ApiError> {
    let unreadable = |problem: std::io::Error| missing(message!("`{}` cannot be read: {}", folder.display(), problem));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let path = below(folder, &name);
        if is_yaml(&path) && !is_workflow_file(&path) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(named: Named) -> Result<Group, ApiError> {
    match named {
        Named::File(path) if is_workflow_file(&path) => Ok(Group::Workflows(read_file(&path, true)?)),
        Named::File(path) => Ok(Group::Pipeline(vec![read_file(&path, true)?])),
        Named::Folder(folder, asked) => {
            let mut paths = yaml_files(&folder)?;
            // One that was named and is not there is an error, not a workflow less.
            paths.extend(asked.iter().flatten().filter(|path| !path.is_file()).cloned());
            let is_asked = |path: &Path| asked.as_ref().is_none_or(|asked| asked.iter().any(|one| one.file_name() == path.file_name()));
            paths.iter().map(|path| read_file(path, is_asked(path))).collect::<Result<_, _>>().map(Group::Pipeline)
        }
    }
}

/// Where a file leads to that lies in a repository, if that is out of it. A commit with such a link is refused by a run.
fn out_of_repository(path: &Path) -> Option<PathBuf> {
    let named = std::path::absolute(path).ok()?;
    let real = std::fs::canonicalize(path).ok()?;
    let folder = std::fs::canonicalize(named.parent()?).ok()?;
    // The repository of the name, which may itself be reached through links above it.
    let above = |folder: &Path| folder.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned);
    let root = named.parent()?.ancestors().find(|folder| folder.join(".git").exists());
    let root = root.and_then(|root| std::fs::canonicalize(root).ok()).or_else(|| above(&folder))?;
    (!real.starts_with(&root)).then_some(real)
}

fn read_file(path: &Path, asked: bool) -> Result<DiskFile, ApiError> {
    if let Some(real) = out_of_repository(path) {
        let message = message!("`{}` is a link to `{}`, which is outside of the repository", path.display(), real.display());
        let hint = message!("let the link lead to a file of the repository, or put the file in its place");
        return Err(ApiError::new(ErrorCode::PipelineMissing, message).hint(hint));
    }
    let bytes = std::fs::read(path).map_err(|problem| missing(message!("`{}` cannot be read: {}", path.display(), problem)))?;
    let shown = path.display().to_string();
    // Named from within its folder, a workflow would not be known as one of Woodpecker.
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let inside = workflow_folder(path).is_some() && !shown.contains(WORKFLOW_FOLDER);
    let path = if inside { format!("{WORKFLOW_FOLDER}/{name}") } else { shown.clone() };
    Ok(DiskFile { shown, path, bytes, asked })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: &str = "steps:\n- {name: a, image: b}\n";

    fn write(folder: &Path, files: &[&str]) {
        for file in files {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, STEPS).unwrap();
        }
    }

    /// The files that are meant, without the folder; those that are only read with others in brackets.
    fn meant(folder: &Path, paths: &[&str]) -> Result<Vec<String>, Vec<String>> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| folder.join(path)).collect();
        let (groups, unreadable) = groups(&paths);
        if !unreadable.is_empty() {
            return Err(unreadable.into_iter().map(|error| error.message.to_string().replace(&folder.display().to_string(), "")).collect());
        }
        let name = |file: &DiskFile| {
            let shown = Path::new(&file.shown).strip_prefix(folder).unwrap().display().to_string();
            if file.asked { shown } else { format!("({shown})") }
        };
        Ok(groups
            .iter()
            .map(|group| match group {
                Group::Pipeline(files) => files.iter().map(name).collect::<Vec<_>>().join(" + "),
                Group::Workflows(file) => name(file),
            })
            .collect())
    }

    #[test]
    fn a_folder_stands_for_what_the_app_would_read() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(meant(folder, &["."]).unwrap_err(), ["`/.` has no pipeline file"]);
        write(folder, &[".woodpecker.yml"]);
        assert_eq!(meant(folder, &[""]).unwrap(), [".woodpecker.yml"]);
        write(folder, &[".woodpecker/b.yaml", ".woodpecker/a.yml", ".woodpecker/notes.txt"]);
        assert_eq!(meant(folder, &[""]).unwrap(), [".woodpecker/a.yml + .woodpecker/b.yaml"]);
        write(folder, &[".drone.yaml"]);
        assert_eq!(meant(folder, &[""]).unwrap(), [".drone.yaml"]);
        write(folder, &["ci/release.yml"]);
        let workflows =
            "workflows:\n- {name: a, pipeline: ci/release.yml}\n- {name: b, pipeline: .woodpecker}\n- {name: c, pipeline: .drone.yaml}\n";
        std::fs::write(folder.join(WORKFLOW_FILE), workflows).unwrap();
        assert_eq!(
            meant(folder, &[""]).unwrap(),
            [".letterpress.yml", ".drone.yaml", "ci/release.yml", ".woodpecker/a.yml + .woodpecker/b.yaml"]
        );
        assert_eq!(meant(folder, &["ci"]).unwrap(), ["ci/release.yml"]);
        let with_input = "workflows:\n- {name: a, inputs: [{name: TAG, default: '1'}, {name: WHO}, {name: YES, type: boolean}]}\n- {name: b, inputs: [{name: TAG, default: '2'}]}\n";
        std::fs::write(folder.join(WORKFLOW_FILE), with_input).unwrap();
        let inputs: Vec<_> = inputs_around(&folder.join("ci/release.yml")).into_iter().collect();
        let expected = [("TAG", None), ("WHO", None), ("YES", Some("false"))];
        assert_eq!(inputs, expected.map(|(name, value)| (name.to_owned(), value.map(str::to_owned))));
    }

    #[test]
    fn a_link_that_leads_out_of_the_repository_is_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        let folder = std::fs::canonicalize(outside.path()).unwrap();
        write(&folder, &["elsewhere/secret.yml", "shop/ci/drone.yml"]);
        let shop = folder.join("shop");
        let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, shop.join(name)).unwrap();
        link("../elsewhere/secret.yml", ".drone.yml");
        link("ci/drone.yml", "inner.yml");
        link("../elsewhere", ".woodpecker");
        assert!(meant(&shop, &[".drone.yml"]).is_ok(), "no repository, no border");
        std::fs::create_dir(shop.join(".git")).unwrap();
        assert!(meant(&shop, &["inner.yml"]).is_ok());
        for path in [".drone.yml", "", ".woodpecker/secret.yml", ".woodpecker"] {
            let said = meant(&shop, &[path]).unwrap_err();
            assert!(said[0].contains("outside of the repository"), "{path}: {said:?}");
        }
        // The repository itself may be reached through a link.
        std::os::unix::fs::symlink(&shop, folder.join("door")).unwrap();
        assert!(meant(&folder.join("door"), &["inner.yml"]).is_ok());
        assert!(meant(&folder.join("door"), &[".drone.yml"]).is_err());
    }

    #[test]
    fn workflows_are_read_with_those_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, &[".woodpecker/a.yml", ".woodpecker/b.yml", ".drone.yml"]);
        assert_eq!(meant(folder, &[".woodpecker/b.yml"]).unwrap(), ["(.woodpecker/a.yml) + .woodpecker/b.yml"]);
        assert_eq!(
            meant(folder, &[".woodpecker/b.yml", ".drone.yml", ".woodpecker/a.yml", ".drone.yml"]).unwrap(),
            [".woodpecker/a.yml + .woodpecker/b.yml", ".drone.yml"]
        );
        assert_eq!(meant(folder, &[".woodpecker/b.yml", ".woodpecker"]).unwrap(), [".woodpecker/a.yml + .woodpecker/b.yml"]);
        let missing = meant(folder, &[".woodpecker/c.yml", "d.yml"]).unwrap_err();
        assert!(
            missing[0].starts_with("`/.woodpecker/c.yml` cannot be read") && missing[1].starts_with("`/d.yml` cannot be read"),
            "{missing:?}"
        );
    }
}
