use crate::shell::Shell;
use lp_api::dto::{ApiError, Cleanup, ProjectDetail, ProjectSummary, ReportDto};
use tauri::State;

/// All projects.
#[tauri::command]
pub async fn project_list(shell: State<'_, Shell>) -> Result<Vec<ProjectSummary>, ApiError> {
    shell.app()?.projects().await
}

/// Makes a folder a project.
#[tauri::command]
pub async fn project_open(shell: State<'_, Shell>, path: String) -> Result<ProjectSummary, ApiError> {
    shell.app()?.open_project(&path).await
}

/// Takes a project off the list; folder and history stay.
#[tauri::command]
pub async fn project_remove(shell: State<'_, Shell>, project: String) -> Result<(), ApiError> {
    shell.app()?.remove_project(&project).await
}

/// Unpacks the sample project, or finds it again.
#[tauri::command]
pub async fn sample_create(shell: State<'_, Shell>) -> Result<ProjectSummary, ApiError> {
    shell.app()?.create_sample().await
}

/// Says whether a project's pipelines may reach this computer itself.
#[tauri::command]
pub async fn project_set_trusted(shell: State<'_, Shell>, project: String, trusted: bool) -> Result<ProjectSummary, ApiError> {
    shell.app()?.set_project_trusted(&project, trusted).await
}

/// Says whether the containers of image plugins run in a project, instead of the engine building by itself.
#[tauri::command]
pub async fn project_set_real_plugins(shell: State<'_, Shell>, project: String, on: bool) -> Result<ProjectSummary, ApiError> {
    shell.app()?.set_project_real_plugins(&project, on).await
}

/// Says what happens when a run of a project is cancelled.
#[tauri::command]
pub async fn project_set_cleanup(shell: State<'_, Shell>, project: String, cleanup: Cleanup) -> Result<ProjectSummary, ApiError> {
    shell.app()?.set_project_cleanup(&project, cleanup).await
}

/// Workflows, versions and findings of a project.
#[tauri::command]
pub async fn project_detail(shell: State<'_, Shell>, project: String) -> Result<ProjectDetail, ApiError> {
    shell.app()?.project(&project).await
}

/// What becomes of a project's pipelines here; of what is checked out when `version` is `null`.
#[tauri::command]
pub async fn project_compatibility(shell: State<'_, Shell>, project: String, version: Option<String>) -> Result<ReportDto, ApiError> {
    shell.app()?.compatibility(&project, &version.unwrap_or_default()).await
}
