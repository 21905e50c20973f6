//! The working copy and the environment.

use super::place::{Bench, Place, TarSource, plan_stage, shell, within};
use lp_backend::{BackendError, EnvText, Keep, StepExit};
use lp_model::Message;
use lp_secret::SecretValue;
use std::sync::Arc;

/// Values of any shape arrive as they are; secrets and paths are filled in.
pub async fn the_environment_is_what_was_given(place: &dyn Place) {
    let script =
        r#"printf '%s|' "$PLAIN" "$HARD" "$EMPTY" "$TOKEN"; test "$DIR" = "$PWD" && echo dir; test "$DIR" = "$BASE/src/a" && echo base"#;
    let bench = Bench::ready(place, vec![shell(1, "a", script)]).await;
    let mut context = bench.context(1);
    let plain = |text: &str| EnvText::Plain(text.to_owned());
    context.env = vec![
        ("BASE".into(), EnvText::WorkspaceBase),
        ("DIR".into(), EnvText::WorkspaceDir),
        ("EMPTY".into(), plain("")),
        ("HARD".into(), plain("a=b c\"'$x\\\n中 ")),
        ("PLAIN".into(), plain("x")),
        ("TOKEN".into(), EnvText::Secret(SecretValue::new("hush $(id)"))),
    ];
    let (exit, heard) = bench.run_context(&context).await;
    assert_eq!(exit.expect("it was found out"), StepExit::Code(0), "{}", heard.text());
    assert_eq!(heard.text(), "x|a=b c\"'$x\\\n中 ||hush $(id)|dir\nbase\n");
    bench.clear(place).await;
}

/// A tar with what repositories have: Chinese names, programs, links, empty folders, an empty file.
fn repository() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |name: &str, kind: tar::EntryType, mode: u32, content: &str, link: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_mtime(1_700_000_000);
        header.set_size(content.len() as u64);
        if link.is_empty() {
            builder.append_data(&mut header, name, content.as_bytes())
        } else {
            builder.append_link(&mut header, name, link)
        }
        .expect("writing to memory cannot fail");
    };
    use tar::EntryType::{Directory, Regular, Symlink};
    add("文档/", Directory, 0o755, "", "");
    add("文档/说明 一.txt", Regular, 0o644, "你好\n", "");
    add("run.sh", Regular, 0o755, "#!/bin/sh\necho ran\n", "");
    add("link", Symlink, 0o777, "", "文档/说明 一.txt");
    add("empty/", Directory, 0o755, "", "");
    add("nothing", Regular, 0o644, "", "");
    let long = format!("{}/file", ["a-folder-with-a-long-name"; 8].join("/"));
    add(&long, Regular, 0o644, "deep\n", "");
    builder.into_inner().expect("writing to memory cannot fail")
}

/// Every file of the commit is there as it was.
pub async fn the_source_is_in_the_working_copy(place: &dyn Place) {
    let script = "set -e; cat '文档/说明 一.txt'; ./run.sh; cat link; readlink link; test -d empty; test -f nothing; test ! -x nothing; \
                  find . -name file -exec cat {} +; find . -type f | wc -l | tr -d ' '; touch new && rm -r empty new";
    let bench = Bench::new(place, vec![shell(1, "a", script)], Some(Arc::new(TarSource::new(repository()))));
    bench.prepare().await.expect("the source is fine");
    assert_eq!(bench.output(1).await, "你好\nran\n你好\n文档/说明 一.txt\ndeep\n4\n");
    bench.clear(place).await;
}

/// What a step writes, the next one finds.
pub async fn files_stay_for_later_steps(place: &dyn Place) {
    let steps = vec![shell(1, "a", "mkdir -p out && echo 1 > out/x && echo 2 > \"$BASE/top\""), shell(2, "b", "cat out/x \"$BASE/top\"")];
    let bench = Bench::ready(place, steps).await;
    for (number, expected) in [(1, ""), (2, "1\n2\n")] {
        let mut context = bench.context(number);
        context.env = vec![("BASE".into(), EnvText::WorkspaceBase)];
        let (exit, heard) = bench.run_context(&context).await;
        assert_eq!((exit.expect("it was found out"), heard.text().as_str()), (StepExit::Code(0), expected));
    }
    bench.clear(place).await;
}

