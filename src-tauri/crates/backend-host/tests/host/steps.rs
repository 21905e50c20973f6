//! What a step sees, how it ends, and what comes out of it.

use crate::support::*;
use lp_backend::{Backend, BackendError, EnvText, StepExit};
use lp_model::{Mount, StepKind};
use lp_secret::SecretValue;
use std::sync::Arc;
use tokio::sync::Semaphore;

#[tokio::test]
async fn a_step_ends_with_its_exit_code_or_signal() {
    let bench = Bench::new().await;
    assert_eq!(bench.run("exit 0").await.0.unwrap(), StepExit::Code(0));
    assert_eq!(bench.run("exit 78").await.0.unwrap(), StepExit::Code(78));
    assert_eq!(bench.run("exit 139").await.0.unwrap(), StepExit::Code(139));
    assert_eq!(bench.run("kill -SEGV $$").await.0.unwrap(), StepExit::Signal(11));
    // The session and the group are the script's own: what carries the step is not in them.
    assert_eq!(bench.run("kill -KILL 0").await.0.unwrap(), StepExit::Signal(9));
    assert_eq!(bench.run("kill -KILL -$$").await.0.unwrap(), StepExit::Signal(9));
}

#[tokio::test]
async fn a_program_may_open_its_outputs_again() {
    let bench = Bench::new().await;
    let (exit, text) = bench.run("echo a; echo b > /dev/stderr; echo c > /dev/stdout; echo d | tee /dev/stderr | cat; echo e").await;
    assert_eq!((exit.unwrap(), text.as_str()), (StepExit::Code(0), "a\nb\nc\nd\nd\ne\n"));
}

#[tokio::test]
async fn what_carries_a_step_shows_neither_in_its_environment_nor_its_folder() {
    let bench = Bench::new().await;
    let mut plain_env = step_of(1, |step| step.entrypoint = Some(vec!["/usr/bin/env".into()]));
    plain_env.env = vec![plain("code", "1"), plain("LINE", "x"), plain("PATH", "/bin")];
    let (exit, text) = bench.run_step(&plain_env).await;
    assert_eq!(exit.unwrap(), StepExit::Code(0));
    let mut names: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    // What the person's own environment has stays out of this, and what a shell adds to that of every script.
    names.retain(|name| ["HOME", "PATH", "TMPDIR"].contains(name) || std::env::var_os(name).is_none());
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["HOME", "LETTERPRESS_ROOT", "LETTERPRESS_STEP", "LINE", "PATH", "TMPDIR", "code"]);
    assert!(text.contains("\ncode=1\n") || text.starts_with("code=1\n"), "{text}");
    assert_eq!(bench.run("ls -A").await.1, "");
}

#[tokio::test]
async fn both_outputs_arrive_in_the_order_of_writing() {
    let bench = Bench::new().await;
    let (exit, text) = bench.run("echo a; echo b >&2; printf '\\033[1mc'; echo d >&2; printf e").await;
    assert_eq!((exit.unwrap(), text.as_str()), (StepExit::Code(0), "a\nb\n\u{1b}[1mcd\ne"));
}

#[tokio::test]
async fn the_start_is_told_once_and_the_image_is_named() {
    let bench = Bench::new().await;
    let mut with_image = step(1, "true");
    Arc::make_mut(&mut with_image.step).image = "node:22".into();
    let sink = Collected::default();
    bench.backend.run_step(&bench.stage, &with_image, &sink, &never().1).await.unwrap();
    assert_eq!(*sink.starts.lock().unwrap(), 1);
    assert_eq!(*sink.notes.lock().unwrap(), ["runs with the programs of this computer instead of image `node:22`"]);
}

#[tokio::test]
async fn standard_input_is_empty() {
    let bench = Bench::new().await;
    assert_eq!(bench.run("cat; echo end").await.1, "end\n");
}

#[tokio::test]
async fn a_step_sees_its_own_environment_only() {
    let bench = Bench::new().await;
    let mut env = step(1, "env");
    env.env =
        vec![plain("DRONE", "true"), ("TOKEN".into(), EnvText::Secret(SecretValue::new("hunter2"))), ("DIR".into(), EnvText::WorkspaceDir)];
    let text = bench.run_step(&env).await.1;
    let stage = bench.root.join(bench.stage.name());
    for line in [
        "DRONE=true".to_owned(),
        "TOKEN=hunter2".to_owned(),
        format!("DIR={}", stage.join("work").display()),
        format!("HOME={}", stage.join("home").display()),
        format!("TMPDIR={}", stage.join("tmp").display()),
        format!("PATH={}", std::env::var("PATH").unwrap()),
        "LETTERPRESS_STEP=lp-run-1-1-1-1".to_owned(),
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in:\n{text}");
    }
    // Cargo has set these for the test's own process.
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok() && !text.contains("CARGO_"), "{text}");
}

