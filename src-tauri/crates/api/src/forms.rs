//! Values of a form while they are typed. The core checks them, patterns of the author included: its engine of regular expressions is linear,
//! that of a browser is not, and `(\w+\.?)+` would stop the window for minutes.

use crate::app::App;
use crate::dto::{ApiError, InputProblem, RunRequest, Words};
use crate::prepare::{Sources, find_version, find_workflow, workflows};
use crate::projects::{blocking, folder_of};
use lp_git::Repository;

impl App {
    /// What is wrong with the values of a request, value by value.
    ///
    /// # Errors
    /// As [`App::preview`] up to the form.
    pub async fn input_problems(&self, request: &RunRequest) -> Result<Vec<InputProblem>, ApiError> {
        let folder = folder_of(&self.project_row(&request.project).await?)?;
        let request = request.clone();
        blocking(move || {
            let repository = Repository::open(&folder)?;
            let version = find_version(&repository, &request.version)?;
            let (workflows, _) = workflows(&Sources::read(&repository, version)?)?;
            let workflow = find_workflow(workflows, &request.workflow)?;
            let problem = |error: lp_workflow::InputError| InputProblem { input: error.name, message: Words::from(&error.message) };
            let errors = lp_workflow::check_inputs(&workflow, &request.inputs).err().unwrap_or_default();
            Ok(errors.into_iter().map(problem).collect())
        })
        .await
    }
}
