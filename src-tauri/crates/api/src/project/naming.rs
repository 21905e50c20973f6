//! Runs as people name them. Projects are named after their folders, so two may have one name: a name that fits several is refused, and what the
//! program prints to be typed fits one.

use crate::app::App;
use crate::dto::{ApiError, ErrorCode};
use crate::words::shell_word;
use lp_model::{Message, ProjectId, RunId, message};
use lp_store::Project;

impl App {
    /// The id of a run as a person names it: `last`, a number in the project of `folder`, `PROJECT#NUMBER`, or the id itself. `PROJECT` is the
    /// name of a project or its folder.
    ///
    /// # Errors
    /// `RunNotFound`; `BadRequest` when several projects have that name.
    pub async fn find_run(&self, text: &str, folder: &str) -> Result<String, ApiError> {
        let not_found = || {
            ApiError::new(ErrorCode::RunNotFound, message!("there is no run `{}`", text))
                .hint(message!("`letterpress history` shows what there is"))
        };
        let (project, number) = match text.rsplit_once('#') {
            Some((name, number)) => (Some(self.project_named(name, number, text).await?), number),
            None => (self.find_project(folder).await.ok().and_then(|project| ProjectId::parse(&project.id)), text),
        };
        if number == "last" {
            let filter = lp_store::RunFilter { project, ..lp_store::RunFilter::default() };
            return Ok(self.store.runs(&filter, None, 1).await?.first().ok_or_else(not_found)?.id.to_string());
        }
        if let (Some(project), Ok(number)) = (&project, number.parse::<u64>()) {
            return Ok(self.store.run_by_number(project, number).await.map_err(|_| not_found())?.id.to_string());
        }
        let id = RunId::parse(text).ok_or_else(not_found)?;
        Ok(self.store.run(&id).await.map_err(|_| not_found())?.id.to_string())
    }

    /// The id of a project as a person names it: its name, its folder, its id, or a folder inside its repository.
    ///
    /// # Errors
    /// `ProjectNotFound`; `BadRequest` when several projects have that name.
    pub async fn project_called(&self, word: &str) -> Result<String, ApiError> {
        let projects = self.store.projects().await?;
        let named: Vec<&Project> = projects.iter().filter(|project| project.name == word).collect();
        match named[..] {
            [project] => return Ok(project.id.to_string()),
            [] => {}
            _ => {
                let ways = named.iter().map(|project| {
                    Message::verbatim(format_args!("`{}`", shell_word(project.path.as_deref().unwrap_or(project.id.as_str()))))
                });
                return Err(
                    ApiError::new(ErrorCode::BadRequest, message!("{} projects are called `{}`", named.len(), word)).hint(which(ways))
                );
            }
        }
        if let Some(project) = projects.iter().find(|project| project.path.as_deref() == Some(word) || project.id.as_str() == word) {
            return Ok(project.id.to_string());
        }
        match self.find_project(word).await {
            Ok(project) => Ok(project.id),
            Err(_) => Err(ApiError::new(ErrorCode::ProjectNotFound, message!("no project is called `{}`, and none lies there", word))
                .hint(message!("name it as `letterpress history` prints it, or by its folder"))),
        }
    }

    /// A run as [`App::find_run`] takes it, as one word of a shell: `PROJECT#NUMBER` where that is one run's, else its id.
    ///
    /// # Errors
    /// `RunNotFound`; when the store cannot be read.
    pub async fn run_word(&self, run: &str) -> Result<String, ApiError> {
        let run = self.store.run(&crate::run::parse_run(run)?).await?;
        let project = self.store.project(&run.project).await?;
        let alone = self.namesakes(&project.name).await?.iter().all(|other| other.id == project.id);
        let word = format!("{}#{}", project.name, run.number);
        let is_plain = shell_word(&project.name) == project.name && !project.name.starts_with('#') && !word.chars().any(is_misleading);
        Ok(if alone && is_plain && project.hidden_ms.is_none() { word } else { run.id.to_string() })
    }

    async fn namesakes(&self, name: &str) -> Result<Vec<Project>, ApiError> {
        Ok(self.store.projects().await?.into_iter().filter(|project| project.name == name).collect())
    }

    async fn project_named(&self, name: &str, number: &str, text: &str) -> Result<ProjectId, ApiError> {
        let mut named = self.namesakes(name).await?;
        if named.is_empty() {
            named.extend(
                self.store
                    .projects()
                    .await?
                    .into_iter()
                    .filter(|project| project.path.as_deref() == Some(name) || project.id.as_str() == name),
            );
        }
        match &named[..] {
            [] => Err(ApiError::new(ErrorCode::RunNotFound, message!("there is no run `{}`: no project is called `{}`", text, name))
                .hint(message!("`letterpress history` shows what there is"))),
            [project] => Ok(project.id.clone()),
            several => {
                let mut ways = Vec::new();
                for project in several {
                    let wanted = match number.parse::<u64>() {
                        Ok(number) => self.store.run_by_number(&project.id, number).await.ok(),
                        Err(_) => None,
                    };
                    let place = project.path.as_deref().unwrap_or(project.id.as_str());
                    let run = wanted.map_or_else(|| shell_word(&format!("{place}#{number}")), |run| run.id.to_string());
                    ways.push(message!("`{}` (in `{}`)", run, place));
                }
                Err(ApiError::new(
                    ErrorCode::BadRequest,
                    message!("`{}` may be a run of {} projects that are called `{}`", text, several.len(), name),
                )
                .hint(which(ways)))
            }
        }
    }
}

/// What to do where a name fits several things: each way to name one of them.
fn which(ways: impl IntoIterator<Item = Message>) -> Message {
    let ways = ways.into_iter().reduce(|ways, way| message!("{}, or {}", ways, way));
    message!("say which: {}", ways.unwrap_or_default())
}

/// Characters that make a word look like another one.
fn is_misleading(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{open, project, request, wait_until_over};

    const PIPELINE: &str = "kind: pipeline\nname: default\nsteps:\n- {name: hello, image: alpine, commands: [echo hello]}\n";

    #[tokio::test]
    async fn a_name_that_two_projects_have_is_refused_and_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let app = open(folder.path()).await;
        let first = project(&app, &one, PIPELINE).await;
        let run_one = app.start_run(&request(&app, &first).await).await.unwrap();
        wait_until_over(&app, &run_one).await;
        assert_eq!(app.find_run("shop#1", ".").await.unwrap(), run_one);
        assert_eq!(app.run_word(&run_one).await.unwrap(), "shop#1");

        let second = project(&app, &two, PIPELINE).await;
        let run_two = app.start_run(&request(&app, &second).await).await.unwrap();
        wait_until_over(&app, &run_two).await;
        let refused = app.find_run("shop#1", ".").await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::BadRequest);
        for needed in [&run_one, &run_two, &one.display().to_string(), &two.display().to_string()] {
            assert!(refused.hint.to_string().contains(needed.as_str()), "{needed} is missing: {}", refused.hint);
        }
        for (run, path) in [(&run_one, &one), (&run_two, &two)] {
            assert_eq!(app.find_run(&app.run_word(run).await.unwrap(), ".").await.unwrap(), *run);
            assert_eq!(app.find_run(&format!("{}#1", path.join("shop").display()), ".").await.unwrap(), *run);
            assert_eq!(app.find_run(&format!("{}#last", path.join("shop").display()), ".").await.unwrap(), *run);
        }
        app.shutdown().await;
    }
}
