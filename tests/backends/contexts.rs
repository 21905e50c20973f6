//! Docker contexts, as the `docker` command makes them: listed, chosen, and used by a run.

use lp_api::dto::{AppStatus, EngineStatus, ErrorCode, RunRequest, Settings};
use lp_api::{App, AppOptions};
use lp_tests::docker::require_socket;
use lp_tests::images;
use lp_tests::press::Press;
use lp_tests::remote::{Authority, SshServer, free_port};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// A person with contexts: `away` (the machine's engine by ssh) and `silent` (nobody, by TLS).
struct Person {
    folder: tempfile::TempDir,
    server: SshServer,
}

impl Person {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let person = Self { folder, server: SshServer::start().await };
        let away = person.server.url(Some(&require_socket().await));
        person.docker(&["create", "away", "--description", "the big machine", "--docker", &format!("host={away}")]);
        let files = Authority::new(person.path("authority")).certificates("client", "clientAuth");
        let file = |name: &str| files.join(name).display().to_string();
        let (ca, cert, key) = (file("ca.pem"), file("cert.pem"), file("key.pem"));
        let silent = format!("host=tcp://127.0.0.1:{},ca={ca},cert={cert},key={key}", free_port());
        person.docker(&["create", "silent", "--docker", &silent]);
        person
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// `docker context …`, over this person's own folder.
    fn docker(&self, arguments: &[&str]) {
        let mut command = Command::new("docker");
        command
            .arg("context")
            .args(arguments)
            .env("DOCKER_CONFIG", self.path("docker"))
            .env_remove("DOCKER_HOST")
            .env_remove("DOCKER_CONTEXT");
        let said = command.output().expect("the docker command is installed (on Debian: apt-get install docker.io)");
        assert!(said.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said.stderr));
    }

    /// The app with a data folder of that name, and more environment.
    async fn app(&self, data: &str, more: &[(&str, &str)]) -> Arc<App> {
        let text = |path: &Path| path.display().to_string();
        let mut environment = std::collections::BTreeMap::from([
            ("HOME".to_owned(), text(self.folder.path())),
            ("DOCKER_CONFIG".to_owned(), text(&self.path("docker"))),
            ("LETTERPRESS_SSH_CONFIG".to_owned(), text(&self.server.config())),
        ]);
        environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let options = AppOptions {
            data_folder: self.path(data),
            environment,
            actor: "lin".into(),
            accept_guests: false,
            drives: true,
            use_os_key_store: false,
        };
        App::open(options).await.unwrap()
    }
}

#[track_caller]
fn engine<'a>(status: &'a AppStatus, choice: &str) -> &'a EngineStatus {
    status.engines.iter().find(|engine| engine.choice == choice).unwrap_or_else(|| panic!("{choice} is not in {:?}", status.engines))
}

fn used(status: &AppStatus) -> Vec<&str> {
    status.engines.iter().filter(|engine| engine.used).map(|engine| engine.choice.as_str()).collect()
}

async fn choose(app: &App, engine: &str) -> Result<Settings, lp_api::dto::ApiError> {
    app.set_settings(Settings { engine: engine.to_owned(), ..app.settings().await.unwrap() }).await
}

#[tokio::test]
async fn contexts_are_listed_and_asked_only_on_request() {
    let person = Person::new().await;
    let app = person.app("data", &[]).await;
    let status = app.status().await.unwrap();
    let away = engine(&status, "away");
    assert_eq!((away.context.as_str(), away.description.as_str(), away.asked, away.used), ("away", "the big machine", false, false));
    assert!(away.address.starts_with("ssh://") && away.problem.is_empty(), "{away:?}");
    assert!(!person.server.log().contains("Accepted"), "{}", person.server.log());

    let status = app.probe_engines().await.unwrap();
    let (away, silent) = (engine(&status, "away"), engine(&status, "silent"));
    assert_eq!((away.name.as_str(), away.answers, away.used), ("Docker", true, false), "{away:?}");
    assert_eq!((silent.asked, silent.answers), (true, false));
    for part in [silent.address.as_str(), "connection refused", "start the engine or mend the address"] {
        assert!(silent.problem.to_string().contains(part), "{part} is not in {}", silent.problem);
    }
    assert!(person.server.log().contains("Accepted publickey"), "{}", person.server.log());
    app.shutdown().await;
}

