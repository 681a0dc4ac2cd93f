//! Bodies that decode to a page, and bodies that are rejected.

use proptest::prelude::*;

use super::*;

const LISTED_AT: Timestamp = Timestamp::from_millis(7);

const TAIL: &str = "<IsTruncated>false</IsTruncated></ListBucketResult>";

const ENTRY: &str = "<Contents><Key>a</Key><LastModified>2026-11-24T08:00:00.000Z</LastModified>\
                     <ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>1</Size>\
                     <StorageClass>STANDARD</StorageClass></Contents>";

/// A page as AWS sends it. The key uses every kind of encoding.
const WHOLE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix></Prefix>\
    <NextContinuationToken>1+a/b%2F&amp;==</NextContinuationToken><KeyCount>1</KeyCount>\
    <MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
    <Contents><Key>a+b%2Bc%2F%2525&amp;%F0%9F%8C%B5</Key>\
    <LastModified>2026-11-24T08:00:00.000Z</LastModified>\
    <ETag>&quot;opaque&quot;</ETag><ChecksumAlgorithm>CRC32</ChecksumAlgorithm>\
    <Size>18446744073709551615</Size><Owner><ID>1</ID><DisplayName/></Owner>\
    <StorageClass>GLACIER</StorageClass></Contents></ListBucketResult>";

fn listing(inside: &str) -> String {
    format!("<ListBucketResult>{inside}{TAIL}")
}

fn decoded(body: &str) -> Result<ListingPage, PageError> {
    decode(body.as_bytes(), LISTED_AT).map(|decoded| decoded.page)
}

fn keys(page: ListingPage) -> Vec<String> {
    page.entries.into_iter().map(|entry| entry.key).collect()
}

#[test]
fn decodes_a_whole_page() {
    let page = decoded(WHOLE).unwrap();
    assert_eq!(page.next, Some(ContinuationToken("1+a/b%2F&==".into())));
    assert_eq!(page.listed_at, LISTED_AT);
    assert_eq!(
        page.entries,
        [PageEntry {
            key: "a b+c/%25&🌵".into(),
            object: Object {
                size: u64::MAX,
                etag: Some(ETag::Other("opaque".into())),
                last_modified: Timestamp::from_millis(1_795_507_200_000),
                storage_class: StorageClass::from_name("GLACIER"),
            },
        }]
    );
}

#[test]
fn skips_unknown_elements() {
    let later = ENTRY.replace("<Key>a<", "<Key>z%20+<");
    for (case, inside, want) in [
        ("no entry", String::new(), &[][..]),
        ("one entry", ENTRY.into(), &["a"]),
        ("white space", format!("\r\n {ENTRY}\n\t"), &["a"]),
        ("empty elements", format!("<Prefix/><Delimiter />{ENTRY}"), &["a"]),
        ("unknown with a Key in it", format!("<X><Key>x</Key></X>{ENTRY}"), &["a"]),
        ("unknown with an entry in it", format!("<X>{ENTRY}</X>"), &[]),
        ("encoding last", format!("{later}<EncodingType>url</EncodingType>"), &["z  "]),
        ("encoding first", format!("<EncodingType>url</EncodingType>{later}"), &["z  "]),
        ("no encoding", later.clone(), &["z%20+"]),
        ("an empty encoding", format!("<EncodingType/>{later}"), &["z%20+"]),
        (
            "nested unknown in an entry",
            ENTRY.replace("<Size>", "<Owner><ID><Key>x</Key></ID></Owner><Size>"),
            &["a"],
        ),
        (
            "a restore status",
            ENTRY.replace(
                "<Size>",
                "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress></RestoreStatus><Size>",
            ),
            &["a"],
        ),
        (
            "attributes",
            ENTRY.replace("<Size>", "<Size unit=\"b>ytes\">"),
            &["a"],
        ),
        (
            "no storage class and no ETag",
            "<Contents><Size>0</Size><LastModified>2026-11-24T08:00:00Z</LastModified>\
             <ETag/><Key>k</Key></Contents>"
                .into(),
            &["k"],
        ),
    ] {
        let page = decoded(&listing(&inside)).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(keys(page), want, "{case}");
    }
}

