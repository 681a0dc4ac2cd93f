//! Resolves the settings of the daemon: how it receives events, and where it listens.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{InvalidValue, InvalidValues};
use super::file::{EventsSettingsFile, ServeFile};
use super::listen::{self, Listen, MAX_SOCKET_PATH, TlsFiles, check_socket, path};
use super::{origin, validate};

/// The file name of the control socket in the data directory.
const CONTROL_SOCKET: &str = "control.sock";

/// How the daemon runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// The address for HTTP. `None` if HTTP is off.
    pub listen: Option<Listen>,
    /// The file with the tokens. `None` if every client that can connect may read everything.
    pub tokens: Option<PathBuf>,
    /// Host names of the service in addition to those of this machine, in lower case.
    pub hosts: Vec<String>,
    /// The origins of web pages elsewhere that may use the API, as browsers send them.
    pub cors_origins: Vec<String>,
    /// The certificate and key for TLS. `None` if TLS is off.
    pub tls: Option<TlsFiles>,
    /// The socket for requests of other commands to the daemon.
    pub control_socket: PathBuf,
    /// Time for running work to finish after a stop, 1 to 600 seconds.
    pub grace_period: Duration,
}

/// How events are received. A limit applies to all queues together unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventsConfig {
    /// Maximum number of ReceiveMessage requests in flight for one queue, 1 to 64. An idle queue uses 1.
    pub receives_per_queue: usize,
    /// Maximum number of ReceiveMessage requests in flight, 1 to 10,000. Each needs a connection.
    pub receives_in_flight: usize,
    /// Maximum number of messages that are received and not yet acknowledged, 10 to 100,000.
    pub messages_in_flight: usize,
    /// Maximum number of look-ups at the same time, 1 to 256. A look-up lists one key, because its event is
    /// ambiguous.
    pub look_ups_in_flight: usize,
    /// The visibility timeout that is requested for each message and then extended, 10 to 3,600 seconds.
    pub visibility_timeout: Duration,
    /// Time for an event to arrive after a scan, 0 to 86,400 seconds. After it, the change that the scan
    /// repaired counts as drift.
    pub expected_within: Duration,
}

/// Resolves `[serve]`. Paths are relative to `folder`.
pub(super) fn serve(
    file: &ServeFile,
    folder: &Path,
    data_dir: &Path,
    invalid: &mut InvalidValues,
) -> ServeConfig {
    let grace = file.grace_period_seconds;
    let grace = validate::number("serve.grace_period_seconds", grace, 30, 1..=600);
    let grace = invalid.accept(grace);
    let listen = invalid.accept(listen::listen(file.listen.as_deref(), folder));
    let tokens = file.tokens.as_deref();
    let tokens = tokens.map(|tokens| path("serve.tokens", tokens, folder));
    let tokens = invalid.accept(tokens.transpose());
    let tls = invalid.accept(listen::tls(file, folder));
    if let Some(listen) = &listen {
        // A wrong path of the token file is reported above.
        let (has_tokens, has_tls) = (file.tokens.is_some(), tls.is_some());
        invalid.accept(listen::check_reach(listen, has_tokens, has_tls));
    }
    let hosts = file.hosts.iter().map(|name| listen::host(name));
    let origins = origin::cors_origins(&file.cors_origins);
    let control = file.control_socket.as_deref();
    ServeConfig {
        listen,
        tokens,
        hosts: hosts.map(|host| invalid.accept(host)).collect(),
        cors_origins: origins
            .into_iter()
            .map(|origin| invalid.accept(origin))
            .collect(),
        tls,
        control_socket: invalid.accept(control_socket(control, folder, data_dir)),
        grace_period: Duration::from_secs(grace.into()),
    }
}

/// The path of the control socket. `data_dir` is resolved already.
pub(super) fn control_socket(
    value: Option<&str>,
    folder: &Path,
    data_dir: &Path,
) -> Result<PathBuf, InvalidValue> {
    let key = "serve.control_socket";
    let path = match value {
        None => data_dir.join(CONTROL_SOCKET),
        Some(value) => path(key, value, folder)?,
    };
    check_socket(key, &path, MAX_SOCKET_PATH)?;
    Ok(path)
}

/// Resolves `[events]`.
pub(super) fn events(file: &EventsSettingsFile, invalid: &mut InvalidValues) -> EventsConfig {
    let mut number = |key: &str, value, default, range| {
        invalid.accept(validate::number(
            &format!("events.{key}"),
            value,
            default,
            range,
        ))
    };
    let seconds = |number: u32| Duration::from_secs(number.into());
    let (per_queue, receives) = (file.receives_per_queue, file.receives_in_flight);
    let (messages, look_ups) = (file.messages_in_flight, file.look_ups_in_flight);
    let (visibility, within) = (
        file.visibility_timeout_seconds,
        file.expected_within_seconds,
    );
    EventsConfig {
        receives_per_queue: number("receives_per_queue", per_queue, 8, 1..=64) as usize,
        receives_in_flight: number("receives_in_flight", receives, 1_024, 1..=10_000) as usize,
        messages_in_flight: number("messages_in_flight", messages, 10_000, 10..=100_000) as usize,
        look_ups_in_flight: number("look_ups_in_flight", look_ups, 16, 1..=256) as usize,
        visibility_timeout: seconds(number(
            "visibility_timeout_seconds",
            visibility,
            30,
            10..=3_600,
        )),
        expected_within: seconds(number("expected_within_seconds", within, 60, 0..=86_400)),
    }
}
