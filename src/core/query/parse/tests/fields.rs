//! Fields, in our notation and in the notations of Cloudinary and ImageKit.

use super::*;

fn name(name: &str) -> Condition {
    term(Term::Name(name.into()))
}

fn level(path: &str) -> Condition {
    term(Term::DirectlyIn(path.into()))
}

fn path(path: &str) -> Condition {
    term(Term::Path(path.into()))
}

fn kinds(kinds: &[AssetType]) -> Condition {
    term(Term::Type(kinds.to_vec()))
}

#[test]
fn folders_paths_and_names() {
    check(&[
        ("folder:/photos/2024", folder("/photos/2024/")),
        ("folder:photos/", folder("/photos/")),
        ("folder:/photos/*", folder("/photos/")),
        ("folder:\"photos/**\"", folder("/photos/")),
        ("folder:/", folder("/")),
        ("folder:*", folder("/")),
        ("folder:/*", folder("/")),
        ("folder://a//b", folder("//a//b/")),
        ("folder: \"/My Photos\"", folder("/My Photos/")),
        (r#"folder:"/a \"b\" \\ \c""#, folder(r#"/a "b" \ \c/"#)),
        (r#"folder:/a"b\c"#, folder(r#"/a"b\c/"#)),
        ("folder:/a(b)/c", folder("/a(b)/c/")),
        ("(folder:/a)", folder("/a/")),
        ("folder:ca*/raw", glob("/ca*/raw/**")),
        ("folder:\"ca*/raw\"", glob("/ca*/raw/**")),
        ("folder:ca*/raw/", glob("/ca*/raw/**")),
        ("folder:\"/ca*/what?/\"", folder("/ca*/what?/")),
        ("folder:=/photos", level("/photos/")),
        ("folder=photos", level("/photos/")),
        ("folder = \"/\"", level("/")),
        ("folder!=/photos", not(level("/photos/"))),
        ("asset_folder:a", folder("/a/")),
        ("path:/a/b.jpg", path("/a/b.jpg")),
        ("path:a/b.jpg", path("/a/b.jpg")),
        ("path:\"/My Photos/*.jpg\"", glob("/My Photos/*.jpg")),
        ("path:a/**", glob("/a/**")),
        ("path=\"/a*b\"", path("/a*b")),
        ("name:red", in_name("red", MatchMode::Whole)),
        ("name:red-flower", in_name("red flower", MatchMode::Whole)),
        (
            "name : \"red flower\"",
            in_name("red flower", MatchMode::Phrase),
        ),
        ("name:re*", in_name("re", MatchMode::Prefix)),
        ("name:flowr~", in_name("flowr", MatchMode::Typos(1))),
        ("name:*ed_fl*", part("*ed_fl*")),
        ("name:\"Red *\"", part("red *")),
        ("name:*", all(&[])),
        ("name:=\"red flower.jpg\"", name("red flower.jpg")),
        ("name=a*b?.jpg", name("a*b?.jpg")),
        ("name HAS red", in_name("red", MatchMode::Whole)),
        ("filename:red", in_name("red", MatchMode::Whole)),
        ("name NOT = \"a\"", not(name("a"))),
        ("name IN [\"a, b\", c ]", any(&[name("a, b"), name("c")])),
        ("name IN [a]", name("a")),
        ("name NOT IN (a, b)", not(any(&[name("a"), name("b")]))),
        (
            "folder IN [a, \"/b c\"]",
            any(&[level("/a/"), level("/b c/")]),
        ),
        (
            "name:(red OR \"blue sky\" -green)",
            any(&[
                in_name("red", MatchMode::Whole),
                all(&[
                    in_name("blue sky", MatchMode::Phrase),
                    not(in_name("green", MatchMode::Whole)),
                ]),
            ]),
        ),
    ]);
}

#[test]
fn extensions_types_storage_classes_and_etags() {
    check(&[
        ("ext:jpg", ext("jpg jpeg jpe")),
        ("ext:=jpg", ext("jpg")),
        ("ext!=jpg", not(ext("jpg"))),
        ("ext:tif|png", any(&[ext("tif tiff"), ext("png")])),
        ("EXT:.JPG,png", ext("jpg jpeg jpe png")),
        ("ext:\"jpg, png\"", ext("jpg jpeg jpe png")),
        ("-ext:gif a", all(&[not(ext("gif")), words("a")])),
        ("ext != gif", not(ext("gif"))),
        ("format=jpg", ext("jpg")),
        ("format IN [\"jpg\", \"png\"]", ext("jpg png")),
        ("format:[jpg,png]", ext("jpg jpeg jpe png")),
        (
            "format:(jpg OR png)",
            any(&[ext("jpg jpeg jpe"), ext("png")]),
        ),
        ("type:image", kinds(&[AssetType::Image])),
        ("type = \"image\"", kinds(&[AssetType::Image])),
        (
            "type:Video,3d",
            kinds(&[AssetType::Video, AssetType::ThreeD]),
        ),
        ("resource_type:image", kinds(&[AssetType::Image])),
        ("type:photo", kinds(&[AssetType::Image])),
        ("type:pdf", ext("pdf")),
        (
            "type:movie,pdf",
            any(&[kinds(&[AssetType::Video]), ext("pdf")]),
        ),
        (
            "type:photo|pdf",
            any(&[kinds(&[AssetType::Image]), ext("pdf")]),
        ),
        (
            "fileType NOT IN [\"image\"]",
            not(kinds(&[AssetType::Image])),
        ),
        ("storage:glacier", term(Term::Storage(texts("GLACIER")))),
        (
            "storage:standard-ia,DEEP_ARCHIVE",
            term(Term::Storage(texts("STANDARD_IA DEEP_ARCHIVE"))),
        ),
        ("etag:\"abc-7\"", term(Term::ETag("abc-7".into()))),
        ("etag=ABC", term(Term::ETag("ABC".into()))),
    ]);
}

#[test]
fn sizes_and_dates() {
    let size = |lower, upper| term(Term::Size(Interval { lower, upper }));
    let over = |lower| size(Excluded(lower), Unbounded);
    let modified = |lower, upper| term(Term::Modified(Interval { lower, upper }));
    let created = |lower, upper| term(Term::Created(Interval { lower, upper }));
    let ago = |days: i64| Timestamp::from_millis(NOW.as_millis() - days * 86_400_000);
    let year = Timestamp::from_millis(1_767_225_600_000);
    let next_year = Timestamp::from_millis(1_798_761_600_000);
    check(&[
        ("size:>1mb", over(1_000_000)),
        ("-size:\">1mb\"", not(over(1_000_000))),
        ("size > \"1mb\"", over(1_000_000)),
        ("size: > 1mb", over(1_000_000)),
        ("size : >1mb", over(1_000_000)),
        ("bytes>1000000", over(1_000_000)),
        ("bytes>1m", over(1_000_000)),
        ("size<=500kb", size(Unbounded, Included(500_000))),
        ("size=>5", size(Included(5), Unbounded)),
        ("size:5", size(Included(5), Included(5))),
        ("size:>1 mb", over(1_000_000)),
        ("size:>1 MB a", all(&[over(1_000_000), words("a")])),
        ("size:>1 a", all(&[over(1), words("a")])),
        ("size > 1 mb", over(1_000_000)),
        ("size:1 kb..2 kb", size(Included(1_000), Included(2_000))),
        ("size = 5", size(Included(5), Included(5))),
        ("size!=5", not(size(Included(5), Included(5)))),
        ("size:1kb..2kb", size(Included(1_000), Included(2_000))),
        ("size:[1kb TO 2kb]", size(Included(1_000), Included(2_000))),
        (
            "(bytes:{1kb TO \"2kb\"})",
            size(Excluded(1_000), Excluded(2_000)),
        ),
        (
            "size:(<1 OR >5)",
            any(&[size(Unbounded, Excluded(1)), over(5)]),
        ),
        (
            "size IN [5, \"6\"]",
            any(&[
                size(Included(5), Included(5)),
                size(Included(6), Included(6)),
            ]),
        ),
        ("year:2026", modified(Included(year), Excluded(next_year))),
        ("date:2026", modified(Included(year), Excluded(next_year))),
        (
            "modified:\"this year\"",
            modified(Included(year), Excluded(next_year)),
        ),
        (
            "modified:2026",
            modified(Included(year), Excluded(next_year)),
        ),
        ("modified >= 2026-01", modified(Included(year), Unbounded)),
        ("modified:<7d", modified(Excluded(ago(7)), Unbounded)),
        ("created:>7d", created(Unbounded, Excluded(ago(7)))),
        ("createdAt > \"7d\"", created(Excluded(ago(7)), Unbounded)),
        ("uploaded_at>1d", modified(Excluded(ago(1)), Unbounded)),
        (
            "uploaded_at:[4w TO 1w]",
            modified(Included(ago(28)), Included(ago(7))),
        ),
        (
            "uploaded_at:[\"2026-01-01\" TO *]",
            modified(Included(year), Unbounded),
        ),
        (
            "created_at:[2026-01-01T00:00:00Z TO \"2027-01-01\"}",
            created(Included(year), Excluded(next_year)),
        ),
    ]);
}

#[test]
fn plus_and_exclamation_mark_before_fields_work_as_in_lucene() {
    let image = || kinds(&[AssetType::Image]);
    let red = || parse("name:red").unwrap();
    check(&[
        ("+type:image", image()),
        ("!type:image", not(image())),
        ("+(type:image)", image()),
        (
            "!(type:image) +name:red",
            Condition::All(vec![not(image()), red()]),
        ),
        ("!red", not(parse("red").unwrap())),
        ("+red +flower", parse("red flower").unwrap()),
    ]);
}

#[test]
fn queries_in_the_syntax_of_cloudinary_and_imagekit() {
    let image = kinds(&[AssetType::Image]);
    for (text, parts) in [
        ("resource_type:image AND uploaded_at>1d AND bytes>1m", 3),
        ("folder:cars/* AND format:jpg AND bytes<1m", 3),
        (
            "(size < \"1mb\" AND type = \"image\") AND name : \"red\"",
            3,
        ),
        ("createdAt >= \"7d\" AND NOT format:(gif OR webp)", 2),
    ] {
        let Ok(Condition::All(all)) = parse(text) else {
            panic!("{text}");
        };
        assert_eq!(all.len(), parts, "{text}");
        let has_image = text.contains("type");
        assert_eq!(all.contains(&image), has_image, "{text}");
    }
}
