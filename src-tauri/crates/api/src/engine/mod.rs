//! The places where steps can run: the container engines that this computer knows, one of which is used, and the computer itself.

mod contexts;
pub(crate) mod dto;
mod list;
pub(crate) mod logins;
mod podman;
pub(crate) mod status;
mod watch;

use crate::app::App;
use crate::dto::{ApiError, EngineStatus, ErrorCode};
use crate::engine::logins::StoredLogins;
use crate::options::AppOptions;
use contexts::Contexts;
use list::Entry;
use lp_backend::{Backend, EngineInfo};
use lp_backend_docker::{DockerBackend, DockerOptions, EngineAddress, EngineEnvironment, Tried};
use lp_backend_host::HostBackend;
use lp_engine::ports::Backends;
use lp_model::{BackendKind, EngineId, Message, message};
use podman::PodmanService;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Kinds of addresses that a person may choose.
const SCHEMES: [&str; 6] = ["unix", "tcp", "http", "https", "ssh", "npipe"];

/// The container engine in use, and this computer.
pub(crate) struct Engines {
    environment: EngineEnvironment,
    /// `DOCKER_CONTEXT`.
    docker_context: Option<String>,
    folder_id: String,
    logins: Arc<StoredLogins>,
    host: Arc<HostBackend>,
    /// Where Podman is installed.
    podman: Option<PodmanService>,
    state: Mutex<State>,
}

struct State {
    docker: Arc<DockerBackend>,
    /// Those that were in use before, in this process: what they hold of ours is still swept.
    earlier: Vec<Arc<DockerBackend>>,
    entries: Vec<Entry>,
    /// What was answered when it was last asked, by choice.
    answers: HashMap<String, Result<EngineInfo, Message>>,
}

impl State {
    /// The addresses of what is used, best first.
    fn used(entries: &[Entry]) -> Vec<EngineAddress> {
        entries.iter().filter(|entry| entry.used).map(|entry| entry.address.clone()).collect()
    }
}