/// Another stage has another working copy.
pub async fn stages_do_not_share_files(place: &dyn Place) {
    let one = Bench::ready(place, vec![shell(1, "a", "touch mine; ls")]).await;
    let other = Bench::ready(place, vec![shell(1, "a", "ls")]).await;
    assert_eq!(one.output(1).await, "mine\n");
    assert_eq!(other.output(1).await, "");
    one.clear(place).await;
    other.clear(place).await;
}

/// Made at once and run at once, with steps of the same names; the end of one leaves the other alone.
pub async fn two_stages_of_a_run_live_side_by_side(place: &dyn Place) {
    let wait = |mine: &str| shell(1, "a", &format!("touch {mine}; until test -e go; do sleep 0.05; done; ls"));
    let go = || shell(2, "b", "touch go");
    let one = Bench::new(place, vec![wait("one"), go()], None);
    let mut other = Bench::of(place.backend(), &place.image(), plan_stage(2, vec![wait("other"), go()]), None);
    other.stage.run = one.stage.run.clone();
    let (first, second) = tokio::join!(one.prepare(), other.prepare());
    first.and(second).expect("they can be prepared");
    let (text, ()) = tokio::join!(other.output(1), async {
        let (text, _) = tokio::join!(one.output(1), one.output(2));
        assert_eq!(text, "go\none\n");
        let leftovers = within(100, "destroy", one.backend.destroy(&one.stage, Keep::Nothing)).await.expect("destroy reaches the place");
        assert_eq!(leftovers, Vec::<Message>::new());
        other.output(2).await;
    });
    assert_eq!(text, "go\nother\n");
    other.clear(place).await;
    assert_eq!(place.left_of(&one.stage).await, Vec::<String>::new());
}

/// A broken repository is said to be the reason, in its own words.
pub async fn a_source_that_cannot_be_read_fails_prepare(place: &dyn Place) {
    let whole = repository();
    for cut in [0, whole.len() / 2] {
        let source = TarSource::failing(whole[..cut].to_vec());
        let bench = Bench::new(place, vec![shell(1, "a", "true")], Some(Arc::new(source)));
        match bench.prepare().await {
            Err(BackendError::Source { message, .. }) => assert!(message.to_string().contains("the pack is broken"), "{message}"),
            other => panic!("a source that fails after {cut} bytes ended prepare with {other:?}"),
        }
        bench.clear(place).await;
    }
}

/// Whatever a link of the repository points at: it is there as it stands in the commit, as after a checkout.
pub async fn links_are_checked_out_wherever_they_lead(place: &dyn Place) {
    let links = [
        ("a/b/l", "../../../x"),
        ("absolute", "/etc/nowhere"),
        ("config.yml", "../shared/config.yml"),
        ("far", "../../../../../../../../etc/nowhere"),
        ("inner", "a/b"),
        ("itself", "itself"),
        ("up", ".."),
    ];
    let mut builder = tar::Builder::new(Vec::new());
    let header = |kind| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_size(0);
        header
    };
    for folder in ["a/", "a/b/"] {
        builder.append_data(&mut header(tar::EntryType::Directory), folder, std::io::empty()).expect("memory");
    }
    for (name, target) in links {
        builder.append_link(&mut header(tar::EntryType::Symlink), name, target).expect("memory");
    }
    let names = links.map(|(name, _)| name).join(" ");
    let script = format!("for name in {names}; do readlink $name; done; ls -d a/b");
    let source = Arc::new(TarSource::new(builder.into_inner().expect("memory")));
    let bench = Bench::new(place, vec![shell(1, "a", &script)], Some(source));
    bench.prepare().await.expect("links are nothing to refuse");
    let expected: String = links.iter().map(|(_, target)| format!("{target}\n")).collect();
    assert_eq!(bench.output(1).await, format!("{expected}a/b\n"));
    bench.clear(place).await;
}

