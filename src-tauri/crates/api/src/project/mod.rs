//! Projects: opened, listed, looked into.
//!
//! A broken newest version leaves the buttons of the last good version, so that an older version can still be run.

pub(crate) mod choose;
pub(crate) mod dto;
pub(crate) mod naming;
pub(crate) mod sample;
pub(crate) mod sources;

use crate::app::App;
use crate::dto::{ApiError, Cleanup, ErrorCode, Finding, ProjectDetail, ProjectSummary, RunSummary, Tag, Version, Workflow};
use crate::project::sources::Sources;
use crate::run::convert;
use crate::time;
use lp_git::Repository;
use lp_model::{Code, ProjectId, message};
use lp_store::{Project, ProjectKind, Run, RunFilter};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many versions the project screen offers. Older ones are reached by their tag or branch.
const VERSIONS: usize = 200;
/// In how many versions buttons are looked for when the newest has none.
const LOOK_BACK: usize = 20;
/// The longest clean-up after a cancel.
const LONGEST_CLEANUP_S: u32 = 86_400;

impl App {
    /// All projects, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn projects(&self) -> Result<Vec<ProjectSummary>, ApiError> {
        let (projects, newest): (Vec<Project>, Vec<Option<Run>>) = self.store.projects_with_newest_run().await?.into_iter().unzip();
        let newest: Vec<Run> = newest.into_iter().flatten().collect();
        let mut runs: HashMap<String, RunSummary> =
            self.run_summaries(&newest).await?.into_iter().map(|run| (run.project.clone(), run)).collect();
        let summary = |project: Project| {
            let run = runs.remove(project.id.as_str());
            summary(project, run)
        };
        Ok(projects.into_iter().map(summary).collect())
    }

    /// Makes a folder a project, or finds the project that it is. Any folder inside the repository will do.
    ///
    /// # Errors
    /// `FolderNotFound`, `NotARepository`, `EmptyRepository`, `RepositoryUnreadable`.
    pub async fn open_project(&self, folder: &str) -> Result<ProjectSummary, ApiError> {
        let project = self.add_project(absolute(folder), ProjectKind::Folder).await?;
        self.summary(project).await
    }

    pub(crate) async fn add_project(&self, folder: PathBuf, kind: ProjectKind) -> Result<Project, ApiError> {
        let root = blocking(move || {
            let repository = Repository::open(&folder)?;
            repository.versions(1)?;
            Ok(repository.root().to_owned())
        })
        .await?;
        self.add_root(root, kind).await
    }

    /// The project of the repository around a folder, also of one without a commit.
    pub(crate) async fn add_repository(&self, folder: &str) -> Result<Project, ApiError> {
        let path = absolute(folder);
        let root = blocking(move || match Repository::open(&path) {
            Ok(repository) => Ok(repository.root().to_owned()),
            // The error names the root.
            Err(lp_git::GitError::Empty { path }) => Ok(PathBuf::from(path)),
            Err(error) => Err(error.into()),
        });
        self.add_root(root.await?, ProjectKind::Folder).await
    }

    async fn add_root(&self, root: PathBuf, kind: ProjectKind) -> Result<Project, ApiError> {
        let path = path_text(&root)?;
        let name = root.file_name().map_or_else(|| path.clone(), |name| name.to_string_lossy().into_owned());
        let id = ProjectId::parse(&uuid::Uuid::now_v7().simple().to_string()).expect("a UUID is a legal id");
        let new = Project {
            id,
            name,
            path: Some(path),
            kind,
            added_ms: time::now_ms(),
            hidden_ms: None,
            trusted: false,
            real_plugins: false,
            cleanup: lp_store::CleanupPolicy::Dialect,
            cleanup_s: None,
        };
        let project = self.store.add_project(&new).await?;
        self.hub.tell([Tag::Projects, Tag::Project(project.id.to_string())]);
        Ok(project)
    }

    /// The project of a folder, without adding one.
    ///
    /// # Errors
    /// As [`App::open_project`]; `ProjectNotFound` when the repository is no project yet.
    pub async fn find_project(&self, folder: &str) -> Result<ProjectSummary, ApiError> {
        let path = absolute(folder);
        let root = blocking(move || path_text(Repository::open(&path)?.root())).await?;
        match self.store.project_at(&root).await? {
            Some(project) => self.summary(project).await,
            None => Err(ApiError::new(ErrorCode::ProjectNotFound, message!("`{}` is no project yet", root))
                .hint(message!("run it once, or open it in the window"))),
        }
    }

    /// Takes a project out of the list. Its runs stay in the history, its secrets go, and the folder is not touched.
    ///
    /// # Errors
    /// `ProjectNotFound`.
    pub async fn remove_project(&self, id: &str) -> Result<(), ApiError> {
        let project = self.project_row(id).await?;
        self.store.hide_project(&project.id, time::now_ms()).await?;
        self.hub.tell([Tag::Projects, Tag::Project(id.to_owned()), Tag::Secrets]);
        Ok(())
    }

    /// Says whether the pipelines of a project may reach this computer: its folders and devices, its network, privileged containers.
    ///
    /// # Errors
    /// `ProjectNotFound`.
    pub async fn set_project_trusted(&self, id: &str, trusted: bool) -> Result<ProjectSummary, ApiError> {
        let project = self.project_row(id).await?;
        self.store.set_project_trusted(&project.id, trusted).await?;
        self.changed_project(id).await
    }

    /// Says whether the containers of image plugins run in a project, with the rights that their servers give them, instead of the engine building
    /// by itself.
    ///
    /// # Errors
    /// `ProjectNotFound`.
    pub async fn set_project_real_plugins(&self, id: &str, on: bool) -> Result<ProjectSummary, ApiError> {
        let project = self.project_row(id).await?;
        self.store.set_project_real_plugins(&project.id, on).await?;
        self.changed_project(id).await
    }

    /// Says what happens when a run of a project is cancelled. Runs that begin from now on go by it.
    ///
    /// # Errors
    /// `ProjectNotFound`; `SettingInvalid` for a time that is not between a second and a day.
    pub async fn set_project_cleanup(&self, id: &str, cleanup: Cleanup) -> Result<ProjectSummary, ApiError> {
        if let Some(seconds) = cleanup.seconds.filter(|seconds| !(1..=LONGEST_CLEANUP_S).contains(seconds)) {
            let message = message!("{} seconds for the clean-up are not between 1 and {}", seconds, LONGEST_CLEANUP_S);
            return Err(ApiError::new(ErrorCode::SettingInvalid, message));
        }
        let project = self.project_row(id).await?;
        self.store.set_project_cleanup(&project.id, convert::cleanup_policy(cleanup.policy), cleanup.seconds).await?;
        self.changed_project(id).await
    }

    async fn changed_project(&self, id: &str) -> Result<ProjectSummary, ApiError> {
        self.hub.tell([Tag::Projects, Tag::Project(id.to_owned()), Tag::Plan(id.to_owned())]);
        self.summary(self.project_row(id).await?).await
    }

    /// The name of a project.
    ///
    /// # Errors
    /// `ProjectNotFound`.
    pub async fn project_name(&self, id: &str) -> Result<String, ApiError> {
        Ok(self.project_row(id).await?.name)
    }

    /// Workflows, versions and findings of a project, read anew.
    ///
    /// # Errors
    /// `ProjectNotFound`, and what [`App::open_project`] says when the folder has changed for the worse.
    /// Errors in the project's files are no error here: they are in `findings`.
    pub async fn project(self: &Arc<Self>, id: &str) -> Result<ProjectDetail, ApiError> {
        let row = self.project_row(id).await?;
        let folder = folder_of(&row)?;
        let (versions, workflows, findings) = blocking(move || {
            let repository = Repository::open(&folder)?;
            let versions = repository.versions(VERSIONS)?;
            let newest = sources::find_version(&repository, "")?;
            let (mut workflows, findings) = workflows_of(&Sources::read(&repository, newest)?);
            // A newest version with a broken file must not keep anyone from running an older one.
            for older in versions.iter().take(LOOK_BACK) {
                if !workflows.is_empty() {
                    break;
                }
                (workflows, _) = workflows_of(&Sources::read(&repository, older.clone())?);
            }
            Ok((versions, workflows, findings))
        })
        .await?;
        let names: Vec<&str> = workflows.iter().map(|workflow| workflow.name.as_str()).collect();
        let last_inputs = self.store.last_inputs(&row.id, &names).await?;
        let shas: Vec<&str> = versions.iter().map(|version| version.sha.as_str()).collect();
        let runs = self.store.newest_runs_of_versions(&row.id, &shas).await?;
        let last_run_of: HashMap<&str, &Run> = runs.iter().map(|run| (run.version_sha.as_str(), run)).collect();
        let versions: Vec<Version> = versions
            .iter()
            .map(|version| version_dto(version.clone(), last_run_of.get(version.sha.as_str()).map(|run| convert::run_summary(run))))
            .collect();
        Ok(ProjectDetail { versions, project: self.summary(row.clone()).await?, workflows, findings, last_inputs })
    }

    pub(crate) async fn project_row(&self, id: &str) -> Result<Project, ApiError> {
        let not_found = || ApiError::new(ErrorCode::ProjectNotFound, message!("there is no project `{}`", id));
        let id = ProjectId::parse(id).ok_or_else(not_found)?;
        Ok(self.store.project(&id).await?)
    }

    async fn summary(&self, project: Project) -> Result<ProjectSummary, ApiError> {
        let filter = RunFilter { project: Some(project.id.clone()), ..RunFilter::default() };
        let last_run = match self.store.runs(&filter, None, 1).await?.first() {
            Some(run) => Some(self.run_summary(run).await?),
            None => None,
        };
        Ok(summary(project, last_run))
    }
}

