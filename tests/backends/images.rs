//! Fetching images from a registry.

use crate::docker::{Containers, place};
use crate::registry::Registry;
use async_trait::async_trait;
use lp_backend::{BackendError, CancelHandle, CancelStage, StepExit};
use lp_backend_docker::{DockerBackend, DockerOptions, RegistryLogins};
use lp_model::{PullPolicy, Step};
use lp_registry::{Credentials, ImageReference};
use lp_tests::conformance::{Bench, Sink, plan_stage, shell, within};
use lp_tests::{docker, images};
use std::sync::Arc;
use std::time::Duration;

/// A layer with a shell that no other registry of these tests has: the port makes it unique, so nothing is found in a cache.
async fn registry(login: Option<&str>) -> Registry {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |name: &str, mode: u32, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, bytes).unwrap();
    };
    add("bin/sh", 0o755, &std::fs::read("/bin/busybox").unwrap());
    add("id", 0o644, uuid::Uuid::now_v7().to_string().as_bytes());
    Registry::start(builder.into_inner().unwrap(), login).await
}

fn step(number: u32, image: &str, pull: PullPolicy) -> Step {
    let mut step = shell(number, &format!("s{number}"), "echo ran");
    step.image = image.to_owned();
    step.pull = pull;
    step
}

async fn forget(place: &Containers, image: &str) {
    // Not there is as good.
    let _ = place.engine.remove_image(image, None::<bollard::query_parameters::RemoveImageOptions>, None).await;
}

#[tokio::test]
async fn two_steps_share_one_fetch() {
    let place = place().await;
    let registry = registry(None).await;
    let image = format!("{}/team/app:1", registry.host);
    let bench = Bench::ready(&place, vec![step(1, &image, PullPolicy::IfMissing), step(2, &image, PullPolicy::IfMissing)]).await;
    registry.hold_layer(true);
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let (one, two) = (Sink::new(), Sink::new());
    let (first, second) = (bench.context(1), bench.context(2));
    let (a, b, ()) = tokio::join!(bench.run_with(&first, &one, &cancel), bench.run_with(&second, &two, &cancel), async {
        for sink in [&one, &two] {
            sink.until("how the fetch goes", |heard| !heard.progress.is_empty()).await;
        }
        registry.hold_layer(false);
    });
    assert_eq!((a.unwrap(), b.unwrap()), (StepExit::Code(0), StepExit::Code(0)));
    assert_eq!(registry.layer_requests(), 1);
    for sink in [one, two] {
        let heard = sink.heard();
        assert_eq!(heard.text(), "ran\n");
        assert_eq!(heard.progress.first(), Some(&format!("fetching `{image}`")));
        assert_eq!(heard.notes, [format!("fetched `{image}`")]);
    }
    bench.clear(&place).await;
    forget(&place, &image).await;
}

#[tokio::test]
async fn policies() {
    let place = place().await;
    let registry = registry(None).await;
    let fixed = format!("{}/team/app:1", registry.host);
    let latest = format!("{}/team/app", registry.host);
    // policy, image, is the registry asked when the image is there
    let table = [
        (PullPolicy::IfMissing, &fixed, false),
        (PullPolicy::Never, &fixed, false),
        (PullPolicy::Latest, &fixed, false),
        (PullPolicy::Always, &fixed, true),
        (PullPolicy::Refresh, &fixed, true),
        (PullPolicy::IfMissing, &latest, false),
        (PullPolicy::Latest, &latest, true),
    ];
    let mut steps = vec![step(1, &fixed, PullPolicy::IfMissing), step(2, &latest, PullPolicy::Latest)];
    steps.extend(table.iter().zip(3..).map(|((policy, image, _), number)| step(number, image, *policy)));
    let bench = Bench::ready(&place, steps).await;
    assert_eq!(bench.output(1).await, "ran\n");
    assert_eq!(bench.output(2).await, "ran\n");
    let asked = || registry.manifest_requests("1") + registry.manifest_requests("latest");
    for ((policy, image, asks), number) in table.into_iter().zip(3..) {
        let before = asked();
        assert_eq!(bench.output(number).await, "ran\n");
        assert_eq!(asked() > before, asks, "{policy:?} of {image}");
    }
    bench.clear(&place).await;
    forget(&place, &fixed).await;
    forget(&place, &format!("{latest}:latest")).await;
}

