//! Texts as literals of the languages that are printed, whatever is in them.

use std::fmt::Write;

/// As one word of a shell.
pub(crate) fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// As a quoted template of HCL, without anything that is put in.
/// <https://developer.hashicorp.com/terraform/language/expressions/strings>
pub(super) fn hcl(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '$' | '%' if rest.peek() == Some(&'{') => quoted.extend([c, c]),
            c if is_plain(c) => quoted.push(c),
            c => write!(quoted, "\\u{:04x}", u32::from(c)).expect("a String takes any text"),
        }
    }
    quoted + "\""
}

/// Whether the character may stand as it is in all of them: printable, and no line separator. What may
/// not is of the basic plane, so four hex digits name it.
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

    /// What HCL's own description says that a quoted template means; `None` where it has a part that is
    /// put in, or ends early.
    fn meant_by_hcl(quoted: &str) -> Option<String> {
        let mut rest = quoted.strip_prefix('"')?;
        let mut meant = String::new();
        loop {
            let c = rest.chars().next()?;
            let length = match c {
                '"' => return (rest == "\"").then_some(meant),
                '\\' => match rest[1..].chars().next()? {
                    'u' => {
                        let code = u32::from_str_radix(rest.get(2..6)?, 16).ok()?;
                        meant.push(char::from_u32(code)?);
                        6
                    }
                    c @ ('"' | '\\') => {
                        meant.push(c);
                        2
                    }
                    _ => return None,
                },
                '$' | '%' if rest[1..].starts_with([c]) && rest[2..].starts_with('{') => {
                    meant.extend([c, '{']);
                    3
                }
                '$' | '%' if rest[1..].starts_with('{') => return None,
                '\n' | '\r' => return None,
                c => {
                    meant.push(c);
                    c.len_utf8()
                }
            };
            rest = &rest[length..];
        }
    }

    /// Characters that mean something somewhere, and any.
    fn text() -> impl Strategy<Value = String> {
        "([$%{}\"'`\\\\*?! \n\r\t\u{0}\u{7f}\u{85}\u{2028}\u{feff}é\u{1f600}]|.){0,12}"
    }

    proptest! {
        #[test]
        fn hcl_means_the_text(text in text()) {
            let quoted = hcl(&text);
            let meant = meant_by_hcl(&quoted);
            prop_assert_eq!(meant.as_deref(), Some(text.as_str()), "{}", quoted);
        }
    }

    proptest! {
        // Each case is a process.
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn a_shell_takes_the_text_for_one_word(texts in proptest::collection::vec(text(), 1..20)) {
            // No argument of a program can hold the character.
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
