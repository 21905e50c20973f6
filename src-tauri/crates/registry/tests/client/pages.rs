//! Lists of tags, page by page.

use crate::fake::{Answer, Fake};
use crate::{ann, client, kind, repository};
use lp_registry::{ErrorKind, Tags};
use serde_json::{Value, json};

fn page(tags: &Value) -> Answer {
    Answer::json(200, &json!({"name": "team/app", "tags": tags}))
}

#[tokio::test]
async fn pages_are_followed_whether_their_addresses_are_whole_or_not() {
    let fake = Fake::start(|request| match request.path.as_str() {
        "/v2/team/app/tags/list?n=1000" => page(&json!(["b", "a"])).with("Link", r#"</v2/team/app/tags/list?last=a&n=1000>; rel="next""#),
        "/v2/team/app/tags/list?last=a&n=1000" => {
            let whole = format!("<http://{}/v2/team/app/tags/list?last=c>; rel=\"next\"", request.host());
            page(&json!(["c", "a", "not legal", "../x", ""])).with("Link", whole)
        }
        "/v2/team/app/tags/list?last=c" => page(&json!(["d"])).with("Link", r#"<?last=>; rel="prev""#),
        other => panic!("{other}"),
    })
    .await;
    let tags = repository(&fake, None).tags(5000).await.unwrap();
    assert_eq!(tags, Tags { names: ["b", "a", "c", "d"].map(str::to_owned).into(), more: false });
}

#[tokio::test]
async fn a_repository_without_tags_has_none() {
    for body in [json!({"name": "x", "tags": null}), json!({"name": "x"}), json!({"tags": []})] {
        let fake = Fake::start(move |_| Answer::json(200, &body)).await;
        assert_eq!(repository(&fake, None).tags(10).await.unwrap(), Tags::default());
    }
}

#[tokio::test]
async fn no_more_are_read_than_wanted() {
    let fake = Fake::start(|request| {
        let next = format!("<{}&x>; rel=\"next\"", request.path);
        let number = request.path.matches("&x").count();
        page(&json!([format!("a{number}"), format!("b{number}")])).with("Link", next)
    })
    .await;
    let tags = repository(&fake, None).tags(3).await.unwrap();
    assert_eq!(tags, Tags { names: ["a0", "b0", "a1"].map(str::to_owned).into(), more: true });
    assert_eq!(fake.lines()[0], "GET /v2/team/app/tags/list?n=3");
    assert_eq!(fake.requests().len(), 2);
    // Exactly as many as wanted, and a next page: there may be more.
    assert!(repository(&fake, None).tags(2).await.unwrap().more);
}

#[tokio::test]
async fn a_registry_that_goes_round_in_circles_is_left() {
    let fake = Fake::start(|request| page(&json!(["a"])).with("Link", format!("<{}>; rel=\"next\"", request.path))).await;
    assert!(matches!(kind(repository(&fake, None).tags(10).await), ErrorKind::BadAnswer { .. }));
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn a_next_page_at_another_host_is_not_asked_for() {
    let other = Fake::start(|_| page(&json!(["stolen"]))).await;
    let address = format!("<http://{}/v2/team/app/tags/list>; rel=\"next\"", other.host);
    let fake = Fake::start(move |request| match request.shown() {
        "" => Answer::wants_password(),
        _ => page(&json!(["a"])).with("Link", address.clone()),
    })
    .await;
    // Not even where both may be spoken to without encryption.
    let client = client(&[&fake.host, &other.host]);
    let app = client.registry(&fake.host, Some(ann())).unwrap().repository("team/app").unwrap();
    assert_eq!(kind(app.tags(10).await), ErrorKind::OtherHost { other: other.host.clone() });
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn what_is_no_list_is_an_error() {
    for body in ["<html>", "[]x", r#"{"tags":"a"}"#] {
        let fake = Fake::start(move |_| Answer::new(200, body)).await;
        assert!(matches!(kind(repository(&fake, None).tags(10).await), ErrorKind::BadAnswer { .. }), "{body}");
    }
    let fake = Fake::start(|_| Answer::error(404, "NAME_UNKNOWN", "repository name not known to registry")).await;
    assert_eq!(kind(repository(&fake, None).tags(10).await), ErrorKind::NoRepository);
}
