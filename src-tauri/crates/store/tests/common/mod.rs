//! What the tests of the store share.
#![allow(dead_code)]

use lp_model::{
    BackendKind, Dialect, EventFacts, EventKind, PLAN_VERSION, Plan, ProjectId, RunId, RunOn, Stage, StageNumber, Step, StepKey, StepKind,
    StepNumber, Workspace,
};
use lp_store::{Cause, CleanupPolicy, NewRun, Project, ProjectKind, Store};
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn project_id(text: &str) -> ProjectId {
    ProjectId::parse(text).unwrap()
}

pub fn run_id(text: &str) -> RunId {
    RunId::parse(text).unwrap()
}

pub fn key(step: u32) -> StepKey {
    StepKey::first(StageNumber(1), StepNumber(step))
}

pub fn project(id: &str) -> Project {
    let (name, path) = (format!("Project {id}"), Some(format!("/projects/{id}")));
    Project {
        id: project_id(id),
        name,
        path,
        kind: ProjectKind::Folder,
        added_ms: 1,
        hidden_ms: None,
        trusted: false,
        real_plugins: false,
        cleanup: CleanupPolicy::Dialect,
        cleanup_s: None,
    }
}

/// One stage with a service and two steps.
pub fn plan(number: u64) -> Plan {
    let mut event = EventFacts::new(EventKind::Push);
    event.run_number = number;
    event.commit.sha = "a".repeat(40);
    event.commit.reference = "refs/tags/1.1.0".into();
    event.inputs.insert("SHOP_NAME".into(), "铺子".into());
    let steps = [("db", StepKind::Service), ("test", StepKind::Commands), ("publish", StepKind::Plugin)];
    let steps = steps.iter().enumerate().map(|(i, (name, kind))| Step::new(i as u32 + 1, name, *kind)).collect();
    let workspace = Workspace { base: "/drone/src".into(), path: String::new() };
    let stage = Stage {
        number: StageNumber(1),
        name: "default".into(),
        backend: BackendKind::Docker,
        needs: vec![],
        run_on: RunOn::default(),
        workspace,
        source: true,
        checkout: None,
        concurrency: None,
        file: String::new(),
        matrix: Default::default(),
        volumes: vec![],
        steps,
    };
    let (version, dialect, file) = (PLAN_VERSION, Dialect::Drone1, ".drone.yml".to_owned());
    Plan {
        version,
        dialect,
        file,
        event,
        timeout_s: 3600,
        cleanup_on_cancel: false,
        cleanup_timeout_s: lp_model::CLEANUP_TIMEOUT_S,
        left_out: vec![],
        stages: vec![stage],
    }
}

pub fn new_run(project: &str, id: &str, number: u64, created_ms: i64) -> NewRun {
    NewRun {
        id: run_id(id),
        project: project_id(project),
        workflow_name: "build".into(),
        workflow_title: "构建并测试".into(),
        version_name: "1.1.0".into(),
        version_title: "Fix the cart total".into(),
        plan: plan(number),
        backend: "docker".into(),
        cause: Cause::Person,
        actor: "李雷".into(),
        parent: None,
        press: None,
        created_ms,
    }
}

/// A store with one project `p` and one queued run `r`.
pub async fn store_with_run(dir: &Path) -> Store {
    let store = Store::open(dir).await.unwrap();
    store.add_project(&project("p")).await.unwrap();
    store.create_run(&new_run("p", "r", 1, 100)).await.unwrap();
    store
}

/// A disk of its own, so small that it can be filled. Mounting needs the rights of root: without them the test fails and says so.
pub struct TinyDisk {
    pub path: PathBuf,
    _dir: tempfile::TempDir,
}

impl TinyDisk {
    pub fn mount(kilobytes: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk");
        std::fs::create_dir(&path).unwrap();
        let size = format!("size={kilobytes}k");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).output().unwrap();
        assert!(done.status.success(), "a tmpfs cannot be mounted (root is needed): {}", String::from_utf8_lossy(&done.stderr));
        Self { path, _dir: dir }
    }

    /// Fills all of it but `kilobytes` (whole pages of 4).
    pub fn fill_but(&self, kilobytes: u64) {
        let mut ballast = std::fs::File::create(self.path.join("ballast")).unwrap();
        while std::io::Write::write_all(&mut ballast, &[0; 4096]).is_ok() {}
        let full = ballast.metadata().unwrap().len();
        ballast.set_len(full - kilobytes * 1024).unwrap();
    }

    pub fn free(&self) {
        std::fs::remove_file(self.path.join("ballast")).unwrap();
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        // Lazily: a connection that a failing test has left open must not keep the mount for ever.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
