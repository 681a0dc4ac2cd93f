//! The settings of the daemon: how events are received, where it listens.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::InvalidValue;
use super::file::{EventsSettingsFile, ServeFile};
use super::listen::{self, Listen, MAX_SOCKET_PATH, TlsFiles, check_socket, path};
use super::validate;

/// The control socket's name in the data directory.
const CONTROL_SOCKET: &str = "control.sock";
/// How the daemon runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// Where HTTP is served; `None`: nowhere.
    pub listen: Option<Listen>,
    /// The file of the tokens that let somebody in; `None`: everybody who can connect may read all.
    pub tokens: Option<PathBuf>,
    /// Names by which the service is reached, besides those of this machine, in lower case.
    pub hosts: Vec<String>,
    /// By which TLS is spoken; `None`: it is not.
    pub tls: Option<TlsFiles>,
    /// The socket by which other commands ask the daemon.
    pub control_socket: PathBuf,
    /// How long a stop may take to finish what is under way, 1 to 600 seconds.
    pub grace_period: Duration,
}

/// How events are received. The bounds hold for all queues together unless they say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventsConfig {
    /// ReceiveMessage requests of one queue at the same time, 1 to 64; one while little comes.
    pub receives_per_queue: usize,
    /// ReceiveMessage requests at the same time, 1 to 10,000: as many connections.
    pub receives_in_flight: usize,
    /// Messages that are received and not acknowledged yet, 10 to 100,000.
    pub messages_in_flight: usize,
    /// Keys that are listed alone at the same time, because an event does not tell enough, 1 to 256.
    pub look_ups_in_flight: usize,
    /// How long a message is kept from other receivers before that is extended, 10 to 3,600 seconds.
    pub visibility_timeout: Duration,
    /// How late an event may come before it counts as lost, when a scan measures drift, 0 to 86,400
    /// seconds.
    pub expected_within: Duration,
}

/// Resolves `[serve]`; relative paths begin at `folder`.
pub(super) fn serve(
    file: &ServeFile,
    folder: &Path,
    data_dir: &Path,
) -> Result<ServeConfig, InvalidValue> {
    let grace = file.grace_period_seconds;
    let grace = validate::number("serve.grace_period_seconds", grace, 30, 1..=600)?;
    let listen = listen::listen(file.listen.as_deref(), folder)?;
    let tokens = file.tokens.as_deref();
    let tokens = tokens
        .map(|tokens| path("serve.tokens", tokens, folder))
        .transpose()?;
    let tls = listen::tls(file, folder)?;
    if let Some(listen) = &listen {
        listen::check_reach(listen, tokens.is_some(), tls.is_some())?;
    }
    let hosts = file.hosts.iter().map(|name| listen::host(name));
    let control = file.control_socket.as_deref();
    Ok(ServeConfig {
        listen,
        tokens,
        hosts: hosts.collect::<Result<_, _>>()?,
        tls,
        control_socket: control_socket(control, folder, data_dir)?,
        grace_period: Duration::from_secs(grace.into()),
    })
}

fn control_socket(
    written: Option<&str>,
    folder: &Path,
    data_dir: &Path,
) -> Result<PathBuf, InvalidValue> {
    let key = "serve.control_socket";
    let path = match written {
        None => data_dir.join(CONTROL_SOCKET),
        Some(written) => path(key, written, folder)?,
    };
    check_socket(key, &path, MAX_SOCKET_PATH)?;
    Ok(path)
}

/// Resolves `[events]`.
pub(super) fn events(file: &EventsSettingsFile) -> Result<EventsConfig, InvalidValue> {
    let number = |key: &str, value, default, range| {
        validate::number(&format!("events.{key}"), value, default, range)
    };
    let seconds = |number: u32| Duration::from_secs(number.into());
    let (per_queue, receives) = (file.receives_per_queue, file.receives_in_flight);
    let (messages, look_ups) = (file.messages_in_flight, file.look_ups_in_flight);
    let (visibility, within) = (
        file.visibility_timeout_seconds,
        file.expected_within_seconds,
    );
    Ok(EventsConfig {
        receives_per_queue: number("receives_per_queue", per_queue, 8, 1..=64)? as usize,
        receives_in_flight: number("receives_in_flight", receives, 1_024, 1..=10_000)? as usize,
        messages_in_flight: number("messages_in_flight", messages, 10_000, 10..=100_000)? as usize,
        look_ups_in_flight: number("look_ups_in_flight", look_ups, 16, 1..=256)? as usize,
        visibility_timeout: seconds(number(
            "visibility_timeout_seconds",
            visibility,
            30,
            10..=3_600,
        )?),
        expected_within: seconds(number("expected_within_seconds", within, 60, 0..=86_400)?),
    })
}
