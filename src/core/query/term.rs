//! What a search asks for, once its text is read.
//!
//! A condition on assets, made of terms; nothing here says how an index answers.

use crate::core::query::interval::Interval;
use crate::core::query::kind::Kind;
use crate::core::query::pattern::Pattern;
use crate::core::replication::timestamp::Timestamp;

/// The most characters of a search.
pub const MAX_QUERY_CHARS: usize = 1_000;

/// The most terms of a search.
pub const MAX_TERMS: usize = 64;

/// How deep parentheses and negations may stand in each other.
pub const MAX_DEPTH: usize = 16;

/// A search: the condition that each asset found meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// `All` of nothing finds everything.
    pub condition: Condition,
}

/// What must hold of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Each of them; where there is none, anything.
    All(Vec<Condition>),
    /// At least one of them; where there is none, nothing.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// The term.
    Term(Term),
}

/// Where words are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// In the asset path, the file name included.
    Path,
    /// In the file name alone.
    Name,
}

/// How words are compared with those of [`crate::core::query::words()`]: the parts and the whole of
/// `summerSale` are words of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// All of them are there, in any order.
    Whole,
    /// They are there one behind the other, with no word in between, in one segment of the path (a
    /// folder's name or the file name); what case borders cut counts whole or as its parts.
    Phrase,
    /// All of them are there, the last one as the beginning of a word.
    Prefix,
    /// All of them are there, each with at most one edit: a character more, less or other, or two
    /// neighbours exchanged. [`crate::core::query::typo::is_editable`] says which are never edited.
    Typo,
}

/// What an asset can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// Words, folded as [`crate::core::query::words()`] does: at least one.
    Words {
        /// In the order in which they were written.
        words: Vec<String>,
        /// How they are compared.
        how: Match,
        /// Where they are looked for.
        within: Within,
    },
    /// The file name, folded by [`crate::core::query::fold_name`], has this form from its beginning to its
    /// end: `*nt_lar*`.
    NamePart(Pattern),
    /// The file name is this, byte for byte.
    Name(String),
    /// The asset path is this, byte for byte.
    Path(String),
    /// The asset path has this form; a `*` does not cross a `/`, a `**` does.
    PathGlob(Pattern),
    /// The extension is one of these: lower-case, without a dot, at least one.
    Ext(Vec<String>),
    /// The type is one of these: at least one.
    Type(Vec<Kind>),
    /// The asset path starts with this: it begins and ends in `/`.
    Folder(String),
    /// The asset lies directly in this folder: it begins and ends in `/`. So does the folder's own
    /// marker, whose file name is empty.
    Level(String),
    /// The size in bytes.
    Size(Interval<u64>),
    /// When S3 last changed the object.
    Modified(Interval<Timestamp>),
    /// When the index first saw the key.
    Created(Interval<Timestamp>),
    /// The storage class is one of these, by S3's names in upper case; at least one.
    Storage(Vec<String>),
    /// The ETag, without quotes.
    ETag(String),
}