#[test]
fn decodes_each_spelling_of_the_quotes_of_an_etag() {
    let hex = "d41d8cd98f00b204e9800998ecf8427e";
    for quoted in [
        format!("&quot;{hex}&quot;"),
        format!("\"{hex}\""),
        format!("&#34;{hex}&#x22;"),
        hex.to_owned(),
    ] {
        let inside = ENTRY.replace(&format!("&quot;{hex}&quot;"), &quoted);
        let page = decoded(&listing(&inside)).unwrap();
        assert_eq!(page.entries[0].object.etag, ETag::parse(hex), "{quoted}");
    }
}

#[test]
fn rejects_invalid_bodies() {
    let entry_with = |from: &str, to: &str| listing(&ENTRY.replace(from, to));
    for (body, expected) in [
        (String::new(), "truncated at byte 0"),
        ("<html></html>".into(), "root element is html"),
        ("<ListBucketResult/>".into(), "not ListBucketResult"),
        (
            "<ListBucketResult></ListBucketResult>".into(),
            "without IsTruncated",
        ),
        (listing("<X>"), "without its opening tag"),
        (listing("</X>"), "without its opening tag"),
        (listing("<X></Y></X>"), "without its opening tag"),
        (
            listing("stray"),
            "text where an element was expected at byte 18",
        ),
        (listing("") + "<ListBucketResult>", "after the root element"),
        (listing("<Contents/>"), "an entry without Key"),
        (entry_with("<Key>a</Key>", ""), "an entry without Key"),
        (entry_with("<Key>a</Key>", "<Key/>"), "an entry without Key"),
        (
            entry_with("<Key>a</Key>", "<Key></Key>"),
            "an empty key at byte 33",
        ),
        (
            entry_with("<Key>a</Key>", "<Key>a</Key><Key>b</Key>"),
            "two Key elements",
        ),
        (
            entry_with("<Key>a</Key>", "<Key>a<b/></Key>"),
            "Key contains more than text",
        ),
        (
            entry_with(">a<", "><![CDATA[a]]><"),
            "does not belong to an element",
        ),
        (entry_with(">a<", ">a&b<"), "semicolon at byte 33"),
        (entry_with("<Size>1</Size>", ""), "an entry without Size"),
        (entry_with("<Size>1<", "<Size><"), "not a number"),
        (entry_with("<Size>1<", "<Size>-1<"), "not a number"),
        (entry_with("<Size>1<", "<Size>1.0<"), "not a number"),
        (
            entry_with("<Size>1<", "<Size>18446744073709551616<"),
            "not a number",
        ),
        (entry_with("2026-11-24", "2026-11-32"), "not ISO 8601"),
        (entry_with("&quot;d41d", "&qout;d41d"), "unknown entity"),
        (
            listing("<EncodingType>base64</EncodingType>"),
            "unknown EncodingType",
        ),
        (
            listing("<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>"),
            "common prefix",
        ),
        (
            listing("").replace("false", "yes"),
            "neither true nor false",
        ),
        (
            listing("").replace("false", "true"),
            "without NextContinuationToken",
        ),
        (
            listing("<NextContinuationToken/>").replace("false", "true"),
            "without NextContinuationToken",
        ),
    ] {
        let error = decoded(&body).unwrap_err().to_string();
        assert!(error.contains(expected), "{body}: {error}");
        assert!(error.contains(" at byte "), "{body}: {error}");
    }
}

/// An entry with this key.
fn entry_of(key: &str) -> String {
    format!(
        "<Contents><Key>{key}</Key>\
         <LastModified>2026-11-24T08:00:00.000Z</LastModified><Size>1</Size></Contents>"
    )
}

#[test]
fn sets_keys_apart_that_the_index_cannot_store() {
    for (bytes, taken) in [
        (1024, true),
        (MAX_KEY_BYTES, true),
        (MAX_KEY_BYTES + 1, false),
    ] {
        let key = "k".repeat(bytes);
        let page = decoded(&listing(&entry_of(&key))).unwrap();
        assert_eq!(page.entries.len(), usize::from(taken));
        assert_eq!(page.unusable.len(), usize::from(!taken));
    }
}