#[tokio::test]
async fn the_engine_is_found_as_the_docker_command_finds_it_unless_one_is_chosen() {
    let person = Person::new().await;
    let app = person.app("data", &[]).await;
    person.docker(&["use", "away"]);
    let status = app.probe_engines().await.unwrap();
    assert_eq!(used(&status), ["away"]);
    assert!(engine(&status, "away").answers);

    choose(&app, "silent").await.unwrap();
    let status = app.status().await.unwrap();
    assert_eq!(used(&status), ["silent"]);
    assert!(!engine(&status, "silent").answers && engine(&status, "silent").asked);
    let refused = choose(&app, "gone").await.unwrap_err();
    assert_eq!((refused.code, refused.message.to_string().as_str()), (ErrorCode::EngineInvalid, "there is no docker context `gone`"));
    assert!(refused.hint.to_string().contains("`away`, `silent`"), "{}", refused.hint);
    for bad in ["ftp://host", "ssh://"] {
        assert_eq!(choose(&app, bad).await.unwrap_err().code, ErrorCode::EngineInvalid, "{bad}");
    }
    let secret = choose(&app, "ssh://ann:hunter2@host").await.unwrap_err();
    assert!(secret.message.to_string().contains("use a key") && !secret.message.to_string().contains("hunter2"), "{}", secret.message);
    assert_eq!(app.settings().await.unwrap().engine, "silent");
    app.shutdown().await;

    // What was chosen is still chosen at the next start, whatever the environment says; and it is gone when the context is.
    let app = person.app("data", &[("DOCKER_HOST", "unix:///nowhere.sock")]).await;
    assert_eq!(used(&app.status().await.unwrap()), ["silent"]);
    person.docker(&["rm", "silent"]);
    let status = app.probe_engines().await.unwrap();
    let gone = engine(&status, "silent");
    assert!(gone.used && gone.problem.to_string().contains("there is no docker context `silent`; choose another engine"), "{gone:?}");
    choose(&app, "").await.unwrap();
    assert_eq!(used(&app.status().await.unwrap()), ["unix:///nowhere.sock"]);
    app.shutdown().await;

    let app = person.app("other", &[("DOCKER_CONTEXT", "default")]).await;
    assert!(used(&app.status().await.unwrap())[0].starts_with("unix://"));
    app.shutdown().await;
}

#[tokio::test]
async fn the_engine_stays_while_runs_are_under_way() {
    images::busybox_image().await;
    let person = Person::new().await;
    let app = person.app("data", &[]).await;
    let press = Press::new();
    let pipeline = "kind: pipeline\nname: default\nsteps:\n- name: wait\n  image: alpine\n  commands: [sleep 600]\n";
    let repository = press.repository("shop", &[(".drone.yml", pipeline)]);
    let project = app.open_project(&repository).await.unwrap().id;
    let workflow = app.choose_workflow(&project, "", None, Some("push")).await.unwrap();
    let request = RunRequest {
        project,
        workflow,
        version: String::new(),
        inputs: Default::default(),
        allow_host: false,
        on_host: false,
        event: None,
        seen: None,
        key: None,
    };
    let run = app.start_run(&request).await.unwrap();
    let refused = choose(&app, "away").await.unwrap_err();
    assert_eq!(
        (refused.code, refused.message.to_string().as_str()),
        (ErrorCode::EngineInUse, "`engine` cannot be changed while runs are under way")
    );
    // Neither by the back door: what the `docker` command has chosen meanwhile counts when they are over.
    person.docker(&["use", "away"]);
    assert_ne!(used(&app.probe_engines().await.unwrap()), ["away"]);
    app.kill_run(&run).await.unwrap();
    app.wait_idle().await;
    assert_eq!(used(&app.probe_engines().await.unwrap()), ["away"]);
    app.shutdown().await;
}

#[tokio::test]
async fn a_run_goes_to_the_engine_of_the_context() {
    images::busybox_image().await;
    let person = Person::new().await;
    let press = Press::new();
    let say = |arguments: &[&str]| {
        let mut command = press.command(arguments);
        command
            .env("DOCKER_CONFIG", person.path("docker"))
            .env("DOCKER_CONTEXT", "away")
            .env("LETTERPRESS_SSH_CONFIG", person.server.config());
        lp_tests::press::Said::from(command.output().unwrap())
    };
    let said = say(&["doctor"]).expect(0);
    for part in
        ["✓ container engine: Docker ", "(docker context `away`)", "(docker context `silent`): the container engine does not answer"]
    {
        assert!(said.out.contains(part), "{part} is not in {}", said.out);
    }
    let pipeline = "kind: pipeline\nname: default\nsteps:\n- name: hello\n  image: alpine\n  commands: [cat words]\n";
    let repository = press.repository("shop", &[(".drone.yml", pipeline), ("words", "by ssh\n")]);
    let said = say(&["run", &repository]).expect(0);
    assert!(said.out.contains("by ssh\n"), "{}", said.out);
}
