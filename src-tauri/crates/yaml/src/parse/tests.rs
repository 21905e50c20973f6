use super::*;

fn one(text: &str) -> Arc<Node> {
    parse("f.yml", text.as_bytes()).unwrap().remove(0).root
}

fn errors(text: &str) -> Vec<String> {
    parse("f.yml", text.as_bytes()).unwrap_err().iter().map(ToString::to_string).collect()
}

fn show(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, .. } => text.clone(),
        Value::Seq(items) => format!("[{}]", items.iter().map(|n| show(n)).collect::<Vec<_>>().join(",")),
        Value::Map(entries) => {
            format!("{{{}}}", entries.iter().map(|e| format!("{}:{}", e.key.text, show(&e.value))).collect::<Vec<_>>().join(","))
        }
    }
}

#[test]
fn text_order_and_places_are_kept() {
    let root = one("b: 1.10\n中文键:   yes\r\na: [x, 'y']\n");
    assert_eq!(show(&root), "{b:1.10,中文键:yes,a:[x,y]}");
    let entries = root.entries().unwrap();
    let (key, value) = (entries[1].key.span, entries[1].value.span);
    assert_eq!((key.line, key.column, key.end_column), (2, 1, 4));
    assert_eq!((value.line, value.column, value.end_column), (2, 8, 11));
    assert_eq!((root.span.line, root.span.end_line), (1, 3));
    let items = entries[2].value.items().unwrap();
    assert!(matches!(items[0].value, Value::Scalar { plain: true, .. }));
    assert!(matches!(items[1].value, Value::Scalar { plain: false, .. }));
}

#[test]
fn a_missing_value_is_empty_and_a_tilde_is_a_tilde() {
    let root = one("a:\nb: ~\nc: ''\nd: [~, ]\n");
    assert_eq!(show(&root), "{a:,b:~,c:,d:[~]}");
    let null: Vec<bool> = root.entries().unwrap().iter().map(|e| e.value.is_null()).collect();
    assert_eq!(null, [true, true, false, false]);
}

#[test]
fn the_own_key_wins_over_merged_ones_wherever_they_stand() {
    let root = one("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nm: {b: 0, <<: [*x, *y]}\nn: {<<: *x, a: 9}\no: {<<: *y}\n");
    assert_eq!(show(root.get("m").unwrap()), "{b:0,a:1,c:2}");
    assert_eq!(show(root.get("n").unwrap()), "{a:9,b:1}");
    assert_eq!(show(root.get("o").unwrap()), "{b:2,c:2}");
    assert!(errors("a: {<<: 1}\n")[0].starts_with("f.yml:1:9: error[merge-not-map]"));
    assert_eq!(show(&one("a: {'<<': 1}\n")), "{a:{<<:1}}", "a quoted `<<` is an ordinary key");
}

#[test]
fn names_of_steps_may_repeat_where_drone_08_ran_both() {
    let read = |text: &str| {
        let index = TextIndex::new(text);
        let style = Style { names: &["pipeline", "services", "clone"], ..Style::default() };
        parse_as(style, "f.yml", text, &SourceMap::part(&index, 0..text.len())).map(|tree| tree.root)
    };
    let root = read("pipeline:\n  a: {image: x}\n  b: 1\n  a: {image: y}\nservices: {s: 1, s: 2}\n").unwrap();
    assert_eq!(show(&root), "{pipeline:{a:{image:x},b:1,a:{image:y}},services:{s:1,s:2}}");
    for text in ["pipeline: {a: {image: x, image: y}}", "pipeline: {}\npipeline: {}", "x: {a: 1, a: 2}", "x: {pipeline: {a: 1, a: 2}}"] {
        assert_eq!(read(text).unwrap_err()[0].code, "duplicate-key", "{text}");
    }
}

#[test]
fn every_duplicate_is_reported_with_both_places() {
    let found = errors("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n");
    assert_eq!(found.len(), 2);
    assert!(found[0].starts_with("f.yml:4:3: error[duplicate-key]: the key `c` occurs twice: first in line 3"), "{}", found[0]);
    assert!(found[1].starts_with("f.yml:5:1: error[duplicate-key]: the key `a` occurs twice: first in line 1"), "{}", found[1]);
}

#[test]
fn a_broken_document_does_not_hide_the_others() {
    let found = errors("a: [\n---\nb: 1\nb: 2\n---\nc: 1\n");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].starts_with("f.yml:4:1: error[duplicate-key]"), "{}", found[1]);
    assert_eq!(parse("f", b"a: &x 1\n---\nb: 2\n").unwrap().len(), 2);
    assert!(errors("a: &x 1\n---\nb: *x\n")[0].contains("yaml-syntax"), "an anchor ends with its document");
}

