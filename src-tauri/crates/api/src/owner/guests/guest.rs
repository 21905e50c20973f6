//! The guest's side: wishes are said, and the owner's notices are heard.

use super::address;
use super::host::another_version;
use super::wire::{Answer, Hello, PROTOCOL, Reply, Said, Unheard, Wire, Wish};
use crate::app::App;
use crate::dto::{ApiError, ErrorCode, FeedPlace, Tag};
use lp_model::{Message, message};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::UnixStream;

/// How long the owner may take to answer; starting a run reads a repository.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the owner may take to say who it is.
const GREETING: Duration = Duration::from_secs(10);
/// How often a wish is said whose answer is lost on the way.
const TRIES: u32 = 3;
/// How often a guest that hears nobody looks whether there is an owner again.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// Why an owner was not reached.
enum Unreached {
    /// It said so itself.
    Refused(ApiError),
    Problem(Message),
}

impl From<Unheard> for Unreached {
    fn from(unheard: Unheard) -> Self {
        Self::Problem(unheard.told())
    }
}

impl From<std::io::Error> for Unreached {
    fn from(problem: std::io::Error) -> Self {
        Self::Problem(Message::verbatim(problem))
    }
}

/// Reaches the owner and hears who it is: a connection and the epoch of its feed.
async fn reach(app: &App) -> Result<(Wire, String), Unreached> {
    let address = address(&app.options.data_folder)?;
    let mut wire = Wire::to_owner(UnixStream::connect(address.path()).await?);
    wire.say(&Said::Hello(Hello::ours())).await?;
    match wire.hear_within(GREETING).await {
        Ok(Reply::Hello { hello, epoch }) if hello.protocol == PROTOCOL => Ok((wire, epoch)),
        Ok(Reply::Hello { hello, .. }) => {
            Err(Unreached::Refused(another_version(Message::verbatim(&hello.version), Message::verbatim(Hello::ours().version))))
        }
        Ok(Reply::Refused { error }) => Err(Unreached::Refused(error)),
        Ok(_) => Err(Unreached::Problem(message!("it does not say who it is"))),
        // One from before there were versions.
        Err(Unheard::NotUnderstood(_)) => {
            Err(Unreached::Refused(another_version(message!("of an earlier version"), Message::verbatim(Hello::ours().version))))
        }
        Err(unheard) => Err(unheard.into()),
    }
}

/// Says a wish to the owner. Where its answer is lost it is said again, under the same key and to the same owner only: nobody else knows whether it
/// was done.
pub(super) async fn ask(app: &App, wish: Wish) -> Result<Answer, ApiError> {
    let said = Said::Wish { key: uuid::Uuid::now_v7().simple().to_string(), wish };
    match tokio::time::timeout(PATIENCE, exchange(app, &said)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Unreached::Refused(error))) => Err(error),
        Ok(Err(Unreached::Problem(problem))) => Err(not_reached(problem)),
        Err(_) => Err(not_reached(message!("no answer in a minute"))),
    }
}

async fn exchange(app: &App, said: &Said) -> Result<Answer, Unreached> {
    let mut owner: Option<String> = None;
    let mut problem = Unreached::from(Unheard::Gone);
    for _ in 0..TRIES {
        let (mut wire, epoch) = reach(app).await?;
        if owner.get_or_insert_with(|| epoch.clone()) != &epoch {
            break;
        }
        let heard = match wire.say(said).await {
            Ok(()) => wire.hear().await,
            // It may have said why it does not listen.
            Err(_) => wire.hear_within(GREETING).await,
        };
        match heard {
            Ok(Reply::Answer { answer }) => return Ok(answer),
            Ok(Reply::Refused { error }) => return Err(Unreached::Refused(error)),
            Ok(_) => return Err(Unheard::NotUnderstood(message!("something that was not asked")).into()),
            Err(unheard) => problem = unheard.into(),
        }
    }
    Err(problem)
}

fn not_reached(problem: Message) -> ApiError {
    let message = message!("another letterpress drives the runs of this data folder and does not answer: {}", problem);
    ApiError::new(ErrorCode::NotOwner, message).hint(message!("wait until it ends, or close it"))
}

/// Hands on what the owner tells, as long as that is another process. Called again it changes nothing.
pub(crate) fn hear_owner(app: &Arc<App>) {
    if app.ownership.is_ours() || app.ownership.hears_owner.swap(true, Ordering::Relaxed) {
        return;
    }
    let app = Arc::clone(app);
    let tasks = app.tasks.clone();
    tasks.spawn(async move {
        let mut place = None;
        while !app.ownership.is_ours() {
            tokio::select! {
                () = app.ending.cancelled() => return,
                heard = hear(&app, &mut place) => {
                    if let Err(Unreached::Refused(error)) = heard {
                        tracing::info!(message = %error.message, "what another letterpress does is not heard");
                    }
                }
            }
            tokio::select! {
                () = app.ending.cancelled() => return,
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    });
}

/// Hears one owner until it goes; `place` is how far it was heard.
async fn hear(app: &App, place: &mut Option<FeedPlace>) -> Result<(), Unreached> {
    let (mut wire, _) = reach(app).await?;
    wire.say(&Said::Subscribe { from: place.clone() }).await?;
    if place.is_none() {
        // What was told before somebody listened is not known.
        app.hub.tell([Tag::Everything]);
    }
    let gone = loop {
        match wire.hear().await {
            Ok(Reply::Notice { notice }) => {
                *place = Some(FeedPlace { epoch: notice.epoch.clone(), number: notice.number });
                app.hub.hand_on(notice);
            }
            Ok(Reply::Refused { error }) => break Unreached::Refused(error),
            Ok(_) => {}
            // A notice of a version that has other tags.
            Err(Unheard::NotUnderstood(_)) => app.hub.tell([Tag::Everything]),
            Err(unheard) => break unheard.into(),
        }
    };
    // With the owner its runs may be at rest: whoever shows or follows one looks.
    app.hub.tell([Tag::Everything]);
    Err(gone)
}
