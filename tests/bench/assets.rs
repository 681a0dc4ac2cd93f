//! Computes assets for the search benchmark, with keys and sizes like those of picture libraries.
//!
//! An asset depends only on its number, so the benchmark can use an existing index.

use asset_indexer::core::replication::object::{ETag, Object, StorageClass};
use asset_indexer::core::replication::timestamp::Timestamp;

use crate::mixed::mixed;

const TOP_FOLDERS: [&str; 6] = [
    "library",
    "archive",
    "campaigns",
    "products",
    "press",
    "Web Site",
];

const WORDS: [&str; 24] = [
    "summer",
    "beach",
    "winter",
    "forest",
    "portrait",
    "banner",
    "logo",
    "sale",
    "interview",
    "drone",
    "product",
    "hero",
    "team",
    "office",
    "launch",
    "packshot",
    "summerSale",
    "Zürich",
    "mountain",
    "sunset",
    "detail",
    "front",
    "back",
    "draft",
];

const EXTENSIONS: [&str; 12] = [
    "jpg", "jpg", "jpg", "jpg", "JPG", "png", "png", "webp", "mp4", "pdf", "psd", "gif",
];

const VARIANTS: [&str; 4] = ["original", "web", "print", "social"];

/// Number of assets in each project folder.
const PER_PROJECT: u64 = 400;

/// Number of assets in each child folder of `many`.
const PER_CHILD: u64 = 5;

/// The key of an asset, by its number. `total` is the number of assets of the Source.
///
/// Most assets of the first Source are in one flat folder, and most assets of the second Source are in many
/// small folders.
pub fn key(source: u64, number: u64, total: u64) -> String {
    let hash = mixed(source << 40 | number);
    let pick = |from: &[&'static str], by: u64| from[(by % from.len() as u64) as usize];
    let (first, second) = (pick(&WORDS, hash), pick(&WORDS, hash >> 8));
    let ext = pick(&EXTENSIONS, hash >> 16);
    let name = match hash >> 24 & 3 {
        0 => format!("IMG_{:04}.{ext}", hash >> 32 & 0x1FFF),
        1 => format!("{first}-{second}-{:06x}.{ext}", hash >> 32 & 0xFF_FFFF),
        2 => format!("{first}_{second} {:02}.{ext}", hash >> 32 & 0x3F),
        _ => format!("{:08x}-{first}.{ext}", hash >> 32),
    };
    match source {
        0 if number * 10 < total * 9 => format!("flat/{number:07}-{name}"),
        1 if number * 10 < total * 9 => {
            format!("many/{:06}/{number:07}-{name}", number / PER_CHILD)
        }
        _ => {
            let (project, index) = (number / PER_PROJECT, number % PER_PROJECT);
            let top = TOP_FOLDERS[(number * TOP_FOLDERS.len() as u64 / total) as usize];
            let subject = pick(&WORDS, mixed(project));
            let year = 2015 + project % 12;
            let variant = VARIANTS[(index % 4) as usize];
            format!("{top}/{year}/project-{project:05} {subject}/{variant}/{index:03} {name}")
        }
    }
}

/// The object of an asset, by its number.
pub fn object(number: u64) -> Object {
    let hash = mixed(number ^ 0x5EED);
    // Most objects are small. Within each million, later numbers have later times, as if uploaded in that
    // order.
    let size = (hash & 0x3FFF_FFFF) >> (hash >> 32 & 0xF);
    let modified = 1_500_000_000_000 + (number % 1_000_000) as i64 * 280_000;
    Object {
        size,
        etag: ETag::parse(&format!("{:016x}{:016x}", hash, mixed(hash))),
        last_modified: Timestamp::from_millis(modified + (hash % 86_400_000) as i64),
        storage_class: match hash >> 48 & 0xF {
            0 => StorageClass::from_name("GLACIER"),
            1..4 => StorageClass::from_name("STANDARD_IA"),
            _ => StorageClass::Standard,
        },
    }
}
