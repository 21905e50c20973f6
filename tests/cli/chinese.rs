//! The terminal of a person who reads Chinese: errors, hints, tables, progress, results.

use lp_tests::press::Press;

/// Says it in Chinese, in whatever place the person has asked for it.
fn chinese(press: &Press, arguments: &[&str]) -> lp_tests::press::Said {
    let said = press.command(&[arguments, &["--language", "zh"]].concat()).output().expect("the binary starts").into();
    no_english(&said);
    said
}

/// Three English words in a row outside of what is code are a sentence that nobody has translated.
fn no_english(said: &lp_tests::press::Said) {
    for line in said.err.lines() {
        let mut row = 0;
        for word in line.split('`').step_by(2).flat_map(|plain| plain.split([' ', ',', ';', ':'])).filter(|word| !word.is_empty()) {
            row = if word.len() > 1 && word.chars().all(|c| c.is_ascii_alphabetic()) { row + 1 } else { 0 };
            assert!(row < 3, "English in: {line}\nof:\n{}", said.err);
        }
    }
}

const PIPELINE: &str = "kind: pipeline\nname: default\nsteps:\n- name: build\n  image: alpine\n  commands: [echo 构建, exit 7]\n- name: after\n  image: alpine\n  commands: [echo never]\n";

#[test]
fn what_goes_wrong_is_said_in_chinese_with_what_to_do() {
    let press = Press::without_engine();
    let repository = press.repository("shop", &[(".drone.yml", PIPELINE)]);
    let empty = press.folder().join("plain");
    std::fs::create_dir(&empty).unwrap();
    let plain = empty.to_string_lossy().into_owned();
    std::fs::write(empty.join("letter"), "no backup").unwrap();
    let letter = empty.join("letter").to_string_lossy().into_owned();
    for (arguments, code, texts) in [
        (vec!["run", &*plain], 2, &["错误: ", "不是 git 仓库", "建议: ", "`git init`"][..]),
        (vec!["run", "/no/such/folder"], 2, &["没有文件夹 `/no/such/folder`"]),
        (vec!["run", &*repository, "--version", "9.9.9"], 2, &["没有版本 `9.9.9`"]),
        (vec!["run", &*repository, "--workflow", "nope"], 2, &["此版本没有工作流 `nope`"]),
        (vec!["run", &*repository], 3, &["没有容器引擎应答", "`--backend host`"]),
        (vec!["logs", "last"], 2, &["没有运行 `last`", "`letterpress history`"]),
        (vec!["explain", "not-trustd"], 2, &["没有代码 `not-trustd`", "是不是想写 `not-trusted`？"]),
        (vec!["run", &*repository, "--input", "x"], 2, &["`--input x` 不是 NAME=VALUE 的形式"]),
        (vec!["history", "--from", "soon"], 2, &["`soon` 不是时间"]),
        (vec!["data", "clean"], 2, &["该规则没有给出任何限制"]),
        (vec!["data", "restore", &*letter], 2, &["不是可以恢复的备份"]),
    ] {
        let said = chinese(&press, &arguments);
        assert_eq!(said.code, code, "{arguments:?}: {}", said.err);
        said.explains(texts);
    }
}

#[test]
fn a_run_and_its_end_are_told_in_chinese() {
    let press = Press::without_engine();
    let repository = press.repository("shop", &[(".drone.yml", PIPELINE)]);
    assert_eq!(chinese(&press, &["queue"]).expect(0).out, "没有进行中的运行，也没有等待的运行\n");
    assert_eq!(chinese(&press, &["history"]).expect(0).out, "还没有运行；用 `letterpress run` 可开始一次\n");
    let run = chinese(&press, &["run", &repository, "--backend", "host"]).expect(1);
    run.explains(&["没有隔离", "✗ build 失败，退出码 7", "– after 已跳过（之前有步骤失败）", "运行 1 失败", "会从 `build` 继续"]);
    let line = chinese(&press, &["history"]).expect(0).out;
    assert!(line.contains("shop #1  失败  ") && line.contains(" 秒  "), "{line}");
    let json = chinese(&press, &["history", "--format", "json"]).expect(0).json();
    assert_eq!(json["runs"][0]["state"], "failed", "words of programs stay what they are");
    let again = chinese(&press, &["cancel", "shop#1"]).expect(0);
    again.explains(&["运行 1 早已结束：失败"]);
}

#[test]
fn settings_and_variables_choose_the_language_too() {
    let press = Press::without_engine();
    let said = |language: Option<&str>, locale: &str| {
        let mut command = press.command(&["queue"]);
        command.env("LC_ALL", locale);
        if let Some(language) = language {
            command.env("LETTERPRESS_LANGUAGE", language);
        }
        lp_tests::press::Said::from(command.output().expect("the binary starts")).expect(0).out
    };
    assert!(said(None, "C").starts_with("nothing is under way"));
    assert!(said(None, "zh_CN.UTF-8").starts_with("没有进行中的运行"));
    assert!(said(Some("zh"), "C").starts_with("没有进行中的运行"));
    assert!(said(Some("en"), "zh_CN.UTF-8").starts_with("nothing is under way"));
}

#[tokio::test]
async fn the_setting_of_the_window_counts_for_the_terminal() {
    let press = Press::without_engine();
    let app = press.app(false).await;
    let settings = app.settings().await.unwrap();
    app.set_settings(lp_api::dto::Settings { language: lp_api::dto::Language::ZhCn, ..settings }).await.unwrap();
    app.shutdown().await;
    assert!(press.say(&["queue"]).expect(0).out.starts_with("没有进行中的运行"));
    assert!(press.say(&["queue", "--language", "en"]).expect(0).out.starts_with("nothing is under way"));
}
