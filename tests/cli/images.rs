//! Files that people already have, with the plugin that builds their image: built by the engine, pushed to a registry with a password.

use lp_tests::images::busybox_image;
use lp_tests::press::{Press, Said};
use lp_tests::registry::{PASSWORD, Registry, USER};
use std::io::Write as _;
use std::process::Stdio;

/// As such a file was written for 0.7, but for the addresses.
const PIPELINE: &str = "pipeline:
  build:
    image: alpine
    commands:
    - mkdir dist && echo hello > dist/index.html
  publish:
    image: plugins/docker
    repo: REGISTRY/team/site
    registry: REGISTRY
    tags: [latest, '1.0']
    secrets: [docker_username, docker_password]
";
const DOCKERFILE: &str = "FROM alpine\nCOPY dist /usr/share/nginx/html\n";

fn project(press: &Press, registry: &Registry) -> String {
    let pipeline = PIPELINE.replace("REGISTRY", &registry.host);
    press.repository("shop", &[(".drone.yml", &pipeline), ("Dockerfile", DOCKERFILE), (".dockerignore", ".git\n")])
}

#[tokio::test]
async fn an_old_file_builds_and_pushes_its_image_without_a_container_of_the_plugin() {
    busybox_image().await;
    let (press, registry) = (Press::new(), Registry::start());
    let folder = project(&press, &registry);
    let in_folder = |arguments: &[&str], input: &str| {
        let mut command = press.command(arguments);
        let mut child = command.current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Said::from(child.wait_with_output().unwrap()).expect(0)
    };
    in_folder(&["secret", "set", "docker_username"], USER);
    in_folder(&["secret", "set", "docker_password"], "wrong");
    let said = press.say(&["run", &folder]).expect(1);
    assert!(said.out.contains(" : FROM alpine"), "{}\n{}", said.out, said.err);
    assert_eq!(registry.digest("team/site", "latest"), None);
    assert!(!said.out.contains("wrong"), "the password stands nowhere");

    in_folder(&["secret", "set", "docker_password"], PASSWORD);
    let again = press.say(&["retry", "last"]).expect(0);
    assert!(!again.out.contains("FROM alpine"), "it was built before:\n{}", again.out);
    let digest = registry.digest("team/site", "latest").expect("it was pushed");
    assert_eq!(registry.digest("team/site", "1.0").as_ref(), Some(&digest));
    assert!(again.out.contains(&digest) && !again.out.contains(PASSWORD), "{}", again.out);
}

#[tokio::test]
async fn who_builds_is_said_and_can_be_changed() {
    let (press, registry) = (Press::new(), Registry::start());
    let folder = project(&press, &registry);
    press.say(&["images", "builder", "--folder", &folder]).expect(0).prints(&["by the container engine itself"]);
    press.say(&["images", "builder", "plugin", "--folder", &folder]).expect(0).prints(&["by the containers of its plugins"]);
    press.say(&["images", "builder", "--folder", &folder]).expect(0).prints(&["by the containers of its plugins"]);
    press.say(&["--language", "zh", "images", "builder", "engine", "--folder", &folder]).expect(0).prints(&["由容器引擎直接构建"]);
    let yaml = press.say(&["plan", &format!("{folder}/.drone.yml"), "--event", "push"]).expect(0).out;
    assert!(yaml.contains("# the secret `docker_password` goes to `publish` (the container engine, which builds its image)\n"), "{yaml}");
    let plan = press.say(&["plan", &format!("{folder}/.drone.yml"), "--event", "push", "--format", "json"]).expect(0).json();
    let build = &plan["stages"][0]["steps"][1]["build_image"];
    assert_eq!(build["repository"], format!("{}/team/site", registry.host));
    assert_eq!((&build["tags"], &build["push"]), (&serde_json::json!(["latest", "1.0"]), &serde_json::json!(true)));
}
