//! Texts as literals of the languages that are printed, whatever is in them.

use std::fmt::Write;

/// As one word of a shell.
pub fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// As a JSON string that is a double-quoted string of YAML as well: what either would not have as it
/// stands is escaped.
pub fn json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if is_plain(c) => quoted.push(c),
            c => write!(quoted, "\\u{:04x}", u32::from(c)).expect("a String takes any text"),
        }
    }
    quoted + "\""
}

/// As a quoted template of HCL, without anything that is put in.
/// <https://developer.hashicorp.com/terraform/language/expressions/strings>
pub fn hcl(text: &str) -> String {
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
