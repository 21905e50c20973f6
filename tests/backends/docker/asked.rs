//! Programs that are asked to end, and those that an earlier process has begun.

use super::*;

/// Runs the step, asks it to end when it is ready, with a grace time that no test waits for, and gives its output.
async fn asked(place: &Containers, step: lp_model::Step) -> String {
    let bench = Bench::ready(place, vec![step]).await;
    let (handle, cancel) = CancelHandle::new(Duration::from_secs(3600));
    let sink = Sink::new();
    let context = bench.context(1);
    let (exit, ()) = tokio::join!(bench.run_with(&context, &sink, &cancel), async {
        sink.until_output("ready").await;
        handle.advance(CancelStage::Ask);
    });
    assert_eq!(exit.unwrap(), StepExit::Killed);
    bench.clear(place).await;
    sink.heard().text()
}

#[tokio::test]
async fn what_a_trap_starts_to_clean_up_is_not_asked_to_end_too() {
    let place = place().await;
    for signal in ["TERM", "EXIT"] {
        let script = format!(
            "set -e\ntrap 'echo cleaning; sh -c \"sleep 1 && echo cleaned\"; exit 0' {signal}\nsh -c 'echo ready; exec sleep 600'\necho never\n"
        );
        let text = asked(&place, shell(1, "a", &script)).await;
        // What a shell says about the end of its program comes on the other stream, somewhere in between.
        let said = ["cleaning", "cleaned", "never"].map(|word| text.matches(word).count());
        assert_eq!(said, [1, 1, 0], "{signal}: {text}");
    }
}

#[tokio::test]
async fn each_program_is_asked_once() {
    let place = place().await;
    let count = "trap 'echo asked' TERM; echo ready; i=0; while test $i -lt 10; do sleep 0.1; i=$((i + 1)); done; exit 0";
    let text = asked(&place, shell(1, "a", &format!("sh -c \"{}\"; true", count.replace('$', "\\$")))).await;
    assert_eq!(text.matches("asked").count(), 1, "the program below the shell: {text}");
    let text = asked(&place, shell(1, "a", count)).await;
    assert_eq!(text.matches("asked").count(), 1, "the shell: {text}");
}

#[tokio::test]
async fn a_program_that_is_no_shell_is_stopped_by_the_engine() {
    let place = place().await;
    let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done";
    for kind in [StepKind::Plugin, StepKind::Service] {
        let mut step = shell(1, "a", script);
        step.kind = kind;
        assert!(asked(&place, step).await.contains("bye\n"), "{kind:?}");
    }
    // A step with commands in an image that has lost its shell meanwhile.
    let mut step = shell(1, "a", &format!("rm /bin/sh; {script}"));
    step.kind = StepKind::Commands;
    assert!(asked(&place, step).await.contains("bye\n"));
}

#[tokio::test]
async fn a_container_that_exists_is_taken_over_with_its_whole_log() {
    let place = place().await;
    let script = "printf 'a\\377\\n'; echo ready; until test -e go; do sleep 0.05; done; echo end; exit 7";
    let bench = Bench::ready(&place, vec![shell(1, "a", script), shell(2, "b", "touch go")]).await;
    let context = bench.context(1);
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let first = Sink::new();
    // The app ends in the middle of the step.
    tokio::select! {
        exit = bench.run_with(&context, &first, &cancel) => panic!("it ended with {exit:?}"),
        () = first.until_output("ready") => {}
    }
    let second = Sink::new();
    let (exit, ()) = tokio::join!(bench.run_with(&context, &second, &cancel), async {
        second.until_output("ready").await;
        bench.output(2).await;
    });
    assert_eq!(exit.unwrap(), StepExit::Code(7));
    assert_eq!(second.heard().bytes, b"a\xff\nready\nend\n");
    assert_eq!(second.heard().started, 1);
    bench.clear(&place).await;
}

#[tokio::test]
async fn a_container_that_ended_meanwhile_is_read_to_its_end() {
    let place = place().await;
    let bench = Bench::ready(&place, vec![shell(1, "a", "echo ready; until test -e go; do sleep 0.05; done; echo end; exit 7")]).await;
    let context = bench.context(1);
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let first = Sink::new();
    tokio::select! {
        exit = bench.run_with(&context, &first, &cancel) => panic!("it ended with {exit:?}"),
        () = first.until_output("ready") => {}
    }
    let name = bench.stage.step_name(context.key);
    place.engine.kill_container(&name, None).await.unwrap();
    let (exit, heard) = bench.run_context(&context).await;
    assert_eq!(exit.unwrap(), StepExit::Code(137));
    assert_eq!(heard.text(), "ready\n");
    bench.clear(&place).await;
}

#[tokio::test]
async fn a_service_stays_until_the_stage_is_destroyed() {
    let place = place().await;
    let mut service = shell(1, "db", "echo up; exit 3");
    service.kind = StepKind::Service;
    let bench = Bench::ready(&place, vec![service]).await;
    let (exit, heard) = bench.run(1).await;
    assert_eq!((exit.unwrap(), heard.text().as_str()), (StepExit::Code(3), "up\n"));
    let name = format!("container {}", bench.stage.step_name(bench.context(1).key));
    assert!(place.left_of(&bench.stage).await.contains(&name));
    bench.clear(&place).await;
}
