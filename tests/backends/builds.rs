//! Steps that build images by the engine itself, and push them to a real registry.

use crate::docker::{Containers, place};
use bollard::query_parameters::ListImagesOptionsBuilder;
use lp_backend::{BackendError, CancelHandle, CancelStage, Claims, EnvText, Files, Keep, StageContext, StepContext, StepExit};
use lp_model::{BuildImage, BuildLogin, BuildValue, Instead, Later, Step, StepKind, TagsFile, TagsSplit, message};
use lp_secret::SecretValue;
use lp_tests::conformance::{Bench, Heard, Place, Sink, TarSource, within};
use lp_tests::registry::{PASSWORD, Registry, USER};
use std::sync::Arc;
use std::time::Duration;

/// Path and text of the files of a commit.
type Commit = [(&'static str, &'static str)];

const DOCKERFILE: &str = "FROM lp-test/busybox:1\nARG WHO\nCOPY . /site\nRUN ls -a /site && echo built for $WHO\n";

/// The files, and one that no build has seen before: an engine keeps what it has built, and a test wants to see it built.
fn source(files: &Commit) -> Arc<TarSource> {
    let mut builder = tar::Builder::new(Vec::new());
    let new = uuid::Uuid::now_v7().to_string();
    for (name, text) in files.iter().chain([&("new", new.as_str())]) {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        builder.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    Arc::new(TarSource::new(builder.into_inner().unwrap()))
}

fn later(name: &str) -> BuildValue {
    BuildValue::Later(Later::Variable { name: name.into(), pointer: String::new(), secrets: vec![name.to_lowercase()] })
}

/// What pushes `HOST/team/NAME` with the login of the registry. Names differ from test to test: an engine has one store of images.
fn to(host: &str, name: &str) -> BuildImage {
    let mut build = BuildImage::new(BuildValue::text(format!("{host}/team/{name}")));
    build.tags = vec!["1".into(), "latest".into()];
    build.push = true;
    build.pull = false;
    build.logins = vec![BuildLogin {
        registry: BuildValue::text(host),
        username: BuildValue::text(USER),
        password: later("PASSWORD"),
        may_be_base64: false,
    }];
    build
}

/// Builds and pushes nothing.
fn local(name: &str) -> BuildImage {
    let mut build = BuildImage::new(BuildValue::text(format!("lp-test/{name}")));
    build.tags = vec!["1".into()];
    build.pull = false;
    build
}

fn step(build: BuildImage) -> Step {
    let mut step = Step::new(1, "image", StepKind::Plugin);
    step.image = "plugins/docker".into();
    step.working_dir = Some("/drone/src/a".into());
    step.build_image = Some(Box::new(build));
    step
}

async fn bench(place: &dyn Place, build: BuildImage, files: &Commit) -> Bench {
    let bench = Bench::new(place, vec![step(build)], Some(source(files)));
    bench.prepare().await.unwrap();
    bench
}

/// The attempt with that number, and that password.
fn attempt(bench: &Bench, number: u32, password: &str) -> StepContext {
    let mut context = bench.context(1);
    context.key.attempt = number;
    context.env.push(("PASSWORD".into(), EnvText::Secret(SecretValue::new(password))));
    context
}

async fn run(bench: &Bench, context: &StepContext) -> (Result<StepExit, BackendError>, Heard) {
    bench.run_context(context).await
}

/// Fails with all that was said unless the step has passed.
async fn passes(bench: &Bench, context: &StepContext) -> Heard {
    let (exit, heard) = run(bench, context).await;
    assert!(matches!(exit, Ok(StepExit::Code(0))), "{exit:?}: {:?}\n{}", heard.notes, heard.text());
    heard
}

/// Names of what was built for a stage and is not over with.
async fn records(place: &Containers, bench: &Bench) -> Vec<String> {
    let found = place.engine.list_images(Some(ListImagesOptionsBuilder::new().all(true).build())).await.unwrap();
    let run = bench.stage.run.to_string();
    found.into_iter().flat_map(|image| image.repo_tags).filter(|name| name.contains(&run)).collect()
}

#[tokio::test]
async fn an_image_is_built_of_the_working_copy_and_pushed_under_all_its_names() {
    let (place, registry) = (place().await, Registry::start());
    let mut build = to(&registry.host, "site");
    build.build_args = [("WHO".to_owned(), later("WHO"))].into();
    build.labels = [("made".to_owned(), BuildValue::Later(Later::BuildTime {}))].into();
    build.artifact_file = Some("out.json".into());
    let files = [
        ("Dockerfile", DOCKERFILE),
        (".dockerignore", "node_modules\nDockerfile\n*.key\n"),
        ("index.html", "hello"),
        ("a.key", "s"),
        ("node_modules/x/y.js", "1"),
    ];
    let bench = bench(&place, build, &files).await;
    let mut context = attempt(&bench, 1, PASSWORD);
    context.env.push(("WHO".into(), EnvText::Plain("everybody".into())));
    let heard = passes(&bench, &context).await;
    let text = heard.text();
    assert!(text.contains("Step 1/") && text.contains("built for everybody") && text.contains("index.html"), "{text}");
    assert!(!text.contains("node_modules") && !text.contains("a.key"), "what is left out is not sent: {text}");
    let digest = registry.digest("team/site", "1").expect("it was pushed");
    assert_eq!(registry.digest("team/site", "latest").as_ref(), Some(&digest));
    assert!(heard.notes.iter().any(|note| note.contains(&digest)), "{:?}", heard.notes);
    assert!(heard.progress.iter().any(|sentence| sentence.starts_with("pushing")), "{:?}", heard.progress);
    assert_eq!((heard.created, heard.started, heard.early_start, heard.early_output), (1, 1, false, false));
    let image = place.engine.inspect_image(&format!("{}/team/site:1", registry.host)).await.unwrap();
    let labels = image.config.unwrap().labels.unwrap();
    assert!(labels["made"].ends_with('Z') && labels["made"].contains('T'), "{labels:?}");
    // No container of the plugin, and none with rights.
    let container = place.engine.inspect_container(&bench.stage.step_name(context.key), None).await.unwrap();
    assert_eq!(container.state.unwrap().running, Some(false));
    assert_ne!(container.host_config.unwrap().privileged, Some(true));
    assert_eq!(records(&place, &bench).await.len(), 1);
    let all = place.engine.clone();
    let stage = bench.stage.run.to_string();
    bench.clear(&place).await;
    let left = all.list_images(Some(ListImagesOptionsBuilder::new().all(true).build())).await.unwrap();
    assert!(left.iter().flat_map(|image| &image.repo_tags).all(|name| !name.contains(&stage)), "a name of ours is left");
}

#[tokio::test]
async fn a_second_press_after_a_refused_push_only_pushes() {
    let (place, registry) = (place().await, Registry::start());
    let bench = bench(&place, to(&registry.host, "again"), &[("Dockerfile", DOCKERFILE), ("a", "1")]).await;
    let (exit, heard) = run(&bench, &attempt(&bench, 1, "wrong")).await;
    assert!(matches!(exit, Ok(StepExit::Code(1))), "{exit:?}: {}", heard.text());
    assert!(heard.notes.iter().any(|note| note.contains("only pushes")), "{:?}", heard.notes);
    assert!(
        heard.notes.iter().any(|note| note.contains("was not pushed") && (note.contains("password") || note.contains("login"))),
        "{:?}",
        heard.notes
    );
    assert_eq!(registry.digest("team/again", "1"), None);
    // As after a failed run: the files stay, and with them what was built.
    let left = within(60, "destroy", bench.backend.destroy(&bench.stage, Keep::Files)).await.unwrap();
    assert!(left.is_empty() && records(&place, &bench).await.len() == 1, "{left:?}");
    bench.prepare_kept().await.unwrap();
    let heard = passes(&bench, &attempt(&bench, 2, PASSWORD)).await;
    assert!(!heard.text().contains("Step 1/"), "it is not built again: {}", heard.text());
    assert!(registry.digest("team/again", "1").is_some());
    // Other arguments are another image.
    let mut other = attempt(&bench, 3, PASSWORD);
    let mut build = to(&registry.host, "again");
    build.build_args = [("WHO".to_owned(), BuildValue::text("ann"))].into();
    other.step = Arc::new(step(build));
    assert!(passes(&bench, &other).await.text().contains("built for ann"));
    bench.clear(&place).await;
}

#[tokio::test]
async fn a_build_that_a_process_died_in_is_done_again_by_the_next_one() {
    let place = place().await;
    let text = "FROM lp-test/busybox:1\nRUN echo first\nRUN sleep 1; echo second\n";
    let mut build = local("died");
    build.no_cache = true;
    let bench = bench(&place, build, &[("Dockerfile", text)]).await;
    let before = bench.die_at(1, "Step 3/3").await;
    let next = Bench { backend: place.backend_of_the_next_process(), stage: bench.stage.clone() };
    let (exit, bytes) = next.go_on(1, &before).await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(matches!(exit, Ok(StepExit::Code(0))), "{exit:?}: {text}");
    assert!(text.contains("second"), "{text}");
    bench.clear(&place).await;
}

#[tokio::test]
async fn a_cancel_ends_the_build() {
    let place = place().await;
    let bench =
        bench(&place, local("cancelled"), &[("Dockerfile", "FROM lp-test/busybox:1\nRUN echo begun $(date +%N); sleep 600\n")]).await;
    let (handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let (sink, context) = (Sink::new(), bench.context(1));
    let (exit, ()) = tokio::join!(bench.run_with(&context, &sink, &cancel), async {
        sink.until_output("begun").await;
        handle.advance(CancelStage::Ask);
    });
    assert!(matches!(exit, Ok(StepExit::Killed)), "{exit:?}");
    bench.clear(&place).await;
}

#[tokio::test]
async fn buildkit_builds_what_only_it_can_read() {
    let place = place().await;
    let text = "FROM lp-test/busybox:1\nCOPY --chmod=700 . /site\nRUN --mount=type=cache,target=/cache echo with a cache; echo sent: $(ls /site)\n";
    let bench =
        bench(&place, local("buildkit"), &[("Dockerfile", text), ("a", "1"), ("b.log", "2"), (".dockerignore", "*.log\n.dockerignore")])
            .await;
    let heard = passes(&bench, &bench.context(1)).await;
    assert!(heard.text().contains("with a cache\nsent: Dockerfile a new\n"), "{}", heard.text());
    assert!(heard.notes.iter().any(|note| note.contains("BuildKit") && note.contains("line 2")), "{:?}", heard.notes);
    assert!(place.engine.inspect_image("lp-test/buildkit:1").await.is_ok());
    // What goes wrong there is told as well.
    let mut wrong = bench.context(1);
    wrong.key.attempt = 2;
    let mut build = local("buildkit");
    build.target = Some("nowhere".into());
    wrong.step = Arc::new(step(build));
    let (exit, heard) = run(&bench, &wrong).await;
    assert!(matches!(exit, Ok(StepExit::Code(1))) && heard.text().contains("nowhere"), "{exit:?}: {}", heard.text());
    bench.clear(&place).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_build_fails_the_step_in_words() {
    let place = place().await;
    let change = |change: &dyn Fn(&mut BuildImage)| {
        let mut build = local("wrong");
        change(&mut build);
        build
    };
    let table: [(BuildImage, &Commit, &str); 7] = [
        (change(&|_| {}), &[("a", "1")], "there is no file `/drone/src/a/Dockerfile`"),
        (change(&|build| build.context = "../../../etc".into()), &[("Dockerfile", DOCKERFILE)], "`/etc` is no folder of the working copy"),
        (change(&|_| {}), &[("Dockerfile", "FROM lp-test/busybox:1\nNOSUCH thing\n")], "unknown instruction: NOSUCH"),
        (change(&|_| {}), &[("Dockerfile", "FROM lp-test/busybox:1\nRUN exit 3\n")], "returned a non-zero code: 3"),
        (change(&|_| {}), &[("Dockerfile", DOCKERFILE), (".dockerignore", "[a\n")], "line 1"),
        (change(&|build| build.repository = BuildValue::text("Upper")), &[("Dockerfile", DOCKERFILE)], "Upper"),
        (change(&|build| build.instead = Some(Instead::Fails(message!("cancelled")))), &[("Dockerfile", DOCKERFILE)], "cancelled"),
    ];
    for (build, files, expected) in table {
        let bench = bench(&place, build, files).await;
        let (exit, heard) = run(&bench, &bench.context(1)).await;
        let said = match &exit {
            Err(error) => error.to_string(),
            _ => heard.text(),
        };
        assert!(!matches!(exit, Ok(StepExit::Code(0))) && said.contains(expected), "`{expected}`: {exit:?}: {said}");
        bench.clear(&place).await;
    }
}

#[tokio::test]
async fn files_of_the_working_copy_say_what_is_built() {
    let place = place().await;
    let mut build = local("files");
    build.tags_file = Some(TagsFile { path: ".tags".into(), split: TagsSplit::Commas });
    // Outside of the folder that is sent; the folder's own .dockerignore counts.
    build.dockerfile = "docker/Dockerfile".into();
    build.no_cache = true;
    build.context = "site".into();
    let files = [
        ("docker/Dockerfile", "FROM lp-test/busybox:1\nCOPY . /site\nRUN cd /site; echo sent: $(ls -A)\n"),
        (".tags", "7, 8"),
        ("site/.dockerignore", "no\n.dockerignore"),
        ("site/no", ""),
        ("site/yes", ""),
    ];
    let bench = bench(&place, build, &files).await;
    let heard = passes(&bench, &bench.context(1)).await;
    assert!(heard.text().contains("sent: yes\n"), "{}", heard.text());
    for tag in ["7", "8"] {
        assert!(place.engine.inspect_image(&format!("lp-test/files:{tag}")).await.is_ok(), "{tag}");
    }
    let mut nothing = bench.context(1);
    let mut build = local("files");
    build.instead = Some(Instead::Passes(message!("cancelled")));
    nothing.key.attempt = 2;
    nothing.step = Arc::new(step(build));
    assert_eq!(passes(&bench, &nothing).await.notes, ["nothing is built: cancelled"]);
    bench.clear(&place).await;
}

#[tokio::test]
async fn a_registry_with_an_unknown_authority_is_told_from_a_wrong_password() {
    let place = place().await;
    let bridge = place.engine.inspect_network("bridge", None).await.unwrap();
    let gateway = bridge.ipam.unwrap().config.unwrap().remove(0).gateway.expect("the bridge has an address");
    let registry = Registry::start_at(&gateway);
    let bench = bench(&place, to(&registry.host, "unknown"), &[("Dockerfile", "FROM lp-test/busybox:1\n")]).await;
    let (exit, heard) = run(&bench, &attempt(&bench, 1, PASSWORD)).await;
    assert!(matches!(exit, Ok(StepExit::Code(1))), "{exit:?}");
    assert!(heard.notes.iter().any(|note| note.contains("certs.d")), "{:?}\n{}", heard.notes, heard.text());
    bench.clear(&place).await;
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_asked_again_and_then_told() {
    let place = place().await;
    let host = { Registry::start().host.clone() };
    let bench = bench(&place, to(&host, "gone"), &[("Dockerfile", "FROM lp-test/busybox:1\n")]).await;
    let (exit, heard) = run(&bench, &attempt(&bench, 1, PASSWORD)).await;
    assert!(matches!(exit, Ok(StepExit::Code(1))), "{exit:?}");
    assert_eq!(heard.notes.iter().filter(|note| note.contains("is tried again")).count(), 3, "{:?}", heard.notes);
    assert!(heard.notes.iter().any(|note| note.contains("nobody listens")), "{:?}", heard.notes);
    bench.clear(&place).await;
}

#[tokio::test]
async fn a_sweep_removes_the_names_of_dead_runs_only() {
    let place = place().await;
    let files: [(&'static str, &'static str); 1] = [("Dockerfile", "FROM lp-test/busybox:1\nLABEL a=sweep\n")];
    let (dead, live) = (bench(&place, local("dead"), &files).await, bench(&place, local("live"), &files).await);
    for bench in [&dead, &live] {
        passes(bench, &bench.context(1)).await;
        assert_eq!(records(&place, bench).await.len(), 1);
    }
    let claims = Claims { live: vec![live.stage.run.clone()], kept: vec![] };
    place.neighbour().sweep(&Claims::default()).await.unwrap();
    assert_eq!(records(&place, &dead).await.len(), 1, "it is of another data folder");
    place.backend().sweep(&claims).await.unwrap();
    assert_eq!((records(&place, &dead).await.len(), records(&place, &live).await.len()), (0, 1));
    dead.clear(&place).await;
    let fresh = StageContext { files: Files::Fresh, ..live.stage.clone() };
    let again = Bench { backend: live.backend.clone(), stage: fresh };
    again.prepare().await.unwrap();
    assert_eq!(records(&place, &live).await.len(), 0, "a stage that begins anew has built nothing");
    live.clear(&place).await;
}

#[tokio::test]
async fn a_build_argument_from_the_file_and_a_base_from_an_argument_are_read_alike() {
    let place = place().await;
    let mut build = local("base");
    build.build_args = [("BASE".to_owned(), BuildValue::text("lp-test/busybox:1"))].into();
    build.target = Some("last".into());
    let text = "ARG BASE=nowhere.invalid/none:1\nFROM ${BASE} AS first\nRUN echo of the first\nFROM first AS last\nRUN echo of the last\n";
    let bench = bench(&place, build, &[("Dockerfile", text)]).await;
    assert!(passes(&bench, &bench.context(1)).await.text().contains("of the last"));
    bench.clear(&place).await;
}

/// Buildah is what builds there.
#[tokio::test]
async fn podman_builds_and_refuses_to_push_in_words() {
    let (place, registry) = (crate::podman::place().await, Registry::start());
    // Of nothing: the image that tests load has no history, which Buildah wants of its base.
    let text = "FROM scratch\nCOPY . /site\n";
    let files = [("Dockerfile", text), (".dockerignore", "Dockerfile\n*.log"), ("a", "1"), ("b.log", "2")];
    let bench = bench(&place, to(&registry.host, "podman"), &files).await;
    let (exit, heard) = run(&bench, &attempt(&bench, 1, PASSWORD)).await;
    assert!(heard.text().contains("COPY . /site"), "{exit:?}: {:?}\n{}", heard.notes, heard.text());
    assert!(matches!(exit, Ok(StepExit::Code(1))), "nobody knows the certificate: {exit:?}\n{}", heard.text());
    assert!(heard.notes.iter().any(|note| note.contains("certs.d")), "{:?}\n{}", heard.notes, heard.text());
    bench.clear(&place).await;
}