#[test]
fn sets_keys_apart_that_are_not_utf_8_or_wrongly_encoded() {
    let written = ["a", "caf%E9", "d%4", "e", "f%C3&amp;"]
        .map(entry_of)
        .concat();
    let page = decoded(&listing(&format!(
        "<KeyCount>5</KeyCount><EncodingType>url</EncodingType>{written}"
    )));
    let page = page.unwrap();
    let unusable_keys = page.unusable.clone();
    assert_eq!(keys(page), ["a", "e"]);
    let unusable = |position, bytes: Option<&[u8]>, text: &str| UnusableKey {
        position,
        bytes: bytes.map(<[u8]>::to_vec),
        text: text.to_owned(),
    };
    let want = [
        unusable(1, Some(b"caf\xE9"), r"caf\xE9"),
        unusable(1, None, "d%4"),
        unusable(2, Some(b"f\xC3&"), r"f\xC3&"),
    ];
    assert_eq!(unusable_keys, want);
}

#[test]
fn ignores_a_token_on_the_last_page() {
    let page = decoded(&listing("<NextContinuationToken>t</NextContinuationToken>")).unwrap();
    assert_eq!(page.next, None);
}

#[test]
fn returns_an_error_document() {
    let body = "<Error><Code>SlowDown</Code><Message>Reduce</Message></Error>";
    let Err(PageError::Service(error)) = decoded(body) else {
        panic!("not decoded as an error document");
    };
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("SlowDown", "Reduce")
    );
}

#[test]
fn rejects_every_proper_prefix_of_a_page() {
    for length in 0..WHOLE.len() {
        assert!(
            decode(&WHOLE.as_bytes()[..length], LISTED_AT).is_err(),
            "{length} bytes"
        );
    }
}

/// Choices of the encoder, because XML and S3 allow several spellings.
#[derive(Clone, Copy, Debug)]
struct EncodingStyle {
    url_encoded: bool,
    encoding_first: bool,
    lower_hex: bool,
    space_as_plus: bool,
    encode_all: bool,
    unknown_elements: bool,
}

fn encoding_styles() -> impl Strategy<Value = EncodingStyle> {
    any::<[bool; 6]>().prop_map(
        |[
            url_encoded,
            encoding_first,
            lower_hex,
            space_as_plus,
            encode_all,
            unknown_elements,
        ]| EncodingStyle {
            url_encoded,
            encoding_first,
            lower_hex,
            space_as_plus,
            encode_all,
            unknown_elements,
        },
    )
}

/// Encodes a key. It shares no code with the decoder.
fn encoded_key(key: &str, style: EncodingStyle) -> String {
    if !style.url_encoded {
        return key
            .chars()
            .map(|c| match c {
                '<' => "&lt;".into(),
                '&' => "&amp;".into(),
                c if c.is_control() && style.lower_hex => format!("&#x{:x};", u32::from(c)),
                c if c.is_control() || style.encode_all => format!("&#{};", u32::from(c)),
                c => c.to_string(),
            })
            .collect();
    }
    let mut text = String::new();
    for &byte in key.as_bytes() {
        match byte {
            b' ' if style.space_as_plus => text.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' if !style.encode_all => text.push(byte.into()),
            b'/' if !style.encode_all => text.push('/'),
            _ if style.lower_hex => text += &format!("%{byte:02x}"),
            _ => text += &format!("%{byte:02X}"),
        }
    }
    text
}

fn rendered(page: &ListingPage, style: EncodingStyle) -> String {
    let encoding = if style.url_encoded {
        "<EncodingType>url</EncodingType>"
    } else {
        ""
    };
    let unknown_element = if style.unknown_elements {
        "\n<Owner><ID>1</ID><Key>no</Key></Owner><Nothing/>"
    } else {
        ""
    };
    let mut body = String::from("<ListBucketResult xmlns='http://s3/'>") + unknown_element;
    if style.encoding_first {
        body += encoding;
    }
    for PageEntry { key, object } in &page.entries {
        let timestamp =
            jiff::Timestamp::from_millisecond(object.last_modified.as_millis()).unwrap();
        let key = format!("<Key>{}</Key>", encoded_key(key, style));
        let timestamp = format!("<LastModified>{timestamp:.3}</LastModified>");
        let size = format!("<Size>{}</Size>", object.size);
        let etag = object.etag.as_ref().map_or(String::new(), |etag| {
            format!("<ETag>&quot;{}&quot;</ETag>", etag.to_text())
        });
        let class = format!(
            "<StorageClass>{}</StorageClass>",
            object.storage_class.name()
        );
        body += "<Contents>";
        body += &if style.space_as_plus {
            [key, timestamp, unknown_element.into(), size, etag, class].concat()
        } else {
            [class, etag, size, unknown_element.into(), timestamp, key].concat()
        };
        body += "</Contents>";
    }
    if let Some(ContinuationToken(token)) = &page.next {
        let token = token.replace('&', "&amp;").replace('<', "&lt;");
        body += &format!("<NextContinuationToken>{token}</NextContinuationToken>");
    }
    if !style.encoding_first {
        body += encoding;
    }
    let truncated = page.next.is_some();
    body + &format!("<IsTruncated>{truncated}</IsTruncated></ListBucketResult>")
}

