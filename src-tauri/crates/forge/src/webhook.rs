//! The webhook of a project on its forge: what is sent to make, mend, find and remove it.

use crate::Forge;
use crate::page::{part, path};
use crate::request::{Method, Request};
use lp_secret::SecretValue;
use serde_json::{Value, json};

/// What Gogs and its family are asked for. A branch that is gone and a tag are told there by nothing else.
const EVENTS_OF_GOGS: [&str; 5] = ["push", "create", "delete", "pull_request", "release"];
/// What GitHub is asked for: its pushes tell what is made and what is gone.
const EVENTS_OF_GITHUB: [&str; 4] = ["push", "pull_request", "release", "deployment"];

/// A webhook as it should be.
#[derive(Debug)]
pub struct Webhook<'a> {
    /// Where deliveries go.
    pub address: &'a str,
    /// What they are signed with.
    pub secret: &'a SecretValue,
    /// Whether the certificate of the address is checked; off only for one that the forge cannot know.
    pub verify_tls: bool,
}

impl Webhook<'_> {
    /// Makes it. Gogs, Gitea and GitLab make a second one without a word: list them first.
    pub fn create(&self, forge: Forge, repository: &str) -> Request {
        let mut body = self.body(forge);
        match forge {
            Forge::Gogs => body["type"] = "gogs".into(),
            Forge::Gitea => body["type"] = "gitea".into(),
            Forge::Forgejo => body["type"] = "forgejo".into(),
            Forge::GitHub => body["name"] = "web".into(),
            Forge::GitLab => {}
        }
        Request { method: Method::Post, path: hooks(forge, repository), body: Some(body) }
    }

    /// Mends the one with that number. Everything is sent again: Gitea forgets the events and GitHub the secret when they are left out.
    pub fn edit(&self, forge: Forge, repository: &str, number: u64) -> Request {
        let method = if forge == Forge::GitLab { Method::Put } else { Method::Patch };
        Request { method, path: format!("{}/{number}", hooks(forge, repository)), body: Some(self.body(forge)) }
    }

    fn body(&self, forge: Forge) -> Value {
        let secret = self.secret.expose();
        match forge {
            Forge::Gogs | Forge::Gitea | Forge::Forgejo => json!({
                "active": true,
                "events": EVENTS_OF_GOGS,
                "config": { "url": self.address, "content_type": "json", "secret": secret },
            }),
            Forge::GitHub => json!({
                "active": true,
                "events": EVENTS_OF_GITHUB,
                "config": {
                    "url": self.address,
                    "content_type": "json",
                    "secret": secret,
                    "insecure_ssl": if self.verify_tls { "0" } else { "1" },
                },
            }),
            Forge::GitLab => json!({
                "url": self.address,
                "token": secret,
                "push_events": true,
                "tag_push_events": true,
                "merge_requests_events": true,
                "releases_events": true,
                "note_events": false,
                "enable_ssl_verification": self.verify_tls,
            }),
        }
    }
}

/// Lists the webhooks of a repository; all but Gogs answer page by page.
pub fn list(forge: Forge, repository: &str) -> Request {
    let paging = match forge {
        Forge::Gogs => "",
        Forge::Gitea | Forge::Forgejo => "?limit=50",
        Forge::GitHub | Forge::GitLab => "?per_page=100",
    };
    Request { method: Method::Get, path: format!("{}{paging}", hooks(forge, repository)), body: None }
}

/// Removes the one with that number.
pub fn remove(forge: Forge, repository: &str, number: u64) -> Request {
    Request { method: Method::Delete, path: format!("{}/{number}", hooks(forge, repository)), body: None }
}

/// The numbers of those in an answer to [`list`] that lead to our address, whatever stands in its query.
pub fn ours(forge: Forge, answer: &Value, address: &str) -> Vec<u64> {
    let plain = |address: &str| address.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/').to_owned();
    let leads_here = |hook: &&Value| {
        let url = if forge == Forge::GitLab { &hook["url"] } else { &hook["config"]["url"] };
        url.as_str().is_some_and(|url| plain(url) == plain(address))
    };
    answer.as_array().into_iter().flatten().filter(leads_here).filter_map(|hook| hook["id"].as_u64()).collect()
}

fn hooks(forge: Forge, repository: &str) -> String {
    match forge {
        Forge::GitLab => format!("/projects/{}/hooks", part(repository)),
        _ => format!("/repos/{}/hooks", path(repository)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_made_and_mended_as_the_forge_takes_it() {
        let secret = SecretValue::new("open sesame");
        let hook = Webhook { address: "https://ci.example.com/hook?project=1", secret: &secret, verify_tls: true };
        for forge in Forge::ALL {
            let (made, mended) = (hook.create(forge, "team/web/shop"), hook.edit(forge, "team/web/shop", 7));
            assert_eq!(made.method, Method::Post);
            assert!(mended.path.ends_with("/hooks/7"));
            assert!(!format!("{made:?}{mended:?}{hook:?}").contains("sesame"));
            let (made, mended) = (made.body.unwrap(), mended.body.unwrap());
            for body in [&made, &mended] {
                let gitlab = forge == Forge::GitLab;
                let (url, token) =
                    if gitlab { (&body["url"], &body["token"]) } else { (&body["config"]["url"], &body["config"]["secret"]) };
                assert_eq!((url.as_str(), token.as_str()), (Some(hook.address), Some("open sesame")), "{forge:?}");
                assert!(gitlab || body["events"].as_array().unwrap().contains(&"push".into()), "{forge:?}");
            }
            assert_eq!(made.get("type").and_then(Value::as_str), Some(forge.word()).filter(|_| forge.is_of_gogs()));
        }
        assert_eq!(hook.edit(Forge::GitLab, "team/web/shop", 7).path, "/projects/team%2Fweb%2Fshop/hooks/7");
        assert_eq!(hook.edit(Forge::GitLab, "a/b", 7).method, Method::Put);
        assert_eq!(hook.create(Forge::GitHub, "a/b").body.unwrap()["config"]["insecure_ssl"], "0");
    }

    #[test]
    fn our_own_are_found_again() {
        let address = "https://ci.example.com/hook?project=1";
        let of_gogs = json!([
            { "id": 1, "config": { "url": "https://ci.example.com/hook?project=2" } },
            { "id": 2, "config": { "url": "https://ci.example.com/other" } },
            { "id": "x", "config": { "url": address } },
            { "config": null },
            { "id": 3, "config": { "url": "https://ci.example.com/hook/" } },
        ]);
        assert_eq!(ours(Forge::Gitea, &of_gogs, address), [1, 3]);
        assert_eq!(ours(Forge::GitLab, &json!([{ "id": 4, "url": address }]), address), [4]);
        assert_eq!(ours(Forge::GitLab, &json!({ "message": "404" }), address), Vec::<u64>::new());
        assert_eq!(list(Forge::Gogs, "a/b").path, "/repos/a/b/hooks");
        assert_eq!(remove(Forge::GitHub, "a/b", 9), Request { method: Method::Delete, path: "/repos/a/b/hooks/9".into(), body: None });
    }
}
