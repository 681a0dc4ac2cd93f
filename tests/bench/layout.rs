//! The layouts of a computed bucket: how its keys are spread over folders.

use super::{mixed, pick};

/// Number of keys in a folder of the second level.
const KEYS_PER_FOLDER: u64 = 300;

/// The folders of the first level in ascending order. The keys are distributed evenly.
const TOP_FOLDERS: [&str; 8] = [
    "archive",
    "brand",
    "campaigns",
    "events",
    "press",
    "products",
    "social",
    "video",
];

/// The folders of the third level in ascending order.
const SUBFOLDERS: [&str; 3] = ["final", "raw", "web"];

/// Words of file names. Some contain characters that a listing must encode.
const WORDS: [&str; 8] = [
    "banner",
    "hero shot",
    "packshot",
    "portrait",
    "lookbook",
    "interview+cut",
    "müller",
    "teaser",
];

/// Extensions of file names.
const EXTENSIONS: [&str; 6] = ["jpg", "png", "tiff", "webp", "mp4", "pdf"];

/// How the keys of a bucket are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// A media archive: folders in folders, a few hundred keys in each.
    #[default]
    Nested,
    /// Numbered keys without folders.
    Flat,
    /// Nine of ten keys in one folder.
    Skewed,
    /// A tree of many levels below a long common path.
    Deep,
    /// Hashes.
    Hashed,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 5] = [
        Self::Nested,
        Self::Flat,
        Self::Skewed,
        Self::Deep,
        Self::Hashed,
    ];

    /// The key of an object, by its number below `keys`. Keys are in the order of the numbers.
    pub fn key(self, keys: u64, number: u64) -> String {
        match self {
            Self::Nested => nested(keys, number),
            Self::Flat => format!("img{number:09}.jpg"),
            Self::Skewed => skewed(keys, number),
            Self::Deep => deep(number),
            Self::Hashed => {
                let step = u64::MAX / keys;
                format!("{:016x}.jpg", number * step + mixed(number) % step)
            }
        }
    }
}

fn nested(keys: u64, number: u64) -> String {
    let hash = mixed(number);
    let (folder, index) = (number / KEYS_PER_FOLDER, number % KEYS_PER_FOLDER);
    let top = TOP_FOLDERS[(number * TOP_FOLDERS.len() as u64 / keys) as usize];
    let project = pick(&WORDS, mixed(folder));
    let subfolder = SUBFOLDERS[(index * SUBFOLDERS.len() as u64 / KEYS_PER_FOLDER) as usize];
    let (word, ext) = (pick(&WORDS, hash), pick(&EXTENSIONS, hash >> 8));
    let suffix = hash as u32;
    format!("{top}/{folder:06}-{project}/{subfolder}/{index:03}-{word}-{suffix:08x}.{ext}")
}

fn skewed(keys: u64, number: u64) -> String {
    let small = keys / 20;
    match number {
        _ if number < small => format!("archive/{:04}/{number:08}.jpg", number / 10),
        _ if number < keys - small => format!("photos/{number:08}.jpg"),
        _ => format!("users/{number:08}/avatar.png"),
    }
}

fn deep(number: u64) -> String {
    let mut key = String::from("a/b/c/d/e/f/g/h/");
    for level in (0..7).rev() {
        key.push_str("level");
        key.push_str(&(number / 30 / 8u64.pow(level) % 8).to_string());
        key.push('/');
    }
    format!("{key}{number:09}.jpg")
}
