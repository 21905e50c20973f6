//! One long-lived channel per window: notices say "ask again", never carry output.

use crate::shell::Shell;
use lp_api::dto::{ApiError, FeedPlace, Notice};
use std::sync::{Mutex, PoisonError};
use tauri::State;
use tauri::async_runtime::JoinHandle;
use tauri::ipc::Channel;

/// Who hands notices to the page that is shown now.
#[derive(Default)]
pub struct Forwarder(Mutex<Option<JoinHandle<()>>>);

/// Tells the listener what to ask again, from that place in the feed on or from now, until the page subscribes anew: a page that was loaded again
/// leaves its listener behind without closing it. Returns the place that the first notice follows.
#[tauri::command]
pub async fn notices_subscribe(
    shell: State<'_, Shell>,
    forwarder: State<'_, Forwarder>,
    from: Option<FeedPlace>,
    listener: Channel<Notice>,
) -> Result<FeedPlace, ApiError> {
    let mut notices = shell.app()?.notices_from(from);
    let place = notices.place();
    let task = tauri::async_runtime::spawn(async move {
        while let Some(notice) = notices.next().await {
            if listener.send(notice).is_err() {
                break;
            }
        }
    });
    let before = forwarder.0.lock().unwrap_or_else(PoisonError::into_inner).replace(task);
    if let Some(before) = before {
        before.abort();
    }
    Ok(place)
}
