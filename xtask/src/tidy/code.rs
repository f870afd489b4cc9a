//! Rust source without its comments and literals, to look for words of the language in it.

/// Whether the source holds the keyword `unsafe` outside comments and literals.
pub(crate) fn has_unsafe(source: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    without_prose(source).split(|c| !part_of_word(c)).any(|word| word == "unsafe")
}

/// Whether the source forbids unsafe code for the crate of which it is the root.
pub(crate) fn forbids_unsafe(source: &str) -> bool {
    let code: String = without_prose(source).chars().filter(|c| !c.is_whitespace()).collect();
    code.match_indices("#![forbid(").any(|(start, opening)| {
        let lints = &code[start + opening.len()..];
        let lints = lints.split(')').next().unwrap_or_default();
        lints.split(',').any(|lint| lint == "unsafe_code")
    })
}

/// The source with each comment and each string or character literal replaced by a space.
fn without_prose(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let in_word = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let prose = comment(rest)
            .or_else(|| if in_word { None } else { raw_string(rest) })
            .or_else(|| string(rest))
            .or_else(|| character(rest));
        match prose {
            Some(length) => {
                code.push(' ');
                rest = &rest[length..];
            }
            None => {
                code.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    code
}

/// The length of the comment at the start of `text`, if there is one; block comments nest.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let here = &text.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    Some(text.len())
}

fn raw_string(text: &str) -> Option<usize> {
    let after_prefix = ["br", "cr", "r"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let body = after_prefix.trim_start_matches('#');
    let hashes = after_prefix.len() - body.len();
    let body = body.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    Some(body.find(&end).map_or(text.len(), |at| start + at + end.len()))
}

fn string(text: &str) -> Option<usize> {
    text.starts_with('"').then(|| end_of_quoted(text, b'"'))
}

/// A character literal, as against a lifetime: closed after one character or after an escape.
fn character(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    if body.starts_with('\\') {
        return Some(end_of_quoted(text, b'\''));
    }
    let c = body.chars().next()?;
    body[c.len_utf8()..].starts_with('\'').then(|| 2 + c.len_utf8())
}

fn end_of_quoted(text: &str, quote: u8) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        if escaped {
            escaped = false;
        } else if byte == b'\\' {
            escaped = true;
        } else if byte == quote {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyword_is_found_in_code() {
        for source in [
            "unsafe { go() }",
            "pub unsafe fn go() {}",
            "unsafe impl Send for X {}",
            "#[unsafe(no_mangle)]",
            "let c = '\"'; unsafe {} let d = '\"';",
            "fn a<'a>(x: &'a str) { unsafe {} }",
            "let s = \"\\\\\"; unsafe {} // \"",
            "let s = r\"\\\"; unsafe {}",
            "/* /* */ */ unsafe {}",
            "let url = \"http://x\"; unsafe {}",
        ] {
            assert!(has_unsafe(source), "{source}");
        }
    }

    #[test]
    fn the_keyword_is_not_found_in_prose_or_in_longer_words() {
        for source in [
            "// unsafe { }",
            "/* unsafe /* */ unsafe */",
            "let s = \"unsafe { \\\" unsafe\";",
            "let s = r#\"unsafe \" unsafe\"#;",
            "let s = br##\"unsafe \"# unsafe\"##;",
            "#![forbid(unsafe_code)]",
            "fn very_unsafe() {}",
        ] {
            assert!(!has_unsafe(source), "{source}");
        }
    }

    #[test]
    fn forbidding_counts_only_as_an_inner_attribute_in_code() {
        assert!(forbids_unsafe("//! About.\n#![forbid(unsafe_code)]\n"));
        assert!(forbids_unsafe("#![forbid(\n    missing_docs,\n    unsafe_code\n)]"));
        assert!(!forbids_unsafe("//! #![forbid(unsafe_code)]"));
        assert!(!forbids_unsafe("#![deny(unsafe_code)]"));
        assert!(!forbids_unsafe("#[forbid(unsafe_code)]\nmod a;"));
    }
}
