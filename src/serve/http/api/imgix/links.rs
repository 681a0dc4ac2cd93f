//! The links of a list: the addresses of its other pages.
//!
//! They are paths without a host, because a server behind a proxy does not know its own address.

use axum::http::Uri;

use crate::serve::http::api::params::percent_decode;

/// The parameters that select a page. All others stay in a link.
const PAGE_PARAMETERS: [&str; 2] = ["page[cursor]", "page[number]"];

/// Makes the links to the pages of the list at an address.
pub(super) struct PageLinks<'a> {
    uri: &'a Uri,
    /// The parameters that do not select a page, as the client sent them.
    others: Vec<&'a str>,
}

impl<'a> PageLinks<'a> {
    pub(super) fn of(uri: &'a Uri) -> Self {
        let is_other = |pair: &&str| {
            let name = pair.split('=').next().unwrap_or_default();
            let name = percent_decode(name, true);
            !pair.is_empty() && name.is_ok_and(|name| !PAGE_PARAMETERS.contains(&&*name))
        };
        let pairs = uri.query().unwrap_or_default().split('&');
        Self {
            uri,
            others: pairs.filter(is_other).collect(),
        }
    }

    /// The page of the request.
    pub(super) fn to_self(&self) -> String {
        let path_and_query = self.uri.path_and_query();
        path_and_query.map_or_else(String::new, ToString::to_string)
    }

    /// The first page.
    pub(super) fn to_first(&self) -> String {
        self.with(&self.others)
    }

    /// The page that a parameter selects. The value needs no encoding.
    pub(super) fn to(&self, parameter: &str, value: &str) -> String {
        let name = parameter.replace('[', "%5B").replace(']', "%5D");
        let pair = format!("{name}={value}");
        let mut pairs = self.others.clone();
        pairs.push(&pair);
        self.with(&pairs)
    }

    fn with(&self, pairs: &[&str]) -> String {
        let path = self.uri.path();
        match pairs {
            [] => path.to_owned(),
            pairs => format!("{path}?{}", pairs.join("&")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_all_other_parameters() {
        for (url, first, next) in [
            ("/a", "/a", "/a?page%5Bcursor%5D=x"),
            (
                "/a?page[number]=3&page%5Bsize%5D=2&&filter[keyword]=a%26b+c&page%5Bcursor%5D=7",
                "/a?page%5Bsize%5D=2&filter[keyword]=a%26b+c",
                "/a?page%5Bsize%5D=2&filter[keyword]=a%26b+c&page%5Bcursor%5D=x",
            ),
        ] {
            let uri: Uri = url.parse().unwrap();
            let links = PageLinks::of(&uri);
            assert_eq!(links.to_self(), url);
            assert_eq!(links.to_first(), first);
            assert_eq!(links.to("page[cursor]", "x"), next);
        }
    }
}
