//! Quotes arbitrary text for the shell and for HCL (Terraform).

use std::fmt::Write;

/// Quotes text as one word of a POSIX shell.
pub(crate) fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Quotes text as a template of HCL without interpolation.
/// <https://developer.hashicorp.com/terraform/language/expressions/strings>
pub(super) fn hcl(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '$' | '%' if rest.peek() == Some(&'{') => quoted.extend([c, c]),
            c if is_plain(c) => quoted.push(c),
            c => {
                write!(quoted, "\\u{:04x}", u32::from(c)).expect("writing to a String cannot fail")
            }
        }
    }
    quoted + "\""
}

/// Whether the character needs no escape in HCL: it is printable and not a line separator. All others are in the
/// Basic Multilingual Plane, so four hex digits are enough.
fn is_plain(c: char) -> bool {
    let is_mark = matches!(
        c,
        '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}'
    );
    !c.is_control() && !is_mark
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// Decodes a quoted template by the specification of HCL. `None` if it has an interpolation or is
    /// truncated.
    fn decode_hcl(quoted: &str) -> Option<String> {
        let mut rest = quoted.strip_prefix('"')?;
        let mut decoded = String::new();
        loop {
            let c = rest.chars().next()?;
            let length = match c {
                '"' => return (rest == "\"").then_some(decoded),
                '\\' => match rest[1..].chars().next()? {
                    'u' => {
                        let code = u32::from_str_radix(rest.get(2..6)?, 16).ok()?;
                        decoded.push(char::from_u32(code)?);
                        6
                    }
                    c @ ('"' | '\\') => {
                        decoded.push(c);
                        2
                    }
                    _ => return None,
                },
                '$' | '%' if rest[1..].starts_with([c]) && rest[2..].starts_with('{') => {
                    decoded.extend([c, '{']);
                    3
                }
                '$' | '%' if rest[1..].starts_with('{') => return None,
                '\n' | '\r' => return None,
                c => {
                    decoded.push(c);
                    c.len_utf8()
                }
            };
            rest = &rest[length..];
        }
    }

    /// Text with many special characters.
    fn text() -> impl Strategy<Value = String> {
        "([$%{}\"'`\\\\*?! \n\r\t\u{0}\u{7f}\u{85}\u{2028}\u{feff}é\u{1f600}]|.){0,12}"
    }

    proptest! {
        #[test]
        fn hcl_quoting_preserves_the_text(text in text()) {
            let quoted = hcl(&text);
            let decoded = decode_hcl(&quoted);
            prop_assert_eq!(decoded.as_deref(), Some(text.as_str()), "{}", quoted);
        }
    }

    proptest! {
        // Each case is a process.
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn shell_quoting_preserves_the_text(texts in proptest::collection::vec(text(), 1..20)) {
            // An argument of a program cannot contain NUL.
            let texts: Vec<String> = texts.iter().map(|text| text.replace('\0', "")).collect();
            let words: Vec<String> = texts.iter().map(|text| shell(text)).collect();
            let script = format!("printf '%s\\0' {}", words.join(" "));
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            let printed = String::from_utf8(output.stdout).unwrap();
            let read: Vec<&str> = printed.split_terminator('\0').collect();
            prop_assert_eq!(read, texts);
        }
    }
}
