//! The holder of a namespace, and containers that were made before their turn.

use super::removed::remove_container;
use super::*;

#[tokio::test]
async fn a_holder_asks_for_nothing() {
    let place = place().await;
    let bench = Bench::ready(&place, vec![shell(1, "a", "true"), then(shell(2, "b", "true"))]).await;
    let name = format!("{}-holder", bench.stage.name());
    let found = place.engine.inspect_container(&name, None).await.unwrap();
    let host = found.host_config.unwrap();
    assert_eq!((host.privileged, host.mounts, host.binds), (Some(false), None, None));
    assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
    assert_eq!(found.state.unwrap().running, Some(true));
    // It ends when it is asked to, so that an engine that ends need not wait for it.
    place.engine.stop_container(&name, None::<bollard::query_parameters::StopContainerOptions>).await.unwrap();
    let state = place.engine.inspect_container(&name, None).await.unwrap().state.unwrap();
    assert_eq!(state.exit_code, Some(0), "{state:?}");
    bench.clear(&place).await;
}

#[tokio::test]
async fn a_holder_that_is_gone_or_has_ended_is_there_again() {
    let place = place().await;
    let script = |name: &str| format!("mkdir -p /tmp/w && echo mine > /tmp/w/x && httpd -p 80 -h /tmp/w && wget -q -O - http://{name}/x");
    let steps = vec![shell(1, "a", &script("a")), then(shell(2, "b", &script("b"))), then(shell(3, "c", &script("c")))];
    let bench = Bench::ready(&place, steps).await;
    let name = format!("{}-holder", bench.stage.name());
    let force = bollard::query_parameters::RemoveContainerOptionsBuilder::new().force(true).build();
    place.engine.remove_container(&name, Some(force)).await.unwrap();
    assert_eq!(bench.output(1).await, "mine\n");
    place.engine.kill_container(&name, None).await.unwrap();
    assert_eq!(bench.output(2).await, "mine\n");
    place.engine.kill_container(&name, None).await.unwrap();
    bench.prepare_kept().await.unwrap();
    let state = place.engine.inspect_container(&name, None).await.unwrap().state.unwrap();
    assert_eq!(state.running, Some(true));
    assert_eq!(bench.output(3).await, "mine\n");
    bench.clear(&place).await;
}

/// A step was made and written down, then the process died and the engine was started again: the container belongs to a namespace that is gone.
#[tokio::test]
async fn a_step_that_was_never_started_is_made_again_for_a_new_holder() {
    let place = place().await;
    let bench = Bench::ready(&place, vec![shell(1, "a", "true"), then(shell(2, "b", "echo ran; hostname >/dev/null"))]).await;
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    bench.output(1).await;
    bench.backend.make_ahead(&bench.stage, &bench.context(2), &cancel).await;
    remove_container(&place.engine, &format!("{}-holder", bench.stage.name())).await;
    let (exit, bytes) = bench.go_on(2, &Heard::default()).await;
    assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
    assert_eq!(String::from_utf8_lossy(&bytes), "ran\n");
    bench.clear(&place).await;
}

#[tokio::test]
async fn the_container_that_was_made_ahead_is_the_one_that_runs() {
    let place = place().await;
    let bench = Bench::ready(&place, vec![shell(1, "a", "true"), then(shell(2, "b", "echo $STATUS"))]).await;
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let with = |status: &str| {
        let mut context = bench.context(2);
        context.env.push(("STATUS".into(), EnvText::Plain(status.into())));
        context
    };
    let id = async || {
        let found = place.engine.inspect_container(&bench.stage.step_name(with("").key), None).await.unwrap();
        (found.id.unwrap(), found.state.unwrap().status.unwrap())
    };
    bench.backend.make_ahead(&bench.stage, &with("success"), &cancel).await;
    let (made, status) = id().await;
    assert_eq!(status, bollard::models::ContainerStateStatusEnum::CREATED);
    let (exit, heard) = bench.run_context(&with("success")).await;
    assert_eq!((exit.unwrap(), heard.text().as_str()), (StepExit::Code(0), "success\n"));
    assert_eq!(id().await.0, made);
    // The next attempt of the same step; something failed meanwhile.
    let next = |status: &str| {
        let mut context = with(status);
        context.key.attempt = 2;
        context
    };
    bench.backend.make_ahead(&bench.stage, &next("success"), &cancel).await;
    let (exit, heard) = bench.run_context(&next("failure")).await;
    assert_eq!((exit.unwrap(), heard.text().as_str()), (StepExit::Code(0), "failure\n"));
    bench.clear(&place).await;
}

#[tokio::test]
async fn what_an_earlier_process_made_ahead_is_thrown_away() {
    let place = place().await;
    let bench = Bench::ready(&place, vec![shell(1, "a", "echo $STATUS")]).await;
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let with = |status: &str| {
        let mut context = bench.context(1);
        context.env.push(("STATUS".into(), EnvText::Plain(status.into())));
        context
    };
    backend().make_ahead(&bench.stage, &with("success"), &cancel).await;
    let (exit, heard) = bench.run_context(&with("failure")).await;
    assert_eq!((exit.unwrap(), heard.text().as_str()), (StepExit::Code(0), "failure\n"));
    assert_eq!((heard.created, heard.started), (1, 1));
    bench.clear(&place).await;
}
