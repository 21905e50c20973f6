//! Harbor, played from answers: ours in `harbor.json`, and a larger corpus of the same form, which is no part of this repository. The corpus is looked for in
//! `LETTERPRESS_CORPUS`, else in a folder `shared/corpus` beside the repository.

use crate::fake::{Answer, Fake};
use crate::{PASSWORD, ann, kind, repository};
use lp_registry::harbor::{NewRobot, RobotLevel, RobotLifetime, ScanState, Severity, Who};
use lp_registry::{Action, Digest, ErrorKind, Harbor, Manifest, Reference, Repository, Tag};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

const OURS: &str = include_str!("harbor.json");

type Cases = BTreeMap<String, Value>;

fn read(text: &str) -> Cases {
    let mut file: Value = serde_json::from_str(text).unwrap();
    let cases: Vec<Value> = serde_json::from_value(file["cases"].take()).unwrap();
    cases.into_iter().map(|case| (case["id"].as_str().unwrap().to_owned(), case)).collect()
}

/// Our answers, and those of the corpus where it is.
fn all() -> Vec<Cases> {
    let folder = match std::env::var_os("LETTERPRESS_CORPUS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(4).unwrap().join("shared").join("corpus"),
    };
    let file = folder.join("harbor_answers.json");
    let mut all = vec![read(OURS)];
    match std::fs::read_to_string(&file) {
        Ok(text) => all.push(read(&text)),
        Err(_) => eprintln!("\n*** NO CORPUS at {}: only our own answers of Harbor were played. ***\n", file.display()),
    }
    all
}

fn answer(case: &Value, host: &str) -> Answer {
    let answer = &case["answer"];
    let body = answer["body"].as_str().map_or_else(|| answer["body"].to_string(), str::to_owned);
    let mut made = Answer::new(u16::try_from(answer["status"].as_u64().unwrap()).unwrap(), body);
    for (name, value) in answer["headers"].as_object().unwrap() {
        let value = value.as_str().unwrap().replace("https://harbor.example.com", &format!("http://{host}"));
        made = made.with(name, value);
    }
    // Whoever keeps it would send it back.
    made.with("Set-Cookie", "sid=1; Path=/")
}

/// Answers with these cases, one after the other; each request has to be the one of its case, as ann or, for what is asked of `/v2`, as nobody.
async fn playing(cases: &Cases, ids: &[&str]) -> Fake {
    let list: Vec<Value> = ids.iter().map(|id| cases.get(*id).unwrap_or_else(|| panic!("no case `{id}`")).clone()).collect();
    let next = AtomicUsize::new(0);
    Fake::start(move |request| {
        let case = list.get(next.fetch_add(1, SeqCst)).unwrap_or_else(|| panic!("one too many: {}", request.line()));
        let path = |text: &str| text.split('?').next().unwrap().to_owned();
        let expected = format!("{} {}", case["request"]["method"].as_str().unwrap(), path(case["request"]["path"].as_str().unwrap()));
        assert_eq!(path(&request.line()), expected, "{}", case["id"]);
        assert_eq!(request.header("cookie"), None);
        if let Some(body) = case["request"].get("body").filter(|body| !body.is_null()) {
            assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), *body, "{}", case["id"]);
        }
        answer(case, request.host())
    })
    .await
}

/// A Harbor that answers its detection and then these cases.
async fn harbor(cases: &Cases, ids: &[&str]) -> (Fake, Harbor, Repository) {
    let ids: Vec<&str> = ["ping"].into_iter().chain(ids.iter().copied()).collect();
    let fake = playing(cases, &ids).await;
    let web = repository(&fake, Some(ann())).registry().repository("team/app/web").unwrap();
    let harbor = Harbor::detect(web.registry()).await.unwrap().expect("it is a Harbor");
    (fake, harbor, web)
}

