//! What one process begins, another one ends: taking over, keeping files, and what was made ahead.

use super::place::{Bench, Heard, Place, Sink, TarSource, in_memory, shell, then, within};
use lp_backend::{BackendError, Before, CancelHandle, CancelStage, Claims, EnvText, Keep, NoNotes, StepContext, StepExit};
use lp_model::Message;
use std::sync::Arc;
use std::time::Duration;

/// First written down, then done: once each, and where it cannot be written down nothing runs.
pub async fn nothing_starts_before_it_is_written_down(place: &dyn Place) {
    let steps = vec![shell(1, "a", "echo ran > ran"), then(shell(2, "b", "test ! -e ran"))];
    let bench = Bench::ready(place, steps).await;
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let sink = Sink::forgetful();
    let exit = bench.run_with(&bench.context(1), &sink, &cancel).await;
    assert!(matches!(exit, Err(BackendError::Sink(_))), "{exit:?}");
    assert_eq!((sink.heard().created, sink.heard().started), (1, 0));
    let (exit, heard) = bench.run(2).await;
    assert_eq!(exit.expect("it was found out"), StepExit::Code(0), "it ran");
    assert_eq!((heard.created, heard.started, heard.early_start), (1, 1, false));
    bench.clear(place).await;
}

/// A moment is a number of seconds for the program.
pub async fn times_arrive_as_seconds(place: &dyn Place) {
    let bench = Bench::ready(place, vec![shell(1, "a", "echo $AT")]).await;
    let mut context = bench.context(1);
    context.env.push(("AT".into(), EnvText::Moment(1_700_000_000)));
    let (exit, heard) = bench.run_context(&context).await;
    assert_eq!((exit.expect("it was found out"), heard.text().as_str()), (StepExit::Code(0), "1700000000\n"));
    bench.clear(place).await;
}

/// The program does not notice that its process died, and its true end is known to the next one.
pub async fn a_step_is_taken_over_while_it_runs(place: &dyn Place) {
    let script = "echo ready; until test -e go; do sleep 0.05; done; echo end; exit 7";
    let bench = Bench::ready(place, vec![shell(1, "a", script), shell(2, "b", "touch go")]).await;
    let first = bench.die_at(1, "ready").await;
    let ((exit, bytes), _) = tokio::join!(bench.go_on(1, &first), bench.output(2));
    assert_eq!(exit.expect("it was found out"), StepExit::Code(7));
    assert_eq!(String::from_utf8_lossy(&bytes), "ready\nend\n");
    bench.clear(place).await;
}

/// It ended while nobody was there. It can be asked for more than once: until the stage is destroyed its end stays known.
pub async fn a_step_is_taken_over_after_its_end(place: &dyn Place) {
    let script = "echo ready; until test -e go; do sleep 0.05; done; echo end; touch over; exit 7";
    let wait = "touch go; until test -e over; do sleep 0.05; done; sleep 0.3";
    let bench = Bench::ready(place, vec![shell(1, "a", script), shell(2, "b", wait)]).await;
    let first = bench.die_at(1, "ready").await;
    bench.output(2).await;
    for before in [&first, &first, &Heard::default()] {
        let (exit, bytes) = bench.go_on(1, before).await;
        assert_eq!(exit.expect("it was found out"), StepExit::Code(7));
        assert_eq!(String::from_utf8_lossy(&bytes), "ready\nend\n");
    }
    bench.clear(place).await;
}

/// The process died between writing down and starting: it is started once, now.
pub async fn a_step_that_was_never_started_is_started(place: &dyn Place) {
    let bench = Bench::ready(place, vec![shell(1, "a", "echo ran >> ran; cat ran")]).await;
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let sink = Sink::new();
    let context = bench.context(1);
    // Dropped at the first moment at which it is written down: whether the program has begun then cannot be known.
    tokio::select! {
        exit = bench.run_with(&context, &sink, &cancel) => panic!("it ended with {exit:?}"),
        () = sink.until("that it is created", |heard| heard.created == 1) => {}
    }
    let (exit, bytes) = bench.go_on(1, &sink.heard()).await;
    assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
    assert_eq!(String::from_utf8_lossy(&bytes), "ran\n");
    bench.clear(place).await;
}

