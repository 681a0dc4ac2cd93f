//! Texts and their words.

use std::ops::Range;

use proptest::prelude::*;

use super::*;

fn indexed(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    words(text, |word, _| found.push(word.to_owned()));
    found
}

fn queried(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    query_words(text, |word, _| found.push(word.to_owned()));
    found
}

fn ranges(text: &str) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    words(text, |word, range| found.push((word.to_owned(), range)));
    found
}

#[test]
fn splits_text_into_index_words() {
    for (text, want) in [
        ("", &[][..]),
        ("///--__", &[]),
        (
            "/photos/2024/summer-sale.jpg",
            &["photos", "2024", "summer", "sale", "jpg"],
        ),
        ("a_b c.d+e%f", &["a", "b", "c", "d", "e", "f"]),
        ("summerSale", &["summer", "summersale", "sale"]),
        ("HTMLPage", &["html", "htmlpage", "page"]),
        (
            "myHTMLPage2",
            &[
                "my",
                "myhtml",
                "myhtmlpage",
                "html",
                "htmlpage",
                "page",
                "2",
            ],
        ),
        (
            "aBCdEfGh",
            &[
                "a", "ab", "abcd", "abcdefgh", "b", "bcd", "bcdef", "cd", "cdef", "cdefgh", "ef",
                "efgh", "gh",
            ],
        ),
        ("iPhone15Pro", &["i", "iphone", "phone", "15", "pro"]),
        ("ABc", &["a", "abc", "bc"]),
        ("Abc", &["abc"]),
        ("ABC", &["abc"]),
        ("IMG2041", &["img", "2041"]),
        ("4K60fps", &["4", "k", "60", "fps"]),
        ("Ärger", &["arger", "aerger"]),
        ("CAFÉ", &["cafe"]),
        ("cafe\u{301}", &["cafe"]),
        ("\u{301}cafe", &["cafe"]),
        ("e\u{301}teE\u{301}te", &["ete", "eteete", "ete"]),
        ("İstanbul ırmak", &["istanbul", "irmak"]),
        ("Straße STRASSE ẞ", &["strasse", "strasse", "ss"]),
        (
            "smørrebrød Łódź œuvre",
            &["smorrebrod", "smoerrebroed", "lodz", "oeuvre"],
        ),
        (
            "MüllÅsa",
            &["mull", "muell", "mullasa", "muellaasa", "asa", "aasa"],
        ),
        ("ΟΔΟΣ οδος οδοσ", &["οδοσ", "οδοσ", "οδοσ"]),
        ("ﬁle ＩＭＧ２０４１", &["file", "img", "2041"]),
        ("½ ① Ⅷ ㎏", &["1", "2", "1", "viii", "kg"]),
        ("Москва", &["москва"]),
        ("שלום שָׁלוֹם", &["שלום", "שלום"]),
        ("किताब कताब", &["किताब", "कताब"]),
        ("東京2024年", &["東", "京", "2024", "年"]),
        ("東a京", &["東", "a", "京"]),
        ("がカー", &["が", "カ", "ー"]),
        ("か\u{3099}ｶﾞ", &["が", "ガ"]),
        ("한국", &["한", "국"]),
        (
            "\u{1112}\u{1161}\u{11AB}\u{1100}\u{116E}\u{11A8}",
            &["한", "국"],
        ),
        ("\u{1161}\u{1161}", &["\u{1161}", "\u{1161}"]),
        ("a🎉b", &["a", "🎉", "b"]),
        (
            "👍🏽👨\u{200D}👩\u{200D}👧❤\u{FE0F}",
            &["👍", "👨", "👩", "👧", "❤"],
        ),
        ("🇩🇪🇫🇷🇩x1\u{FE0F}\u{20E3}", &["🇩🇪", "🇫🇷", "🇩", "x", "1"]),
        ("x\u{FE0F}y", &["xy"]),
        (
            "pass\u{AD}word \u{FEFF}a\u{200B}b\u{200D}c",
            &["password", "abc"],
        ),
        ("C++ tutorial", &["c", "c++", "tutorial"]),
        ("C++17 c#", &["c", "c++", "17", "c", "c#"]),
        ("F#.zip", &["f", "f#", "zip"]),
        (
            "abc++ c+++ c#x a++b é# 1#",
            &["abc", "c", "c", "x", "a", "b", "e", "e#", "1"],
        ),
        (
            ".NET asp.net6 a.NeT",
            &[
                "net", ".net", "asp", "net", ".net", "6", "a", "ne", "net", "t", ".net",
            ],
        ),
        (
            "net .netto x_net .nets. net",
            &["net", "netto", "x", "net", "nets", "net"],
        ),
        ("東京tower", &["東", "京", "tower"]),
        ("москваCity2024", &["москва", "city", "2024"]),
        (
            "αbetaไทยabcשלוםд",
            &["α", "beta", "ไทย", "abc", "שלום", "д"],
        ),
        ("кафе\u{301}x", &["кафе", "x"]),
    ] {
        assert_eq!(indexed(text), want, "{text:?}");
    }
}

#[test]
fn query_words_ignore_case() {
    for (text, want) in [
        ("iPhone", &["iphone"][..]),
        ("SummerSALE-2024b", &["summersale", "2024", "b"]),
        ("CAFÉ", &["cafe"]),
        ("東京", &["東", "京"]),
        ("MÜNCHEN Mu\u{308}nchen", &["münchen", "münchen"]),
        ("a\u{30A}\u{308}ǿÅ", &["åøå"]),
        ("C++ f#", &["c++", "f#"]),
        (".NET asp.net net", &[".net", "asp", ".net", "net"]),
        ("👍🏽🇩🇪", &["👍", "🇩🇪"]),
    ] {
        assert_eq!(queried(text), want, "{text:?}");
    }
}