#[tokio::test]
async fn a_secret_is_on_no_command_line() {
    let bench = Bench::new().await;
    let mut secret = step(1, "tr '\\0' ' ' < /proc/$$/cmdline; echo; echo \"$TOKEN\"");
    secret.env = vec![("TOKEN".into(), EnvText::Secret(SecretValue::new("hunter2")))];
    let text = bench.run_step(&secret).await.1;
    let (command, value) = text.split_once('\n').unwrap();
    assert!(command.starts_with("/bin/sh -c tr") && !command.contains("hunter2"), "{command}");
    assert_eq!(value, "hunter2\n");
}

#[tokio::test]
async fn steps_of_a_stage_share_the_working_copy() {
    let bench = Bench::new().await;
    bench.run("mkdir sub; echo 你好 > sub/文件").await.0.unwrap();
    let in_sub = |path: &'static str| {
        let mut step = step(2, "pwd; cat *");
        Arc::make_mut(&mut step.step).working_dir = Some(path.into());
        step
    };
    let (exit, text) = bench.run_step(&in_sub("/drone/src/sub")).await;
    assert_eq!((exit.unwrap(), text), (StepExit::Code(0), format!("{}\n你好\n", bench.work("sub").display())));
    // A container engine makes a missing one too.
    let (exit, text) = bench.run_step(&in_sub("/drone/src/new/folder")).await;
    assert!(exit.is_ok() && text.starts_with(bench.work("new/folder").to_str().unwrap()), "{text}");
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let bench = Bench::new().await;
    let program = |program: &'static str| step_of(1, |step| step.entrypoint = Some(vec![program.into()]));
    let outside = step_of(1, |step| {
        step.command = Some(vec!["true".into()]);
        step.working_dir = Some("/etc".into());
    });
    let long = step(1, &"#".repeat(4 << 20));
    for (step, words) in [
        (program("no-such-program"), "step `build` cannot be started: program `no-such-program` is not on this computer"),
        (program("/etc/passwd"), "step `build` cannot be started: program `/etc/passwd` may not be executed"),
        (step_of(1, |_| {}), "step `build` cannot be started: it has no commands"),
        (long, "step `build` cannot be started: its commands have 4194304 bytes, and a program can be given 131071"),
        (
            outside,
            "step `build` cannot be started: its working folder `/etc` lies outside the workspace `/drone/src`, which only a container can give",
        ),
    ] {
        let error = bench.run_step(&step).await.0.unwrap_err();
        assert!(matches!(error, BackendError::Start { .. }));
        assert_eq!(error.to_string(), words);
    }
}

#[tokio::test]
async fn what_needs_a_container_is_refused() {
    let bench = Bench::new().await;
    for kind in [StepKind::Plugin, StepKind::Service] {
        let step = step_of(1, |step| {
            step.kind = kind;
            step.image = "plugins/slack".into();
        });
        let error = bench.run_step(&step).await.0.unwrap_err();
        assert!(matches!(error, BackendError::Unsupported { .. }));
        assert!(error.to_string().contains("`build` needs a container engine") && error.to_string().contains("`plugins/slack`"), "{error}");
    }
    let mut mounts = step(1, "true");
    Arc::make_mut(&mut mounts.step).mounts = vec![Mount { volume: "cache".into(), path: "/cache".into(), read_only: false }];
    let error = bench.run_step(&mounts).await.0.unwrap_err();
    assert!(matches!(error, BackendError::Unsupported { .. }) && error.to_string().contains("`cache`"), "{error}");
}

#[tokio::test]
async fn a_large_output_arrives_whole_through_a_slow_log() {
    let bench = Bench::new().await;
    let (exit, text) = bench.run("i=0; while [ $i -lt 100000 ]; do echo \"line $i\"; i=$((i+1)); done").await;
    let expected: String = (0..100_000).map(|i| format!("line {i}\n")).collect();
    assert_eq!(exit.unwrap(), StepExit::Code(0));
    assert!(text == expected, "{} bytes instead of {}", text.len(), expected.len());
}

#[tokio::test]
async fn a_slow_log_holds_nobody_up_and_misses_nothing() {
    let bench = Bench::new().await;
    let sink = Arc::new(Collected { permits: Some(Semaphore::new(0)), ..Collected::default() });
    let running = bench.start_with(step(1, "echo pid $$; head -c 300000 /dev/zero; echo last"), LONG, sink);
    ended(running.number("pid").await).await;
    assert!(!running.task.is_finished());
    running.sink.permits.as_ref().unwrap().add_permits(1_000_000);
    let sink = running.sink.clone();
    let (exit, _) = running.end().await;
    let bytes = sink.bytes();
    assert_eq!(exit.unwrap(), StepExit::Code(0));
    assert!(bytes.ends_with(b"\0last\n") && bytes.iter().filter(|b| **b == 0).count() == 300_000, "{} bytes", bytes.len());
}

