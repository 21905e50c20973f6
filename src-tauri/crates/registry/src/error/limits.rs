//! The numbers of a registry that counts requests.

use lp_model::{Message, message};
use reqwest::header::HeaderMap;

/// What a registry tells of its limit, as its headers have it (`ratelimit-limit: 100;w=21600`, Docker documentation, "Usage and limits").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateLimits {
    /// How many requests are allowed in a window of time.
    pub allowed: Option<u64>,
    /// Length of the window, in seconds.
    pub window_s: Option<u64>,
    /// How many of them are left.
    pub remaining: Option<u64>,
    /// After how many seconds to ask again.
    pub retry_after_s: Option<u64>,
}

impl RateLimits {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let number = |text: &str| text.split([';', ',']).next().and_then(|first| first.trim().parse().ok());
        let window = |text: &str| text.split(';').find_map(|part| part.trim().strip_prefix("w=")?.parse().ok());
        let allowed = text("ratelimit-limit");
        Self {
            allowed: allowed.and_then(number),
            window_s: allowed.and_then(window),
            remaining: text("ratelimit-remaining").and_then(number),
            // The other form of the header is a date, for which a clock would be needed.
            retry_after_s: text("retry-after").and_then(|text| text.trim().parse().ok()),
        }
    }

    /// Whether the headers tell anything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The numbers, for people; empty where there are none.
    pub fn told(&self) -> Message {
        let mut parts = Vec::new();
        match (self.allowed, self.window_s) {
            (Some(allowed), Some(window)) => parts.push(message!("{} requests in {} seconds are allowed", allowed, window)),
            (Some(allowed), None) => parts.push(message!("{} requests are allowed", allowed)),
            (None, _) => {}
        }
        if let Some(remaining) = self.remaining {
            parts.push(message!("{} are left", remaining));
        }
        if let Some(seconds) = self.retry_after_s {
            parts.push(message!("it wants to be asked again in {} seconds", seconds));
        }
        Message::joined(parts, ", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(headers: &[(&'static str, &'static str)]) -> RateLimits {
        RateLimits::read(&headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect())
    }

    #[test]
    fn the_headers_of_docker_hub_are_read() {
        let read = limits(&[("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "76;w=21600"), ("retry-after", "30")]);
        assert_eq!(read, RateLimits { allowed: Some(100), window_s: Some(21600), remaining: Some(76), retry_after_s: Some(30) });
        let told = "100 requests in 21600 seconds are allowed, 76 are left, it wants to be asked again in 30 seconds";
        assert_eq!(read.told(), told);
        assert_eq!(read.told().untranslated(), None);
    }

    #[test]
    fn odd_headers_are_none() {
        assert!(limits(&[]).is_empty());
        assert!(limits(&[("ratelimit-limit", "many"), ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")]).is_empty());
        assert_eq!(limits(&[("ratelimit-limit", "200")]).told(), "200 requests are allowed");
        assert!(RateLimits::default().told().is_empty());
    }
}
