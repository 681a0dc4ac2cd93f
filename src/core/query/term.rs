//! A parsed query: a condition on assets, made of terms.
//!
//! This module does not say how an index evaluates it.

use crate::core::query::asset_type::AssetType;
use crate::core::query::interval::Interval;
use crate::core::query::pattern::WildcardPattern;
use crate::core::replication::timestamp::Timestamp;

/// Maximum length of a query in bytes. The longest key fits, also percent-encoded in a URL.
pub const MAX_QUERY_BYTES: usize = 4_096;

/// Maximum number of terms in a query.
pub const MAX_TERMS: usize = 64;

/// Maximum depth of nested parentheses and negations.
pub const MAX_DEPTH: usize = 16;

/// A parsed query. [`Query::parse`] reads one, and `Query::default()` finds everything.
///
/// Its `Display` text parses to the same query again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The condition that each hit meets.
    pub(crate) condition: Condition,
}

impl Query {
    /// Whether every asset meets it.
    pub(crate) fn finds_all(&self) -> bool {
        matches!(&self.condition, Condition::All(none) if none.is_empty())
    }
}

impl Default for Query {
    fn default() -> Self {
        Self {
            condition: Condition::All(Vec::new()),
        }
    }
}

/// A condition on an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All of the conditions. An empty list is met by every asset.
    All(Vec<Condition>),
    /// At least one of the conditions. An empty list is met by no asset.
    Any(Vec<Condition>),
    /// At least this number of the conditions. The language has no text for this:
    /// [`crate::core::query::forgiving`] makes it.
    AtLeast(usize, Vec<Condition>),
    /// Like `Any`, but an asset that meets several of the conditions scores like one that meets only the best. The
    /// language has no text for this: [`crate::core::query::forgiving`] makes it.
    Best(Vec<Condition>),
    /// Every asset meets this. One that meets the preference is a better match. The language has no text for this:
    /// [`crate::core::query::preferences`] makes it.
    Preferred(Preference),
    /// The opposite of a condition.
    Not(Box<Condition>),
    /// A term.
    Term(Term),
}

/// Something that makes an asset a better match of the words of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preference {
    /// The file name is these words, with or without an extension after them.
    WholeName(Vec<String>),
    /// The second word directly follows the first one, in the file name or in the name of a folder. In the file name,
    /// near each other is better than far.
    Neighbors([String; 2]),
    /// Both words are in the file name. The nearer they are to each other, the better.
    Near([String; 2]),
    /// The extension is one of these.
    Ext(Vec<String>),
}

/// The part of an asset that words are searched in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordField {
    /// The asset path, including the file name.
    Path,
    /// Only the file name.
    Name,
}

/// The comparison of query words with the words of [`crate::core::query::words()`]. Those include both the
/// parts and the whole of `summerSale`. A query word stands for all its
/// [`spellings`](crate::core::query::words::spellings()).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchMode {
    /// All words occur, in any order. A number may have more leading zeros.
    Whole,
    /// The words follow each other in one path segment (the name of a folder or the file name), with
    /// no other word in between. A word that is split at case borders counts as a whole or as its parts.
    Phrase,
    /// Like `Whole`, but the last word may be only the beginning of a word.
    Prefix,
    /// All words occur, each with at most this number of edits: one character added, removed or replaced, or two
    /// neighbors swapped. [`crate::core::query::typo::is_editable`] says which words must match exactly.
    Typos(u8),
    /// All words occur, or are the beginning of a word if they have at least
    /// [`crate::core::query::word_match::MIN_BEGINNING_CHARS`]. Leading zeros of a number make no difference.
    /// The language has no text for this: [`crate::core::query::forgiving`] makes it.
    Beginning,
    /// Like `Beginning`, or with as many edits as [`crate::core::query::typo::forgiven_edits`] says.
    Similar,
}

/// A single test of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// Words, as [`crate::core::query::query_words`] emits them. There is at least one.
    Words {
        /// The words, in the order of the query.
        words: Vec<String>,
        /// The mode of comparison.
        mode: MatchMode,
        /// The part of the asset that they are searched in.
        field: WordField,
    },
    /// The whole file name, folded by [`crate::core::query::fold_name`], matches a pattern such as
    /// `*nt_lar*`.
    NamePattern(WildcardPattern),
    /// The file name equals this, byte for byte.
    Name(String),
    /// The asset path equals this, byte for byte.
    Path(String),
    /// The whole asset path matches the pattern; `*` does not match a `/`, `**` does.
    PathPattern(WildcardPattern),
    /// The extension is one of these: lower case, without a dot, at least one.
    Ext(Vec<String>),
    /// The type is one of these, at least one.
    Type(Vec<AssetType>),
    /// The asset is in this folder or below it. The folder begins and ends in `/`.
    Folder(String),
    /// The asset is directly in this folder, which begins and ends in `/`. The marker object of the
    /// folder, whose file name is empty, counts too.
    DirectlyIn(String),
    /// The size in bytes.
    Size(Interval<u64>),
    /// When S3 last changed the object.
    Modified(Interval<Timestamp>),
    /// When the index first saw the key.
    Created(Interval<Timestamp>),
    /// The storage class is one of these: names in S3, in upper case, at least one.
    Storage(Vec<String>),
    /// The entity tag, without quotes.
    ETag(String),
}