fn tag(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

#[tokio::test]
async fn a_login_is_a_person_a_robot_or_wrong() {
    for cases in all() {
        let (fake, harbor, _) = harbor(&cases, &["who_user", "who_robot", "who_wrong"]).await;
        assert_eq!(harbor.who().await.unwrap(), Who::User { name: "ann".into(), is_admin: false });
        assert_eq!(harbor.who().await.unwrap(), Who::Robot);
        assert_eq!(kind(harbor.who().await), ErrorKind::Unauthorized { with_login: true });
        let shown: Vec<String> = fake.requests().iter().map(|request| request.shown().to_owned()).collect();
        assert_eq!(shown, ["", "Basic YW5uOmh1bnRlcjI=", "Basic YW5uOmh1bnRlcjI=", "Basic YW5uOmh1bnRlcjI="]);
    }
}

#[tokio::test]
async fn another_registry_is_no_harbor() {
    for (status, body) in [(404, "404 page not found"), (200, "<html>Pong?"), (401, ""), (302, "")] {
        let fake = Fake::start(move |_| Answer::new(status, body)).await;
        let app = repository(&fake, Some(ann()));
        assert!(Harbor::detect(app.registry()).await.unwrap().is_none(), "{status} {body}");
    }
}

#[tokio::test]
async fn projects_are_read_page_by_page() {
    for cases in all() {
        let (fake, harbor, _) = harbor(&cases, &["projects_page_1", "projects_page_2", "projects_page_1", "projects_wrong_password"]).await;
        let projects = harbor.projects(1000).await.unwrap();
        let read: Vec<_> = projects.iter().map(|it| (it.id, it.name.as_str(), it.repositories, it.is_public(), it.blocks_from())).collect();
        assert_eq!(read, [(1, "library", 2, true, None), (3, "team", 12, false, Some("high")), (9, "zoo", 0, false, None)]);
        assert_eq!(harbor.projects(2).await.unwrap().len(), 2);
        // Without a `Link`, and as many as there are.
        assert_eq!(harbor.projects(1000).await.unwrap().len(), 1);
        assert_eq!(fake.lines()[1..3], ["GET /api/v2.0/projects?page=1&page_size=100", "GET /api/v2.0/projects?page=2&page_size=2"]);
    }
}

#[tokio::test]
async fn pages_are_counted_where_no_link_tells_the_next() {
    let fake = Fake::start(|request| match request.path.as_str() {
        "/api/v2.0/ping" => Answer::new(200, "Pong"),
        "/api/v2.0/projects?page=1&page_size=100" => Answer::json(200, &json!([{"project_id": 1, "name": "a"}])).with("X-Total-Count", "2"),
        "/api/v2.0/projects?page=2&page_size=100" => Answer::json(200, &json!([{"project_id": 2, "name": "b"}])).with("X-Total-Count", "2"),
        other => panic!("{other}"),
    })
    .await;
    let harbor = Harbor::detect(repository(&fake, None).registry()).await.unwrap().unwrap();
    let names: Vec<String> = harbor.projects(10).await.unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["a", "b"]);
}

#[tokio::test]
async fn a_project_that_is_hidden_is_not_one_that_is_missing() {
    for cases in all() {
        let (_fake, harbor, _) = harbor(&cases, &["project_forbidden", "project_missing"]).await;
        let hidden = kind(harbor.project("secret-team").await);
        assert_eq!(hidden, ErrorKind::Denied { action: Action::Manage, said: "forbidden".into() });
        assert_eq!(kind(harbor.project("nope").await), ErrorKind::Missing { said: "project nope not found".into() });
        // What is no name stands in no address.
        for odd in ["", "a/b", "..", "a?b", "A"] {
            assert!(matches!(kind(harbor.project(odd).await), ErrorKind::Missing { .. }), "{odd}");
        }
    }
}

#[tokio::test]
async fn the_quota_of_a_project_is_read() {
    for cases in all() {
        let (fake, harbor, _) = harbor(&cases, &["projects_page_1", "projects_page_2", "quota"]).await;
        let team = harbor.projects(10).await.unwrap().remove(1);
        let quota = harbor.quota(&team).await.unwrap().unwrap();
        assert_eq!((quota.limit_bytes, quota.used_bytes), (Some(10_737_418_240), 10_200_547_328));
        assert_eq!(quota.left_bytes(), Some(536_870_912));
        assert_eq!(fake.lines().pop().unwrap(), "GET /api/v2.0/quotas?reference=project&reference_id=3");
    }
}

#[tokio::test]
async fn immutable_tags_and_findings_are_told() {
    for cases in all() {
        let (fake, harbor, web) = harbor(&cases, &["artifact_by_tag", "artifact_scanned", "artifact_missing"]).await;
        let artifact = harbor.artifact(&web, &tag("1.2.3")).await.unwrap().unwrap();
        assert!(artifact.tags[0].immutable && artifact.tags[0].name == "1.2.3" && artifact.scan.is_none());
        let artifact = harbor.artifact(&web, &tag("1.2.3")).await.unwrap().unwrap();
        assert!(Digest::parse(&artifact.digest).is_ok() && artifact.size_bytes == 7_340_032);
        let scan = artifact.scan.unwrap();
        assert_eq!((&scan.state, scan.findings[&Severity::Critical], scan.scanner.as_str()), (&ScanState::Done, 2, "Trivy v0.60.0"));
        assert_eq!(scan.told(), "findings of the scan: 2 critical, 9 high, 20 medium, 6 low; 30 of them can be fixed");
        // Nothing shown is not "no image".
        assert_eq!(harbor.artifact(&web, &tag("9.9")).await.unwrap(), None);
        let request = fake.requests().remove(1);
        assert!(request.path.ends_with("?with_tag=true&with_immutable_status=true&with_scan_overview=true"), "{}", request.path);
        assert!(request.header("x-accept-vulnerabilities").unwrap().contains("vulnerability.report; version=1.1"));
    }
}

#[tokio::test]
async fn a_scan_is_asked_for() {
    for cases in all() {
        let (_fake, harbor, web) = harbor(&cases, &["scan_start"]).await;
        harbor.start_scan(&web, &tag("1.2.3")).await.unwrap();
    }
}