#[tokio::test]
async fn what_is_left_in_the_background_ends_with_the_step() {
    let bench = Bench::new().await;
    let running = bench.start(step(1, "sleep 10000 & echo child $!; exit 3"), LONG);
    let child = running.number("child").await;
    let (exit, _) = running.end().await;
    assert_eq!(exit.unwrap(), StepExit::Code(3));
    assert!(has_ended(child));
}

#[tokio::test]
async fn what_has_left_the_session_or_dropped_its_environment_ends_too() {
    let bench = Bench::new().await;
    let script = "mkfifo ready
        setsid sh -c 'echo grandchild $$; echo > ready; exec sleep 10000' &
        read line < ready
        mkfifo bare_ready
        env -i sh -c 'echo bare $$; echo > bare_ready; exec sleep 10000' > bare 2>&1 &
        read line < bare_ready
        cat bare; exit 0";
    let running = bench.start(step(1, script), LONG);
    let (grandchild, bare) = (running.number("grandchild").await, running.number("bare").await);
    let (exit, _) = running.end().await;
    assert_eq!(exit.unwrap(), StepExit::Code(0));
    assert!(has_ended(grandchild) && has_ended(bare));
}

#[tokio::test]
async fn a_filter_in_the_background_may_finish_its_sentence() {
    let bench = Bench::new().await;
    // The filter gets its input only when the step's own process has ended.
    let script = "mkfifo f; (cat < f; echo last words) & exec 3> f; echo through >&3; exit 0";
    let (exit, text) = bench.run(script).await;
    assert_eq!((exit.unwrap(), text.as_str()), (StepExit::Code(0), "through\nlast words\n"));
}

#[tokio::test]
async fn a_log_that_cannot_be_written_ends_the_step() {
    let bench = Bench::new().await;
    let sink = Arc::new(Collected { fails: true, ..Collected::default() });
    let running = bench.start_with(step(1, "echo $$ > pid; echo out; exec sleep 10000"), LONG, sink);
    let (exit, _) = running.end().await;
    assert!(matches!(exit, Err(BackendError::Sink(_))), "{exit:?}");
    let pid = std::fs::read_to_string(bench.work("pid")).unwrap().trim().parse().unwrap();
    assert!(has_ended(rustix::process::Pid::from_raw(pid).unwrap()));
}

#[tokio::test]
async fn a_step_whose_output_is_not_kept_any_more_ends() {
    let bench = Bench::new().await;
    let running = bench.start(step(1, "echo ready $$; exec sleep 10000"), LONG);
    let pid = running.number("ready").await;
    let pump = std::fs::read_to_string(bench.record("pump")).unwrap();
    let pump = rustix::process::Pid::from_raw(pump.split(' ').next().unwrap().parse().unwrap()).unwrap();
    rustix::process::kill_process(pump, rustix::process::Signal::KILL).unwrap();
    let (exit, _) = running.end().await;
    assert_eq!(exit.unwrap_err().to_string(), "keep the output of the step failed: its `cat` was ended");
    assert!(has_ended(pid));
}

#[tokio::test]
async fn who_holds_the_output_open_and_cannot_be_found_does_not_hold_up_the_step() {
    let bench = Bench::new().await;
    // A stranger, as far as anybody can tell: not our environment, not our session, not our child.
    let running = bench.start(step(1, "mkfifo go; echo ready $$; read line < go; echo end"), LONG);
    let pid = running.number("ready").await;
    let output = std::fs::OpenOptions::new().write(true).open(format!("/proc/{}/fd/1", pid.as_raw_nonzero())).unwrap();
    bench.open("go").await;
    let (exit, text) = running.end().await;
    assert!(exit.unwrap() == StepExit::Code(0) && text.ends_with("\nend\n"), "{text}");
    drop(output);
}

#[tokio::test]
async fn a_million_lines_flow() {
    let bench = Bench::new().await;
    let started = std::time::Instant::now();
    let (exit, text) =
        bench.run("yes 1234567890123456789012345678901234567890123456789012345678901234567890123456789 | head -n 1000000").await;
    let took = started.elapsed();
    assert_eq!(exit.unwrap(), StepExit::Code(0));
    assert_eq!((text.len(), text.lines().count()), (80_000_000, 1_000_000));
    eprintln!("1 000 000 lines of 80 bytes in {took:?}: {:.0} MB/s", 80.0 / took.as_secs_f64());
}
