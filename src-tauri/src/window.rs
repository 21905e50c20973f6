//! The one window: made, shown, closed.
//!
//! Closing the window during a run hides it, and the app ends when the runs are over; a second start shows the window again. Quitting, a
//! log-out or a crash leave the runs to the next start.
//!
//! The window gets the system's language from the shell: WebKit's own answer depends on which locales are generated on the machine.

use crate::shell::Shell;
use tauri::{AppHandle, Manager, RunEvent, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Window, WindowEvent};

const LABEL: &str = "main";

/// Makes the window.
pub fn create(app: &AppHandle) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title("Letterpress")
        .inner_size(1240.0, 820.0)
        .min_inner_size(820.0, 560.0)
        // A link or a file that is dropped must not turn the window into a browser.
        .on_navigation(is_ours)
        .initialization_script(language_script(&system_language()))
        // The page names the screen that it shows; the system shows that in its list of windows.
        .on_document_title_changed(|window, title| {
            if let Err(problem) = window.set_title(&title) {
                tracing::warn!(%problem, "the window's title stays");
            }
        })
        .build()?;
    Ok(())
}

/// Whether an address is the window's own page: Tauri's scheme, or where a system has none, the host that stands for it.
fn is_ours(address: &Url) -> bool {
    match address.scheme() {
        "tauri" => address.host_str() == Some("localhost"),
        "http" | "https" => address.host_str() == Some("tauri.localhost"),
        _ => false,
    }
}

/// Enlarges everything in the window, from 0.8 to 2 times the usual size.
pub fn zoom(window: &WebviewWindow, factor: f64) {
    let factor = if factor.is_finite() { factor.clamp(0.8, 2.0) } else { 1.0 };
    if let Err(problem) = window.set_zoom(factor) {
        tracing::warn!(%problem, factor, "the window keeps its size");
    }
}

/// The system's language as a BCP 47 tag (`zh-CN`); `en` when nothing is said.
pub fn system_language() -> String {
    let said = if cfg!(all(unix, not(target_os = "macos"))) {
        // `sys-locale` asks LC_CTYPE, which is about characters; the language of messages is what the window needs.
        spoken(|name| std::env::var(name).ok())
    } else {
        sys_locale::get_locale()
    };
    said.unwrap_or_else(|| "en".to_owned())
}

/// Language of messages as POSIX asks for it: the first of three variables that is set and not empty.
fn spoken(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let value = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty())?;
    let tag = value.split(['.', '@']).next().unwrap_or_default().replace('_', "-");
    // The locale of programs, not of people.
    if matches!(tag.as_str(), "" | "C" | "POSIX") { None } else { Some(tag) }
}

/// Tells the front end. The web view's own `navigator.language` falls back to English where the locale's files are not installed.
fn language_script(language: &str) -> String {
    let value = serde_json::Value::from(language);
    format!("Object.defineProperty(window, '__LETTERPRESS_LANGUAGE__', {{ value: {value} }});")
}

/// Brings the window to the front: a second start, or the tray.
pub fn show(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL) {
        let shown = window.show().and_then(|()| window.unminimize()).and_then(|()| window.set_focus());
        if let Err(problem) = shown {
            tracing::warn!(%problem, "the window could not be shown");
        }
    }
}

/// Closing the window while runs go on only hides it: they end in peace, then the app ends (see [`end_when_idle`]). Should it have to end
/// before (a log-out, Quit of the tray, a crash), the next start goes on with them.
pub fn on_event(window: &Window, event: &WindowEvent) {
    let WindowEvent::CloseRequested { api, .. } = event else { return };
    let handle = window.app_handle().clone();
    if live_runs(&handle) > 0 && window.hide().is_ok() {
        api.prevent_close();
        tauri::async_runtime::spawn(end_when_idle(handle));
    }
}

/// Ends the app in order: runs that are under way are left as they are, for the next start to go on with.
pub fn on_run_event(app: &AppHandle, event: RunEvent) {
    if let RunEvent::Exit = event
        && let Ok(api) = app.state::<Shell>().app()
    {
        tauri::async_runtime::block_on(api.shutdown());
    }
}

fn live_runs(app: &AppHandle) -> usize {
    app.state::<Shell>().app().map(|api| api.live_runs()).unwrap_or(0)
}

/// Waits until no run is under way, then ends the app unless the window was brought back meanwhile.
async fn end_when_idle(app: AppHandle) {
    if let Ok(api) = app.state::<Shell>().app() {
        api.wait_idle().await;
    }
    let hidden = app.get_webview_window(LABEL).is_none_or(|window| !window.is_visible().unwrap_or(false));
    if hidden {
        app.exit(0);
    }
}

#[cfg(test)]
mod tests {
    use super::{is_ours, language_script, spoken};

    #[test]
    fn the_first_variable_that_is_set_decides() {
        type Case = (&'static [(&'static str, &'static str)], Option<&'static str>);
        let cases: [Case; 9] = [
            (&[], None),
            (&[("LANG", "zh_CN.UTF-8")], Some("zh-CN")),
            (&[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "zh_CN")], Some("zh-CN")),
            (&[("LC_MESSAGES", "zh_CN"), ("LC_ALL", "de_DE@euro")], Some("de-DE")),
            (&[("LC_ALL", ""), ("LANG", "zh_TW.Big5")], Some("zh-TW")),
            (&[("LC_ALL", "C.UTF-8"), ("LANG", "zh_CN.UTF-8")], None),
            (&[("LANG", "POSIX")], None),
            (&[("LANG", ".UTF-8")], None),
            (&[("LC_CTYPE", "zh_CN.UTF-8")], None),
        ];
        for (variables, expected) in cases {
            let found = spoken(|name| variables.iter().find(|(one, _)| *one == name).map(|(_, value)| (*value).to_owned()));
            assert_eq!(found.as_deref(), expected, "{variables:?}");
        }
    }

    #[test]
    fn the_window_shows_its_own_page_and_nothing_else() {
        let cases = [
            ("tauri://localhost/", true),
            ("tauri://localhost/index.html#/run/1", true),
            ("http://tauri.localhost/", true),
            ("tauri://example.com/", false),
            ("https://example.com/", false),
            ("https://tauri.localhost.example.com/", false),
            ("file:///etc/passwd", false),
            ("data:text/html,hello", false),
            ("about:blank", false),
        ];
        for (address, ours) in cases {
            assert_eq!(is_ours(&address.parse().expect("an address")), ours, "{address}");
        }
    }

    #[test]
    fn a_strange_language_is_only_ever_a_string_in_the_script() {
        let script = language_script("zh\"});alert(1)//");
        assert!(script.ends_with(r#"{ value: "zh\"});alert(1)//" });"#), "{script}");
    }
}