/// Nothing is there of what was started: it is said to be lost, and is not started again.
pub async fn a_step_that_is_gone_is_lost(place: &dyn Place) {
    let bench = Bench::ready(place, vec![shell(1, "a", "touch ran"), then(shell(2, "b", "test ! -e ran"))]).await;
    let (exit, _) = bench.go_on(1, &Heard::default()).await;
    match exit {
        Err(error @ BackendError::Lost { .. }) => assert!(!error.hint().is_empty()),
        other => panic!("{other:?}"),
    }
    bench.output(2).await;
    bench.clear(place).await;
}

/// Bytes of every kind: NUL, no UTF-8, progress in one line, and a break in the middle of a line.
pub async fn output_goes_on_at_the_byte(place: &dyn Place) {
    let script =
        r"printf 'a\000\377\n10%%\r'; printf 'rea'; printf 'dy'; until test -e go; do sleep 0.05; done; printf '20%%\r\n\n\376\000b\n\n'";
    let bench = Bench::ready(place, vec![shell(1, "a", script), shell(2, "b", "touch go")]).await;
    let first = bench.die_at(1, "ready").await;
    let ((exit, bytes), _) = tokio::join!(bench.go_on(1, &first), bench.output(2));
    assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
    assert_eq!(bytes, b"a\0\xff\n10%\rready20%\r\n\n\xfe\0b\n\n");
    // And once more, of a program that has ended.
    let (_, bytes) = bench.go_on(1, &first).await;
    assert_eq!(bytes, b"a\0\xff\n10%\rready20%\r\n\n\xfe\0b\n\n");
    bench.clear(place).await;
}

/// Each line of both streams once, whatever had been taken of each.
pub async fn both_streams_go_on(place: &dyn Place) {
    let script = "i=0; while test $i -lt 100; do echo out $i; echo err $i >&2; i=$((i + 1)); done; echo ready; \
                  until test -e go; do sleep 0.05; done; while test $i -lt 200; do echo out $i; echo err $i >&2; i=$((i + 1)); done";
    let bench = Bench::ready(place, vec![shell(1, "a", script), shell(2, "b", "touch go")]).await;
    let first = bench.die_at(1, "ready").await;
    let ((exit, bytes), _) = tokio::join!(bench.go_on(1, &first), bench.output(2));
    assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
    let text = String::from_utf8(bytes).expect("plain text");
    for stream in ["out", "err"] {
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with(stream)).map(str::to_owned).collect();
        let expected: Vec<_> = (0..200).map(|number| format!("{stream} {number}")).collect();
        assert_eq!(lines, expected);
    }
    assert_eq!(text.lines().count(), 401, "{text}");
    bench.clear(place).await;
}

/// A line of 16 MB, of which some was taken.
pub async fn a_long_line_goes_on(place: &dyn Place) {
    const LENGTH: usize = 16 << 20;
    let half = LENGTH / 2;
    let script = format!(
        "head -c {half} /dev/zero | tr '\\000' x; printf ready; until test -e go; do sleep 0.05; done; \
         head -c {half} /dev/zero | tr '\\000' y; echo; echo end"
    );
    let bench = Bench::ready(place, vec![shell(1, "a", &script), shell(2, "b", "touch go")]).await;
    let first = bench.die_at(1, "ready").await;
    let ((exit, bytes), _) = tokio::join!(bench.go_on(1, &first), bench.output(2));
    assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
    let expected = [vec![b'x'; half], b"ready".to_vec(), vec![b'y'; half], b"\nend\n".to_vec()].concat();
    assert!(bytes == expected, "{} bytes instead of {}", bytes.len(), expected.len());
    bench.clear(place).await;
}

