//! The owner's side: guests are let in, heard and answered.

use super::answers::Answers;
use super::wire::{Answer, Hello, PROTOCOL, Reply, Said, Unheard, Wire, Wish};
use super::{address, socket};
use crate::app::App;
use crate::dto::{ApiError, ErrorCode, FeedPlace};
use lp_model::{Message, message};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// Guests that are heard at once; more than a person has open by far.
pub(super) const MOST_GUESTS: usize = 64;
/// How long a guest may take to say something.
pub(super) const SAYING: Duration = Duration::from_secs(5);
/// How long the end of the app waits for the answer to a wish that was heard.
const LAST_ANSWER: Duration = Duration::from_secs(5);
/// How long the owner waits after it could not let a guest in.
const PAUSE: Duration = Duration::from_millis(200);

struct Host {
    app: Arc<App>,
    seats: Semaphore,
    answers: Answers,
}

/// Takes wishes until the app ends. Called by the owner.
pub(crate) fn listen(app: &Arc<App>) -> Result<(), ApiError> {
    let path = socket(&app.options.data_folder);
    // The lock is ours, so a socket that is there is a dead one's.
    let _was_not_there = std::fs::remove_file(&path);
    let bound = address(&app.options.data_folder).and_then(|address| UnixListener::bind(address.path())).and_then(|listener| {
        // The data folder may be older than us and open to others.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    });
    let listener = match bound {
        Ok(listener) => listener,
        Err(problem) => {
            // Without it others wait until this process ends: worth a note, not worth refusing to start.
            tracing::warn!(%problem, path = %path.display(), "runs of other processes cannot be taken over");
            return Ok(());
        }
    };
    let host = Arc::new(Host { app: Arc::clone(app), seats: Semaphore::new(MOST_GUESTS), answers: Answers::default() });
    app.tasks.spawn(async move {
        loop {
            tokio::select! {
                () = host.app.ending.cancelled() => break,
                arrived = listener.accept() => {
                    let stream = match arrived {
                        Ok((stream, _)) => stream,
                        Err(problem) => {
                            // Such as too many open files: it would come again at once.
                            tracing::warn!(%problem, "a guest could not be let in");
                            tokio::time::sleep(PAUSE).await;
                            continue;
                        }
                    };
                    let guest = Arc::clone(&host);
                    host.app.tasks.spawn(async move {
                        if let Err(problem) = guest.serve(stream).await {
                            tracing::debug!(%problem, "a guest went away");
                        }
                    });
                }
            }
        }
        let _gone_already = std::fs::remove_file(&path);
    });
    Ok(())
}

impl Host {
    async fn serve(&self, stream: UnixStream) -> std::io::Result<()> {
        let mut wire = Wire::new(stream);
        let Ok(_seat) = self.seats.try_acquire() else { return refuse(&mut wire, too_many()).await };
        match self.hear(&mut wire).await {
            Ok(Some(Said::Hello(hello))) if hello.protocol == PROTOCOL => {
                wire.say(&Reply::Hello { hello: Hello::ours(), epoch: self.app.hub.epoch().to_owned() }).await?;
            }
            Ok(Some(Said::Hello(hello))) => {
                return refuse(&mut wire, another_version(Message::verbatim(&hello.version), Message::verbatim(Hello::ours().version)))
                    .await;
            }
            Ok(Some(_)) => return refuse(&mut wire, not_understood(message!("a guest says first who it is"))).await,
            Ok(None) => return Ok(()),
            Err(Unheard::NotUnderstood(problem)) => {
                // One from before there were versions reads this form, and shows it.
                return wire.say(&Err::<String, ApiError>(not_understood(problem))).await;
            }
            Err(unheard) => return refuse(&mut wire, not_heard(unheard)).await,
        }
        match self.hear(&mut wire).await {
            Ok(Some(Said::Wish { key, wish })) => self.fulfil(&mut wire, &key, wish).await,
            Ok(Some(Said::Subscribe { from })) => self.tell_all(&mut wire, from).await,
            Ok(Some(Said::Hello(_))) => refuse(&mut wire, not_understood(message!("a guest says once who it is"))).await,
            Ok(None) | Err(Unheard::Gone) => Ok(()),
            Err(unheard) => refuse(&mut wire, not_heard(unheard)).await,
        }
    }

    /// What a guest says next; `None` when the app ends.
    async fn hear(&self, wire: &mut Wire) -> Result<Option<Said>, Unheard> {
        tokio::select! {
            () = self.app.ending.cancelled() => Ok(None),
            said = wire.hear_within(SAYING) => said.map(Some),
        }
    }

    /// Does what a guest wants and answers. A wish that was heard is answered also when the app is about to end, which may be what the wish leads
    /// to; and it is done also when the guest has gone.
    async fn fulfil(&self, wire: &mut Wire, key: &str, wish: Wish) -> std::io::Result<()> {
        let too_late = async {
            self.app.ending.cancelled().await;
            tokio::time::sleep(LAST_ANSWER).await;
        };
        let work = async { if wish.only_asks() { self.answer(&wish).await } else { self.answers.once(key, self.answer(&wish)).await } };
        tokio::select! {
            answer = work => match answer {
                Ok(answer) => wire.say(&Reply::Answer { answer }).await,
                Err(error) => refuse(wire, error).await,
            },
            () = too_late => Ok(()),
        }
    }

    async fn answer(&self, wish: &Wish) -> Result<Answer, ApiError> {
        let app = &self.app;
        if wish.begins_a_run() && !app.options.accept_guests {
            let message = message!("another letterpress drives the runs of this data folder and takes none from others");
            return Err(ApiError::new(ErrorCode::NotOwner, message).hint(message!("wait until it ends; this happens by itself")));
        }
        Ok(match wish {
            Wish::Ping => Answer::Done,
            Wish::Start(request) => Answer::Run(app.start_run(request).await?),
            Wish::Again { run, key } => Answer::Run(app.run_again_once(run, key.clone()).await?),
            Wish::Retry { run, attempt } => {
                match attempt {
                    Some(attempt) => app.retry_attempt(run, *attempt).await?,
                    None => app.retry_run(run).await?,
                }
                Answer::Done
            }
            Wish::Cancel(run) => {
                app.cancel_run(run).await?;
                Answer::Done
            }
            Wish::Kill(run) => {
                app.kill_run(run).await?;
                Answer::Done
            }
            Wish::Queue => Answer::Queue(app.queue().await?),
            Wish::RemoveKept(run) => Answer::Kept(app.remove_kept(run.as_deref()).await?),
            Wish::Activities => Answer::Activities(app.activities.list()),
            Wish::CancelActivity(id) => {
                if !app.activities.cancel(id) {
                    return Err(crate::feed::activity::no_activity(id));
                }
                Answer::Done
            }
        })
    }

    /// Tells every notice until the guest goes or the app ends. A guest that is too slow to hear one is given up, and comes back by number.
    async fn tell_all(&self, wire: &mut Wire, from: Option<FeedPlace>) -> std::io::Result<()> {
        let mut notices = self.app.notices_from(from);
        loop {
            let notice = tokio::select! {
                () = self.app.ending.cancelled() => return Ok(()),
                // A subscriber has nothing more to say: whatever comes is its end.
                _ = wire.hear::<Said>() => return Ok(()),
                notice = notices.next() => notice,
            };
            let Some(notice) = notice else { return Ok(()) };
            wire.say(&Reply::Notice { notice }).await?;
        }
    }
}

async fn refuse(wire: &mut Wire, error: ApiError) -> std::io::Result<()> {
    wire.say(&Reply::Refused { error }).await
}

fn too_many() -> ApiError {
    let message = message!("the letterpress that drives the runs of this data folder hears {} others already", MOST_GUESTS);
    ApiError::new(ErrorCode::NotOwner, message).hint(message!("close some of them, or wait until some have ended"))
}

/// Between two versions that do not understand each other.
pub(super) fn another_version(theirs: Message, ours: Message) -> ApiError {
    let message = message!("letterpress {} and letterpress {} use the same data folder and do not understand each other", ours, theirs);
    ApiError::new(ErrorCode::NotOwner, message).hint(message!("quit the older one and start it again from the newest version"))
}

fn not_understood(problem: Message) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, message!("the wish is not understood: {}", problem))
        .hint(message!("both processes should be the same version of Letterpress"))
}

fn not_heard(unheard: Unheard) -> ApiError {
    let hint = message!("both processes should be the same version of Letterpress");
    let message = match unheard {
        Unheard::TooLong(most) => {
            let most = usize::try_from(most >> 20).unwrap_or(usize::MAX);
            let hint = message!("give fewer or shorter values");
            return ApiError::new(ErrorCode::BadRequest, message!("the wish is longer than {} MB", most)).hint(hint);
        }
        Unheard::TooSlow => {
            let hint = message!("try again; the process that wished was stopped or the computer is very busy");
            let most = usize::try_from(SAYING.as_secs()).unwrap_or(usize::MAX);
            return ApiError::new(ErrorCode::BadRequest, message!("the wish was not said within {} seconds", most)).hint(hint);
        }
        other => message!("the wish is not understood: {}", other.told()),
    };
    ApiError::new(ErrorCode::BadRequest, message).hint(hint)
}
