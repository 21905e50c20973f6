//! Checks what a person entered.

use crate::{Input, InputType, Workflow};
use lp_model::{Message, message};
use regex::{Regex, RegexBuilder};
use std::collections::BTreeMap;

/// Longest value of a field, in bytes: it becomes part of a container's environment.
pub const MAX_VALUE_BYTES: usize = 32 << 10;

/// Why a value is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError {
    /// Name of the input.
    pub name: String,
    /// Stable code: `missing`, `not-an-option`, `not-a-bool`, `not-a-number`, `pattern`, `too-long`, `nul-byte` or `unknown-input`.
    pub code: &'static str,
    /// Lower case, the thing in backticks.
    pub message: Message,
}

/// Fills in the defaults and checks the values. The result holds a value for each input that has one.
///
/// A derived workflow has no form; whoever gives it values (`--input k=v`) knows the pipeline file, so they are passed on.
///
/// # Errors
/// One error for each input that is not right.
pub fn check_inputs(workflow: &Workflow, values: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Vec<InputError>> {
    let (mut checked, mut errors) = (BTreeMap::new(), Vec::new());
    for input in &workflow.inputs {
        // An emptied field falls back to its default only where it must not be empty.
        let given = values.get(&input.name).filter(|value| !value.is_empty() || !input.required);
        let value = given.or(input.default.as_ref()).cloned().unwrap_or_else(|| match input.kind {
            InputType::Boolean => "false".to_owned(),
            _ => String::new(),
        });
        if value.is_empty() {
            if input.required {
                errors.push(error(input, "missing", message!("`{}` must have a value", input.name)));
            }
            continue;
        }
        match check_value(input, &value) {
            Ok(value) => {
                checked.insert(input.name.clone(), value);
            }
            Err(error) => errors.push(error),
        }
    }
    for (name, value) in values {
        if workflow.inputs.iter().any(|input| input.name == *name) {
            continue;
        }
        if workflow.derived {
            match check_size(name, value) {
                Ok(()) => {
                    checked.insert(name.clone(), value.clone());
                }
                Err(error) => errors.push(error),
            }
            continue;
        }
        let known: Vec<&str> = workflow.inputs.iter().map(|input| input.name.as_str()).collect();
        let message = match lp_yaml::closest(name, &known) {
            Some(meant) => message!("the workflow `{}` has no input `{}`, did you mean `{}`?", workflow.name, name, meant),
            None => message!("the workflow `{}` has no input `{}`", workflow.name, name),
        };
        errors.push(InputError { name: name.clone(), code: "unknown-input", message });
    }
    if errors.is_empty() { Ok(checked) } else { Err(errors) }
}

fn error(input: &Input, code: &'static str, message: Message) -> InputError {
    InputError { name: input.name.clone(), code, message }
}

/// Checks one value that is not empty and returns it in its canonical form.
pub(crate) fn check_value(input: &Input, value: &str) -> Result<String, InputError> {
    let name = &input.name;
    check_size(name, value)?;
    let value = match input.kind {
        InputType::Text => value.to_owned(),
        InputType::Choice if input.options.iter().any(|option| option == value) => value.to_owned(),
        InputType::Choice => {
            let options = input.options.iter().map(|option| format!("`{option}`")).collect::<Vec<_>>().join(", ");
            return Err(error(input, "not-an-option", message!("`{}` must be one of {}", name, options)));
        }
        InputType::Boolean => match lp_yaml::scalar::bool_of(value.trim()) {
            Some(value) => value.to_string(),
            None => return Err(error(input, "not-a-bool", message!("`{}` must be `true` or `false`", name))),
        },
        InputType::Number => {
            let digits = value.trim();
            let plain = digits.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
            if !plain || !digits.parse::<f64>().is_ok_and(f64::is_finite) {
                return Err(error(input, "not-a-number", message!("`{}` must be a number", name)));
            }
            digits.to_owned()
        }
    };
    if let Some(pattern) = &input.pattern
        && !compile_pattern(pattern).is_some_and(|regex| regex.is_match(&value))
    {
        return Err(error(input, "pattern", message!("`{}` must match `{}`", name, pattern)));
    }
    Ok(value)
}

/// What holds for every value: it becomes part of an environment.
fn check_size(name: &str, value: &str) -> Result<(), InputError> {
    let error = |code, message| Err(InputError { name: name.to_owned(), code, message });
    if value.len() > MAX_VALUE_BYTES {
        return error("too-long", message!("`{}` has more than {} bytes", name, MAX_VALUE_BYTES));
    }
    if value.contains('\0') {
        return error("nul-byte", message!("`{}` holds a NUL character", name));
    }
    Ok(())
}

/// A pattern that the whole value must match; `None` when it is wrong or too large to be used.
pub(crate) fn compile_pattern(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(1 << 20).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workflow(inputs: &str, derived: bool) -> Workflow {
        let text = format!("workflows:\n- name: w\n  inputs: [{inputs}]\n");
        Workflow { derived, ..crate::parse("f", text.as_bytes()).unwrap().0.remove(0) }
    }

    fn check(workflow: &Workflow, values: &[(&str, &str)]) -> Result<Vec<String>, Vec<&'static str>> {
        let values = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        check_inputs(workflow, &values)
            .map(|checked| checked.iter().map(|(k, v)| format!("{k}={v}")).collect())
            .map_err(|errors| errors.iter().map(|e| e.code).collect())
    }

    #[test]
    fn defaults_are_filled_in_and_values_made_canonical() {
        let workflow = workflow(
            "{name: C, options: [a, b], default: a, required: true}, {name: B, type: boolean}, {name: N, type: number}, {name: T}",
            false,
        );
        assert_eq!(check(&workflow, &[]), Ok(vec!["B=false".into(), "C=a".into()]));
        assert_eq!(
            check(&workflow, &[("C", ""), ("B", "yes"), ("N", " 1.5 "), ("T", "中文 x")]),
            Ok(vec!["B=true".into(), "C=a".into(), "N=1.5".into(), "T=中文 x".into()])
        );
    }

    #[test]
    fn every_wrong_value_is_told() {
        let workflow = workflow(
            "{name: C, options: [a]}, {name: B, type: boolean}, {name: N, type: number}, {name: P, pattern: 'a|b'}, {name: R, required: true}",
            false,
        );
        let values = [("C", "b"), ("B", "maybe"), ("N", "inf"), ("P", "ab"), ("X", "1")];
        assert_eq!(
            check(&workflow, &values),
            Err(vec!["not-an-option", "not-a-bool", "not-a-number", "pattern", "missing", "unknown-input"])
        );
        let long = "x".repeat(MAX_VALUE_BYTES + 1);
        assert_eq!(check(&workflow, &[("R", &long)]), Err(vec!["too-long"]));
    }

    #[test]
    fn a_derived_workflow_passes_values_on() {
        assert_eq!(check(&workflow("", true), &[("TICKET", "7")]), Ok(vec!["TICKET=7".into()]));
        assert_eq!(
            check(&workflow("", true), &[("TICKET", "a\0b"), ("B", &"x".repeat(MAX_VALUE_BYTES + 1))]),
            Err(vec!["too-long", "nul-byte"])
        );
    }
}