fn robot() -> NewRobot {
    NewRobot {
        name: "letterpress".into(),
        project: "team".into(),
        level: RobotLevel::Project,
        lifetime: RobotLifetime::Endless,
        description: String::new(),
        may_delete: false,
    }
}

#[tokio::test]
async fn a_robot_is_made_once_and_its_secret_shown_to_nobody() {
    let robot = robot();
    for cases in all() {
        let (_fake, harbor, _) = harbor(&cases, &["robot_create", "robot_conflict", "csrf", "robot_refresh"]).await;
        let made = harbor.create_robot(&robot).await.unwrap();
        assert_eq!(
            (made.id, made.login.as_str(), made.secret.expose(), made.expires_s),
            (21, "robot$team+letterpress", "S3cretShownOnce", None)
        );
        assert!(!format!("{made:?}").contains("S3cret"));
        assert!(matches!(kind(harbor.create_robot(&robot).await), ErrorKind::Exists { .. }));
        assert!(matches!(kind(harbor.create_robot(&robot).await), ErrorKind::Denied { .. }));
        assert_eq!(harbor.renew_robot(21).await.unwrap().expose(), "AnotherS3cret");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_shows_no_secret() {
    let fake = Fake::start(|request| match request.path.as_str() {
        "/api/v2.0/ping" => Answer::new(200, "Pong"),
        _ => Answer::json(201, &json!({"id": PASSWORD, "secret": PASSWORD})),
    })
    .await;
    let harbor = Harbor::detect(repository(&fake, Some(ann())).registry()).await.unwrap().unwrap();
    // A number was expected: the library would quote what stands there.
    assert!(matches!(kind(harbor.create_robot(&robot()).await), ErrorKind::BadAnswer { .. }));
}

#[tokio::test]
async fn rules_for_immutable_tags_are_read_and_told() {
    let fake = Fake::start(|request| match request.path.as_str() {
        "/api/v2.0/ping" => Answer::new(200, "Pong"),
        path if path.starts_with("/api/v2.0/projects/team/immutabletagrules?") => Answer::json(
            200,
            &json!([{
                "id": 1, "disabled": false, "action": "immutable", "template": "immutable_template",
                "tag_selectors": [{"kind": "doublestar", "decoration": "matches", "pattern": "v*"}],
                "scope_selectors": {"repository": [{"kind": "doublestar", "decoration": "repoExcludes", "pattern": "tests/**"}]},
            }]),
        ),
        other => panic!("{other}"),
    })
    .await;
    let harbor = Harbor::detect(repository(&fake, Some(ann())).registry()).await.unwrap().unwrap();
    let rules = harbor.immutable_rules("team").await.unwrap();
    assert!(rules.len() == 1 && rules[0].is_on);
    assert_eq!(rules[0].told(), "tags `v*` in repositories all but `tests/**` are immutable");
    assert_eq!(rules[0].told().untranslated(), None);
}

#[tokio::test]
async fn images_are_asked_of_v2_as_of_every_registry() {
    for cases in all() {
        let token = json!({"id": "token", "request": {"method": "GET", "path": "/service/token"},
            "answer": {"status": 200, "headers": {}, "body": {"token": "t", "expires_in": 1800}}});
        let cases: Cases = cases.into_iter().chain([("token".to_owned(), token)]).collect();
        // To whoever shows something it says `Basic`: with a token that is refused that is the last word, after the login was tested.
        let fake = playing(
            &cases,
            &["v2_challenge", "token", "pull_vulnerable", "v2_challenge_with_header", "token", "v2_challenge_with_header", "token"],
        )
        .await;
        let web = repository(&fake, Some(ann())).registry().repository("team/app/web").unwrap();
        assert!(matches!(kind(web.manifest(&tag("1.2.3")).await), ErrorKind::Policy { .. }));
        assert!(matches!(kind(web.manifest(&tag("1.2.3")).await), ErrorKind::Denied { action: Action::Pull, .. }));
        let shown: Vec<String> = fake.requests().iter().map(|request| request.shown().to_owned()).collect();
        let basic = "Basic YW5uOmh1bnRlcjI=";
        assert_eq!(shown, ["", basic, "Bearer t", "Bearer t", basic, "Bearer t", basic]);
    }
}

#[tokio::test]
async fn why_a_push_is_refused_is_told() {
    let manifest =
        Manifest { digest: Digest::of(b"{}"), media_type: "application/vnd.oci.image.manifest.v1+json".into(), bytes: "{}".into() };
    for cases in all() {
        let fake = playing(&cases, &["push_quota", "push_immutable"]).await;
        let web = repository(&fake, Some(ann())).registry().repository("team/app/web").unwrap();
        assert!(matches!(kind(web.put_tag(&manifest, &Tag::parse("1.2.4").unwrap()).await), ErrorKind::Quota { .. }));
        assert_eq!(kind(web.put_tag(&manifest, &Tag::parse("1.2.3").unwrap()).await), ErrorKind::ImmutableTag { tag: "1.2.3".into() });
    }
}
