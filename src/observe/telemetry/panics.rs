//! Panics: logs each one like other errors, and counts them.
//!
//! Without it, the standard library prints a panic as raw text between the lines of the log. This module does
//! not decide what follows from a panic: whoever waits for the thread or task does.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tracing::Level;

/// The panics of this process.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// The number of panics since the process started. Panics that were caught count too.
pub(crate) fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Logs and counts every later panic of any thread.
///
/// If errors are not logged, the standard library prints the panic, so that it is never lost.
pub(super) fn install() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        if tracing::enabled!(Level::ERROR) {
            log(info);
        } else {
            print(info);
        }
    }));
}

fn log(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let location = info.location().map(tracing::field::display);
    let panic = message(info.payload());
    // Captured only if RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
    let backtrace = backtrace.as_ref().map(tracing::field::display);
    tracing::error!(
        thread,
        location,
        panic,
        backtrace,
        "a thread or task panicked"
    );
}

/// The message of a panic.
fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("panic without a message")
}