/// No line feed at the end, printed before the take over or after it.
pub async fn a_last_line_without_an_end_goes_on(place: &dyn Place) {
    for (before, after) in [("ready", ""), ("one\nready", ""), ("ready\n", "end"), ("ready", " end"), ("ready\n", "\n"), ("ready", "\n")] {
        let script = format!("printf '{before}'; until test -e go; do sleep 0.05; done; sleep 0.3; printf '{after}'");
        let bench = Bench::ready(place, vec![shell(1, "a", &script), shell(2, "b", "touch go")]).await;
        let first = bench.die_at(1, "ready").await;
        let ((exit, bytes), _) = tokio::join!(bench.go_on(1, &first), bench.output(2));
        assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
        assert_eq!(String::from_utf8_lossy(&bytes), format!("{before}{after}"), "{before:?} and then {after:?}");
        bench.clear(place).await;
    }
}

/// Asked and killed as if nothing had happened.
pub async fn what_was_taken_over_can_be_cancelled(place: &dyn Place) {
    let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done";
    for stage in [CancelStage::Ask, CancelStage::Kill] {
        let bench = Bench::ready(place, vec![shell(1, "a", script)]).await;
        let first = bench.die_at(1, "ready").await;
        let (handle, cancel) = CancelHandle::new(Duration::from_secs(3600));
        let sink = Sink::after(&first);
        let context = bench.context_after(1);
        let (exit, ()) = tokio::join!(bench.run_with(&context, &sink, &cancel), async {
            sink.until("that it runs", |heard| heard.started == 1).await;
            handle.advance(stage);
        });
        assert_eq!(exit.expect("it was found out"), StepExit::Killed);
        assert_eq!(sink.heard().text().contains("bye\n"), stage == CancelStage::Ask);
        bench.clear(place).await;
    }
    // A cancel that was asked for before: what runs must not go on.
    let bench = Bench::ready(place, vec![shell(1, "a", script)]).await;
    let first = bench.die_at(1, "ready").await;
    let (handle, cancel) = CancelHandle::new(Duration::from_secs(3600));
    handle.advance(CancelStage::Kill);
    let exit = bench.run_with(&bench.context_after(1), &Sink::after(&first), &cancel).await;
    assert_eq!(exit.expect("it was found out"), StepExit::Killed);
    bench.clear(place).await;
}

/// While a step runs, as a new process does; then the steps go on in the same place.
pub async fn a_stage_can_be_prepared_again_in_the_middle(place: &dyn Place) {
    let script = "echo ready; until test -e go; do sleep 0.05; done; echo end > end";
    let steps = vec![shell(1, "a", script), then(shell(2, "b", "cat end")), shell(3, "c", "touch go")];
    let bench = Bench::ready(place, steps).await;
    let first = bench.die_at(1, "ready").await;
    bench.prepare_kept().await.expect("a place that is there");
    let ((exit, _), _) = tokio::join!(bench.go_on(1, &first), bench.output(3));
    assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
    assert_eq!(bench.output(2).await, "end\n");
    bench.clear(place).await;
}

fn small_repository() -> Arc<TarSource> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    builder.append_data(&mut header, "file", &b"old\n"[..]).expect("writing to memory cannot fail");
    Arc::new(TarSource::new(builder.into_inner().expect("writing to memory cannot fail")))
}

/// A failed run that is retried finds its files as the steps had left them, and nothing else of it has stayed.
pub async fn kept_files_are_there_again(place: &dyn Place) {
    let steps = vec![shell(1, "a", "cat file; echo new > file; mkdir out; echo x > out/x"), then(shell(2, "b", "cat file out/x"))];
    let bench = Bench::new(place, steps, Some(small_repository()));
    bench.prepare().await.expect("the source is fine");
    assert_eq!(bench.output(1).await, "old\n");
    let kept = async || {
        let all = bench.backend.kept().await.expect("the place answers").stages;
        all.into_iter().filter(|one| one.run == bench.stage.run).collect::<Vec<_>>()
    };
    assert!(kept().await.is_empty(), "a stage that lives keeps nothing");
    for _ in 0..2 {
        let leftovers = within(100, "destroy", bench.backend.destroy(&bench.stage, Keep::Files)).await.expect("the place answers");
        assert_eq!(leftovers, Vec::<Message>::new());
        let found = kept().await;
        assert_eq!(found.iter().map(|one| one.stage).collect::<Vec<_>>(), [bench.stage.stage.number]);
        assert!(found[0].bytes.is_none_or(|bytes| (6..1 << 20).contains(&bytes)), "{found:?}");
    }
    bench.prepare_kept().await.expect("the files are there");
    assert_eq!(bench.output(2).await, "new\nx\n");
    bench.backend.destroy(&bench.stage, Keep::Files).await.expect("the place answers");
    bench.clear(place).await;
}

