//! What somebody has removed or left behind, and our own images.

use super::*;

/// The loader is removed beside the first step; a process that dies before that leaves one that means nothing any more.
#[tokio::test]
async fn a_loader_that_was_left_behind_undoes_nothing() {
    let place = place().await;
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    builder.append_data(&mut header, "file", &b"old\n"[..]).unwrap();
    let source = Arc::new(lp_tests::conformance::TarSource::new(builder.into_inner().unwrap()));
    let steps = vec![shell(1, "a", "cat file; echo new > file; echo ready; sleep 600"), then(shell(2, "b", "cat file"))];
    let bench = Bench::new(&place, steps, Some(source));
    bench.prepare().await.unwrap();
    // Another process, which knows nothing of a loader that is to be removed.
    let next = Bench { backend: Arc::new(backend()), stage: bench.stage.clone() };
    next.die_at(1, "ready").await;
    assert!(things(&place, &next).await.contains(&"container NAME-source".to_owned()));
    next.prepare_kept().await.unwrap();
    assert_eq!(next.output(2).await, "new\n");
    assert!(!things(&place, &next).await.contains(&"container NAME-source".to_owned()));
    bench.clear(&place).await;
}

/// Anybody on the computer can give an image any name; no registry can have these.
#[tokio::test]
async fn our_own_images_are_known_by_what_is_in_them() {
    let place = place().await;
    for name in ["empty", "holder"] {
        let options =
            bollard::query_parameters::TagImageOptionsBuilder::new().repo(&format!("letterpress.invalid/{name}")).tag("1").build();
        place.engine.tag_image(&place.image, Some(options)).await.unwrap();
    }
    let busybox = place.engine.inspect_image(&place.image).await.unwrap().id.unwrap();
    let bench = Bench::ready(&place, vec![shell(1, "a", "echo one"), then(shell(2, "b", "echo two"))]).await;
    for part in ["holder", "source"] {
        let found = place.engine.inspect_container(&format!("{}-{part}", bench.stage.name()), None).await.unwrap();
        assert_ne!(found.image.unwrap(), busybox, "{part}");
        assert!(found.config.unwrap().image.unwrap().starts_with("sha256:"), "{part}: by its id");
    }
    assert_eq!((bench.output(1).await, bench.output(2).await), ("one\n".to_owned(), "two\n".to_owned()));
    bench.clear(&place).await;
}

pub(super) async fn remove_container(engine: &Docker, name: &str) {
    let force = bollard::query_parameters::RemoveContainerOptionsBuilder::new().force(true).build();
    engine.remove_container(name, Some(force)).await.unwrap();
}

/// `docker system prune` takes every container that does not run.
#[tokio::test]
async fn a_container_that_was_removed_before_its_program_ran_is_made_anew() {
    let place = place().await;
    let bench = Bench::ready(&place, vec![shell(1, "a", "echo ran")]).await;
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let context = bench.context(1);
    bench.backend.make_ahead(&bench.stage, &context, &cancel).await;
    remove_container(&place.engine, &bench.stage.step_name(context.key)).await;
    let (exit, heard) = bench.run_context(&context).await;
    assert_eq!((exit.unwrap(), heard.text().as_str()), (StepExit::Code(0), "ran\n"));
    assert_eq!((heard.created, heard.started), (1, 1));
    bench.clear(&place).await;
}

#[tokio::test]
async fn a_running_step_that_somebody_removes_is_lost() {
    let place = place().await;
    let bench = Bench::ready(&place, vec![shell(1, "a", "echo ready; sleep 600")]).await;
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let (context, sink) = (bench.context(1), Sink::new());
    let (exit, ()) = tokio::join!(bench.run_with(&context, &sink, &cancel), async {
        sink.until_output("ready").await;
        remove_container(&place.engine, &bench.stage.step_name(context.key)).await;
    });
    assert!(matches!(exit, Err(BackendError::Lost { .. })), "{exit:?}");
    bench.clear(&place).await;
}

/// `docker system prune --volumes` between two steps: an engine would make an empty volume in place of the files.
#[tokio::test]
async fn a_step_never_runs_without_the_files_of_its_stage() {
    let place = place().await;
    let mut step = then(shell(2, "b", "echo ran"));
    step.mounts = vec![Mount { volume: "cache".into(), path: "/cache".into(), read_only: false }];
    let mut stage = plan_stage(1, vec![shell(1, "a", "echo x > x"), step]);
    stage.volumes = vec![Volume { name: "cache".into(), kind: VolumeKind::Temp }];
    for removed in ["", "-volume-1"] {
        let bench = Bench::of(place.backend(), &place.image, stage.clone(), None);
        bench.prepare().await.unwrap();
        bench.output(1).await;
        remove_container(&place.engine, &bench.stage.step_name(bench.context(1).key)).await;
        let volume = format!("{}{removed}", bench.stage.name());
        place.engine.remove_volume(&volume, None::<bollard::query_parameters::RemoveVolumeOptions>).await.unwrap();
        let (exit, heard) = bench.run(2).await;
        assert!(matches!(exit, Err(BackendError::FilesGone { .. })), "{exit:?}");
        assert_eq!((heard.started, heard.text().as_str()), (0, ""));
        assert!(place.engine.inspect_volume(&volume).await.is_err(), "nothing is left that nobody would find");
        bench.clear(&place).await;
    }
}

/// A person removes stopped containers in the middle of an upload, the mark of a half working copy of old among them.
#[tokio::test]
async fn half_a_working_copy_is_never_kept() {
    let place = place().await;
    let source = Arc::new(lp_tests::conformance::TarSource::endless(vec![0; 512]));
    let bench = Bench::new(&place, vec![shell(1, "a", "true")], Some(source));
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let loader = format!("{}-source", bench.stage.name());
    tokio::select! {
        prepared = bench.backend.prepare(&bench.stage, &lp_backend::NoNotes, &cancel) => panic!("it ended with {prepared:?}"),
        () = async {
            while place.engine.inspect_container(&loader, None).await.is_err() {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    remove_container(&place.engine, &loader).await;
    let next = Bench { backend: place.backend_of_the_next_process(), stage: bench.stage.clone() };
    next.backend.destroy(&next.stage, lp_backend::Keep::Files).await.unwrap();
    assert!(next.backend.kept().await.unwrap().stages.is_empty());
    bench.clear(&place).await;
}