fn summary(project: Project, last_run: Option<RunSummary>) -> ProjectSummary {
    let cleanup = convert::cleanup(&project);
    ProjectSummary {
        last_run,
        id: project.id.to_string(),
        name: project.name,
        path: project.path.unwrap_or_default(),
        kind: convert::project_kind(project.kind),
        trusted: project.trusted,
        real_plugins: project.real_plugins,
        cleanup,
    }
}

/// The folder of a project, whether it is there or not.
///
/// # Errors
/// `FolderNotFound` for a project without one.
pub(crate) fn folder_of(project: &Project) -> Result<PathBuf, ApiError> {
    project.path.as_ref().map(PathBuf::from).ok_or_else(|| {
        ApiError::new(ErrorCode::FolderNotFound, message!("the project `{}` has no folder on this computer", project.name))
            .hint(message!("open its repository as a folder first"))
    })
}

/// Buttons and findings at a version. A broken `.letterpress.yml` gives no buttons, only findings.
fn workflows_of(sources: &Sources) -> (Vec<Workflow>, Vec<Finding>) {
    match sources::workflows(sources) {
        Ok((workflows, findings)) => (workflows.iter().map(convert::workflow).collect(), findings),
        // The only error about the files that comes without findings: there is no file.
        Err(error) if error.findings.is_empty() => {
            let finding = Finding {
                code: Code::PipelineMissing.as_str().into(),
                severity: crate::dto::FindingSeverity::Error,
                message: error.message,
                help: Some(error.hint),
                file: String::new(),
                excerpt: None,
            };
            (Vec::new(), vec![finding])
        }
        Err(error) => (Vec::new(), error.findings),
    }
}