impl Engines {
    /// With the engine that the setting `choice` names.
    pub async fn open(options: &AppOptions, folder_id: &str, choice: &str) -> Self {
        let value = |name: &str| options.environment.get(name).filter(|value| !value.is_empty()).cloned();
        let environment = EngineEnvironment {
            docker_host: value("DOCKER_HOST"),
            docker_tls: value("DOCKER_TLS").is_some(),
            docker_tls_verify: value("DOCKER_TLS_VERIFY").is_some(),
            docker_cert_path: value("DOCKER_CERT_PATH"),
            docker_config: value("DOCKER_CONFIG"),
            ssh_config: value("LETTERPRESS_SSH_CONFIG"),
            home: value("HOME").or_else(|| value("USERPROFILE")),
            runtime_dir: value("XDG_RUNTIME_DIR"),
            windows: cfg!(windows),
        };
        let logins = Arc::new(StoredLogins::new(&options.environment));
        let nothing = DockerBackend::new(DockerOptions::new(Vec::new(), folder_id));
        let state = State { docker: Arc::new(nothing), earlier: Vec::new(), entries: Vec::new(), answers: HashMap::new() };
        let engines = Self {
            environment,
            docker_context: value("DOCKER_CONTEXT"),
            folder_id: folder_id.to_owned(),
            logins,
            host: Arc::new(HostBackend::new(options.data_folder.join("host"))),
            podman: PodmanService::find(&options.environment, &options.data_folder, folder_id),
            state: Mutex::new(state),
        };
        engines.choose(choice, true).await;
        engines.state().earlier.clear();
        engines.hold_podman().await;
        engines
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the contexts and makes the list anew, so that what the `docker` command has changed meanwhile counts. Another engine is taken
    /// into use only when it `may_switch`: the stages of one run must not end up on two engines.
    pub async fn choose(&self, choice: &str, may_switch: bool) {
        let contexts = self.contexts().await;
        let own = self.podman.as_ref().map(PodmanService::address);
        let entries = list::entries(choice.trim(), &self.environment, self.docker_context.as_deref(), &contexts, own.as_ref());
        let mut state = self.state();
        let (before, now) = (State::used(&state.entries), State::used(&entries));
        if before == now {
            state.entries = entries;
            return;
        }
        if !may_switch {
            return;
        }
        let logins = self.logins.clone();
        let docker = Arc::new(DockerBackend::new(DockerOptions { logins, ..DockerOptions::new(now, &self.folder_id) }));
        let earlier = std::mem::replace(&mut state.docker, docker);
        state.earlier.push(earlier);
        state.entries = entries;
        state.answers.clear();
    }

    async fn contexts(&self) -> Contexts {
        let Some(folder) = self.environment.docker_folder() else { return Contexts::default() };
        let ssh_config = self.environment.ssh_config.clone();
        let read = tokio::task::spawn_blocking(move || Contexts::read(&folder, ssh_config.as_deref().map(std::path::Path::new)));
        read.await.unwrap_or_else(|problem| {
            tracing::warn!(%problem, "the docker contexts cannot be read");
            Contexts::default()
        })
    }

    /// Whether a choice can be meant at all.
    ///
    /// # Errors
    /// [`ErrorCode::EngineInvalid`], with what can be chosen.
    pub async fn check(&self, choice: &str) -> Result<(), ApiError> {
        let choice = choice.trim();
        if choice.is_empty() {
            return Ok(());
        }
        if list::is_address(choice) {
            let address = EngineAddress::new(choice);
            return match address.problem {
                None if choice.split_once("://").is_some_and(|(scheme, rest)| SCHEMES.contains(&scheme) && !rest.is_empty()) => Ok(()),
                None => {
                    Err(ApiError::new(ErrorCode::EngineInvalid, message!("`{}` is not the address of a container engine", address.url))
                        .hint(message!("give one such as `unix:///var/run/docker.sock`, `tcp://host:2376` or `ssh://user@host`")))
                }
                Some(problem) => Err(ApiError::new(ErrorCode::EngineInvalid, message!("`{}`: {}", address.url, problem))),
            };
        }
        let contexts = self.contexts().await;
        if contexts.all.iter().any(|context| context.name == choice) {
            return Ok(());
        }
        let names: Vec<_> = contexts.all.iter().map(|context| format!("`{}`", context.name)).collect();
        let those = if names.is_empty() { message!("there are none yet") } else { message!("there are {}", names.join(", ")) };
        Err(ApiError::new(ErrorCode::EngineInvalid, message!("there is no docker context `{}`", choice))
            .hint(message!("{}; make one with `docker context create`, or give an address such as `ssh://user@host`", those)))
    }

    /// All that may hold something of ours.
    pub fn all(&self) -> Vec<Arc<dyn Backend>> {
        let state = self.state();
        let mut all: Vec<Arc<dyn Backend>> = vec![Arc::clone(&state.docker) as _, Arc::clone(&self.host) as _];
        all.extend(state.earlier.iter().map(|docker| Arc::clone(docker) as _));
        all
    }

    /// The engine that answers, asked now. Where none does, the app starts the service of Podman.
    pub async fn answering(&self) -> Option<EngineInfo> {
        let docker = Arc::clone(&self.state().docker);
        match docker.probe(None).await {
            Ok(info) => {
                self.hold_podman().await;
                Some(info)
            }
            Err(_) if self.start_podman().await => docker.probe(None).await.ok(),
            Err(_) => None,
        }
    }

    /// The entry of the service of Podman that the app starts, where that is one of those that may be used.
    fn own_entry(&self) -> Option<Entry> {
        let own = self.podman.as_ref()?.address();
        self.state().entries.iter().find(|entry| entry.used && entry.address == own).cloned()
    }

    /// Uses the service of Podman where it runs already, so that whoever else uses it does not end it, and so that one that a killed app left has a
    /// last user.
    pub async fn hold_podman(&self) {
        if let Some(podman) = &self.podman
            && self.own_entry().is_some()
            && podman.is_up()
        {
            podman.start().await;
        }
    }

    /// Whether the service of Podman answers now, started where that is the last resort.
    async fn start_podman(&self) -> bool {
        match &self.podman {
            Some(podman) if self.own_entry().is_some() => podman.start().await,
            _ => false,
        }
    }

    /// Asks the service of Podman, started by the app, where none of the engines in use has answered.
    async fn ask_podman(&self, answers: &mut HashMap<String, Result<EngineInfo, Message>>) {
        let Some(own) = self.own_entry() else { return };
        if answers.values().all(Result::is_err) && self.start_podman().await {
            answers.extend(self.ask(std::iter::once(&own)).await);
        }
        // That nothing listens there says nothing to a person.
        if let Some(problem @ Err(_)) = answers.get_mut(&own.choice) {
            let why = self.podman.as_ref().and_then(PodmanService::problem);
            let waits = || message!("the service of Podman is started by Letterpress when no other engine answers");
            *problem = Err(why.unwrap_or_else(waits));
        }
    }

    /// Ends what the app has started. Called at its end.
    pub async fn end(&self) {
        if let Some(podman) = &self.podman {
            podman.end().await;
        }
    }

    /// The error for steps that need a container engine when none answers, with the reasons of the places that were tried. `instead` is what can be done
    /// without one, as the end of a sentence.
    pub fn missing(&self, instead: Message) -> ApiError {
        let docker = Arc::clone(&self.state().docker);
        let mut tried = docker.tried();
        if let (Some(own), Some(podman)) = (self.own_entry(), &self.podman)
            && let Some(reason) = podman.problem()
        {
            tried.retain(|one| one.address != own.address.url);
            tried.push(Tried { address: own.address.url, reason, is_absent: false });
        }
        no_engine(&tried, instead)
    }

    /// What each engine says. Those that are used are asked at least once, the others only when all are asked `again`: another computer
    /// is not logged in to because somebody looks at a list.
    pub async fn statuses(&self, again: bool) -> Vec<EngineStatus> {
        let (entries, known) = {
            let state = self.state();
            (state.entries.clone(), state.answers.clone())
        };
        let wanted = |entry: &&Entry| again || (entry.used && !known.contains_key(&entry.choice));
        let mut answers = self.ask(entries.iter().filter(wanted)).await;
        let used = entries.iter().filter(|entry| entry.used && answers.contains_key(&entry.choice)).map(|entry| entry.choice.clone());
        let mut of_used: HashMap<_, _> = used.collect::<Vec<_>>().into_iter().filter_map(|choice| answers.remove_entry(&choice)).collect();
        if !of_used.is_empty() {
            self.ask_podman(&mut of_used).await;
        }
        answers.extend(of_used);
        let own = self.podman.as_ref().map(PodmanService::address);
        let mut state = self.state();
        state.answers.extend(answers);
        statuses(&state.entries, &state.answers, own.as_ref())
    }
}

/// The list for people. Of several that may be used it is the first that answers.
fn statuses(entries: &[Entry], answers: &HashMap<String, Result<EngineInfo, Message>>, own: Option<&EngineAddress>) -> Vec<EngineStatus> {
    let mut candidates = entries.iter().filter(|entry| entry.used);
    let only = if let (Some(one), None) = (candidates.next(), candidates.next()) { Some(one) } else { None };
    let used = entries.iter().find(|entry| entry.used && matches!(answers.get(&entry.choice), Some(Ok(_)))).or(only);
    let of = |entry: &Entry| {
        let answer = answers.get(&entry.choice);
        let info = answer.and_then(|answer| answer.as_ref().ok());
        EngineStatus {
            choice: entry.choice.clone(),
            context: entry.context.clone(),
            description: entry.description.clone(),
            name: info.map_or(entry.address.url.clone(), |info| info.name.clone()),
            version: info.map(|info| info.version.clone()).unwrap_or_default(),
            api_version: info.map(|info| info.api_version.clone()).unwrap_or_default(),
            address: entry.address.url.clone(),
            used: used.is_some_and(|used| used.choice == entry.choice),
            asked: answer.is_some(),
            answers: info.is_some(),
            started_by_app: info.is_some() && own == Some(&entry.address),
            problem: answer.and_then(|answer| answer.as_ref().err()).cloned().unwrap_or_default(),
        }
    };
    entries.iter().map(of).collect()
}

impl Backends for Engines {
    /// Of the container engines that were in use in this process the one that has been seen to be that engine, else the one in use, which answers
    /// for itself when it is another one.
    fn backend(&self, kind: BackendKind, engine: Option<&EngineId>) -> Option<Arc<dyn Backend>> {
        Some(match kind {
            BackendKind::Docker => {
                let state = self.state();
                let is_it = |docker: &&Arc<DockerBackend>| engine.is_some_and(|engine| docker.has_met(engine));
                let known = std::iter::once(&state.docker).chain(state.earlier.iter().rev()).find(is_it);
                Arc::clone(known.unwrap_or(&state.docker)) as _
            }
            BackendKind::Host => Arc::clone(&self.host) as _,
        })
    }
}

/// Empty places are not named: of the usual ones most are.
fn no_engine(tried: &[Tried], instead: Message) -> ApiError {
    let reasons = Message::joined(tried.iter().filter(|one| !one.is_absent).map(|one| message!("`{}`: {}", one.address, one.reason)), "; ");
    if reasons.is_empty() {
        return ApiError::new(ErrorCode::NoEngine, message!("no container engine answers"))
            .hint(message!("start Docker or Podman; {}", instead));
    }
    ApiError::new(ErrorCode::NoEngine, message!("no container engine answers: {}", reasons))
        .hint(message!("`letterpress doctor` and the settings say what each place answers; {}", instead))
}

impl App {
    /// The error for steps that need a container engine when none answers. `instead` says what can be done without one.
    pub fn no_engine(&self, instead: Message) -> ApiError {
        self.engines.missing(instead)
    }

