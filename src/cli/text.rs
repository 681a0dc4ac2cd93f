//! Prints lines on standard output and remembers failures. [`crate::core::human`] formats values.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

/// Prints a line on standard output. A closed pipe, for example `| head`, is not a failure. [`lost`] returns
/// any other error.
macro_rules! say {
    ($($line:tt)*) => {
        $crate::cli::text::say_line(format_args!($($line)*))
    };
}
pub(super) use say;

/// The first error of a line that could not be written.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// Implements [`say!`].
pub(super) fn say_line(line: Arguments<'_>) {
    let written = writeln!(io::stdout(), "{line}");
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
        lost.get_or_insert(error);
    }
}

/// Returns the error that caused output to be lost, if any.
pub(super) fn lost() -> Option<io::Error> {
    // The last line may still be in the buffer.
    let flushed = io::stdout().flush();
    let flushed = flushed
        .err()
        .filter(|error| error.kind() != ErrorKind::BrokenPipe);
    let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
    lost.take().or(flushed)
}

/// Like [`printable`], for texts of several lines such as errors.
pub(super) fn printable_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(printable).collect();
    lines.join("\n")
}

pub(super) use crate::core::human::{grouped, printable, size};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_lines() {
        let text = "first\u{202e}\n  second\u{9b}\n";
        assert_eq!(printable_lines(text), "first\\u{202e}\n  second\\u{9b}\n");
    }
}