fn version_dto(version: lp_git::Version, last_run: Option<RunSummary>) -> Version {
    Version {
        // By its reference: a commit may have several tags, and the one that was picked is meant.
        id: if version.tag.is_some() { version.reference } else { version.sha },
        name: version.tag.unwrap_or_default(),
        title: version.title,
        author: version.author_name,
        time: time::to_text(version.time_ms),
        branches: version.branches,
        last_run,
    }
}

/// The folder as an absolute path without links, where it exists.
fn absolute(folder: &str) -> PathBuf {
    let path = Path::new(folder);
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// A path as it is kept and handed on. One that is no Unicode would come back as another one.
///
/// # Errors
/// `FolderNotFound` for such a path.
pub fn path_text(path: &Path) -> Result<String, ApiError> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        ApiError::new(ErrorCode::FolderNotFound, message!("the path `{}` is no text that Letterpress could keep", path.display()))
            .hint(message!("give the folders of the path names in UTF-8, then open it again"))
    })
}

/// Runs what blocks (git, files) beside the async tasks.
pub(crate) async fn blocking<T: Send + 'static>(act: impl FnOnce() -> Result<T, ApiError> + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(act).await.map_err(ApiError::broken)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AppOptions;
    use lp_git::{CommitSpec, FileSpec};

    fn commit(pipeline: &str, time_ms: i64) -> CommitSpec {
        CommitSpec {
            message: "change the pipeline".into(),
            author_name: "Lin Yue".into(),
            author_email: "lin@example.com".into(),
            time_ms,
            offset_min: 0,
            branch: "main".into(),
            files: vec![FileSpec { path: ".drone.yml".into(), bytes: pipeline.as_bytes().to_vec(), executable: false }],
            deletes: vec![],
            tag: None,
        }
    }

    #[tokio::test]
    async fn a_broken_newest_version_leaves_the_buttons_of_the_last_good_one() {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("shop");
        let good = "kind: pipeline\nname: default\nsteps:\n- {name: hello, image: alpine, commands: [echo hello]}\n";
        lp_git::create(&repository, &[commit(good, 1_000_000), commit("kind: pipeline\nsteps: {\n", 2_000_000)]).unwrap();
        let options = AppOptions::without_engine(folder.path().join("data"));
        let app = App::open(options).await.unwrap();
        let project = app.open_project(&repository.display().to_string()).await.unwrap();
        let detail = app.project(&project.id).await.unwrap();
        assert!(!detail.workflows.is_empty());
        assert!(detail.findings.iter().any(|finding| finding.severity == crate::dto::FindingSeverity::Error));
        app.shutdown().await;
    }

    #[tokio::test]
    async fn a_path_that_could_not_be_kept_is_refused() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let app = crate::testing::open(folder.path()).await;
        // `café`, as a system with Latin-1 wrote it.
        let place = folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
        std::fs::create_dir(&place).unwrap();
        crate::testing::repository(&place, "kind: pipeline\n");
        // The same by a name that is one: what counts is where the repository lies.
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(place.join("shop"), &link).unwrap();
        for refused in [app.open_project(link.to_str().unwrap()).await.err(), app.find_project(link.to_str().unwrap()).await.err()] {
            let error = refused.unwrap();
            assert_eq!((error.code, error.hint.is_empty()), (ErrorCode::FolderNotFound, false), "{error:?}");
            assert!(error.message.to_string().contains("is no text"), "{error:?}");
        }
        assert!(app.projects().await.unwrap().is_empty());
        app.shutdown().await;
    }
}
