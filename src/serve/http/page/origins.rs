//! Lists the origins of previews for the Content Security Policy: S3 endpoints, base URLs and thumbnails of the
//! Sources.
//!
//! It makes no requests. If the region of a bucket is not configured, it allows all of `amazonaws.com`.

use std::collections::BTreeSet;

use crate::core::source::{EndpointOrder, Source};

/// Maximum number of listed origins. With more, the header would be too long for clients, so any HTTPS
/// origin is allowed.
const MAX_ORIGINS: usize = 64;

/// Returns the origins of previews of the enabled Sources, sorted and without duplicates.
pub(super) fn origins<'a>(sources: impl Iterator<Item = &'a Source>) -> Vec<String> {
    let all = sources.filter(|source| source.enabled).flat_map(of_source);
    let mut origins = BTreeSet::new();
    for origin in all.filter(|origin| is_plain(origin)) {
        origins.insert(origin);
        if origins.len() > MAX_ORIGINS {
            return vec!["https:".to_owned()];
        }
    }
    origins.into_iter().collect()
}

/// Reduces origins to their schemes, which reveal nothing about the Sources.
pub(super) fn schemes(origins: &[String]) -> Vec<String> {
    let schemes = origins.iter().map(|origin| match origin.split_once(':') {
        Some(("http", _)) => "http:",
        _ => "https:",
    });
    let schemes: BTreeSet<_> = schemes.map(str::to_owned).collect();
    schemes.into_iter().collect()
}

fn of_source(source: &Source) -> Vec<String> {
    let base = source
        .is_served_at_base_url()
        .then_some(source.base_url.as_str());
    let configured = [base, source.thumbnail_url.as_deref()];
    if configured.iter().any(Option::is_some) {
        return configured
            .into_iter()
            .flatten()
            .filter_map(origin_of)
            .collect();
    }
    if source.endpoint_order == EndpointOrder::ExternalFirst {
        return at_endpoint(source, "https://s3-external-1.amazonaws.com");
    }
    match (&source.endpoint_url, &source.region) {
        (Some(url), _) => origin_of(url).map_or_else(Vec::new, |it| at_endpoint(source, &it)),
        (None, Some(region)) => {
            let domain = if region.starts_with("cn-") {
                "amazonaws.com.cn"
            } else {
                "amazonaws.com"
            };
            at_endpoint(source, &format!("https://s3.{region}.{domain}"))
        }
        (None, None) => vec!["https://*.amazonaws.com".to_owned()],
    }
}

/// Returns the endpoint, for path-style URLs and bucket names that are not valid host names, and the virtual
/// host of the bucket.
fn at_endpoint(source: &Source, endpoint: &str) -> Vec<String> {
    let mut origins = vec![endpoint.to_owned()];
    if let (false, Some((scheme, host))) = (source.path_style, endpoint.split_once("://")) {
        origins.push(format!("{scheme}://{}.{host}", source.bucket));
    }
    origins
}

/// Scheme, host and port of a URL or a template.
fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#', '{']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next()?;
    Some(format!("{scheme}://{host}"))
}

/// Whether the origin is safe in the header: it cannot add another origin or directive.
fn is_plain(origin: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_:/*[]".contains(c);
    origin.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source::new("photos", "bucket", "acme")
    }

    #[test]
    fn lists_the_origins_of_each_kind_of_source() {
        let at = |url: &str| Source {
            endpoint_url: Some(url.to_owned()),
            ..source()
        };
        let in_region = |region: &str| Source {
            region: Some(region.to_owned()),
            ..source()
        };
        let served_at = |base_url: &str| Source {
            base_url: base_url.to_owned(),
            ..in_region("eu-west-1")
        };
        let path_style = |source| Source {
            path_style: true,
            ..source
        };
        let with_thumbnails = |source| Source {
            thumbnail_url: Some("https://thumbs.example.com{path}?w=300".to_owned()),
            ..source
        };
        let cases: [(&str, Source, &[&str]); 12] = [
            ("no region", source(), &["https://*.amazonaws.com"]),
            (
                "a Region",
                in_region("eu-west-1"),
                &[
                    "https://bucket.s3.eu-west-1.amazonaws.com",
                    "https://s3.eu-west-1.amazonaws.com",
                ],
            ),
            (
                "a region in China",
                path_style(in_region("cn-north-1")),
                &["https://s3.cn-north-1.amazonaws.com.cn"],
            ),
            (
                "an endpoint",
                at("http://127.0.0.1:9000"),
                &["http://127.0.0.1:9000", "http://bucket.127.0.0.1:9000"],
            ),
            (
                "an endpoint with a path, path style",
                path_style(at("https://user@store.example/s3/")),
                &["https://store.example"],
            ),
            ("no address", at("store.example"), &[]),
            (
                "external first",
                Source {
                    endpoint_order: EndpointOrder::ExternalFirst,
                    path_style: true,
                    ..source()
                },
                &["https://s3-external-1.amazonaws.com"],
            ),
            (
                "a base URL",
                served_at("https://cdn.example.com/a"),
                &["https://cdn.example.com"],
            ),
            (
                "thumbnails",
                with_thumbnails(in_region("eu-west-1")),
                &["https://thumbs.example.com"],
            ),
            (
                "thumbnails and a base URL",
                with_thumbnails(served_at("https://cdn.example.com/a")),
                &["https://cdn.example.com", "https://thumbs.example.com"],
            ),
            (
                "a base URL that would add a directive",
                served_at("https://cdn.example.com; script-src"),
                &[],
            ),
            (
                "a disabled Source",
                Source {
                    enabled: false,
                    ..source()
                },
                &[],
            ),
        ];
        for (case, source, want) in &cases {
            assert_eq!(origins([source].into_iter()), *want, "{case}");
        }
    }

    #[test]
    fn schemes_reveal_no_host() {
        for (origins, want) in [
            (&[][..], &[][..]),
            (&["https:"], &["https:"]),
            (&["https://a.example", "https://*.b.example"], &["https:"]),
            (
                &["http://127.0.0.1:9000", "https://a"],
                &["http:", "https:"],
            ),
        ] {
            let origins: Vec<_> = origins.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(schemes(&origins), want, "{origins:?}");
        }
    }

    #[test]
    fn removes_duplicates_and_limits_the_number() {
        let twice = [source(), source()];
        assert_eq!(origins(twice.iter()), ["https://*.amazonaws.com"]);
        let served_at = |number| Source {
            base_url: format!("https://cdn{number}.example.com"),
            ..source()
        };
        let many: Vec<Source> = (0..MAX_ORIGINS).map(served_at).collect();
        assert_eq!(origins(many.iter()).len(), MAX_ORIGINS);
        let too_many: Vec<Source> = (0..=MAX_ORIGINS).map(served_at).collect();
        assert_eq!(origins(too_many.iter()), ["https:"]);
    }
}
