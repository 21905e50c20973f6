//! A full disk under the engine is said to be the reason, and nothing is left on it.

use lp_backend::{Backend as _, BackendError, Claims, Keep};
use lp_backend_docker::{DockerBackend, DockerOptions};
use lp_model::Message;
use lp_tests::conformance::{Bench, TarSource, plan_stage, shell};
use lp_tests::docker::OwnEngine;
use std::sync::Arc;

const DISK_MB: u32 = 40;

#[tokio::test]
async fn a_commit_that_does_not_fit() {
    let engine = OwnEngine::start(DISK_MB).await;
    let backend = Arc::new(DockerBackend::new(DockerOptions::new(vec![engine.address()], "test")));
    // Far too large, so that the engine hangs up in the middle of the upload; and just too large.
    for megabytes in [3 * DISK_MB, DISK_MB] {
        let content = vec![7; megabytes as usize * 1_000_000 + 5_000_000];
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, "large", &content[..]).unwrap();
        let source = TarSource::new(builder.into_inner().unwrap());
        let bench = Bench::of(backend.clone(), "none", plan_stage(1, vec![shell(1, "a", "true")]), Some(Arc::new(source)));
        match bench.prepare().await {
            Err(error @ BackendError::DiskFull { .. }) => assert!(!error.hint().is_empty()),
            other => panic!("{megabytes} MB on a disk of {DISK_MB} MB: {other:?}"),
        }
        assert_eq!(backend.destroy(&bench.stage, Keep::Nothing).await.unwrap(), Vec::<Message>::new());
        let report = backend.sweep(&Claims::default()).await.unwrap();
        assert_eq!(report, Default::default());
    }
}
