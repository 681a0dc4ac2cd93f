//! What is printed for people; numbers, sizes and keys as [`crate::words`] has them.

/// Prints a line on standard output; one that nobody reads, as behind `| head`, is no failure.
macro_rules! say {
    ($($line:tt)*) => {{
        use std::io::Write;
        // The exit code tells what matters.
        let _ = writeln!(std::io::stdout(), $($line)*);
    }};
}
pub(super) use say;

pub use crate::words::{grouped, printable, size};
