//! Child processes of this computer.

use async_trait::async_trait;
use lp_backend::{Backend, StageContext};
use lp_backend_host::HostBackend;
use lp_tests::conformance::{Abilities, Place};
use std::path::PathBuf;
use std::sync::Arc;

/// Two data folders of ours on this computer.
struct Processes {
    ours: PathBuf,
    theirs: PathBuf,
    _folder: tempfile::TempDir,
}

async fn place() -> Processes {
    let folder = tempfile::tempdir().unwrap();
    Processes { ours: folder.path().join("ours"), theirs: folder.path().join("theirs"), _folder: folder }
}

#[async_trait]
impl Place for Processes {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(HostBackend::new(self.ours.clone()))
    }

    fn neighbour(&self) -> Arc<dyn Backend> {
        Arc::new(HostBackend::new(self.theirs.clone()))
    }

    fn image(&self) -> String {
        String::new()
    }

    fn abilities(&self) -> Abilities {
        Abilities { services: false, memory_limit: false }
    }

    async fn left_of(&self, stage: &StageContext) -> Vec<String> {
        let name = stage.name();
        let mut left = Vec::new();
        for folder in [&self.ours, &self.theirs] {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
            left.extend(names.filter(|found| found.starts_with(&name)).map(|found| format!("folder {found}")));
        }
        // Every process of a step has the name of its stage somewhere in its environment.
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
            if environment.windows(name.len()).any(|part| part == name.as_bytes()) {
                left.push(format!("process {}", process.file_name().to_string_lossy()));
            }
        }
        left
    }
}

mod conforms {
    lp_tests::conformance!(super::place().await);
}
