//! The layouts of the bucket of `list_server`: which key has which number. It does not render pages.
//!
//! All keys of a layout are different, have only characters that no listing encodes, and ascend with their
//! numbers. They are the same on every run.

use crate::mixed::mixed;

/// How the keys of a bucket are spread over folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainLayout {
    /// Years, months and days, with the same number of keys in each day.
    Nested,
    /// One folder with numbered keys.
    Flat,
    /// 90 % of the keys are in one of many folders.
    Skewed,
    /// All keys have ten folders, and most share nine of them.
    Deep,
    /// Hexadecimal hashes, in folders by their first two digits.
    Hashed,
    /// The library of a shop: categories, products, and some pictures of each.
    Library,
}

impl PlainLayout {
    /// All layouts with their names.
    pub const ALL: [(&str, Self); 6] = [
        ("nested", Self::Nested),
        ("flat", Self::Flat),
        ("skewed", Self::Skewed),
        ("deep", Self::Deep),
        ("hashed", Self::Hashed),
        ("library", Self::Library),
    ];

    /// The layout with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, layout)| *layout)
    }

    /// The key with this number. There are `keys` keys.
    pub fn key(self, keys: u64, number: u64) -> String {
        // The part of all keys before this one, in units of 1/2^32.
        let part = ((u128::from(number) << 32) / u128::from(keys)) as u64;
        let pick = |of: u64| (part * of) >> 32;
        match self {
            Self::Nested => {
                let day = pick(10 * 12 * 28);
                let (year, month, day) = (2015 + day / 336, 1 + day / 28 % 12, 1 + day % 28);
                format!("photos/{year}/{month:02}/{day:02}/IMG_{number:09}.jpg")
            }
            Self::Flat => format!("assets/{number:010}.jpg"),
            Self::Skewed => match (number * 20 / keys, number * 2000 / keys) {
                (0, folder) => format!("a/{folder:04}/{number:09}.png"),
                (1..=18, _) => format!("main/{number:09}.png"),
                (_, folder) => format!("z/{folder:04}/{number:09}.png"),
            },
            Self::Deep => {
                let (project, shot) = (pick(4), pick(4000));
                format!(
                    "studio/films/2024/p{project}/scenes/final/render/exr/left/s{shot:05}/frame.{number:08}.exr"
                )
            }
            Self::Hashed => {
                // The first digits ascend with the number, and the rest looks random.
                let first = (u128::from(number) << 64) / u128::from(keys);
                let (first, rest) = (first as u64, mixed(number));
                format!("{:02x}/{first:016x}{rest:016x}", first >> 56)
            }
            Self::Library => {
                let (category, product) = (pick(40), number / 12);
                let view = ["back", "detail", "front", "side"][(number % 12 / 3) as usize];
                let size = ["large", "medium", "thumb"][(number % 3) as usize];
                format!("library/c{category:02}/{product:08}/{view}-{size}.webp")
            }
        }
    }

    /// The first number whose key matches, by binary search: all greater keys must match too. Returns `keys` if
    /// no key matches.
    pub fn first_key(self, keys: u64, matches: impl Fn(&str) -> bool) -> u64 {
        let (mut begin, mut end) = (0, keys);
        while begin < end {
            let middle = begin + (end - begin) / 2;
            if matches(&self.key(keys, middle)) {
                end = middle;
            } else {
                begin = middle + 1;
            }
        }
        begin
    }
}
