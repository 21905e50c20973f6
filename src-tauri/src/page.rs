//! The page in the window: which addresses it may have, and which language it is told.
//!
//! The window gets the system's language from the shell: WebKit's own answer depends on which locales are generated on the machine.

use tauri::Url;

/// Whether an address is the window's own page: Tauri's scheme, or where a system has none, the host that stands for it.
pub fn is_ours(address: &Url) -> bool {
    match address.scheme() {
        "tauri" => address.host_str() == Some("localhost"),
        "http" | "https" => address.host_str() == Some("tauri.localhost"),
        _ => false,
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
pub fn language_script(language: &str) -> String {
    let value = serde_json::Value::from(language);
    format!("Object.defineProperty(window, '__LETTERPRESS_LANGUAGE__', {{ value: {value} }});")
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
