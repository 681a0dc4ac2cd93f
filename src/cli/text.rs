//! What is printed for people; numbers, sizes and keys as [`crate::core::human`] has them.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

/// Prints a line on standard output. One that nobody reads, as behind `| head`, is no failure; whether one could
/// not be written for another reason, [`lost`] tells.
macro_rules! say {
    ($($line:tt)*) => {
        $crate::cli::text::say_line(format_args!($($line)*))
    };
}
pub(super) use say;

/// Why the first line that was lost could not be written.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// What [`say!`] does.
pub(super) fn say_line(line: Arguments<'_>) {
    let written = writeln!(io::stdout(), "{line}");
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
        lost.get_or_insert(error);
    }
}

/// Why a part of what was printed is not there, if it is not.
pub(super) fn lost() -> Option<io::Error> {
    // Where a whole line is missing at the end, it is still on its way.
    let flushed = io::stdout().flush();
    let flushed = flushed
        .err()
        .filter(|error| error.kind() != ErrorKind::BrokenPipe);
    let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
    lost.take().or(flushed)
}

pub(super) use crate::core::human::{grouped, printable, size};
