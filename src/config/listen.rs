//! Where HTTP is served, by which names it is reached, and with which certificate.
//!
//! Whether the address can be had, and what is in the files, shows when the daemon begins.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::error::InvalidValue;
use super::file::ServeFile;
use super::resolved_path;

/// Where HTTP is served by default.
const DEFAULT_LISTEN: &str = "127.0.0.1:8470";
/// How a Unix socket's path begins in `listen`.
const UNIX: &str = "unix:";
/// What stands behind the name of a socket for HTTP until it can be connected to.
pub const PENDING_SUFFIX: &str = ".new";
/// The longest path that a Unix socket can have on Linux, without the zero at its end.
pub(super) const MAX_SOCKET_PATH: usize = 107;

/// Where connections come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A Unix socket at this path.
    Unix(PathBuf),
}

/// The files for TLS, of PEM text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, with those that lead from it to one that clients know.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Listen {
    /// Whether nobody on another machine can connect.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

/// As it is written in the configuration.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// Reads `listen`.
pub(super) fn listen(written: Option<&str>, folder: &Path) -> Result<Option<Listen>, InvalidValue> {
    let written = written.unwrap_or(DEFAULT_LISTEN);
    if written == "off" {
        return Ok(None);
    }
    let key = "serve.listen";
    let Some(path) = written.strip_prefix(UNIX) else {
        return written
            .parse()
            .map(|address| Some(Listen::Tcp(address)))
            .map_err(|_| {
                let problem = format!(
                    "write an address and a port such as {DEFAULT_LISTEN:?}, a socket such as \
                 \"{UNIX}/run/asset-indexer/http.sock\", or \"off\""
                );
                InvalidValue::text(key, written, problem)
            });
    };
    let path =
        resolved_path(path, folder).map_err(|problem| InvalidValue::text(key, written, problem))?;
    check_socket(key, &path, MAX_SOCKET_PATH - PENDING_SUFFIX.len())?;
    Ok(Some(Listen::Unix(path)))
}

/// Refuses to let other machines in without tokens.
pub(super) fn check_reach(
    listen: &Listen,
    has_tokens: bool,
    has_tls: bool,
) -> Result<(), InvalidValue> {
    let written = listen.to_string();
    if !listen.is_local() && !has_tokens {
        let problem = format!(
            "other machines can reach this address, so whoever asks must have a token: write \
             tokens = \"tokens\" (a file beside this one) in [serve] and make a token by \
             `asset-indexer token new`; or listen on {DEFAULT_LISTEN:?} or a Unix socket"
        );
        return Err(InvalidValue::text("serve.listen", &written, problem));
    }
    if has_tls && matches!(listen, Listen::Unix(_)) {
        let problem =
            "a Unix socket does not leave this machine; leave out tls_certificate and tls_key";
        return Err(InvalidValue::text("serve.listen", &written, problem));
    }
    Ok(())
}

/// Reads both files' paths, or none.
pub(super) fn tls(file: &ServeFile, folder: &Path) -> Result<Option<TlsFiles>, InvalidValue> {
    let (certificate, key) = ("serve.tls_certificate", "serve.tls_key");
    match (file.tls_certificate.as_deref(), file.tls_key.as_deref()) {
        (None, None) => Ok(None),
        (Some(certificate_file), Some(key_file)) => Ok(Some(TlsFiles {
            certificate: path(certificate, certificate_file, folder)?,
            key: path(key, key_file, folder)?,
        })),
        (Some(_), None) => Err(missing(key, "the private key of serve.tls_certificate")),
        (None, Some(_)) => Err(missing(certificate, "the certificate of serve.tls_key")),
    }
}

fn missing(key: &str, what: &str) -> InvalidValue {
    InvalidValue::hidden(
        key,
        format!("it is missing; write the path of a PEM file with {what}"),
    )
}

/// A name as it stands in a request, in lower case.
pub(super) fn host(written: &str) -> Result<String, InvalidValue> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_address = written.parse::<IpAddr>().is_ok();
    if is_address || !written.is_empty() && written.chars().all(is_name) {
        return Ok(written.to_ascii_lowercase());
    }
    let problem = "write a name such as \"search.example.com\", or an address, without a port";
    Err(InvalidValue::text("serve.hosts", written, problem))
}

