//! `letterpress lint` and `letterpress schema`, as an editor or a CI job uses them.

use lp_tests::press::Press;
use std::fs;
use std::path::Path;

const GOOD: &str = "kind: pipeline\nname: default\nsteps:\n- {name: a, image: alpine}\n";
const WARNED: &str = "kind: pipeline\nname: default\nsteps:\n- {name: a, image: alpine, imgae: x}\n";
const BROKEN: &str = "kind: pipeline\nname: 默认\nsteps:\n- {name: 构建, image: alpine, commands: make}\n- {image: [x]}\n";

fn write(press: &Press, file: &str, text: &str) {
    let path = press.folder().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn the_exit_code_tells_errors_from_warnings_and_from_what_cannot_be_read() {
    let press = Press::without_engine();
    write(&press, "good.yml", GOOD);
    write(&press, "warned.yml", WARNED);
    write(&press, "broken.yml", BROKEN);
    assert!(press.say(&["lint", "good.yml"]).expect(0).out.ends_with("nothing found in 1 file\n"));
    press.say(&["lint", "good.yml", "--strict"]).expect(0);
    assert!(press.say(&["lint", "warned.yml", "good.yml"]).expect(0).out.ends_with("1 warning in 2 files\n"));
    press.say(&["lint", "--strict", "warned.yml", "good.yml"]).expect(1);
    assert!(press.say(&["lint", "good.yml", "broken.yml", "warned.yml"]).expect(1).out.ends_with("3 errors, 1 warning in 3 files\n"));
    // What could be read is told all the same.
    let said = press.say(&["lint", "none.yml", "broken.yml"]).expect(2).explains(&["`none.yml` cannot be read"]);
    assert!(said.out.contains("broken.yml:4:39"), "{}", said.out);
    press.say(&["lint", "none.yml", "--format", "json"]).expect(2);
    press.say(&["lint", "--no-such-flag"]).expect(2);
}

#[test]
fn all_findings_of_all_files_are_one_document() {
    let press = Press::without_engine();
    write(&press, "a.yml", BROKEN);
    write(&press, "b.yml", WARNED);
    let said = press.say(&["lint", "--format", "json", "a.yml", "b.yml"]).expect(1);
    let document = said.json();
    assert_eq!(said.err, "");
    assert_eq!((&document["version"], &document["errors"], &document["warnings"]), (&1.into(), &3.into(), &1.into()));
    assert_eq!(document["files"][1]["dialect"], "drone1");
    let places: Vec<String> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            let place = &finding["place"];
            format!("{} {} {}:{}", finding["file"].as_str().unwrap(), finding["code"].as_str().unwrap(), place["line"], place["column"])
        })
        .collect();
    assert_eq!(places, ["a.yml wrong-type 4:39", "a.yml missing-name 5:3", "a.yml wrong-type 5:11", "b.yml unknown-key 4:28"]);
    assert_eq!(document["findings"][0]["range"]["start"], serde_json::json!({ "line": 3, "character": 38 }));
}

#[test]
fn a_folder_of_workflows_is_one_pipeline() {
    let press = Press::without_engine();
    write(&press, ".woodpecker/构建.yml", "when: {event: push}\nsteps:\n- {name: a, image: x}\n");
    write(&press, ".woodpecker/发布.yml", "when: {event: push}\ndepends_on: [构建]\nsteps:\n- {name: b, image: x}\n");
    for path in [".", ".woodpecker", ".woodpecker/发布.yml"] {
        let said = press.say(&["lint", "--strict", path]).expect(0).out;
        assert!(said.contains(".woodpecker/发布.yml: woodpecker: line 3 has `steps:`"), "{said}");
    }
    let plan = press.say(&["plan", ".woodpecker", "--format", "json"]).expect(0).json();
    let names: Vec<&str> = plan["stages"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["发布", "构建"]);
    press.say(&["plan", ".", "--tag", "v1", "--event", "push"]).expect(2).explains(&["`--tag` says nothing about the event `push`"]);
    press.say(&["plan", "none"]).expect(2).explains(&["`none` cannot be read"]);
}

#[test]
fn a_schema_is_printed_for_every_kind_of_file() {
    let press = Press::without_engine();
    for word in ["drone08", "drone1", "woodpecker", "workflow"] {
        let schema = press.say(&["schema", word]).expect(0).json();
        assert_eq!(schema["type"], "object", "{word}");
    }
    press.say(&["schema", "drone2"]).expect(2);
    assert!(!Path::new(press.data()).exists(), "nothing was written");
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_repository_is_not_followed() {
    let press = Press::without_engine();
    write(&press, "elsewhere.yml", GOOD);
    let repository = press.repository("shop", &[("f", "1")]);
    std::os::unix::fs::symlink(press.folder().join("elsewhere.yml"), Path::new(&repository).join(".drone.yml")).unwrap();
    let said = press.say(&["lint", &repository]);
    assert!(said.code != 0 && (said.err + &said.out).contains(".drone.yml"), "{}", said.out);
}

#[test]
fn what_is_told_is_in_the_language_of_the_reader() {
    let press = Press::without_engine();
    write(&press, "broken.yml", BROKEN);
    let said = press.say(&["lint", "broken.yml", "--language", "zh"]).expect(1);
    assert!(said.out.contains("broken.yml:4:39") && !said.out.contains("errors"), "{}", said.out);
    assert!(said.out.lines().last().unwrap().contains("1 个文件"), "{}", said.out);
}
