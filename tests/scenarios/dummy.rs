//! The image `dummy`: its program does what the environment says. In memory `lp_backend::fake` understands the words itself; for real
//! containers the steps get a program here that does.
//!
//! | variable | effect |
//! |---|---|
//! | `SLEEP=100ms` | runs that long (`ms`, `s`; `forever`, which is what a detached step does by itself) |
//! | `STEP_EXIT_CODE=1` | then ends with that code |
//! | `STEP_OOM_KILLED=true` | takes more memory than it may |
//! | `STEP_START_FAIL=true` | cannot be started |
//! | `EXPECT_TYPE=plugin` | the test fails when the compiler makes something else of it |
//!
//! Where the order matters, the time alone would not do in real containers. A step can wait for what the engine has written down, also of
//! another stage: `/news/NAME.started`, `/news/NAME.ended`.

use lp_model::{EnvValue, Mount, Plan, PullPolicy, Step, Volume, VolumeKind};
use std::path::Path;

/// Comes after the commands of the step, or is the whole program of one without.
const PROGRAM: &str = r#"
if [ "${STEP_OOM_KILLED:-}" = true ]; then
  # Engines lose the news of a program that is killed at its very beginning or together with its container.
  sleep 1; tail /dev/zero; code=$?; sleep 1; exit $code
fi
case "${SLEEP:-}" in
  forever) sleep 100000 ;;
  *ms) usleep "${SLEEP%ms}000" ;;
  ?*) sleep "$SLEEP" ;;
esac
exit "${STEP_EXIT_CODE:-0}"
"#;

/// Turns the steps into programs of `image` that do the same and see the folder with the news.
pub fn make_real(plan: &mut Plan, image: &str, news: &Path) {
    for stage in &mut plan.stages {
        stage.volumes.push(Volume { name: "news".into(), kind: VolumeKind::Host(news.display().to_string()) });
    }
    for step in plan.stages.iter_mut().flat_map(|stage| &mut stage.steps) {
        step.mounts.push(Mount { volume: "news".into(), path: "/news".into(), read_only: true });
        assert_eq!(step.image, "dummy", "step `{}`", step.name);
        step.image = image.to_owned();
        step.pull = PullPolicy::Never;
        if is(step, "STEP_START_FAIL") {
            step.entrypoint = Some(vec!["/no/such/program".into()]);
            continue;
        }
        if is(step, "STEP_OOM_KILLED") {
            step.memory_bytes = Some(16 << 20);
        }
        if step.detached && !step.environment.contains_key("SLEEP") {
            step.environment.insert("SLEEP".into(), EnvValue::Text("forever".into()));
        }
        match step.command.as_mut().and_then(|command| command.last_mut()) {
            Some(script) => script.push_str(PROGRAM),
            None => {
                step.entrypoint = Some(vec!["/bin/sh".into(), "-c".into()]);
                step.command = Some(vec![PROGRAM.into()]);
            }
        }
    }
}

fn is(step: &Step, variable: &str) -> bool {
    step.environment.get(variable) == Some(&EnvValue::Text("true".into()))
}