/// The path that is written behind a key.
pub(super) fn path(key: &str, written: &str, folder: &Path) -> Result<PathBuf, InvalidValue> {
    resolved_path(written, folder).map_err(|problem| InvalidValue::text(key, written, problem))
}

/// Whether a path is short enough for a socket.
pub(super) fn check_socket(key: &str, path: &Path, max_bytes: usize) -> Result<(), InvalidValue> {
    if path.as_os_str().len() <= max_bytes {
        return Ok(());
    }
    let problem = format!(
        "a socket's path can have {max_bytes} bytes; write a shorter one, such as \
         \"/run/asset-indexer/control.sock\""
    );
    Err(InvalidValue::text(key, &path.to_string_lossy(), problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::serve::{ServeConfig, serve};

    fn resolved(toml: &str) -> Result<ServeConfig, InvalidValue> {
        serve(
            &toml::from_str(toml).unwrap(),
            Path::new("/etc/x"),
            Path::new("/d"),
        )
    }

    #[test]
    fn what_is_written_is_taken() {
        let config = resolved("").unwrap();
        assert_eq!(config.listen.unwrap().to_string(), DEFAULT_LISTEN);
        assert_eq!(
            (config.tokens, config.hosts, config.tls),
            (None, vec![], None)
        );
        let config = resolved(
            r#"
            listen = "[::]:443"
            tokens = "tokens"
            hosts = ["Search.Example.com", "::1"]
            tls_certificate = "/c.pem"
            tls_key = "key.pem"
            "#,
        );
        let config = config.unwrap();
        assert_eq!(config.tokens.as_deref(), Some(Path::new("/etc/x/tokens")));
        assert_eq!(config.hosts, ["search.example.com", "::1"]);
        let files = TlsFiles {
            certificate: "/c.pem".into(),
            key: "/etc/x/key.pem".into(),
        };
        assert_eq!(config.tls, Some(files));
        let socket = |written: &str| resolved(&format!("listen = {written:?}")).unwrap().listen;
        assert_eq!(socket("unix:/run/a"), Some(Listen::Unix("/run/a".into())));
        assert_eq!(socket("unix:a"), Some(Listen::Unix("/etc/x/a".into())));
        assert_eq!(socket("off"), None);
    }

    #[test]
    fn only_what_stays_on_this_machine_needs_no_tokens() {
        for (listen, is_local) in [
            ("127.0.0.1:1", true),
            ("127.9.9.9:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("unix:/run/a", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("10.0.0.1:1", false),
            ("[::ffff:0.0.0.0]:1", false),
        ] {
            let open = resolved(&format!("listen = {listen:?}"));
            assert_eq!(open.is_ok(), is_local, "{listen}");
            let closed = resolved(&format!("listen = {listen:?}\ntokens = \"t\""));
            assert!(closed.is_ok(), "{listen}");
        }
    }

    #[test]
    fn a_bad_value_is_explained() {
        let long = format!("listen = \"unix:/{}\"", "x".repeat(MAX_SOCKET_PATH));
        for (toml, said) in [
            (
                "listen = \"localhost:1\"",
                "write an address and a port such as",
            ),
            ("listen = \"unix:\"", "it is empty; write a path"),
            ("listen = \"unix:~/a\"", "write the whole path"),
            (&long, "can have 103 bytes"),
            (
                "listen = \"0.0.0.0:1\"",
                "make a token by `asset-indexer token new`",
            ),
            ("tokens = \"\"", "it is empty"),
            ("hosts = [\"a:80\"]", "without a port"),
            ("hosts = [\"\"]", "write a name"),
            ("hosts = [\"http://a\"]", "write a name"),
            ("tls_key = \"k\"", "serve.tls_certificate: it is missing"),
            ("tls_certificate = \"c\"", "serve.tls_key: it is missing"),
            (
                "listen = \"unix:/a\"\ntls_key = \"k\"\ntls_certificate = \"c\"",
                "leave out tls_certificate",
            ),
        ] {
            let error = resolved(toml).unwrap_err().to_string();
            assert!(error.contains(said), "{toml}: {error}");
        }
    }
}