/// A working copy that was not whole yet is no use to a retry.
pub async fn files_that_were_never_whole_are_not_kept(place: &dyn Place) {
    let bench = Bench::new(place, vec![shell(1, "a", "true")], Some(Arc::new(TarSource::failing(vec![0; 512]))));
    bench.prepare().await.expect_err("the source is broken");
    let leftovers = within(100, "destroy", bench.backend.destroy(&bench.stage, Keep::Files)).await.expect("the place answers");
    assert_eq!(leftovers, Vec::<Message>::new());
    assert_eq!(place.left_of(&bench.stage).await, Vec::<String>::new());
    bench.clear(place).await;
}

/// A process that died while the files were on their way: the next one brings them all, whole.
pub async fn a_prepare_that_was_broken_off_begins_again(place: &dyn Place) {
    let mut bench = Bench::new(place, vec![shell(1, "a", "cat file")], Some(Arc::new(TarSource::endless(vec![0; 512]))));
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    // Once what is being filled is there: that the process dies while the place still makes it is something that no next one is quick enough for.
    let is_there = |left: &String| left.starts_with("container") || left.starts_with("folder");
    let something = async {
        while !place.left_of(&bench.stage).await.iter().any(is_there) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        prepared = bench.backend.prepare(&bench.stage, &NoNotes, &cancel) => panic!("it ended with {prepared:?}"),
        () = something => {}
    }
    bench.stage.source = Some(small_repository());
    for _ in 0..2 {
        bench.prepare().await.expect("the source is fine");
    }
    assert_eq!(bench.output(1).await, "old\n");
    bench.clear(place).await;
}

/// Of a run whose files are claimed only they stay, of others nothing.
pub async fn a_sweep_spares_kept_files(place: &dyn Place) {
    let script = "echo new > file; echo ready; sleep 600";
    let steps = || vec![shell(1, "a", script), then(shell(2, "b", "cat file"))];
    let claimed = Bench::new(place, steps(), Some(small_repository()));
    claimed.prepare().await.expect("the source is fine");
    claimed.die_at(1, "ready").await;
    let forgotten = Bench::new(place, steps(), Some(small_repository()));
    forgotten.prepare().await.expect("the source is fine");
    forgotten.backend.destroy(&forgotten.stage, Keep::Files).await.expect("the place answers");

    let claims = Claims { live: vec![], kept: vec![claimed.stage.run.clone()] };
    let report = place.backend().sweep(&claims).await.expect("the place answers");
    assert_eq!(report.failed, Vec::<Message>::new());
    assert_eq!(place.left_of(&forgotten.stage).await, Vec::<String>::new());
    let again = place.backend().sweep(&claims).await.expect("the place answers");
    assert_eq!(again, Default::default());
    let kept = place.backend().kept().await.expect("the place answers").stages;
    assert_eq!(kept.into_iter().map(|one| one.run).collect::<Vec<_>>(), std::slice::from_ref(&claimed.stage.run));
    claimed.prepare_kept().await.expect("the files are there");
    assert_eq!(claimed.output(2).await, "new\n");
    claimed.clear(place).await;
    forgotten.clear(place).await;
}

