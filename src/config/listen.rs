//! Resolves where HTTP is served, its host names, and the files for TLS.
//!
//! This module does not bind the address or read the files: the daemon does that when it starts.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::error::InvalidValue;
use super::file::ServeFile;
use super::resolved_path;

/// The default address for HTTP.
const DEFAULT_LISTEN: &str = "127.0.0.1:8470";
/// The prefix of a Unix socket's path in `listen`.
const UNIX: &str = "unix:";
/// The suffix of the HTTP socket's file name until clients can connect to it.
pub const PENDING_SUFFIX: &str = ".new";
/// Maximum length of the path of a Unix socket on Linux in bytes, without the zero at its end.
pub(super) const MAX_SOCKET_PATH: usize = 107;

/// The address at which the server accepts connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A Unix socket at this path.
    Unix(PathBuf),
}

/// The PEM files for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by the intermediate certificates up to a root.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
}

impl Listen {
    /// Whether only this machine can connect.
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

/// Prints it as in the configuration.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// Resolves `listen`.
pub(super) fn listen(value: Option<&str>, folder: &Path) -> Result<Option<Listen>, InvalidValue> {
    let value = value.unwrap_or(DEFAULT_LISTEN);
    if value == "off" {
        return Ok(None);
    }
    let key = "serve.listen";
    let Some(path) = value.strip_prefix(UNIX) else {
        return value
            .parse()
            .map(|address| Some(Listen::Tcp(address)))
            .map_err(|_| {
                let problem = format!(
                    "set an address and a port such as {DEFAULT_LISTEN:?}, a socket such as \
                 \"{UNIX}/run/asset-indexer/http.sock\", or \"off\""
                );
                InvalidValue::text(key, value, problem)
            });
    };
    let path =
        resolved_path(path, folder).map_err(|problem| InvalidValue::text(key, value, problem))?;
    check_socket(key, &path, MAX_SOCKET_PATH - PENDING_SUFFIX.len())?;
    Ok(Some(Listen::Unix(path)))
}

/// Refuses an address that other machines can reach if there are no tokens, and TLS on a Unix socket.
pub(super) fn check_reach(
    listen: &Listen,
    has_tokens: bool,
    has_tls: bool,
) -> Result<(), InvalidValue> {
    let value = listen.to_string();
    if !listen.is_local() && !has_tokens {
        let problem = format!(
            "other machines can reach this address, so clients need tokens; set tokens = \"tokens\" (a file \
             next to this one) in [serve] and create a token with `asset-indexer token new`, or listen on \
             {DEFAULT_LISTEN:?} or a Unix socket"
        );
        return Err(InvalidValue::text("serve.listen", &value, problem));
    }
    if has_tls && matches!(listen, Listen::Unix(_)) {
        let problem = "TLS is not used on a Unix socket; remove tls_certificate and tls_key";
        return Err(InvalidValue::text("serve.listen", &value, problem));
    }
    Ok(())
}

/// Resolves the paths of certificate and key. Both or none must be set.
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
        format!("missing; set the path of a PEM file with {what}"),
    )
}

/// Checks a host name and returns it in lower case.
pub(super) fn host(value: &str) -> Result<String, InvalidValue> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_address = value.parse::<IpAddr>().is_ok();
    if is_address || !value.is_empty() && value.chars().all(is_name) {
        return Ok(value.to_ascii_lowercase());
    }
    let problem =
        "set a host name such as \"search.example.com\", or an IP address, without a port";
    Err(InvalidValue::text("serve.hosts", value, problem))
}

/// Resolves the path that is the value of `key`.
pub(super) fn path(key: &str, value: &str, folder: &Path) -> Result<PathBuf, InvalidValue> {
    resolved_path(value, folder).map_err(|problem| InvalidValue::text(key, value, problem))
}

/// Checks that the path is short enough for a socket.
pub(super) fn check_socket(key: &str, path: &Path, max_bytes: usize) -> Result<(), InvalidValue> {
    if path.as_os_str().len() <= max_bytes {
        return Ok(());
    }
    let problem = format!(
        "the path of a socket can have at most {max_bytes} bytes; set a shorter one, such as \
         \"/run/asset-indexer/control.sock\""
    );
    Err(InvalidValue::text(key, &path.to_string_lossy(), problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::error::InvalidValues;
    use crate::config::serve::{ServeConfig, serve};

    fn resolved(toml: &str) -> Result<ServeConfig, InvalidValue> {
        let mut invalid = InvalidValues::default();
        let file = toml::from_str(toml).unwrap();
        let config = serve(&file, Path::new("/etc/x"), Path::new("/d"), &mut invalid);
        invalid.0.pop().map_or(Ok(config), Err)
    }

    #[test]
    fn resolves_all_settings() {
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
        let socket = |value: &str| resolved(&format!("listen = {value:?}")).unwrap().listen;
        assert_eq!(socket("unix:/run/a"), Some(Listen::Unix("/run/a".into())));
        assert_eq!(socket("unix:a"), Some(Listen::Unix("/etc/x/a".into())));
        assert_eq!(socket("off"), None);
    }

    #[test]
    fn requires_tokens_unless_the_address_is_local() {
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
    fn errors_say_what_to_set() {
        let long = format!("listen = \"unix:/{}\"", "x".repeat(MAX_SOCKET_PATH));
        for (toml, message) in [
            (
                "listen = \"localhost:1\"",
                "set an address and a port such as",
            ),
            ("listen = \"unix:\"", "must not be empty; set a path"),
            ("listen = \"unix:~/a\"", "set the full path"),
            (&long, "at most 103 bytes"),
            (
                "listen = \"0.0.0.0:1\"",
                "create a token with `asset-indexer token new`",
            ),
            ("tokens = \"\"", "must not be empty"),
            ("hosts = [\"a:80\"]", "without a port"),
            ("hosts = [\"\"]", "set a host name"),
            ("hosts = [\"http://a\"]", "set a host name"),
            ("tls_key = \"k\"", "serve.tls_certificate: missing"),
            ("tls_certificate = \"c\"", "serve.tls_key: missing"),
            (
                "listen = \"unix:/a\"\ntls_key = \"k\"\ntls_certificate = \"c\"",
                "remove tls_certificate",
            ),
        ] {
            let error = resolved(toml).unwrap_err().to_string();
            assert!(error.contains(message), "{toml}: {error}");
        }
    }
}
