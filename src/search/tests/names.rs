//! Which names a query finds, and which of them come first.

use super::*;
use crate::core::query::forgiving::Step;

/// The paths that a query finds, with the step that found them.
fn found(names: &[&str], text: &str) -> (Step, Vec<String>) {
    let keys: Vec<String> = names.iter().map(|name| format!("photos/{name}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let writer = Writer::with_assets(&keys);
    let snapshot = writer.index(NEVER).snapshot().unwrap();
    let request = Request::new(Query::parse(text, now()).unwrap()).highlights(true);
    let page = snapshot
        .search(snapshot.sources(), &request, &Deadline::never())
        .unwrap();
    for hit in &page.hits {
        let marks = hit.highlights.as_ref().unwrap();
        assert!(!marks.is_empty(), "{text} {}", hit.path);
    }
    let step = page.interpretation.map_or(Step::Exact, |it| it.step);
    let paths = page.hits.into_iter().map(|hit| hit.path[1..].to_owned());
    (step, paths.collect())
}

#[test]
fn finds_parts_of_runs_spellings_and_odd_words() {
    for (name, texts) in [
        (
            "iPhoneXSMax_front.png",
            &[
                "iphone",
                "iphone front",
                "iphone xs max",
                "xsmax",
                "iPhoneXSMax",
            ][..],
        ),
        (
            "HTMLPageView.png",
            &[
                "HTMLPage",
                "htmlpage",
                "page view",
                "pageview",
                "\"html page\"",
            ],
        ),
        (
            "IMG_0042.jpg",
            &["img42", "42", "img 42", "IMG_0042", "042", "ext:jpg 42"],
        ),
        ("SKU-00042", &["sku42", "sku-42", "sku 00042"]),
        (
            "party 🎉.png",
            &["🎉", "🎉 party", "party🎉", "\"party 🎉\""],
        ),
        ("👍🏽.png", &["👍", "👍🏿"]),
        ("flag 🇩🇪.svg", &["🇩🇪"]),
        ("C++ in 21 days.pdf", &["c++", "C++", "c"]),
        ("learn c#.pdf", &["c#", "learn-c#"]),
        (
            "München.jpg",
            &[
                "münchen",
                "munchen",
                "muenchen",
                "MÜNCHEN",
                "mün*",
                "muen*",
                "\"münchen jpg\"",
            ],
        ),
        (
            "Muenchen.jpg",
            &["münchen", "muenchen", "mün*", "name:münchen", "Münchne~2"],
        ),
        ("Munchen.jpg", &["münchen", "munchen"]),
        (
            "Ålesund Tromsø.jpg",
            &["alesund", "aalesund", "ålesund tromsø", "tromso", "tromsoe"],
        ),
        ("Straße Ærø.jpg", &["strasse", "straße", "aero", "ærø"]),
        (
            "pass\u{AD}word\u{200B}s.txt",
            &["passwords", "pass\u{AD}words", "passwords\u{FEFF}"],
        ),
        (
            "東京tower москва2024.jpg",
            &["tower", "東京", "москва", "2024", "東京tower"],
        ),
        ("москваCity αbeta.jpg", &["москва", "city", "beta"]),
    ] {
        for text in texts {
            let want = (Step::Exact, vec![name.to_owned()]);
            assert_eq!(found(&[name, "other.gif"], text), want, "{text}");
        }
    }
}

#[test]
fn words_that_are_written_differently_are_forgiven() {
    for (name, text) in [
        ("whatsapp.svg", "whats app"),
        ("whats-app.svg", "whatsapp"),
        ("img 42.jpg", "img 0042"),
    ] {
        let (step, paths) = found(&[name, "img.gif"], text);
        assert!(step > Step::Exact, "{text}");
        assert_eq!(paths[0], name, "{text}");
    }
}

#[test]
fn signs_and_emoji_exclude_other_names() {
    for (text, want) in [
        ("c++", &["c++.pdf"][..]),
        ("c#", &["c#.pdf"]),
        ("🎉", &["🎉.png"]),
        ("\"0042\"", &["0042.jpg"]),
        ("\"42\"", &["42.jpg"]),
    ] {
        let names = [
            "c.pdf", "c++.pdf", "c#.pdf", "🎉.png", "x.png", "0042.jpg", "42.jpg",
        ];
        let query = format!("{text} -zzz");
        assert_eq!(found(&names, &query).1, want, "{text}");
    }
}

/// The names come in this order, whatever the order of their paths is.
#[test]
fn nearer_words_and_more_exact_names_come_first() {
    for (text, best_first) in [
        (
            "2024-07",
            &["z 2024-07.jpg", "a 07 2024 b.jpg", "a 2024-01-02-07.jpg"][..],
        ),
        ("@2x", &["z icon@2x.png", "a2 b x.png"]),
        ("final_final", &["z_final_final.psd", "a_final_b_final.psd"]),
        ("final final", &["z_final_final.psd", "a_final_b_final.psd"]),
        ("mp4", &["z clip.mp4", "a mp 4.jpg", "a mp b 4.jpg"]),
        (
            "summer sale",
            &[
                "summer sale",
                "summer-sale.jpg",
                "z sale summer banner.jpg",
                "z summer sale banner.jpg",
                "z summer big sale.jpg",
                "a summer very big sale.jpg",
                "a/summer/sale.jpg",
                "sale/summer.jpg",
            ],
        ),
        (
            "sunset",
            &["sunset", "sunset.jpg", "a sunset", "sunset/a.jpg"],
        ),
        (
            "sunset.jpg",
            &["z/sunset.jpg", "sunset jpg b", "a/sunset-1.jpg"],
        ),
        (
            "iphone xs max",
            &["z iPhoneXSMax.png", "a iphone max b xs.png"],
        ),
        ("img 42", &["z IMG_0042.jpg", "a img b 42.jpg"]),
        ("page view", &["HTMLPageView.png", "a page b view.png"]),
        ("mün chen", &["z müen chen.jpg", "a muen b chen.jpg"]),
    ] {
        let mut names = best_first.to_vec();
        names.sort_unstable();
        assert_eq!(found(&names, text).1, best_first, "{text}");
    }
}
