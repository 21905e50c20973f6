//! Robots: logins for programs.

use super::Harbor;
use crate::error::{Action, RegistryError};
use lp_secret::SecretValue;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

/// Where a robot counts, and who may make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RobotLevel {
    /// In its project; whoever manages the project may make it.
    Project,
    /// In the whole of Harbor; its login has no project in its name.
    System,
}

/// How long a robot's login counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RobotLifetime {
    /// Until it is removed.
    Endless,
    /// So many days, from 1.
    Days(u32),
}

/// A robot that may push to the repositories of a project, and pull them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRobot {
    /// Without the prefix that Harbor puts before it.
    pub name: String,
    /// The project.
    pub project: String,
    /// Where it counts.
    pub level: RobotLevel,
    /// How long.
    pub lifetime: RobotLifetime,
    /// For people who look at it in Harbor.
    pub description: String,
    /// It may also delete images.
    pub may_delete: bool,
}

/// The login of a robot, which Harbor shows once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobotSecret {
    /// By which it gets a new secret, and is removed.
    pub id: i64,
    /// The name to log in with, e.g. `robot$team+letterpress`. The prefix can be configured: it is never put together here.
    pub login: String,
    /// The password.
    pub secret: SecretValue,
    /// Seconds since 1970; `None`: never.
    pub expires_s: Option<u64>,
}

#[derive(Deserialize)]
struct Created {
    id: i64,
    name: String,
    secret: String,
    #[serde(default)]
    expires_at: i64,
}

#[derive(Deserialize)]
struct Renewed {
    secret: String,
}

impl Harbor {
    /// Makes a robot.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`](crate::ErrorKind::Exists) when there is one of that name, [`ErrorKind::Denied`](crate::ErrorKind::Denied), and the rest of
    /// [`RegistryError`].
    pub async fn create_robot(&self, robot: &NewRobot) -> Result<RobotSecret, RegistryError> {
        let mut access = vec![("repository", "push"), ("repository", "pull"), ("artifact", "read"), ("tag", "list")];
        if robot.may_delete {
            access.push(("artifact", "delete"));
        }
        let access: Vec<_> = access.iter().map(|(resource, action)| json!({"resource": resource, "action": action})).collect();
        let body = json!({
            "name": robot.name,
            "level": match robot.level { RobotLevel::Project => "project", RobotLevel::System => "system" },
            "duration": match robot.lifetime { RobotLifetime::Endless => -1, RobotLifetime::Days(days) => i64::from(days) },
            "disable": false,
            "description": robot.description,
            "permissions": [{"kind": "project", "namespace": self.legal_project(&robot.project)?, "access": access}],
        });
        let call = self.call(Method::POST, "robots")?.with_body("application/json", body.to_string());
        let answer = self.success(self.send(call).await?, Action::Manage, None)?;
        let created: Created = self.read(&answer)?;
        let expires_s = u64::try_from(created.expires_at).ok().filter(|at| *at > 0);
        Ok(RobotSecret { id: created.id, login: created.name, secret: SecretValue::new(created.secret), expires_s })
    }

    /// Gives a robot a new secret; the old one no longer counts.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn renew_robot(&self, id: i64) -> Result<SecretValue, RegistryError> {
        // An empty one makes Harbor invent one.
        let call = self.call(Method::PATCH, &format!("robots/{id}"))?.with_body("application/json", r#"{"secret":""}"#);
        let answer = self.success(self.send(call).await?, Action::Manage, None)?;
        let renewed: Renewed = self.read(&answer)?;
        Ok(SecretValue::new(renewed.secret))
    }
}