#[tokio::test]
async fn a_present_image_stands_in_for_an_unreachable_registry() {
    let place = place().await;
    let registry = registry(None).await;
    let image = format!("{}/team/app", registry.host);
    let policies = [PullPolicy::Latest, PullPolicy::Latest, PullPolicy::Refresh, PullPolicy::Always];
    let steps = policies.into_iter().zip(1..).map(|(policy, number)| step(number, &image, policy)).collect();
    let bench = Bench::ready(&place, steps).await;
    assert_eq!(bench.output(1).await, "ran\n");
    drop(registry);
    for number in [2, 3] {
        let (exit, heard) = bench.run(number).await;
        assert_eq!(exit.unwrap(), StepExit::Code(0));
        let note = heard.notes.last().unwrap();
        assert!(note.to_string().contains("the one on this computer is used") && note.to_string().contains(&image), "{note}");
    }
    let (exit, _) = bench.run(4).await;
    assert!(matches!(exit, Err(BackendError::Image { .. })), "{exit:?}");
    bench.clear(&place).await;
    forget(&place, &format!("{image}:latest")).await;
}

#[tokio::test]
async fn a_fetch_is_cancelled_at_once() {
    let place = place().await;
    let registry = registry(None).await;
    let image = format!("{}/team/app:1", registry.host);
    let bench = Bench::ready(&place, vec![step(1, &image, PullPolicy::IfMissing)]).await;
    for stage in [CancelStage::Ask, CancelStage::Kill] {
        registry.hold_layer(true);
        let (handle, cancel) = CancelHandle::new(Duration::from_secs(600));
        let sink = Sink::new();
        let context = bench.context(1);
        let (exit, ()) = tokio::join!(within(30, "a cancelled fetch", bench.run_with(&context, &sink, &cancel)), async {
            sink.until("how the fetch goes", |heard| !heard.progress.is_empty()).await;
            handle.advance(stage);
        });
        assert_eq!(exit.unwrap(), StepExit::Killed);
        assert_eq!(sink.heard().started, 0);
    }
    // A cancelled fetch spoils nothing: the next one gets the image.
    registry.hold_layer(false);
    assert_eq!(bench.output(1).await, "ran\n");
    bench.clear(&place).await;
    forget(&place, &image).await;
}

/// Who logs in to a registry means its image and no other.
#[tokio::test]
async fn nothing_stands_in_for_an_image_behind_a_login() {
    let place = place().await;
    let registry = registry(None).await;
    let image = format!("{}/team/app:1", registry.host);
    let mut options = DockerOptions::new(docker::addresses(), uuid::Uuid::now_v7().to_string());
    options.logins = Arc::new(OneLogin(registry.host.clone(), "x"));
    let stage = plan_stage(1, vec![step(1, &image, PullPolicy::Refresh), step(2, &image, PullPolicy::Refresh)]);
    let bench = Bench::of(Arc::new(DockerBackend::new(options)), "", stage, None);
    bench.prepare().await.unwrap();
    assert_eq!(bench.output(1).await, "ran\n");
    drop(registry);
    let (exit, _) = bench.run(2).await;
    assert!(matches!(exit, Err(BackendError::Image { .. })), "{exit:?}");
    bench.clear(&place).await;
    forget(&place, &image).await;
}

/// One login for one host.
struct OneLogin(String, &'static str);

#[async_trait]
impl RegistryLogins for OneLogin {
    async fn login(&self, image: &ImageReference) -> Option<Credentials> {
        (image.host() == self.0).then(|| Credentials::password("ann", self.1))
    }
}

#[tokio::test]
async fn a_login_is_used_and_a_wrong_one_is_refused_without_being_shown() {
    let place = place().await;
    // Characters that come out differently in the two alphabets of base64, at every position.
    let password = "~~~???>>>geheim中";
    let registry = registry(Some(&format!("ann:{password}"))).await;
    let image = format!("{}/team/app:1", registry.host);
    for (given, works) in [("wrong-password", false), (password, true)] {
        let mut options = DockerOptions::new(docker::addresses(), uuid::Uuid::now_v7().to_string());
        options.logins = Arc::new(OneLogin(registry.host.clone(), given));
        let stage = plan_stage(1, vec![step(1, &image, PullPolicy::IfMissing)]);
        let bench = Bench::of(Arc::new(DockerBackend::new(options)), "", stage, None);
        bench.prepare().await.unwrap();
        let (exit, heard) = bench.run(1).await;
        match exit {
            Ok(exit) => assert_eq!((exit, works), (StepExit::Code(0), true)),
            Err(error) => assert!(!works && matches!(error, BackendError::Image { .. }), "{error}"),
        }
        assert!(!format!("{heard:?}").contains(given));
        bench.clear(&place).await;
    }
    forget(&place, &image).await;
}

#[tokio::test]
async fn the_node_image_has_what_a_web_project_needs() {
    let image = images::node_image().await;
    let place = place().await;
    let mut step =
        shell(1, "a", "node --version && npm --version && git --version && npm config get cafile && test -s \"$(npm config get cafile)\"");
    step.image = image.to_owned();
    let bench = Bench::ready(&place, vec![step]).await;
    let text = bench.output(1).await;
    assert!(text.starts_with('v') && text.contains("git version"), "{text}");
    bench.clear(&place).await;
}
