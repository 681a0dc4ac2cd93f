//! Errors of the query language: what is wrong, where, and what to write instead.

use crate::core::query::hit::MAX_EXTENSION_CHARS;
use crate::core::query::term::{MAX_DEPTH, MAX_QUERY_CHARS, MAX_TERMS};

/// The fields that a term can name.
const FIELDS: &str = "folder, path, name, ext, type, size, modified, created, storage and etag";

/// A query that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {text:?} at column {column} of the search: {problem}")]
#[non_exhaustive]
pub struct QueryError {
    /// The column where the faulty text begins, in characters. The first column is 1.
    pub column: usize,
    /// The faulty text, as it was written.
    pub text: String,
    /// The fault, and what to write instead.
    pub problem: QueryProblem,
}

/// A fault in a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryProblem {
    /// The query has more than [`MAX_QUERY_CHARS`] characters.
    #[error("a search can have at most {MAX_QUERY_CHARS} characters; shorten it")]
    TooLong,
    /// The query has more than [`MAX_TERMS`] terms.
    #[error("a search can have at most {MAX_TERMS} terms; remove some")]
    TooManyTerms,
    /// Parentheses and negations are nested more than [`MAX_DEPTH`] deep.
    #[error("parentheses and negations can be nested at most {MAX_DEPTH} deep; use fewer levels")]
    TooDeep,
    /// AND, OR or NOT without a term that it applies to.
    #[error(
        "AND and OR need a term on both sides, and NOT needs a term after it; to search for the word \
         itself, write it in lower case"
    )]
    MissingOperand,
    /// An opening parenthesis without a closing one.
    #[error(
        "the parenthesis is not closed; add a ) at its end, or put the text in quotation marks"
    )]
    UnclosedParenthesis,
    /// A closing parenthesis without an opening one.
    #[error("the parenthesis has no opening (; remove it, or put the text in quotation marks")]
    UnopenedParenthesis,
    /// A list or a range without its closing bracket.
    #[error(
        "the bracket is not closed; write a list as [\"a\", \"b\"] and a range as [1mb TO 5mb]"
    )]
    UnclosedBracket,
    /// The query contains no letter or digit to search for.
    #[error("there is no letter or digit to search for; an empty search finds everything")]
    NoWords,
    /// A quotation without its closing quotation mark.
    #[error("the quotation is not closed; add a \" at its end, or write \\\" for a \" inside it")]
    UnclosedQuotation,
    /// Text directly after a quotation, a list, a range or a group.
    #[error("a closing quotation mark, bracket or parenthesis ends a term; add a space after it")]
    TextAfterTerm,
    /// A field that does not exist.
    #[error(
        "there is no field {field:?}; the fields are {FIELDS}; to search for it as words, put it in \
         quotation marks: \"{field}:…\""
    )]
    UnknownField {
        /// The name of the field, as it was written.
        field: String,
    },
    /// A field without a value.
    #[error("the value is missing; write, for example, {example}")]
    MissingValue {
        /// A valid term with this field.
        example: &'static str,
    },
    /// An extension that no asset can have.
    #[error(
        "an extension is the text after the last dot of a name, with 1 to {MAX_EXTENSION_CHARS} \
         characters; write ext:jpg, or ext:jpg,png for either"
    )]
    InvalidExtension,
    /// `<` or `>` with a field whose values have no order.
    #[error("the values of this field have no order; use : or = instead")]
    NotComparable,
    /// A type that does not exist.
    #[error(
        "the types are image, video, audio, document, archive, font, 3d and other; write type:image, \
         or type:image,video for either"
    )]
    UnknownType,
    /// The text cannot be the name of a storage class.
    #[error(
        "not a storage class; use its name in S3, as in storage:GLACIER or \
         storage:STANDARD,STANDARD_IA"
    )]
    InvalidStorageClass,
    /// A URL whose path cannot be percent-decoded to text.
    #[error(
        "the path of the URL has an invalid percent escape; write path:\"/…\" instead of the URL"
    )]
    InvalidUrl,
    /// Neither a size nor a range of sizes.
    #[error(
        "not a size; write size:1234, size:>1mb, size:<=500kb, size:1mb..5mb or size:[1mb TO 5mb], with \
         the units b, kb, mb, gb, tb (powers of 1000) or kib, mib, gib, tib (powers of 1024)"
    )]
    InvalidSize,
    /// Neither a date, a range of dates nor an age.
    #[error(
        "not a date; write modified:2026, modified:2026-01, modified:>2026-01-31, \
         modified:>=2026-01-31T08:00Z, modified:2026-01-01..2026-02-01, or an age such as modified:<7d \
         (less than 7 days old), with the units h, d, w, m (30 days), y (365 days)"
    )]
    InvalidDate,
    /// An age without a comparison.
    #[error(
        "an age needs a comparison; write modified:<{age} for younger assets, or modified:>{age} for \
         older ones"
    )]
    AgeWithoutComparison {
        /// The age, as it was written.
        age: String,
    },
    /// An age without a comparison, in a field that compares times: `>` means later.
    #[error(
        "an age needs a comparison; write >{age} after the name of the field for younger assets, or \
         <{age} for older ones"
    )]
    TimeWithoutComparison {
        /// The age, as it was written.
        age: String,
    },
    /// A range that ends before it begins.
    #[error("the range ends before it begins; swap its ends")]
    ReversedRange,
}
