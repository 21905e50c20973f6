//! A file with five mistakes gives five findings, each at the right line and column, whatever stands before it on the line: Chinese,
//! emoji, tabs, a byte order mark, ends of lines of two characters, variables that are longer or shorter than what they stand for.
//!
//! A mistake is marked in the text: `«code»` stands where its finding begins, `«»` where it ends. Columns are counted here in the plainest
//! way, in characters from the beginning of the line.

use lp_pipeline::{PipelineFile, lint};

/// Name, path, text.
const FILES: [(&str, &str, &str); 8] = [
    (
        "0.8 with Chinese",
        ".drone.yml",
        "\
workspace: {path: 源码, base: «workspace-base»相对路径«»}   # 中文注释
pipeline:
  构建: {group: 第一组, image: «wrong-type»[golang, 1.22]«», commands: [make]}
  测试 🚀:
    image: node:20
    commands: [npm test, «command-is-map»echo 结果: 好«»]
  部署: {image: plugins/helm, 备注: 说明, pull: «wrong-type»总是«»}
  «missing-image»通知«»: {标题: 完成}
",
    ),
    (
        "0.8 after variables",
        ".drone.yml",
        "\
pipeline:
  a: {image: \"x:${DRONE_COMMIT_SHA}\", pull: «wrong-type»maybe«»}
  b: {image: \"x:${DRONE_TAG}\", commands: [make], «commands-and-parameters»enviroment«»: {A: b}}
  c: {image: \"${DRONE_REPO_NAME}:${DRONE_COMMIT_BRANCH}\", detach: «wrong-type»[\"${DRONE_BRANCH}\"]«»}
  d: {image: 镜像, title: \"${DRONE_COMMIT_MESSAGE} ${DRONE_COMMIT_SHA}\", shm_size: «invalid-size»很多«»}
  e: {image: x, note: \"${DRONE_COMMIT_SHA}${DRONE_COMMIT_SHA}\", secrets: [«missing-source»{target: 目标}«»]}
",
    ),
    (
        "1.x with Chinese",
        ".drone.yml",
        "\
kind: pipeline
name: 默认流水线
steps:
- {name: 构建, image: 镜像/构建, commands: «wrong-type»编译«»}
- {name: 测试 👩‍💻, image: x, detach: «wrong-type»也许«»}
- {name: 检查, image: x, depends_on: [构建, «unknown-dependency»构件«»]}
- {name: 发布, image: 镜像, volumes: [«unknown-volume»{name: 缓存, path: /c}«»]}
---
kind: pipeline
name: 第二条
depends_on: [默认流水线]
steps:
- {name: 部署, image: x, when: {branch: [主干, 发布/*], «unknown-key»brnach«»: x}}
",
    ),
    (
        "1.x after variables",
        ".drone.yml",
        "\
kind: pipeline
name: \"${DRONE_REPO_NAME}\"
steps:
- {name: \"${DRONE_COMMIT_SHA} 构建\", image: «wrong-type»{a: b}«»}
- {name: \"${DRONE_TAG}b\", image: x, failure: «unknown-word»\"永远${DRONE_TAG}\"«»}
- {name: c, image: \"x:${DRONE_COMMIT_SHA:0:8}\", «unknown-key»imgae«»: y}
- {name: 丁, image: x, commands: [\"echo ${DRONE_COMMIT_MESSAGE}\", «command-is-map»echo a: b«»]}
- {name: 戊, image: x, environment: {A: \"${DRONE_COMMIT_SHA}\", B: «wrong-type»[\"${DRONE_BRANCH}\"]«»}}
",
    ),
    (
        "Woodpecker with Chinese",
        ".woodpecker/构建.yml",
        "\
labels: {机房: 上海}
when: {event: [push, manual]}
steps:
  - {name: 构建, image: golang, failure: «unknown-word»也许«»}
  - {name: 测试 🧪🧪, image: x, commands: [make, «command-is-map»echo 结果: 好«»]}
  - {name: 检查, image: x, «unknown-key»comands«»: [make]}
  - {name: 部署, image: x, depends_on: [构建, «unknown-step»构件«»]}
  - {name: 通知, image: x, when: {branch: 主干, evaluate: «bad-expression»'这 不 是 表达式'«»}}
",
    ),
    (
        "Woodpecker after variables",
        ".woodpecker.yml",
        "\
when: {event: push}
steps:
  - {name: \"${CI_COMMIT_SHA}\", image: «wrong-type»[x]«»}
  - {name: \"${CI_COMMIT_TAG}乙\", image: x, «unknown-key»privilged«»: true}
  - {name: 丙, image: \"x:${CI_COMMIT_SHA}\", detach: «wrong-type»\"是${CI_COMMIT_TAG}\"«»}
  - {name: 丁, image: x, directory: \"${CI_REPO_NAME}/源码\", failure: «unknown-word»\"${CI_COMMIT_BRANCH}\"«»}
  - {name: 戊, image: x, environment: {消息: \"${CI_COMMIT_MESSAGE}\"}, «deprecated-key»group«»: 组}
",
    ),
    (
        "Woodpecker 0.15 with Chinese",
        ".woodpecker.yml",
        "\
pipeline:
  构建: {image: golang, group: 组, pull: «wrong-type»不«»}
  测试 🚀: {image: x, commands: [make], «commands-and-parameters»标题«»: 好}
  检查: {image: x, when: {branch: 主干, event: push, «unknown-key»brnach«»: x}}
  «missing-image»部署«»: {commands: [make]}
  通知: {image: x, environment: {说明: 文字, LEVEL: «environment-not-text»12«»}}
",
    ),
    (
        "tabs",
        ".drone.yml",
        "\
kind: pipeline
name:\t默认\t\t# 制表符\t在注释里
steps:
- {name:\t构建,\timage:\t«wrong-type»[x]«»}
- {name:\t\t测试,\timage: x,\tdetach:\t«wrong-type»也许«»}
- {name: 检查,\timage: x,\t«unknown-key»imgae«»:\ty}
- {name: \"部\t署\",\timage: x,\tcommands:\t«wrong-type»\"制\t表\"«»}
- {name: 通知,\timage: \"x\t\",\tmem_limit:\t«invalid-size»很多«»}
",
    ),
];

/// The text without its marks, and for each mark: code, line and column of the beginning and of the end.
fn unmark(marked: &str) -> (String, Vec<String>) {
    let (mut text, mut places) = (String::new(), Vec::new());
    let mut open: Option<String> = None;
    let (mut line, mut column) = (1, 1);
    let mut rest = marked;
    while let Some(c) = rest.chars().next() {
        if c == '«' {
            let (code, after) = rest['«'.len_utf8()..].split_once('»').expect("a mark is closed");
            match open.take() {
                Some(begin) => places.push(format!("{begin}-{line}:{column}")),
                None => open = Some(format!("{code} {line}:{column}")),
            }
            rest = after;
            continue;
        }
        text.push(c);
        (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
        rest = &rest[c.len_utf8()..];
    }
    (text, places)
}

#[test]
fn five_mistakes_are_five_findings_in_their_places() {
    let mut wrong = Vec::new();
    for (name, path, marked) in FILES {
        let (text, expected) = unmark(marked);
        assert_eq!(expected.len(), 5, "{name}: five mistakes");
        // Neither the ends of the lines nor a byte order mark is a part of a line.
        for (form, text) in [
            ("as it is", text.clone()),
            ("with CRLF", text.replace('\n', "\r\n")),
            ("with a byte order mark", format!("\u{feff}{text}")),
            ("with both", format!("\u{feff}{}", text.replace('\n', "\r\n"))),
            ("without a last end of line", text.trim_end().to_owned()),
        ] {
            let found = lint(&[PipelineFile { path, bytes: text.as_bytes() }], &Default::default());
            let found: Vec<String> = found
                .iter()
                .map(|finding| {
                    let span = finding.span.expect("a place");
                    format!("{} {}:{}-{}:{}", finding.code, span.line, span.column, span.end_line, span.end_column)
                })
                .collect();
            if found != expected {
                wrong.push(format!("{name}, {form}:\n  expected {expected:#?}\n  found {found:#?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A value of a wrong shape is one mistake, not two: it is not missing as well.
#[test]
fn a_wrong_shape_is_one_finding() {
    for (path, text, expected) in [
        (".drone.yml", "pipeline:\n  a: {image: [x]}\n", "wrong-type"),
        (".drone.yml", "pipeline:\n  a: {image: ~}\n", "missing-image"),
        (".drone.yml", "pipeline:\n  a: {image: x, secrets: [{source: [y]}]}\n", "wrong-type"),
        (".drone.yml", "kind: pipeline\nsteps:\n- {name: [a], image: x}\n", "wrong-type"),
        (".drone.yml", "kind: pipeline\nsteps:\n- {name: '', image: x}\n", "missing-name"),
        (".drone.yml", "kind: pipeline\ntype: exec\nsteps:\n- {name: a, commands: make}\n", "wrong-type"),
        (".drone.yml", "kind: pipeline\ntype: exec\nsteps:\n- {name: a, commands: [~]}\n", "missing-commands"),
        (".drone.yml", "kind: pipeline\nvolumes: [{name: {}, temp: {}}]\nsteps:\n- {name: a, image: x}\n", "wrong-type"),
        (".woodpecker.yml", "when: {event: push}\nsteps:\n- {name: a, image: {b: c}}\n", "wrong-type"),
        (".woodpecker.yml", "when: {event: push}\nsteps:\n- {name: a, image: x, depends_on: [{name: [b]}]}\n", "wrong-type"),
    ] {
        let codes: Vec<String> =
            lint(&[PipelineFile { path, bytes: text.as_bytes() }], &Default::default()).into_iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [expected], "{text}");
    }
}