#[test]
fn ranges_are_bytes_of_the_original_text() {
    for (text, want) in [
        ("/ab/cd", &[("ab", 1..3), ("cd", 4..6)][..]),
        ("aéB", &[("ae", 0..3), ("aeb", 0..4), ("b", 3..4)]),
        ("ABCd", &[("ab", 0..2), ("abcd", 0..4), ("cd", 2..4)]),
        (
            "e\u{301}T x",
            &[("e", 0..3), ("et", 0..4), ("t", 3..4), ("x", 5..6)],
        ),
        ("ﬁx½", &[("fix", 0..4), ("1", 4..6), ("2", 4..6)]),
        (
            "c++ ü#",
            &[("c", 0..1), ("c++", 0..3), ("u", 4..6), ("ue", 4..6)],
        ),
        (
            "ä.net",
            &[("a", 0..2), ("ae", 0..2), ("net", 3..6), (".net", 2..6)],
        ),
        ("か\u{3099}b", &[("が", 0..6), ("b", 6..7)]),
    ] {
        let want: Vec<_> = want
            .iter()
            .map(|(w, r)| ((*w).to_owned(), r.clone()))
            .collect();
        assert_eq!(ranges(text), want, "{text:?}");
    }
}

#[test]
fn parts_share_positions_with_the_whole_word() {
    for (text, want) in [
        ("a b", &[("a", 0..1), ("b", 1..2)][..]),
        (
            "a summerSale 7",
            &[
                ("a", 0..1),
                ("summer", 1..2),
                ("summersale", 1..3),
                ("sale", 2..3),
                ("7", 3..4),
            ],
        ),
        (
            "myHTMLPage",
            &[
                ("my", 0..1),
                ("myhtml", 0..2),
                ("myhtmlpage", 0..3),
                ("html", 1..2),
                ("htmlpage", 1..3),
                ("page", 2..3),
            ],
        ),
        (
            "㎒東",
            &[("m", 0..1), ("mhz", 0..2), ("hz", 1..2), ("東", 2..3)],
        ),
    ] {
        let mut found = Vec::new();
        words_with_positions(text, |word, _, positions| {
            found.push((word.to_owned(), positions));
        });
        let want = want.iter().map(|(w, p)| ((*w).to_owned(), p.clone()));
        assert_eq!(found, want.collect::<Vec<_>>(), "{text:?}");
    }
}

#[test]
fn long_word_is_cut_at_a_character_boundary() {
    let long = "x".repeat(MAX_WORD_BYTES + 1);
    assert_eq!(indexed(&long), ["x".repeat(MAX_WORD_BYTES)]);
    assert_eq!(queried(&long), indexed(&long));
    let cyrillic = "ж".repeat(MAX_WORD_BYTES);
    assert_eq!(indexed(&cyrillic)[0].len(), MAX_WORD_BYTES - 1);
}

#[test]
fn folds_names() {
    for (name, want) in [
        ("", ""),
        ("IMG_2041 (1).JPG", "img_2041 (1).jpg"),
        ("Café Ærø.png", "cafe aero.png"),
        ("cafe\u{301}", "cafe"),
        ("\u{301}", ""),
        ("ﬁle½．jpg", "file1\u{2044}2.jpg"),
        ("a／b", "a/b"),
        ("か\u{3099}ｶﾞ", "がガ"),
        ("한\u{1112}\u{1161}\u{11AB}", "한한"),
        ("🎉\u{FE0F}x", "🎉x"),
        ("किताब", "किताब"),
    ] {
        assert_eq!(fold_name(name), want, "{name:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ranges_are_in_the_text_and_words_are_bounded(text in "\\PC{0,40}") {
        for (word, range) in ranges(&text) {
            prop_assert!(!word.is_empty() && word.len() <= MAX_WORD_BYTES);
            prop_assert!(!text[range].is_empty());
        }
    }

    #[test]
    fn index_words_contain_query_words_of_the_same_text(text in "[a-zA-Z0-9éüøßΣ東가_ +#-]{0,20}|\\PC{0,40}") {
        let index_words = indexed(&text);
        for word in queried(&text) {
            for word in spellings(&word) {
                let is_in = index_words.iter().any(|it| *it == word);
                prop_assert!(is_in, "{word:?} is not in {index_words:?}");
            }
        }
    }

    #[test]
    fn folding_a_folded_name_changes_nothing(name in "\\PC{0,40}|[a-zéßΣが\u{3099}\u{301}한\u{1161}]{0,12}") {
        let folded = fold_name(&name);
        prop_assert_eq!(fold_name(&folded), folded);
    }

    #[test]
    fn folded_name_contains_query_words_of_the_name(name in "[a-zA-Z0-9éüøßΣ東가_. +#-]{0,20}|\\PC{0,40}") {
        let folded = fold_name(&name);
        for word in queried(&name) {
            let word = plain_spelling(&word);
            prop_assert!(folded.contains(&*word), "{word:?} is not in {folded:?}");
        }
    }

    #[test]
    fn folding_a_folded_word_changes_nothing(text in "\\PC{0,40}|[a-zéüåø\u{308}+#]{0,9}") {
        for word in queried(&text) {
            prop_assert_eq!(queried(&word), [word]);
        }
    }
}