fn keys_of_all_unicode() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(any::<char>(), 1..12).prop_map(String::from_iter),
        proptest::collection::vec(prop::char::range('\0', '\u{ff}'), 1..24)
            .prop_map(String::from_iter),
    ]
}

fn entries() -> impl Strategy<Value = PageEntry> {
    let etags = prop_oneof![
        Just(None),
        any::<(u128, u16)>().prop_map(|(bits, parts)| Some(ETag::Hex { bits, parts })),
        Just(ETag::parse("opaque-1")),
    ];
    // The years 1970 to 9999, which have four digits.
    let timestamps = 0..253_402_300_799_999i64;
    let classes = prop_oneof![Just("STANDARD"), Just("GLACIER_IR"), Just("NEW_CLASS")];
    (
        keys_of_all_unicode(),
        any::<u64>(),
        etags,
        timestamps,
        classes,
    )
        .prop_map(|(key, size, etag, timestamp, class)| PageEntry {
            key,
            object: Object {
                size,
                etag,
                last_modified: Timestamp::from_millis(timestamp),
                storage_class: StorageClass::from_name(class),
            },
        })
}

fn pages() -> impl Strategy<Value = ListingPage> {
    let tokens = proptest::option::of("[ -~]{1,40}".prop_map(ContinuationToken));
    (proptest::collection::vec(entries(), 0..8), tokens).prop_map(|(entries, next)| ListingPage {
        entries,
        unusable: Vec::new(),
        next,
        listed_at: LISTED_AT,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decodes_what_was_encoded(page in pages(), style in encoding_styles()) {
        prop_assert_eq!(decoded(&rendered(&page, style)), Ok(page));
    }

    #[test]
    fn rejects_a_truncated_page(page in pages(), style in encoding_styles(), at in any::<prop::sample::Index>()) {
        let body = rendered(&page, style);
        prop_assert!(decode(&body.as_bytes()[..at.index(body.len())], LISTED_AT).is_err());
    }

    #[test]
    fn changed_bytes_do_not_panic(
        page in pages(),
        style in encoding_styles(),
        changes in proptest::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4),
    ) {
        let mut body = rendered(&page, style).into_bytes();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let _ = decode(&body, LISTED_AT);
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&body, LISTED_AT);
    }
}

#[test]
fn rejects_pages_that_contradict_themselves() {
    for inside in [
        "<IsTruncated>false</IsTruncated>",
        "<KeyCount>1</KeyCount>",
        "<KeyCount>-</KeyCount>",
        &format!("<KeyCount>0</KeyCount>{ENTRY}"),
        &format!("{ENTRY}<KeyCount>2</KeyCount>"),
    ] {
        assert!(decoded(&listing(inside)).is_err(), "{inside}");
    }
    decoded(&listing(&format!("<KeyCount>1</KeyCount>{ENTRY}"))).unwrap();
}

#[test]
fn returns_what_a_page_repeats_of_its_request() {
    let page = decode(WHOLE.as_bytes(), LISTED_AT).unwrap();
    let (bucket, prefix) = (page.echo.bucket.unwrap(), page.echo.prefix.unwrap());
    assert_eq!((bucket.bytes, prefix.bytes), (&b"b"[..], &b""[..]));
    let empty = listing("<Prefix/>");
    let page = decode(empty.as_bytes(), LISTED_AT).unwrap();
    assert_eq!(page.echo.prefix.unwrap().bytes, b"");
}
