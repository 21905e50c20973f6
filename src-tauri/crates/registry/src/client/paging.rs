//! The next page: `Link` headers (RFC 8288), as registries and Harbor send them.

/// The address of the next page as it stands in a header, which may name other pages too.
pub(crate) fn next(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, behind)) = rest.split_once('<') {
        let (address, parameters) = behind.split_once('>')?;
        let end = end_of_entry(parameters);
        if parameters[..end].split(';').any(is_next) {
            return Some(address);
        }
        rest = &parameters[end..];
    }
    None
}

/// Where the parameters of one link end: at a comma outside of quotes.
fn end_of_entry(parameters: &str) -> usize {
    let mut quoted = false;
    for (at, c) in parameters.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => return at,
            _ => {}
        }
    }
    parameters.len()
}

fn is_next(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        let relations = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("rel") && relations.split_whitespace().any(|it| it.eq_ignore_ascii_case("next"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_others() {
        let table = [
            (r#"</v2/_catalog?last=team%2Fapp&n=1>; rel="next""#, Some("/v2/_catalog?last=team%2Fapp&n=1")),
            ("<?page=2>; rel=next", Some("?page=2")),
            (r#"</p?page=1>; rel="prev" , </p?page=3>; rel="next""#, Some("/p?page=3")),
            (r#"</p?a=1,2>; title="a, <b>"; rel="prev", <https://x/y>; REL="last next""#, Some("https://x/y")),
            (r#"</p?page=1>; rel="prev""#, None),
            (r#"</p>; rel="nextish""#, None),
            ("/v2/x; rel=next", None),
            ("</unclosed", None),
            ("", None),
        ];
        for (header, expected) in table {
            assert_eq!(next(header), expected, "{header}");
        }
    }
}
