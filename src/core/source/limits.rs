//! What managed Sources may use of this machine: its credentials, and the network that it is in.
//!
//! A person who may set up a Source chooses where this program sends requests. Without limits, they could read every
//! bucket that this machine can read, and reach servers that only this machine can reach. This module only decides:
//! `aws` asks it before it uses credentials and before it connects.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::fmt;

use super::Credentials;
use super::network::Network;
use super::public_address::{host_of, is_metadata, is_public, literal};

/// The limits of managed Sources. A Source in the configuration file has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceLimits {
    /// Whether they may use the credentials of this machine.
    pub allow_machine_credentials: bool,
    /// The hosts that they may reach in addition to public addresses.
    pub allowed_hosts: AllowedHosts,
}

impl SourceLimits {
    /// What to do if credentials are refused: one sentence.
    pub const CREDENTIALS_REMEDY: &str = "Give the Source an access key, or ask an operator to set allow_machine_credentials = true in the table \
         [managed] of the configuration file.";

    /// Why credentials are refused.
    pub const NO_MACHINE_CREDENTIALS: &str =
        "managed Sources may not use the credentials of this machine, or a role that they assume";

    /// Whether a Source may use these credentials.
    pub fn admit_credentials(&self, credentials: &Credentials) -> bool {
        self.allow_machine_credentials || !credentials.are_of_the_machine()
    }
}

/// Hosts that are not public, but may be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AllowedHosts {
    /// Names in lower case. Each one stands for the names below it too: a store can have the bucket in front.
    names: BTreeSet<String>,
    networks: BTreeSet<Network>,
}

/// A host that is not public and not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host {host:?} has no public address that managed Sources may reach")]
pub struct HostNotAllowed {
    /// The host of the URL.
    pub host: String,
}

impl HostNotAllowed {
    /// What to do about it: one sentence. It does not name the address: a name can be known only in this network.
    pub const REMEDY: &str = "Use a server with a public address, or ask an operator to add the host below [managed] in the \
                              configuration file, such as allowed_hosts = [\"minio.internal\"], and to reload the service.";

    /// The same with the lines to write. Only for a host that the user has typed: it is no secret for them.
    pub fn remedy(&self) -> String {
        // The entry of an address must be in its usual form.
        let address = literal(&self.host).map(|address| address.to_canonical());
        let host = address.map_or_else(|| self.host.clone(), |address| address.to_string());
        if address.is_some_and(is_metadata) {
            return "Use a server with a public address. The metadata services of clouds are always refused.".to_owned();
        }
        format!(
            "Use a server with a public address, or ask an operator to write allowed_hosts = [{host:?}] below [managed] in \
             the configuration file and to reload the service (SIGHUP, or systemctl reload asset-indexer)."
        )
    }
}

impl AllowedHosts {
    /// Adds a host name, an address or a network as in `10.0.0.0/8`. The error says what is wrong with it.
    pub fn add(&mut self, text: &str) -> Result<(), &'static str> {
        if let Some(network) = Network::parse(text) {
            self.networks.insert(network);
            return Ok(());
        }
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let is_edge = |c: char| c.is_ascii_alphanumeric();
        let is_name = text.starts_with(is_edge) && text.ends_with(is_edge);
        if !is_name || !text.chars().all(is_allowed) || literal(text).is_some() {
            return Err(
                "set a host name without a port such as \"minio.internal\", an address such as \"10.0.0.5\", \
                        or a network such as \"10.0.0.0/8\"",
            );
        }
        self.names.insert(text.to_ascii_lowercase());
        Ok(())
    }

    /// Whether the address may be reached, whatever its name is. Addresses of metadata services never may.
    pub fn admit_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_listed = || self.networks.iter().any(|one| one.contains(address));
        !is_metadata(address) && (is_public(address) || is_listed())
    }

    /// Whether the name is listed, so that all its addresses may be reached, except for metadata services.
    pub fn has_name(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let host = host.to_ascii_lowercase();
        let mut above = Some(host.as_str());
        while let Some(name) = above {
            if self.names.contains(name) {
                return true;
            }
            above = name.split_once('.').map(|(_, above)| above);
        }
        false
    }

    /// Checks a host before it is resolved: an address in any form, or a name of this machine. Other names are
    /// only known when they are resolved.
    pub fn check_host(&self, host: &str) -> Result<(), HostNotAllowed> {
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let is_local = name == "localhost" || name.ends_with(".localhost");
        let is_refused = match literal(host) {
            Some(address) => !self.admit_address(address),
            None => is_local && !self.has_name(host),
        };
        if is_refused {
            let host = host.to_owned();
            return Err(HostNotAllowed { host });
        }
        Ok(())
    }

    /// Checks the host of a URL in the same way.
    pub fn check_url(&self, url: &str) -> Result<(), HostNotAllowed> {
        host_of(url).map_or(Ok(()), |host| self.check_host(&host))
    }

    /// The addresses of a resolved host that may be reached. At least one, or an error.
    pub fn admitted(
        &self,
        host: &str,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Result<Vec<IpAddr>, HostNotAllowed> {
        let is_listed = self.has_name(host);
        let is_admitted =
            |address: &IpAddr| self.admit_address(*address) || is_listed && !is_metadata(*address);
        let admitted: Vec<IpAddr> = addresses.into_iter().filter(is_admitted).collect();
        if admitted.is_empty() {
            let host = host.to_owned();
            return Err(HostNotAllowed { host });
        }
        Ok(admitted)
    }
}

