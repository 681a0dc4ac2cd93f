//! What is wrong with the text of a search, where, and what to write instead.

use crate::core::query::hit::MAX_EXTENSION_CHARS;
use crate::core::query::term::{MAX_DEPTH, MAX_QUERY_CHARS, MAX_TERMS};

/// The fields that a term can name.
const FIELDS: &str = "folder, path, name, ext, type, size, modified, created, storage and etag";

/// A search that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {text:?} at column {column} of the search: {problem}")]
#[non_exhaustive]
pub struct QueryError {
    /// Where it begins, in characters, from 1.
    pub column: usize,
    /// What cannot be read, as it was written.
    pub text: String,
    /// Why, and what to write instead.
    pub problem: QueryProblem,
}

/// Why a part of a search cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryProblem {
    /// More than [`MAX_QUERY_CHARS`].
    #[error("a search has at most {MAX_QUERY_CHARS} characters; ask for less at once")]
    TooLong,
    /// More than [`MAX_TERMS`].
    #[error("a search has at most {MAX_TERMS} terms; ask for less at once")]
    TooManyTerms,
    /// More than [`MAX_DEPTH`].
    #[error(
        "parentheses and negations stand at most {MAX_DEPTH} deep in each other; write it flatter"
    )]
    TooDeep,
    /// AND, OR or NOT with nothing to work on.
    #[error(
        "AND and OR stand between two terms and NOT before one; to look for the word, write it in \
         small letters"
    )]
    MissingOperand,
    /// A parenthesis without its partner.
    #[error("the parenthesis is not closed; write ) at its end, or put it in quotation marks")]
    UnclosedParenthesis,
    /// The same, the other way round.
    #[error("nothing opens this parenthesis; leave it out, or put it in quotation marks")]
    UnopenedParenthesis,
    /// A list or a range without its end.
    #[error("the bracket is not closed; write a list as [\"a\", \"b\"], a range as [1mb TO 5mb]")]
    UnclosedBracket,
    /// Not one letter or digit.
    #[error("there is no letter or digit to look for; an empty search finds everything")]
    NoWords,
    /// A quotation mark without its partner.
    #[error("the quotation is not closed; write \" at its end, or \\\" for a quote inside of it")]
    UnclosedQuotation,
    /// Text directly behind a quotation.
    #[error("a closing quotation mark or bracket ends a term; write a space behind it")]
    TextAfterTerm,
    /// A field that there is not.
    #[error(
        "there is no field {field:?}; there are {FIELDS}; to look for it as words, put it in \
         quotation marks: \"{field}:…\""
    )]
    UnknownField {
        /// What stands before the colon.
        field: String,
    },
    /// Nothing behind the colon of a field.
    #[error("the value is missing; write it as in {example}")]
    MissingValue {
        /// A term that can be read.
        example: &'static str,
    },
    /// An extension that no asset can have.
    #[error(
        "an extension is what is behind the last dot of a name, 1 to {MAX_EXTENSION_CHARS} \
         characters; write ext:jpg, or ext:jpg,png for either"
    )]
    InvalidExtension,
    /// `<` or `>` with a field whose values have no order.
    #[error("its values are not smaller or greater; write : or = instead")]
    NotComparable,
    /// A type that there is not.
    #[error(
        "there are the types image, video, audio, document, archive, font, 3d and other; write \
         type:image, or type:image,video for either"
    )]
    UnknownType,
    /// Not the name of a storage class.
    #[error(
        "no storage class; write S3's name of it, as in storage:GLACIER or \
         storage:STANDARD,STANDARD_IA"
    )]
    InvalidStorageClass,
    /// An address whose path is no text.
    #[error("the path of the address has a broken escape; write path:\"/…\" instead")]
    InvalidUrl,
    /// Neither a size nor a range of sizes.
    #[error(
        "no size; write size:1234, size:>1mb, size:<=500kb, size:1mb..5mb or size:[1mb TO 5mb] with the units b, kb, \
         mb, gb, tb (powers of 1000) or kib, mib, gib, tib (of 1024)"
    )]
    InvalidSize,
    /// Neither a date, a range of dates nor an age.
    #[error(
        "no date; write modified:2026, modified:2026-01, modified:>2026-01-31, \
         modified:>=2026-01-31T08:00Z, modified:2026-01-01..2026-02-01, or an age as modified:<7d (younger than 7 days) with the \
         units h, d, w, m (30 days), y (365 days)"
    )]
    InvalidDate,
    /// An age that is compared with nothing.
    #[error(
        "an age needs a comparison; write modified:<{age} for younger, modified:>{age} for older"
    )]
    AgeWithoutComparison {
        /// The age as it was written.
        age: String,
    },
    /// The same for a field that compares moments: `>` is later.
    #[error(
        "an age needs a comparison; write >{age} behind the field's name for younger, <{age} for older"
    )]
    TimeWithoutComparison {
        /// The age as it was written.
        age: String,
    },
    /// A range whose end lies before its beginning.
    #[error("the range ends before it begins; exchange its ends")]
    ReversedRange,
}
