//! The front end's client is written from the commands of the window: their names, arguments, answers and documentation. `UPDATE_TYPES=1` writes
//! it anew.
//!
//! A command is a function `pub async fn noun_verb(…) -> Result<T, ApiError>` with `#[tauri::command]`. What Tauri itself hands in (the window, the
//! shell) is no argument of the call; a `Channel<T>` is a listener of the page.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use syn::{Attribute, Expr, FnArg, GenericArgument, Item, ItemFn, Lit, Meta, Pat, PathArguments, ReturnType, Type};

/// Where commands stand, in the order in which the client has them.
const SOURCES: [&str; 7] = [
    "commands/app.rs",
    "commands/project.rs",
    "commands/run.rs",
    "commands/kept.rs",
    "commands/log.rs",
    "commands/secret.rs",
    "notices.rs",
];

/// A call that the page can make.
struct Call {
    command: String,
    documentation: Vec<String>,
    /// Name and TypeScript type.
    arguments: Vec<(String, String)>,
    answer: String,
}

fn calls(source: &str, types: &mut BTreeSet<String>) -> Vec<Call> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(source)).unwrap();
    let functions = syn::parse_file(&text).unwrap().items.into_iter().filter_map(|item| match item {
        Item::Fn(function) if function.attrs.iter().any(is_command) => Some(function),
        _ => None,
    });
    functions.map(|function| call(&function, types)).collect()
}

fn is_command(attribute: &Attribute) -> bool {
    let names: Vec<String> = attribute.path().segments.iter().map(|segment| segment.ident.to_string()).collect();
    names == ["tauri", "command"]
}

fn call(function: &ItemFn, types: &mut BTreeSet<String>) -> Call {
    let arguments = function.sig.inputs.iter().filter_map(|input| {
        let FnArg::Typed(input) = input else { panic!("a command has no `self`") };
        let Pat::Ident(name) = &*input.pat else { panic!("an argument of `{}` has no name", function.sig.ident) };
        let (outer, inner) = parts(&input.ty);
        match outer.as_str() {
            "State" | "AppHandle" | "WebviewWindow" => None,
            "Channel" => Some((name.ident.to_string(), format!("(news: {}) => void", typescript(inner[0], types)))),
            _ => Some((name.ident.to_string(), typescript(&input.ty, types))),
        }
    });
    let arguments = arguments.collect();
    let ReturnType::Type(_, answer) = &function.sig.output else { panic!("`{}` answers nothing", function.sig.ident) };
    let (outer, inner) = parts(answer);
    assert_eq!((outer.as_str(), inner.len()), ("Result", 2), "`{}` can fail like every other", function.sig.ident);
    assert_eq!(parts(inner[1]).0, "ApiError", "`{}` fails like every other", function.sig.ident);
    Call {
        command: function.sig.ident.to_string(),
        documentation: function.attrs.iter().filter_map(documentation).collect(),
        arguments,
        answer: typescript(inner[0], types),
    }
}

fn documentation(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    match (&pair.value, pair.path.is_ident("doc")) {
        (Expr::Lit(literal), true) => match &literal.lit {
            Lit::Str(text) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    }
}

/// The last name of a type's path and what stands in its angle brackets.
fn parts(of: &Type) -> (String, Vec<&Type>) {
    match of {
        Type::Path(path) => {
            let last = path.path.segments.last().unwrap();
            let inner = match &last.arguments {
                PathArguments::AngleBracketed(arguments) => {
                    let types = arguments.args.iter().filter_map(|argument| match argument {
                        GenericArgument::Type(inner) => Some(inner),
                        _ => None,
                    });
                    types.collect()
                }
                _ => Vec::new(),
            };
            (last.ident.to_string(), inner)
        }
        Type::Tuple(tuple) if tuple.elems.is_empty() => ("()".to_owned(), Vec::new()),
        _ => panic!("a type of a command is a name"),
    }
}

fn typescript(of: &Type, types: &mut BTreeSet<String>) -> String {
    let (name, inner) = parts(of);
    match name.as_str() {
        "()" => "void".to_owned(),
        "String" => "string".to_owned(),
        "bool" => "boolean".to_owned(),
        "u32" | "u64" | "f64" => "number".to_owned(),
        "Option" => format!("{} | null", typescript(inner[0], types)),
        "Vec" => format!("{}[]", typescript(inner[0], types)),
        _ => {
            types.insert(name.clone());
            name
        }
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut result = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        result.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        result.push_str(letters.as_str());
    }
    result
}

fn client(calls: &[Call], types: &BTreeSet<String>) -> String {
    let mut text =
        "/** Written by `src-tauri/tests/client.rs` from the commands of the window; do not edit. */\nimport type {\n".to_owned();
    for name in types {
        writeln!(text, "  {name},").unwrap();
    }
    text += "} from \"./types\";\n\n/** What the window asks of the core. Every call may reject with an `ApiError`. */\nexport interface Api {\n";
    for call in calls {
        match call.documentation.as_slice() {
            [line] => writeln!(text, "  /** {line} */").unwrap(),
            lines => {
                let lines: String = lines.iter().map(|line| format!("   * {line}\n")).collect();
                write!(text, "  /**\n{lines}   */\n").unwrap();
            }
        }
        let arguments: Vec<String> = call.arguments.iter().map(|(name, of)| format!("{}: {of}", camel_case(name))).collect();
        writeln!(text, "  {}({}): Promise<{}>;", camel_case(&call.command), arguments.join(", "), call.answer).unwrap();
    }
    text += "}\n\n/** The command of each call, and its arguments in their order. */\nexport const CALLS: Record<keyof Api, [command: string, ...names: string[]]> = {\n";
    for call in calls {
        let names: String = call.arguments.iter().map(|(name, _)| format!(", \"{}\"", camel_case(name))).collect();
        writeln!(text, "  {}: [\"{}\"{names}],", camel_case(&call.command), call.command).unwrap();
    }
    text + "};\n"
}

#[test]
fn the_front_ends_client_is_not_stale() {
    let mut types = BTreeSet::new();
    let calls: Vec<Call> = SOURCES.iter().flat_map(|source| calls(source, &mut types)).collect();
    let fresh = client(&calls, &types);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/src/api/client.ts");
    if std::env::var_os("UPDATE_TYPES").is_some() {
        fs::write(path, fresh).unwrap();
        return;
    }
    let is_stale = fs::read_to_string(path).unwrap() != fresh;
    assert!(!is_stale, "stale; write it anew with `UPDATE_TYPES=1 cargo test --release -p letterpress-desktop --test client`");
}

/// A command that the window's door does not list cannot be called, and one that stands in another file would be missing in the client.
#[test]
fn every_command_is_listed_and_every_listed_one_has_its_call() {
    let main = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs")).unwrap();
    let (_, rest) = main.split_once("generate_handler![").unwrap();
    let (list, _) = rest.split_once(']').unwrap();
    let listed: BTreeSet<String> =
        list.split(',').filter_map(|path| path.trim().rsplit("::").next()).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let mut types = BTreeSet::new();
    let written: BTreeSet<String> = SOURCES.iter().flat_map(|source| calls(source, &mut types)).map(|call| call.command).collect();
    assert_eq!(listed, written);
}
