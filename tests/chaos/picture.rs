//! What a run looks like when it is over: everything that must be the same whether or not it was disturbed.

use lp_api::dto::{LogKey, RunDetail, StageStateWord, StepDetail, StepStateWord};
use lp_tests::press::Press;
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// State of the run, in a word.
    pub state: String,
    pub stages: Vec<StageStateWord>,
    pub steps: Vec<StepPicture>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct StepPicture {
    pub name: String,
    pub attempt: u32,
    pub state: StepStateWord,
    pub exit_code: Option<i32>,
    pub reason: String,
    /// Its log. Lines that were written to standard error (they begin with `err`) stand last: how two streams interleave is not the
    /// step's doing.
    pub log: String,
}

impl Picture {
    /// Of a run of a person's data folder that nobody drives any more.
    pub async fn of(press: &Press, run: &str) -> Self {
        Self::with_detail(press, run).await.0
    }

    /// With everything else that is known about the run.
    pub async fn with_detail(press: &Press, run: &str) -> (Self, RunDetail) {
        let app = press.app(false).await;
        let id = app.find_run(run, ".").await.unwrap();
        let detail = app.run(&id).await.unwrap();
        let mut steps = Vec::new();
        for stage in &detail.stages {
            for step in &stage.steps {
                let key = LogKey { run: id.clone(), stage: stage.number, step: step.number, attempt: step.attempt };
                let bytes = Arc::new(Mutex::new(Vec::new()));
                let into = Arc::clone(&bytes);
                let copied = app.copy_log(&key, move |part| {
                    into.lock().unwrap().extend_from_slice(part);
                    Ok(())
                });
                copied.await.unwrap();
                let log = String::from_utf8(bytes.lock().unwrap().clone()).unwrap();
                steps.push(StepPicture::of(step, &log));
            }
        }
        app.shutdown().await;
        let stages = detail.stages.iter().map(|stage| stage.state).collect();
        let state = serde_json::to_value(detail.run.state).unwrap().as_str().unwrap().to_owned();
        (Self { state, stages, steps }, detail)
    }

    /// A step by its name.
    pub fn step(&self, name: &str) -> &StepPicture {
        self.steps.iter().find(|step| step.name == name).unwrap_or_else(|| panic!("no step `{name}` in {self:#?}"))
    }

    /// Says what is not as in the other, in few words: whole logs would be unreadable.
    pub fn differences(&self, expected: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let facts = |picture: &Self| format!("{} with stages {:?} and {} steps", picture.state, picture.stages, picture.steps.len());
        if facts(self) != facts(expected) {
            found.push(format!("the run is {}, not {}", facts(self), facts(expected)));
        }
        for (is, should) in self.steps.iter().zip(&expected.steps) {
            let facts = |step: &StepPicture| {
                format!("{} attempt {} {:?} exit {:?} `{}`", step.name, step.attempt, step.state, step.exit_code, step.reason)
            };
            if facts(is) != facts(should) {
                found.push(format!("a step is {}, not {}", facts(is), facts(should)));
            }
            if is.log != should.log {
                found.push(format!("the log of `{}` {}", is.name, first_difference(&is.log, &should.log)));
            }
        }
        found
    }
}

impl StepPicture {
    fn of(step: &StepDetail, log: &str) -> Self {
        let (errors, output): (Vec<&str>, Vec<&str>) = log.split_inclusive('\n').partition(|line| line.starts_with("err"));
        Self {
            name: step.name.clone(),
            attempt: step.attempt,
            state: step.state,
            exit_code: step.exit_code,
            reason: step.reason.clone(),
            log: output.concat() + &errors.concat(),
        }
    }
}

/// Where two texts part, with a few lines around the place.
fn first_difference(is: &str, should: &str) -> String {
    let (left, right): (Vec<&str>, Vec<&str>) = (is.lines().collect(), should.lines().collect());
    let same = left.iter().zip(&right).take_while(|(is, should)| is == should).count();
    let around = |lines: &[&str]| lines[same.saturating_sub(1)..(same + 3).min(lines.len())].to_vec().join("⏎");
    format!("has {} bytes, not {}, and parts in line {}: {:?}, not {:?}", is.len(), should.len(), same + 1, around(&left), around(&right))
}

/// Gives a secret of a project its value.
pub fn set_secret(press: &Press, project: &str, name: &str, value: &str) {
    use std::io::Write;
    use std::process::Stdio;
    let mut child =
        press.command(&["secret", "set", name, "--project", project]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}
