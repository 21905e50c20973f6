use crate::dto::{Activity, ActivityKind, ActivityState, ApiError};
use crate::time;
use lp_model::Message;
use tokio_util::sync::CancellationToken;

/// How many that have ended are remembered: the window tells how they ended, and a list of all would grow for ever.
const ENDED: usize = 20;

/// The activities of a process, oldest first.
#[derive(Default)]
pub(super) struct Table(Vec<(Activity, CancellationToken)>);

impl Table {
    pub fn begin(&mut self, id: &str, kind: ActivityKind, cancel: &CancellationToken, now_ms: i64) {
        let activity = Activity {
            id: id.to_owned(),
            kind,
            state: ActivityState::Running,
            done: 0,
            total: None,
            unit: kind.unit(),
            began: time::to_text(now_ms),
            ended: None,
            result: None,
            error: None,
        };
        self.0.push((activity, cancel.clone()));
    }

    fn live(&mut self, id: &str) -> Option<&mut Activity> {
        self.0.iter_mut().map(|(activity, _)| activity).find(|activity| activity.id == id && !activity.state.is_final())
    }

    pub fn progress(&mut self, id: &str, done: u64, total: Option<u64>) {
        if let Some(activity) = self.live(id) {
            (activity.done, activity.total) = (done, total);
        }
    }

    pub fn conclude(&mut self, id: &str, result: Message) {
        if let Some(activity) = self.live(id) {
            activity.result = Some(result);
        }
    }

    /// What stops it, where there is one of that id.
    pub fn cancel(&mut self, id: &str) -> Option<CancellationToken> {
        let (activity, cancel) = self.0.iter_mut().find(|(activity, _)| activity.id == id)?;
        if !activity.state.is_final() {
            activity.state = ActivityState::Cancelling;
        }
        Some(cancel.clone())
    }

    pub fn end(&mut self, id: &str, state: ActivityState, error: Option<ApiError>, now_ms: i64) {
        if let Some(activity) = self.live(id) {
            (activity.state, activity.error, activity.ended) = (state, error, Some(time::to_text(now_ms)));
        }
        let ended = self.0.iter().filter(|(activity, _)| activity.state.is_final()).count();
        let mut surplus = ended.saturating_sub(ENDED);
        self.0.retain(|(activity, _)| {
            let goes = surplus > 0 && activity.state.is_final();
            surplus -= usize::from(goes);
            !goes
        });
    }

    pub fn list(&self) -> Vec<Activity> {
        let (over, live): (Vec<_>, Vec<_>) = self.0.iter().map(|(activity, _)| activity.clone()).partition(|one| one.state.is_final());
        live.into_iter().chain(over).collect()
    }
}