/// Names and targets that are longer than a tar has room for.
pub async fn long_names_arrive_whole(place: &dyn Place) {
    let deep = format!("{}/{}/{}", "d".repeat(90), "e".repeat(90), "中".repeat(60));
    let almost = "f".repeat(96);
    let mut builder = tar::Builder::new(Vec::new());
    let header = |kind, size| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(size);
        header
    };
    builder.append_data(&mut header(tar::EntryType::Regular, 5), &deep, &b"deep\n"[..]).expect("memory");
    builder.append_data(&mut header(tar::EntryType::Regular, 7), &almost, &b"almost\n"[..]).expect("memory");
    builder.append_link(&mut header(tar::EntryType::Symlink, 0), "link", &deep).expect("memory");
    let source = Arc::new(TarSource::new(builder.into_inner().expect("memory")));
    let bench = Bench::new(place, vec![shell(1, "a", &format!("cat {deep} {almost} link"))], Some(source));
    bench.prepare().await.expect("the source is fine");
    assert_eq!(bench.output(1).await, "deep\nalmost\ndeep\n");
    bench.clear(place).await;
}

/// A version must not be lost by its message: it is cut, which is noted, and the step runs.
pub async fn a_fact_that_is_too_long_for_a_program_is_cut(place: &dyn Place) {
    let bench = Bench::ready(place, vec![shell(1, "a", "echo ${#DRONE_COMMIT_MESSAGE}; echo \"<$CI_PIPELINE_FILES>\"")]).await;
    let mut context = bench.context(1);
    let message = format!("Release 9\n\n{}", "购物车 forgets\n".repeat(20_000));
    context.env = vec![
        ("CI_PIPELINE_FILES".into(), EnvText::Plain(format!("[{}]", vec!["\"a/b\""; 50_000].join(",")))),
        ("DRONE_COMMIT_MESSAGE".into(), EnvText::Plain(message)),
    ];
    let (exit, heard) = bench.run_context(&context).await;
    let text = heard.text();
    assert_eq!(exit.expect("it runs"), StepExit::Code(0), "{text}");
    let (length, files) = text.split_once('\n').expect("two lines");
    assert!((40_000..131_072).contains(&length.parse::<usize>().expect("a number")), "{length}");
    // Half a list would be no list.
    assert_eq!(files, "<>\n");
    for name in ["DRONE_COMMIT_MESSAGE", "CI_PIPELINE_FILES"] {
        assert_eq!(heard.notes.iter().filter(|note| note.to_string().contains(name)).count(), 1, "{name}: {:?}", heard.notes);
    }
    bench.clear(place).await;
}

/// A value that somebody has written down for the step would mean something else when it is cut.
pub async fn what_is_too_long_for_a_program_is_refused_by_name(place: &dyn Place) {
    let long = || "x".repeat(140_000);
    let long_script = format!("true {}", long());
    let bench = Bench::ready(place, vec![shell(1, "a", "echo ran"), shell(2, "b", &long_script)]).await;
    let with = |name: &str, value| {
        let mut context = bench.context(1);
        context.env = vec![(name.to_owned(), value)];
        context
    };
    let many = || {
        let mut context = bench.context(1);
        context.env = (0..20).map(|number| (format!("PART_{number}"), EnvText::Plain("x".repeat(120_000)))).collect();
        context
    };
    let table = [
        (with("PLUGIN_NOTES", EnvText::Plain(long())), "PLUGIN_NOTES"),
        (with("TOKEN", EnvText::Secret(SecretValue::new(long()))), "TOKEN"),
        (bench.context(2), "commands"),
        (many(), "together"),
    ];
    for (context, named) in table {
        match bench.run_context(&context).await {
            (Err(error @ BackendError::Start { .. }), heard) => {
                let text = error.to_string();
                assert!(text.contains(named) && text.len() < 1000, "{named}: {text}");
                assert_eq!((heard.created, heard.started), (0, 0), "{named}");
            }
            (other, heard) => panic!("{named}: {other:?} {heard:?}"),
        }
    }
    // As long as it may be.
    let (exit, heard) = bench.run_context(&with("X", EnvText::Plain("x".repeat(131_072 - "X=".len() - 1)))).await;
    assert_eq!((exit.expect("it runs"), heard.text().as_str()), (StepExit::Code(0), "ran\n"));
    bench.clear(place).await;
}
