//! The places where steps can run on this computer.

use crate::dto::EngineStatus;
use crate::logins::DockerLogins;
use crate::options::AppOptions;
use lp_backend::{Backend, EngineInfo};
use lp_backend_docker::{DockerBackend, DockerOptions, EngineAddress, EngineEnvironment};
use lp_backend_host::HostBackend;
use lp_engine::ports::Backends;
use lp_model::BackendKind;
use std::sync::{Arc, Mutex, PoisonError};

/// Both backends of this computer.
pub(crate) struct Engines {
    docker: Arc<DockerBackend>,
    host: Arc<HostBackend>,
    /// One backend per address, only to ask each for itself.
    probes: Vec<(EngineAddress, DockerBackend)>,
    /// What the last question to each address gave.
    statuses: Mutex<Option<Vec<EngineStatus>>>,
}

impl Engines {
    pub fn new(options: &AppOptions, folder_id: &str) -> Self {
        let value = |name: &str| options.environment.get(name).filter(|value| !value.is_empty()).cloned();
        let addresses = EngineAddress::candidates(&EngineEnvironment {
            docker_host: value("DOCKER_HOST"),
            docker_tls_verify: value("DOCKER_TLS_VERIFY").is_some(),
            docker_cert_path: value("DOCKER_CERT_PATH"),
            home: value("HOME").or_else(|| value("USERPROFILE")),
            runtime_dir: value("XDG_RUNTIME_DIR"),
            windows: cfg!(windows),
        });
        let logins = Arc::new(DockerLogins::new(value("DOCKER_CONFIG"), value("HOME").or_else(|| value("USERPROFILE"))));
        Self {
            docker: Arc::new(DockerBackend::new(DockerOptions { logins, ..DockerOptions::new(addresses.clone(), folder_id) })),
            host: Arc::new(HostBackend::new(options.data_folder.join("host"))),
            probes: addresses
                .into_iter()
                .map(|address| (address.clone(), DockerBackend::new(DockerOptions::new(vec![address], folder_id))))
                .collect(),
            statuses: Mutex::new(None),
        }
    }

    pub fn all(&self) -> [Arc<dyn Backend>; 2] {
        [Arc::clone(&self.docker) as _, Arc::clone(&self.host) as _]
    }

    /// The engine that answers, asked now.
    pub async fn answering(&self) -> Option<EngineInfo> {
        self.docker.probe().await.ok()
    }

    /// What each address says: the last answers, or asked now when `again` or never asked.
    pub async fn statuses(&self, again: bool) -> Vec<EngineStatus> {
        let remembered = self.statuses.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(statuses) = remembered
            && !again
        {
            return statuses;
        }
        let mut statuses = Vec::new();
        for (address, backend) in &self.probes {
            statuses.push(match backend.probe().await {
                Ok(info) => EngineStatus {
                    name: info.name,
                    version: info.version,
                    api_version: info.api_version,
                    address: address.url.clone(),
                    answers: true,
                    problem: String::new(),
                },
                Err(problem) => EngineStatus {
                    name: address.url.clone(),
                    version: String::new(),
                    api_version: String::new(),
                    address: address.url.clone(),
                    answers: false,
                    problem: problem.to_string(),
                },
            });
        }
        *self.statuses.lock().unwrap_or_else(PoisonError::into_inner) = Some(statuses.clone());
        statuses
    }
}

impl Backends for Engines {
    fn backend(&self, kind: BackendKind) -> Option<Arc<dyn Backend>> {
        Some(match kind {
            BackendKind::Docker => Arc::clone(&self.docker) as _,
            BackendKind::Host => Arc::clone(&self.host) as _,
        })
    }
}
