//! Buttons for a project that describes none: one for each occasion that its pipeline file waits for, the usual ones first. A name is made
//! of the event and its target or schedule, so that a person in a terminal can guess it, and the history finds it again.

use crate::{Localised, Workflow};
use lp_model::{EventKind, Occasion};

/// The order of the buttons: what people press every day stands before what they press when something went wrong, and before what
/// usually happens by itself.
const ORDER: [EventKind; 7] =
    [EventKind::Push, EventKind::Manual, EventKind::Tag, EventKind::Promote, EventKind::Rollback, EventKind::Cron, EventKind::PullRequest];

/// One button per occasion; a file that waits for nothing that can happen here still gets `run`. A push button makes the event of its
/// version (of a tag the event `tag`) where no button of its own is for tags.
pub fn derive(pipeline: &str, occasions: &[Occasion]) -> Vec<Workflow> {
    let mut workflows: Vec<Workflow> = Vec::new();
    let for_tags = occasions.iter().any(|occasion| occasion.kind == EventKind::Tag);
    for kind in ORDER {
        for occasion in occasions.iter().filter(|occasion| occasion.kind == kind) {
            let of = occasion.of.as_ref();
            let name = match (kind, of) {
                (EventKind::Push, _) => "run".to_owned(),
                // Where a press of the button is all that the file waits for, that is what running it means.
                (EventKind::Manual, _) if workflows.is_empty() => "run".to_owned(),
                (EventKind::PullRequest, _) => "pull-request".to_owned(),
                (EventKind::Promote, None) => "deploy".to_owned(),
                (EventKind::Promote, Some(of)) => format!("deploy-{}", plain_name(of)),
                (kind, None) => kind.as_str().to_owned(),
                (kind, Some(of)) => format!("{}-{}", kind.as_str(), plain_name(of)),
            };
            // Two targets may differ only in characters that a name cannot have.
            let taken = workflows.iter().any(|other| other.name == name);
            let name = if taken { format!("{name}-{}", workflows.len() + 1) } else { name };
            workflows.push(Workflow {
                target: of.filter(|_| matches!(kind, EventKind::Promote | EventKind::Rollback)).cloned(),
                cron: of.filter(|_| kind == EventKind::Cron).cloned(),
                by_version: kind == EventKind::Push && !for_tags,
                ..button(&name, kind, pipeline)
            });
        }
    }
    if workflows.is_empty() {
        workflows.push(Workflow { by_version: true, ..button("run", EventKind::Push, pipeline) });
    }
    workflows
}

fn button(name: &str, event: EventKind, pipeline: &str) -> Workflow {
    Workflow {
        name: name.to_owned(),
        title: Localised::default(),
        description: Localised::default(),
        derived: true,
        pipeline: Some(pipeline.to_owned()),
        event,
        by_version: false,
        target: None,
        cron: None,
        inputs: Vec::new(),
    }
}

fn plain_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use EventKind::*;

    #[test]
    fn one_button_per_occasion_the_usual_ones_first() {
        let show = |occasions: &[(EventKind, Option<&str>)]| -> Vec<String> {
            let occasions: Vec<Occasion> = occasions.iter().map(|(kind, of)| Occasion { kind: *kind, of: of.map(str::to_owned) }).collect();
            derive(".drone.yml", &occasions)
                .iter()
                .map(|w| {
                    let of = w.target.as_deref().or(w.cron.as_deref()).unwrap_or("-");
                    format!("{} {} {of}{}", w.name, w.event.as_str(), if w.by_version { " or tag" } else { "" })
                })
                .collect()
        };
        assert_eq!(show(&[]), ["run push - or tag"]);
        assert_eq!(show(&[(Push, None)]), ["run push - or tag"]);
        assert_eq!(show(&[(Push, None), (Tag, None)]), ["run push -", "tag tag -"]);
        assert_eq!(show(&[(Manual, None)]), ["run manual -"]);
        assert_eq!(show(&[(Push, None), (Manual, None)]), ["run push - or tag", "manual manual -"]);
        assert_eq!(show(&[(Promote, None)]), ["deploy promote -"]);
        assert_eq!(show(&[(Rollback, Some("production"))]), ["rollback-production rollback production"]);
        assert_eq!(
            show(&[
                (Push, None),
                (PullRequest, None),
                (Promote, Some("production")),
                (Promote, Some("测试")),
                (Promote, Some("正式")),
                (Rollback, Some("production")),
                (Cron, Some("nightly")),
                (Cron, Some("weekly")),
            ]),
            [
                "run push - or tag",
                "deploy-production promote production",
                "deploy--- promote 测试",
                "deploy----4 promote 正式",
                "rollback-production rollback production",
                "cron-nightly cron nightly",
                "cron-weekly cron weekly",
                "pull-request pull_request -"
            ]
        );
    }
}