/// While another step runs; it changes nothing.
pub async fn what_is_made_ahead_is_used(place: &dyn Place) {
    let steps = vec![
        shell(1, "a", "echo ready; until test -e go; do sleep 0.05; done"),
        then(shell(2, "b", "echo $AT")),
        shell(3, "c", "touch go"),
    ];
    let bench = Bench::ready(place, steps).await;
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let first = bench.die_at(1, "ready").await;
    bench.backend.make_ahead(&bench.stage, &at(&bench, 100), &cancel).await;
    let ((exit, _), _) = tokio::join!(bench.go_on(1, &first), bench.output(3));
    assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
    let (exit, heard) = bench.run_context(&at(&bench, 101)).await;
    assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
    assert!(["100\n", "101\n"].contains(&heard.text().as_str()), "{}", heard.text());
    bench.clear(place).await;
}

/// Step 2 with a moment in its environment.
fn at(bench: &Bench, moment: i64) -> StepContext {
    let mut context = bench.context(2);
    context.env.push(("AT".into(), EnvText::Moment(moment)));
    context
}

/// What the step before has changed counts: another environment, a much later time. And what another process made ahead is not trusted.
pub async fn what_is_made_ahead_of_something_else_is_not_used(place: &dyn Place) {
    for (made, now) in [(100, 103), (100, 99)] {
        let bench = Bench::ready(place, vec![shell(1, "a", "true"), then(shell(2, "b", "echo $AT $STATUS"))]).await;
        let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
        let with = |moment, status: &str| {
            let mut context = at(&bench, moment);
            context.env.push(("STATUS".into(), EnvText::Plain(status.into())));
            context
        };
        bench.backend.make_ahead(&bench.stage, &with(made, "success"), &cancel).await;
        let (exit, heard) = bench.run_context(&with(now, "success")).await;
        assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
        assert_eq!(heard.text(), format!("{now} success\n"));
        bench.clear(place).await;
    }
    let bench = Bench::ready(place, vec![shell(1, "a", "true"), then(shell(2, "b", "echo $AT"))]).await;
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    place.backend().make_ahead(&bench.stage, &at(&bench, 100), &cancel).await;
    let other = Bench { backend: place.backend(), stage: bench.stage.clone() };
    let mut context = at(&other, 100);
    context.env.push(("STATUS".into(), EnvText::Plain("failure".into())));
    let (exit, heard) = other.run_context(&context).await;
    assert_eq!((exit.expect("it was found out"), heard.text().as_str()), (StepExit::Code(0), "100\n"));
    bench.clear(place).await;
}

/// Both are no more than a head start: whatever is wrong is said by the step, in its own words.
pub async fn what_cannot_be_fetched_or_made_ahead_is_met_by_the_step(place: &dyn Place) {
    let mut missing = shell(1, "a", "true");
    missing.entrypoint = Some(vec!["/no/such/program".into()]);
    if !place.image().is_empty() {
        // Port 9 of this machine: refused at once.
        missing.image = "127.0.0.1:9/no/such:1".into();
        missing.pull = lp_model::PullPolicy::IfMissing;
    }
    let bench = Bench::ready(place, vec![missing, in_memory(then(shell(2, "b", "echo fine")), &[("STEP_LOG", "fine")])]).await;
    let (handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    within(60, "fetch", bench.backend.fetch(&bench.stage, &cancel)).await;
    for number in [1, 2] {
        within(60, "make_ahead", bench.backend.make_ahead(&bench.stage, &bench.context(number), &cancel)).await;
    }
    let (exit, _) = bench.run(1).await;
    assert!(matches!(exit, Err(BackendError::Image { .. } | BackendError::Start { .. })), "{exit:?}");
    assert_eq!(bench.output(2).await, "fine\n");
    // Cancelled, both end at once.
    handle.advance(CancelStage::Ask);
    within(5, "a cancelled fetch", bench.backend.fetch(&bench.stage, &cancel)).await;
    let context = StepContext { before: Before::Nothing, ..bench.context(1) };
    within(5, "a cancelled make_ahead", bench.backend.make_ahead(&bench.stage, &context, &cancel)).await;
    bench.clear(place).await;
}
