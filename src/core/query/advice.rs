//! What to write instead of the names that other search services use: Cloudinary, Meilisearch, Algolia and others.
//!
//! A field or a parameter that this one does not have is always an error. This module only makes the error helpful.

/// The names of a thing in other services, without `_` and in lower case, and what to write instead.
type Advice = (&'static [&'static str], &'static str);

/// Fields of a query.
const FIELDS: [Advice; 8] = [
    (
        &["source", "bucket"],
        "a query does not choose the Source; choose it next to the search field, with --source NAME, or with the \
         parameter source=NAME",
    ),
    (
        &["q", "query", "search", "expression", "filter", "filters"],
        "write the words and the conditions alone, as in: summer ext:jpg size>1000",
    ),
    (
        &["sort", "sortby", "orderby"],
        "a query does not sort; choose the order next to the results, with --sort=-size, or with the parameter \
         sort=-size",
    ),
    (
        &[
            "limit",
            "offset",
            "page",
            "perpage",
            "hitsperpage",
            "maxresults",
        ],
        "a query does not choose the page; use --limit 50, or the parameters limit=50 and cursor",
    ),
    (
        &["attributestoretrieve", "fields", "withfield"],
        "a query does not choose attributes; use the parameter fields=path,size",
    ),
    (
        &["publicid", "objectid", "id"],
        "assets have no such id; write path:/photos/a* for their path, or name:a for their name",
    ),
    (
        &["contenttype", "mimetype", "mime"],
        "write type:image or ext:jpg instead",
    ),
    (
        &["georadius", "geoboundingbox", "geo"],
        "the listing of a bucket has no places, so assets cannot be found by them",
    ),
];

/// Parameters of the HTTP API.
const PARAMETERS: [Advice; 10] = [
    (
        &["query", "expression", "search", "phrase"],
        "write q=summer",
    ),
    (
        &[
            "filter",
            "filters",
            "facetfilters",
            "numericfilters",
            "tagfilters",
        ],
        "write conditions into q, as in q=summer ext:jpg size>1000",
    ),
    (
        &["offset", "page", "nextcursor", "startat", "skip", "from"],
        "write cursor= with the meta.cursor.next of the page before",
    ),
    (
        &[
            "hitsperpage",
            "perpage",
            "maxresults",
            "pagesize",
            "size",
            "length",
        ],
        "write limit=50",
    ),
    (
        &["sortby", "orderby", "order"],
        "write sort=-size, with - for the highest first",
    ),
    (
        &["attributestoretrieve", "withfield", "attributes", "select"],
        "write fields=path,size",
    ),
    (
        &["aggregate", "aggregations", "maxfacethits"],
        "write facets=type,ext",
    ),
    (
        &["attributestohighlight", "highlight"],
        "write highlights=true",
    ),
    (
        &["matchingstrategy", "typotolerance"],
        "write exact=true to find only words as they are",
    ),
    (
        &["bucket", "sources", "index", "indexuid"],
        "write source=NAME",
    ),
];

/// Properties to sort by.
const SORTS: [(&[&str], &str); 5] = [
    (&["filename", "displayname"], "name"),
    (&["publicid", "originpath", "folder"], "path"),
    (
        &[
            "updatedat",
            "uploadedat",
            "modifiedat",
            "lastmodified",
            "date",
        ],
        "modified",
    ),
    (&["createdat", "firstseen"], "created"),
    (&["bytes", "filesize"], "size"),
];

/// Advice for a field that queries do not have: what to write instead.
pub(super) fn of_field(name: &str) -> Option<&'static str> {
    find(&FIELDS, name)
}

/// Advice for a parameter that searches do not have: what to write instead.
pub fn of_parameter(name: &str) -> Option<&'static str> {
    find(&PARAMETERS, name)
}

/// Translates a sort order of another service, such as `size:desc` or `created_at`. `known` tells whether this service has
/// a key of that name. Returns `None` if it does not have one of them.
pub fn of_sort(text: &str, known: impl Fn(&str) -> bool) -> Option<String> {
    let keys: Option<Vec<_>> = text.split(',').map(|key| sort_key(key, &known)).collect();
    keys.map(|keys| keys.join(","))
}

fn sort_key(text: &str, known: impl Fn(&str) -> bool) -> Option<String> {
    let (is_reversed, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (name, direction) = rest.split_once([':', ' ']).unwrap_or((rest, "asc"));
    let is_descending = match direction.trim().to_lowercase().as_str() {
        "asc" => is_reversed,
        "desc" => !is_reversed,
        _ => return None,
    };
    let folded = folded(name);
    let by = match SORTS
        .iter()
        .find(|(names, _)| names.contains(&folded.as_str()))
    {
        Some((_, by)) => (*by).to_owned(),
        None => folded,
    };
    let sign = if is_descending { "-" } else { "" };
    known(&by).then(|| format!("{sign}{by}"))
}

fn find(advice: &[Advice], name: &str) -> Option<&'static str> {
    let name = folded(name);
    let found = advice
        .iter()
        .find(|(names, _)| names.contains(&name.as_str()));
    found.map(|(_, advice)| *advice)
}

fn folded(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_services_get_advice() {
        let is_known = |name: &str| ["size", "created", "path", "modified"].contains(&name);
        for (text, wanted) in [
            ("size:desc", Some("-size")),
            ("size:asc", Some("size")),
            ("-bytes", Some("-size")),
            ("-size:desc", Some("size")),
            ("created_at:desc,public_id:asc", Some("-created,path")),
            ("uploaded_at", Some("modified")),
            ("size:down", None),
            ("width:desc", None),
            ("", None),
        ] {
            assert_eq!(of_sort(text, is_known).as_deref(), wanted, "{text}");
        }
        for (name, part) in [
            ("attributesToRetrieve", "fields="),
            ("max_results", "limit="),
            ("filter", "into q"),
        ] {
            assert!(
                of_parameter(name).is_some_and(|it| it.contains(part)),
                "{name}"
            );
        }
        assert_eq!(of_parameter("nonsense"), None);
        assert!(of_field("public_id").is_some_and(|advice| advice.contains("path:")));
    }
}
