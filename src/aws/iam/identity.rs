//! The AWS identity of credentials in a configuration.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::core::source::Credentials;

/// An AWS identity, in the form of the option `--identity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The identity that the default credential chain finds: `default`.
    Default,
    /// `profile:NAME`
    Profile(String),
    /// The user of an access key: `key:ID`.
    AccessKey(String),
    /// A role, by its ARN.
    Role(String),
}

impl Identity {
    /// The identity of the credentials.
    pub(crate) fn of(credentials: &Credentials) -> Self {
        match credentials {
            Credentials::DefaultChain => Self::Default,
            Credentials::Profile(name) => Self::Profile(name.clone()),
            Credentials::AccessKey { access_key_id, .. } => Self::AccessKey(access_key_id.clone()),
            Credentials::AssumeRole { role_arn, .. } => Self::Role(role_arn.clone()),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile(name) => write!(f, "profile:{name}"),
            Self::AccessKey(id) => write!(f, "key:{id}"),
            Self::Role(arn) => f.write_str(arn),
        }
    }
}

impl FromStr for Identity {
    type Err = Infallible;

    /// The inverse of `Display`. Any other text becomes a role, which no Source uses.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once(':') {
            _ if text == "default" => Self::Default,
            Some(("profile", name)) => Self::Profile(name.to_owned()),
            Some(("key", id)) => Self::AccessKey(id.to_owned()),
            _ => Self::Role(text.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints() {
        for text in [
            "default",
            "profile:a:b",
            "profile:default",
            "key:AKIA",
            "arn:aws:iam::123456789012:role/assets",
        ] {
            let identity: Identity = text.parse().expect("parsing is infallible");
            assert_eq!(identity.to_string(), text);
        }
    }
}
