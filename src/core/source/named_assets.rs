//! The assets that an address names. An address is a [reference](mod@super::reference) that is a URI: an S3 URI,
//! an ARN or a URL. A path or a key can be a query too, so it names an asset only if that exists.
//!
//! Whether an asset exists is not decided here.

use crate::core::source::reference::{is_uri, with_spaces};
use crate::core::source::{ReferenceError, Source};

/// An asset that an address names: a Source, and the asset path in it.
#[derive(Clone, Debug)]
pub struct NamedAsset<'a> {
    /// The Source.
    pub source: &'a Source,
    /// The asset path.
    pub path: String,
}

/// Why an address names no asset of the given Sources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It names no key of the Source. The only Source, or the one that it almost fits.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// It names a key that is not under the prefix of the Source.
    #[error(
        "{text:?} names a key outside Source {source_name:?}, which has only the keys that start with {prefix:?}"
    )]
    OutsidePrefix {
        /// The address.
        text: String,
        /// The name of the Source.
        source_name: String,
        /// The prefix of the Source.
        prefix: String,
    },
    /// No Source has its bucket, store or base URL.
    #[error(
        "{0:?} names no asset: none of the Sources that were searched has this bucket, store or base URL; check the \
         address"
    )]
    NoSource(String),
}

/// The assets that the address names in these Sources. There is at least one.
///
/// Usually there is exactly one. If several Sources have the same bucket, there may be more. A `+` in a URL can be
/// itself or a space, so such a URL names two keys.
pub fn named_assets<'a>(
    text: &str,
    sources: impl IntoIterator<Item = &'a Source>,
) -> Result<Vec<NamedAsset<'a>>, AddressError> {
    let (mut assets, mut errors) = (Vec::new(), Vec::new());
    for source in sources {
        match asset(text, source) {
            Ok(asset) => assets.push(asset),
            Err(error) => errors.push(error),
        }
        let spaced = with_spaces(text).map(|spaced| asset(&spaced, source));
        assets.extend(spaced.and_then(Result::ok));
    }
    if !assets.is_empty() {
        return Ok(assets);
    }
    // Another bucket or URL says nothing if there are several Sources.
    let is_decisive = |error: &AddressError| !error.is_about_another_source();
    let decisive = errors.iter().position(is_decisive);
    let only = (errors.len() == 1).then_some(0);
    match decisive.or(only) {
        Some(index) => Err(errors.swap_remove(index)),
        None => Err(AddressError::NoSource(text.to_owned())),
    }
}

/// The assets that a query names if it is a path or a key: at most one for each Source. If none of them exists, the
/// query is a search. Empty if the query is an address, or has no slash: a search for a word also finds the asset
/// with this name.
pub fn possible_assets<'a>(
    text: &str,
    sources: impl IntoIterator<Item = &'a Source>,
) -> Vec<NamedAsset<'a>> {
    if is_uri(text) || !text.contains('/') {
        return Vec::new();
    }
    let assets = sources.into_iter().map(|source| asset(text, source));
    assets.filter_map(Result::ok).collect()
}

fn asset<'a>(text: &str, source: &'a Source) -> Result<NamedAsset<'a>, AddressError> {
    let key = source.key_of_reference(text)?;
    match source.asset_path(&key) {
        Some(path) => Ok(NamedAsset { source, path }),
        None => Err(AddressError::OutsidePrefix {
            text: text.to_owned(),
            source_name: source.name.clone(),
            prefix: source.prefix.clone(),
        }),
    }
}

impl AddressError {
    fn is_about_another_source(&self) -> bool {
        use ReferenceError::{OtherBucket, OtherUrl};
        matches!(self, Self::Reference(OtherBucket { .. } | OtherUrl { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, bucket: &str, prefix: &str) -> Source {
        Source {
            prefix: prefix.to_owned(),
            ..Source::new(name, bucket, name)
        }
    }

    #[test]
    fn finds_the_source_that_an_address_belongs_to() {
        let sources = [
            source("whole", "one", ""),
            source("part", "one", "photos/"),
            source("other", "two", ""),
        ];
        let cases: [(&str, &[(&str, &str)]); 6] = [
            (
                "https://two.s3.amazonaws.com/a+b.jpg?x=+",
                &[("other", "/a+b.jpg"), ("other", "/a b.jpg")],
            ),
            ("https://two.s3.amazonaws.com/a?x=+", &[("other", "/a")]),
            ("s3://two/a", &[("other", "/a")]),
            ("s3://one/a", &[("whole", "/a")]),
            (
                "https://one.s3.amazonaws.com/photos/a",
                &[("whole", "/photos/a"), ("part", "/a")],
            ),
            ("https://part.imgix.net/a?w=1", &[("part", "/a")]),
        ];
        for (text, want) in cases {
            let found = named_assets(text, &sources).unwrap();
            let found = found
                .iter()
                .map(|it| (it.source.name.as_str(), it.path.as_str()));
            assert_eq!(found.collect::<Vec<_>>(), want, "{text}");
        }
    }

    #[test]
    fn path_or_key_may_name_an_asset_of_each_source() {
        let sources = [source("whole", "one", ""), source("part", "one", "photos/")];
        let cases: [(&str, &[(&str, &str)]); 7] = [
            (
                "part.imgix.net/a?w=1",
                &[("whole", "/part.imgix.net/a?w=1"), ("part", "/a")],
            ),
            ("/2024/a", &[("whole", "/2024/a"), ("part", "/2024/a")]),
            ("2024/a", &[("whole", "/2024/a"), ("part", "/2024/a")]),
            ("photos/a", &[("whole", "/photos/a"), ("part", "/a")]),
            ("a", &[]),
            ("", &[]),
            ("s3://one/photos/a", &[]),
        ];
        for (text, want) in cases {
            let found = possible_assets(text, &sources);
            let found = found
                .iter()
                .map(|it| (it.source.name.as_str(), it.path.as_str()));
            assert_eq!(found.collect::<Vec<_>>(), want, "{text}");
        }
    }

    #[test]
    fn says_why_an_address_names_nothing() {
        let sources = [source("part", "one", "photos/"), source("other", "two", "")];
        for (text, both, first) in [
            (
                "s3://one/a",
                "start with \"photos/\"",
                "start with \"photos/\"",
            ),
            (
                "s3://three/a",
                "none of the Sources",
                "but the Source is in \"one\"",
            ),
            (
                "https://x.example/a",
                "none of the Sources",
                "neither a URL of",
            ),
            ("https://part.imgix.net/%", "write %25", "write %25"),
            ("s3://two", "names no asset", "but the Source is in \"one\""),
        ] {
            let error = named_assets(text, &sources).unwrap_err().to_string();
            assert!(error.contains(both), "{text}: {error}");
            let error = named_assets(text, &sources[..1]).unwrap_err().to_string();
            assert!(error.contains(first), "{text}: {error}");
        }
        let none = named_assets("s3://one/a", []);
        assert!(matches!(none, Err(AddressError::NoSource(_))));
    }
}