#[test]
fn the_usual_mistakes_get_a_hint() {
    assert!(errors("a:\n\tb: 1\n")[0].contains("indent with blanks"));
    assert!(errors("a: @b\n")[0].contains("into quotes"));
    assert!(errors("a: *b\n")[0].contains("anchor"));
    assert!(errors("c:\n  - \"a\" b\n")[0].contains("block `|`"), "{:?}", errors("c:\n  - \"a\" b\n"));
    assert!(errors("a: b: c\n")[0].contains("must stand in quotes"));
    assert!(errors("? {a: b}\n: 1\n")[0].contains("key-not-text"));
    assert!(errors("a: \"x\\0y\"\n")[0].contains("nul-byte"));
}

#[test]
fn bombs_cost_nothing() {
    let mut billion = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..60 {
        billion += &format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "));
    }
    assert!(errors(&billion)[0].contains("too-large"));

    let entries: String = (0..2000).map(|n| format!("  k{n}: v\n")).collect();
    let merges: String = (0..2000).map(|n| format!("m{n}: {{<<: *x}}\n")).collect();
    assert!(errors(&format!("x: &x\n{entries}{merges}"))[0].contains("too-large"));

    assert!(errors(&format!("a: {}", "[".repeat(5000)))[0].contains("too-deep"));
    let deep: String = (0..5000).fold(String::new(), |text, n| text + &" ".repeat(n % 200) + "a:\n");
    assert!(parse("f.yml", deep.as_bytes()).is_err());
    let mut chain = String::from("a0: &a0 [[[[[[[[[[x]]]]]]]]]]\n");
    for n in 1..30 {
        chain += &format!("a{n}: &a{n} [[[[[[[[[[*a{}]]]]]]]]]]\n", n - 1);
    }
    assert!(errors(&chain)[0].contains("too-deep"), "nesting through aliases counts too");
    assert!(errors("a: &a [*a]\n")[0].contains("alias-loop"));
}

#[test]
fn tags_and_byte_order_mark() {
    let root = one("\u{feff}a: !!str 1.10\nb: !!binary aGVsbG8=\nc: !mine x\n");
    let tags: Vec<_> = root.entries().unwrap().iter().map(|e| e.value.tag.clone().unwrap()).collect();
    assert_eq!(tags, ["!!str", "!!binary", "!mine"]);
    assert_eq!(root.entries().unwrap()[0].key.span.column, 1);
    assert_eq!(root.entries().unwrap()[0].key.text, "a");
}

fn spliced(text: &str, index: &TextIndex<'_>) -> Result<Tree, Vec<Diagnostic>> {
    parse_as(Style { splices: true, ..Style::default() }, "f.yml", text, &SourceMap::part(index, 0..text.len()))
}

#[test]
fn where_the_last_one_counts_a_repeated_key_is_a_warning() {
    let text = "a: 1\nb: {c: 1, c: 2, c: 3}\na: [x]\n";
    let index = TextIndex::new(text);
    let tree = parse_as(Style { last_counts: true, ..Style::default() }, "f.yml", text, &SourceMap::part(&index, 0..text.len())).unwrap();
    assert_eq!(show(&tree.root), "{a:[x],b:{c:3}}");
    let said: Vec<String> = tree.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 3);
    assert!(said[2].starts_with("f.yml:3:1: warning[duplicate-key]: the key `a` occurs twice (first in line 1)"), "{said:?}");
}

#[test]
fn a_list_is_spliced_into_a_list_only_where_that_is_the_language() {
    let text = "x: &x [a, b]\ny: &y [c]\nm: &m {k: 1}\nl:\n- <<: *x\n- z\n- <<: [*y, *x]\n- <<: [*m]\n- <<: *m\n- {<<: *m, j: 2}\n";
    let index = TextIndex::new(text);
    let root = spliced(text, &index).unwrap().root;
    assert_eq!(show(root.get("l").unwrap()), "[a,b,z,c,a,b,{k:1},{k:1},{j:2,k:1}]");
    assert!(errors(text)[0].contains("merge-not-map"));

    let bomb = format!("a0: &a0 [{}]\n", "x, ".repeat(300))
        + &(1..4).map(|n| format!("a{n}: &a{n}\n{}", format!("- <<: *a{}\n", n - 1).repeat(300))).collect::<String>();
    let index = TextIndex::new(&bomb);
    let refused = spliced(&bomb, &index).unwrap_err();
    assert_eq!(refused[0].code, "too-large");
}
