use super::*;
use crate::shared::entered::seal;
use proptest::prelude::*;
use std::process::Command;

/// Reads a script in which `@` stands for the value.
fn read(text: &str, value: &str) -> Result<(String, Vec<(String, String)>), String> {
    let mut variables = Variables::default();
    let script = Script::read(&text.replace('@', &seal("${X}", value)), &mut variables).map_err(|message| message.to_string())?;
    Ok((script.text, variables.into_iter().collect()))
}

#[test]
fn a_value_is_quoted_as_its_place_demands() {
    let v = "${LETTERPRESS_INPUT_1}";
    for (script, expected) in [
        ("echo @", "echo \"V\""),
        ("echo a@b", "echo a\"V\"b"),
        ("echo \"a @ b\"", "echo \"a V b\""),
        ("echo 'a @ b'", "echo 'a '\"V\"' b'"),
        ("echo $(echo @ \"@\") \"$(echo @)\"", "echo $(echo \"V\" \"V\") \"$(echo \"V\")\""),
        ("echo `echo @`", "echo `echo \"V\"`"),
        ("echo ${A:-@} \"${A:-@}\"", "echo ${A:-\"V\"} \"${A:-V}\""),
        ("cat <<EOF\na @ \"@\"\nEOF\necho @", "cat <<EOF\na V \"V\"\nEOF\necho \"V\""),
        ("cat <<-'E F'; cat <<B\nx\n\tE F\n@\nB\n", "cat <<-'E F'; cat <<B\nx\n\tE F\nV\nB\n"),
        ("ls # it's @\necho @", "ls # it's V\necho \"V\""),
        ("echo a#@", "echo a#\"V\""),
        ("echo \\@ \"\\@\"", "echo \"V\" \"\\\\V\""),
        ("echo $@ \"$@\"", "echo \\$\"V\" \"\\$V\""),
        ("echo $$ @", "echo $$ \"V\""),
        ("(cd a; echo @) && cat <<<@", "(cd a; echo \"V\") && cat <<<\"V\""),
        ("echo 'it'\\''s' @", "echo 'it'\\''s' \"V\""),
        ("case @ in a) echo @;; esac", "case \"V\" in a) echo \"V\";; esac"),
    ] {
        // `$@` in the table is a dollar before the value.
        assert_eq!(read(script, "x").map(|(text, _)| text), Ok(expected.replace('V', v)), "{script}");
    }
}

#[test]
fn where_a_value_would_not_be_data_it_is_refused() {
    for script in [
        "echo $((@ + 1))",
        "((x = @))",
        "cat <<'EOF'\n@\nEOF",
        "cat <<@\n",
        "echo \"`echo @`\"",
        "echo $'a @'",
        "sh -c \"echo \\`echo @\\`\"",
        "eval \"echo \\$@\"",
        "sh -c \"echo ${A:-@}\"",
        "eval eval eval eval eval eval eval eval eval eval echo @",
    ] {
        assert!(read(script, "a[$(id)]").is_err(), "{script}");
    }
    assert_eq!(read("echo $((@ + 1))", "-12").map(|(text, _)| text), Ok("echo $((-12 + 1))".into()));
}

#[test]
fn one_value_is_one_variable_and_an_empty_one_is_none() {
    let (text, variables) = read("echo @ @ \"@\"", "a b").unwrap();
    assert_eq!(variables, [("LETTERPRESS_INPUT_1".to_owned(), "a b".to_owned())]);
    assert_eq!(text.matches("INPUT_1").count(), 3);
    assert_eq!(read("echo @ \"@\" '@'", ""), Ok(("echo \"\" \"\" ''\"\"''".into(), vec![])));
}

#[test]
fn scripts_that_are_nothing_but_scripts_in_scripts_end() {
    for piece in ["eval ", "sh -c \"", "echo -n ", "echo a | ", "$(eval ", "sh <<a ", "<<a ", "`eval ", "${A:-", "sh -c \\\"", "a "] {
        let _ = read(&format!("echo @; {}\n{}", piece.repeat(100_000 / piece.len()), "a\n".repeat(10_000)), "x");
    }
}

#[test]
fn a_value_that_is_all_of_a_script_is_the_script() {
    for script in ["sh -c \"@\"", "sh -c @", "eval \"@\"", "sh <<EOF\n@\nEOF\n"] {
        let (script, variables) = read(script, "printf %s a b").unwrap();
        assert_eq!(run(&["/bin/sh"], &script, &variables).unwrap(), b"ab", "{script}");
    }
    // A file that a shell runs is no script that is written here.
    assert_eq!(read("bash deploy.sh -c \"conf/@.yml\"", "a b").unwrap().1[0].1, "a b");
}

/// What a shell prints for a script.
fn run(shell: &[&str], script: &str, variables: &[(String, String)]) -> Option<Vec<u8>> {
    let mut command = Command::new(shell[0]);
    let output = command.args(&shell[1..]).args(["-c", script]).envs(variables.iter().cloned()).output().ok()?;
    assert!(output.status.success(), "{shell:?} {script} {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Every way to write it prints the value exactly, in every shell that is here.
    #[test]
    fn any_value_arrives_exactly(value in "([a-z \n\t'\"\\\\$`*?#!;&|<>(){}\\[\\]~=%-]|\\PC){0,24}") {
        // The shell itself takes line ends off what a substitution prints, and a here-document ends with one.
        let inside = format!("{value}|");
        for script in [
            "printf %s @",
            "printf %s \"@\"",
            "printf %s '@'",
            "printf %s \"$(printf %s @)\"",
            "X=@; printf %s \"$X\"",
            "printf %s \"${NOBODY:-@}\"",
            "printf '%s' ''@",
            "f() { printf %s \"$1\"; }; f @",
            "cat <<EOF | head -c -1\n@\nEOF",
            "sh -c \"printf %s @\"",
            "sh -c 'printf %s @'",
            "sh -c \"printf %s '@'\"",
            "sh -c 'printf %s \"@\"'",
            "sh -c \"printf %s \\\"@\\\"\"",
            "sh -c \"$(printf 'printf %%s') @\"",
            "sh -c \"sh -c 'printf %s @'\"",
            "eval printf %s @",
            "eval \"printf %s @\"",
            "eval 'X=@; printf %s \"$X\"'",
            "eval 'printf %s' '@'",
            "sh -ceu \"printf %s @\"",
            "sh -c printf\\ %s\\ @",
            "sh -c 'printf %s \"'\"@\"'\"'",
            "sh -c \"printf %s $(printf '') @\" ignored @",
            "env A=b sh -c 'printf %s @'",
            "trap 'printf %s @' EXIT",
            "sh <<EOF\nprintf %s @\nEOF",
            "sh -s <<-EOF\n\tprintf %s \"@\"\n\tEOF\n",
            "cat <<EOF | sh\nX='@'\nprintf %s \"\\$X\"\nEOF\n",
            "printf 'printf %%s %s' @ | sh",
        ] {
            let (script, variables) = read(script, &inside).unwrap();
            let mut tried = 0;
            for shell in [&["/bin/sh"][..], &["dash"], &["bash"], &["busybox", "sh"]] {
                let Some(printed) = run(shell, &script, &variables) else { continue };
                tried += 1;
                prop_assert_eq!(String::from_utf8_lossy(&printed), inside.as_str(), "{:?} {}", shell, script);
            }
            prop_assert!(tried > 0, "no shell at all");
        }
    }
}
