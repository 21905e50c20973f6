//! The container engines are asked again by themselves, so that a window knows when one came or went.

use super::{Engines, list::Entry};
use crate::app::App;
use crate::dto::Tag;
use lp_backend::{Backend, EngineInfo};
use lp_backend_docker::{DockerBackend, DockerOptions};
use lp_model::Message;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often: with the time of an answer within five seconds.
const ASK_AGAIN: Duration = Duration::from_secs(3);

/// Of how many rounds one asks those behind a log-in as well: each of them is a new connection to another computer.
const LOGIN_ROUNDS: u32 = 20;

impl App {
    /// From now on the engines in use are asked again and again, and a notice ([`Tag::Status`]) says when one of them came or went. For a front end that
    /// stays open; until the app ends.
    pub fn watch_engines(self: &Arc<Self>) {
        let app = Arc::clone(self);
        self.tasks.spawn(async move {
            for round in 1_u32.. {
                tokio::select! {
                    () = app.ending.cancelled() => return,
                    () = tokio::time::sleep(ASK_AGAIN) => {}
                }
                let looks = app.engines.look_again(round % LOGIN_ROUNDS == 0, app.live_runs() == 0);
                let is_news = tokio::select! {
                    () = app.ending.cancelled() => return,
                    is_news = looks => is_news,
                };
                if is_news {
                    app.hub.tell([Tag::Status, Tag::Plans]);
                }
            }
        });
    }
}

impl Engines {
    /// Asks the engines in use; with `behind_login` those that a log-in leads to as well. Where none answers and the app `may_start` one it does: not
    /// while runs are under way, which wait for the engine that they are on. Whether one of them came, went or changed.
    async fn look_again(&self, behind_login: bool, may_start: bool) -> bool {
        let entries: Vec<Entry> = self.state().entries.iter().filter(|entry| entry.used).cloned().collect();
        let mut answers = self.ask(entries.iter().filter(|entry| behind_login || !entry.address.url.starts_with("ssh://"))).await;
        if may_start {
            self.ask_podman(&mut answers).await;
        }
        let mut state = self.state();
        let is_news = answers.iter().any(|(choice, answer)| !state.answers.get(choice).is_some_and(|before| is_same(before, answer)));
        state.answers.extend(answers);
        is_news
    }

    /// What each of these engines says now, by choice.
    pub(super) async fn ask(&self, entries: impl Iterator<Item = &Entry>) -> HashMap<String, Result<EngineInfo, Message>> {
        let mut asked = JoinSet::new();
        for entry in entries {
            let (choice, address) = (entry.choice.clone(), entry.address.clone());
            let probe = DockerBackend::new(DockerOptions::new(vec![address], &self.folder_id));
            asked.spawn(async move { (choice, probe.probe(None).await.map_err(|problem| problem.told())) });
        }
        asked.join_all().await.into_iter().collect()
    }
}

/// Whether two answers say the same to a person. In what words an engine is away may change from one moment to the next.
fn is_same(before: &Result<EngineInfo, Message>, now: &Result<EngineInfo, Message>) -> bool {
    match (before, now) {
        (Ok(before), Ok(now)) => (&before.id, &before.version) == (&now.id, &now.version),
        (Err(_), Err(_)) => true,
        _ => false,
    }
}
