//! The tags of a repository.

use super::registry::Ask;
use super::transport::Call;
use super::{LARGEST_ANSWER, Repository, paging};
use crate::error::{Action, ErrorKind, RegistryError};
use crate::reference::Tag;
use lp_model::message;
use reqwest::Method;
use reqwest::header::LINK;
use serde::Deserialize;
use std::collections::BTreeSet;

/// How many tags are asked for in one request; a registry may give fewer.
const PAGE: usize = 1000;

/// How many pages are read at most: a registry that gives one tag a page is asked no longer.
const MOST_PAGES: usize = 1000;

/// Tags of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags {
    /// Each once, in the order of the registry, which promises none.
    pub names: Vec<String>,
    /// There are more.
    pub more: bool,
}

#[derive(Deserialize)]
struct Page {
    /// `null` for a repository without any.
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Repository {
    /// Its tags, `most` of them at most. What is no legal tag is left out.
    ///
    /// # Errors
    /// [`RegistryError`]; [`ErrorKind::OtherHost`] when the next page would be somewhere else.
    pub async fn tags(&self, most: usize) -> Result<Tags, RegistryError> {
        let first = format!("v2/{}/tags/list?n={}", self.name, PAGE.min(most.max(1)));
        let mut address = self.registry.address(&first)?;
        let (mut tags, mut seen, mut asked) = (Tags::default(), BTreeSet::new(), BTreeSet::new());
        loop {
            if !asked.insert(address.to_string()) {
                let reason = message!("its next page is one that was there already");
                return Err(self.failed(ErrorKind::BadAnswer { reason }));
            }
            let ask = Ask {
                call: Call::new(Method::GET, address, LARGEST_ANSWER),
                repository: Some(&self.name),
                scopes: vec![self.scope("pull")],
                action: Action::Pull,
                missing: ErrorKind::NoRepository,
                tag: None,
            };
            let answer = self.registry.ask(&ask).await?;
            let page: Page = serde_json::from_slice(&answer.body).map_err(|_| {
                let reason = message!("it is no list of tags");
                self.failed(ErrorKind::BadAnswer { reason })
            })?;
            for name in page.tags.unwrap_or_default() {
                if Tag::parse(&name).is_err() || !seen.insert(name.clone()) {
                    continue;
                }
                if tags.names.len() == most {
                    tags.more = true;
                    return Ok(tags);
                }
                tags.names.push(name);
            }
            let Some(next) = answer.header(LINK.as_str()).and_then(paging::next) else { return Ok(tags) };
            if asked.len() == MOST_PAGES || tags.names.len() == most {
                tags.more = true;
                return Ok(tags);
            }
            address = self.registry.next_address(&answer.url, next, Some(&self.name))?;
        }
    }

    pub(super) fn failed(&self, kind: ErrorKind) -> RegistryError {
        self.registry.failed(Some(&self.name), kind)
    }
}
