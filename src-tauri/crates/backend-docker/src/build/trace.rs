//! What BuildKit tells while it builds: a protobuf message in each line of the answer (moby/buildkit `api/services/control/control.proto`,
//! `StatusResponse`), of which a person wants the steps, their output, and what went wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use std::collections::HashMap;
use std::fmt::Write as _;

/// [`crate::connect::raw::Line::id`] of such a line.
pub(super) const TRACE: &str = "moby.buildkit.trace";

/// What every build begins with, and nobody has written.
const OWN_STEPS: [&str; 2] = ["[internal]", "copy /context /"];

#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(message, repeated, tag = "1")]
    steps: Vec<Step>,
    #[prost(message, repeated, tag = "3")]
    logs: Vec<Log>,
}

/// A vertex.
#[derive(Clone, PartialEq, prost::Message)]
struct Step {
    #[prost(string, tag = "1")]
    digest: String,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(bool, tag = "4")]
    cached: bool,
    #[prost(message, optional, tag = "5")]
    started: Option<Time>,
    #[prost(string, tag = "7")]
    error: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Log {
    #[prost(string, tag = "1")]
    step: String,
    #[prost(bytes = "vec", tag = "4")]
    text: Vec<u8>,
}

/// The steps of a build so far.
#[derive(Default)]
pub(super) struct Trace {
    /// Number and name, by digest.
    known: HashMap<String, (usize, String)>,
    /// The step whose head was written last.
    shown: String,
    /// The last text had no line feed.
    open: bool,
    cached: Vec<String>,
}

impl Trace {
    /// What a line has to say, as text for the log. Nothing for one that cannot be read: what was built is told apart from it.
    pub fn text(&mut self, aux: &serde_json::Value) -> Vec<u8> {
        let mut out = Vec::new();
        let Some(bytes) = aux.as_str().and_then(|text| STANDARD.decode(text).ok()) else { return out };
        let Ok(status) = Status::decode(&bytes[..]) else { return out };
        for step in status.steps {
            let is_own = OWN_STEPS.iter().any(|name| step.name.starts_with(name));
            if step.started.is_none() || (is_own && step.error.is_empty()) {
                continue;
            }
            let is_new = !self.known.contains_key(&step.digest);
            if is_new {
                self.known.insert(step.digest.clone(), (self.known.len() + 1, step.name));
                self.head(&step.digest, &mut out);
            }
            if step.cached && !self.cached.contains(&step.digest) {
                self.head(&step.digest, &mut out);
                out.extend_from_slice(b"CACHED\n");
                self.cached.push(step.digest.clone());
            }
            if !step.error.is_empty() {
                self.head(&step.digest, &mut out);
                out.extend_from_slice(format!("ERROR: {}\n", step.error).as_bytes());
            }
        }
        for log in status.logs {
            self.head(&log.step, &mut out);
            self.open = !log.text.ends_with(b"\n");
            out.extend_from_slice(&log.text);
        }
        out
    }

    /// The line that says which step the following lines are of, where it is another one than before.
    fn head(&mut self, digest: &str, out: &mut Vec<u8>) {
        let Some((number, name)) = self.known.get(digest).filter(|_| self.shown != digest) else { return };
        let mut line = String::new();
        if std::mem::take(&mut self.open) {
            line.push('\n');
        }
        let _ = writeln!(line, "#{number} {name}");
        self.shown = digest.to_owned();
        out.extend_from_slice(line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(status: &Status) -> serde_json::Value {
        serde_json::Value::String(STANDARD.encode(status.encode_to_vec()))
    }

    fn step(digest: &str, name: &str) -> Step {
        Step { digest: digest.into(), name: name.into(), cached: false, started: Some(Time { seconds: 1 }), error: String::new() }
    }

    #[test]
    fn steps_and_their_output_are_told_apart() {
        let mut trace = Trace::default();
        let mut text = |steps: Vec<Step>, logs: &[(&str, &str)]| {
            let logs = logs.iter().map(|(step, text)| Log { step: (*step).into(), text: text.as_bytes().to_vec() }).collect();
            String::from_utf8(trace.text(&line(&Status { steps, logs }))).unwrap()
        };
        let waiting = Step { started: None, ..step("c", "[3/3] RUN c") };
        assert_eq!(
            text(vec![step("i", "[internal] load"), step("a", "[1/3] RUN a"), step("b", "[2/3] RUN b"), waiting], &[]),
            "#1 [1/3] RUN a\n#2 [2/3] RUN b\n"
        );
        assert_eq!(text(vec![step("a", "[1/3] RUN a")], &[("a", "x\ny"), ("b", "z\n")]), "#1 [1/3] RUN a\nx\ny\n#2 [2/3] RUN b\nz\n");
        assert_eq!(text(vec![Step { cached: true, ..step("a", "[1/3] RUN a") }], &[]), "#1 [1/3] RUN a\nCACHED\n");
        let failed = || Step { error: "exit code: 1".into(), ..step("b", "[2/3] RUN b") };
        assert_eq!(text(vec![failed()], &[]), "#2 [2/3] RUN b\nERROR: exit code: 1\n");
        assert_eq!(trace.text(&serde_json::json!("no base64!")), b"");
    }

    #[test]
    fn a_real_line_is_read() {
        // Docker 20.10.24: output of `RUN echo two`.
        let real = "Gl8KR3NoYTI1NjphYjZhZjUxMzI4NDM0N2M5ZGQ3NjQwM2NhYmJmYTk3NjgwMTllODI3MDVjOTNlYjkxZDEzOWQyMTg0ODkwYTgyEgwIgO6z2AYQi6e21QMYASIEdHdvCg==";
        assert_eq!(Trace::default().text(&serde_json::json!(real)), b"two\n");
    }
}