    /// Takes the engine of the settings into use, unless runs are under way: those stay where they are.
    pub(crate) async fn choose_engine(&self, choice: &str) {
        self.engines.choose(choice, self.live_runs() == 0).await;
    }

    /// Whether the settings may name this engine.
    ///
    /// # Errors
    /// [`ErrorCode::EngineInvalid`] when there is no such engine, [`ErrorCode::EngineInUse`] when runs are under way on another one.
    pub(crate) async fn check_engine(&self, before: &str, choice: &str) -> Result<(), ApiError> {
        if before == choice {
            return Ok(());
        }
        self.engines.check(choice).await?;
        match self.live_runs() {
            0 => Ok(()),
            _ => Err(ApiError::new(ErrorCode::EngineInUse, message!("`engine` cannot be changed while runs are under way"))
                .hint(message!("wait until they are over, or cancel them"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_place_that_is_there_is_told() {
        let tried =
            |address: &str, reason: &str, is_absent| Tried { address: address.into(), reason: Message::verbatim(reason), is_absent };
        let absent = tried("unix:///run/podman/podman.sock", "no socket there", true);
        let refused = tried("unix:///var/run/docker.sock", "this user may not use the socket; add the user to the group `docker`", false);
        let error = no_engine(&[refused, absent.clone()], Message::verbatim("or do without"));
        assert!(error.message.to_string().contains("`unix:///var/run/docker.sock`: this user may not use the socket"), "{error:?}");
        assert!(!error.message.to_string().contains("podman") && !error.hint.to_string().contains("start Docker"), "{error:?}");
        let error = no_engine(&[absent], Message::verbatim("or do without"));
        assert_eq!(
            (error.message.to_string().as_str(), error.hint.to_string().as_str()),
            ("no container engine answers", "start Docker or Podman; or do without")
        );
    }
}