impl fmt::Display for AllowedHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks = self.networks.iter().map(ToString::to_string);
        let all: Vec<String> = self.names.iter().cloned().chain(networks).collect();
        f.write_str(&all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(list: &[&str]) -> AllowedHosts {
        let mut hosts = AllowedHosts::default();
        for text in list {
            hosts.add(text).unwrap();
        }
        hosts
    }

    #[test]
    fn urls_of_this_machine_and_its_networks_are_refused_in_every_form() {
        let none = hosts(&[]);
        let listed = hosts(&["127.0.0.1", "localhost", "10.0.0.0/8", "::1"]);
        for (url, want) in [
            ("https://s3.example.com", (true, true)),
            ("https://8.8.8.8:9000/x", (true, true)),
            ("http://127.0.0.1:9000", (false, true)),
            ("http://127.1", (false, true)),
            ("http://2130706433/", (false, true)),
            ("http://0x7f.0.0.1", (false, true)),
            ("http://[::1]:9000", (false, true)),
            ("http://[::ffff:127.0.0.1]", (false, true)),
            ("http://LocalHost", (false, true)),
            ("http://bucket.localhost.:9000", (false, true)),
            ("http://10.1.2.3", (false, true)),
            ("http://192.168.0.1", (false, false)),
            ("http://169.254.169.254/latest", (false, false)),
            ("http://[fd00:ec2::254]", (false, false)),
        ] {
            let got = (none.check_url(url).is_ok(), listed.check_url(url).is_ok());
            assert_eq!(got, want, "{url}");
        }
    }

    #[test]
    fn remedy_is_an_entry_that_helps() {
        for url in [
            "http://127.0.0.1:9000",
            "http://127.1",
            "http://[::1]:9000",
            "http://LocalHost",
            "http://[::ffff:10.1.2.3]",
        ] {
            let remedy = hosts(&[]).check_url(url).unwrap_err().remedy();
            let (_, entry) = remedy.split_once("allowed_hosts = [\"").unwrap();
            let (entry, _) = entry.split_once('"').unwrap();
            assert_eq!(hosts(&[entry]).check_url(url), Ok(()), "{url}: {remedy}");
        }
        let metadata = hosts(&[]).check_url("http://169.254.169.254").unwrap_err();
        assert!(metadata.remedy().contains("always refused"));
    }

    #[test]
    fn only_admitted_addresses_of_a_name_are_left() {
        let hosts = hosts(&["MinIO.internal", "10.0.0.0/8"]);
        let address = |text: &str| -> IpAddr { text.parse().unwrap() };
        for (host, addresses, want) in [
            ("a.example", &["8.8.8.8", "127.0.0.1"][..], &["8.8.8.8"][..]),
            ("a.example", &["127.0.0.1", "::1"], &[]),
            ("a.example", &["10.1.1.1"], &["10.1.1.1"]),
            ("a.example", &["169.254.169.254"], &[]),
            ("minio.internal", &["127.0.0.1"], &["127.0.0.1"]),
            ("bucket.minio.internal.", &["192.168.1.1"], &["192.168.1.1"]),
            ("minio.internal", &["169.254.169.254", "fd00:ec2::254"], &[]),
            ("notminio.internal", &["192.168.1.1"], &[]),
            ("a.example", &[], &[]),
        ] {
            let addresses = addresses.iter().map(|text| address(text));
            let got = hosts.admitted(host, addresses).unwrap_or_default();
            let want: Vec<IpAddr> = want.iter().map(|text| address(text)).collect();
            assert_eq!(got, want, "{host}");
        }
    }

    #[test]
    fn metadata_services_are_refused_although_everything_is_listed() {
        let all = hosts(&["0.0.0.0/0", "::/0"]);
        assert!(all.check_host("192.168.1.1").is_ok());
        for host in ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.170.2"] {
            assert!(all.check_host(host).is_err(), "{host}");
        }
    }

    #[test]
    fn refuses_entries_that_are_no_host() {
        for text in [
            "",
            "http://a",
            "a:80",
            "a/8",
            "10.0.0.0/33",
            "-a",
            "127.1",
            "*.a",
        ] {
            assert!(AllowedHosts::default().add(text).is_err(), "{text}");
        }
    }
}
