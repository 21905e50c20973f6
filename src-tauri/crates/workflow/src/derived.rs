//! Buttons for a project that describes none.

use crate::{Localised, Workflow};
use lp_model::EventKind;

/// Few and sensible: "run" for pushes (or for a press of the button, where the file waits for that), "tag" where something waits for tags, and one
/// deployment per target. A file that waits only for other things still gets "run".
pub fn derive(pipeline: &str, events: &[EventKind], targets: &[String]) -> Vec<Workflow> {
    let workflow = |name: &str, event: EventKind, target: Option<&String>| Workflow {
        name: name.to_owned(),
        title: Localised::default(),
        description: Localised::default(),
        derived: true,
        pipeline: Some(pipeline.to_owned()),
        event,
        target: target.cloned(),
        inputs: Vec::new(),
    };
    let mut workflows = Vec::new();
    if events.contains(&EventKind::Push) {
        workflows.push(workflow("run", EventKind::Push, None));
    } else if events.contains(&EventKind::Manual) {
        workflows.push(workflow("run", EventKind::Manual, None));
    }
    if events.contains(&EventKind::Tag) {
        workflows.push(workflow("tag", EventKind::Tag, None));
    }
    for target in targets {
        let name = format!("deploy-{}", plain_name(target));
        // Two targets may differ only in characters that a name cannot have.
        let taken = workflows.iter().any(|other| other.name == name);
        let name = if taken { format!("{name}-{}", workflows.len() + 1) } else { name };
        workflows.push(workflow(&name, EventKind::Promote, Some(target)));
    }
    if targets.is_empty() && events.contains(&EventKind::Promote) {
        workflows.push(workflow("deploy", EventKind::Promote, None));
    }
    if workflows.is_empty() {
        workflows.push(workflow("run", EventKind::Push, None));
    }
    workflows
}

fn plain_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use EventKind::*;

    #[test]
    fn one_button_per_sensible_event() {
        let show = |events: &[EventKind], targets: &[&str]| -> Vec<String> {
            let targets: Vec<String> = targets.iter().map(|t| (*t).to_owned()).collect();
            derive(".drone.yml", events, &targets)
                .iter()
                .map(|w| format!("{} {} {}", w.name, w.event.as_str(), w.target.as_deref().unwrap_or("-")))
                .collect()
        };
        assert_eq!(show(&[], &[]), ["run push -"]);
        assert_eq!(show(&[Push, Tag], &[]), ["run push -", "tag tag -"]);
        assert_eq!(show(&[Manual], &[]), ["run manual -"]);
        assert_eq!(show(&[Cron, PullRequest], &[]), ["run push -"]);
        assert_eq!(show(&[Promote], &[]), ["deploy promote -"]);
        assert_eq!(
            show(&[Push, Promote, Rollback], &["production", "测试", "正式"]),
            ["run push -", "deploy-production promote production", "deploy--- promote 测试", "deploy----4 promote 正式"]
        );
    }
}
