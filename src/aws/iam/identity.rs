//! Who needs permissions: an identity of AWS, named by the credentials of a configuration.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::core::source::Credentials;

/// An identity, as it is named on a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Whoever the default chain finds: `default`.
    Default,
    /// `profile:NAME`
    Profile(String),
    /// The user of an access key: `key:ID`.
    AccessKey(String),
    /// A role, by its ARN.
    Role(String),
}

impl Identity {
    /// Who those credentials are of.
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

    /// The inverse of how it is shown; any other text is a role that no Source has.
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
    fn an_identity_is_read_as_it_is_shown() {
        for text in [
            "default",
            "profile:a:b",
            "profile:default",
            "key:AKIA",
            "arn:aws:iam::123456789012:role/assets",
        ] {
            let identity: Identity = text.parse().expect("any text is taken");
            assert_eq!(identity.to_string(), text);
        }
    }
}
