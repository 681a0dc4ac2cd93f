//! Errors of the query language: what is wrong, where, and what to write instead.

use crate::core::query::advice;
use crate::core::query::hit::MAX_EXTENSION_CHARS;
use crate::core::query::term::{MAX_DEPTH, MAX_QUERY_BYTES, MAX_TERMS};
use crate::core::query::typo::MAX_EDITS;

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
    /// The query has more than [`MAX_QUERY_BYTES`] bytes.
    #[error("a search can have at most {MAX_QUERY_BYTES} bytes; shorten it")]
    TooLong,
    /// The query has more than [`MAX_TERMS`] terms.
    #[error("a search can have at most {MAX_TERMS} terms; remove some")]
    TooManyTerms,
    /// A `~` with a number of typos that is not allowed.
    #[error("a word can have at most {MAX_EDITS} typos; write ~ for one, or ~{MAX_EDITS}")]
    TooManyTypos,
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
    #[error("{}", unknown_field(field))]
    UnknownField {
        /// The name of the field, as it was written.
        field: String,
    },
    /// A word that is an operator in other search languages, after a field.
    #[error("{operator} is no operator here; write {field}:{example}")]
    UnknownOperator {
        /// The name of the field, as it was written.
        field: String,
        /// The operator, as it was written.
        operator: String,
        /// A value of this field.
        example: &'static str,
    },
    /// A field without a value, or with a value that it cannot have.
    #[error("{}", problem.advice(field))]
    Value {
        /// The name of the field, as it was written.
        field: String,
        /// The fault of the value.
        problem: ValueProblem,
    },
    /// A URL whose path cannot be percent-decoded to text.
    #[error(
        "the path of the URL has an invalid percent escape; write path:\"/…\" instead of the URL"
    )]
    InvalidUrl,
}

/// What is wrong with an unknown field, and what to write instead.
fn unknown_field(field: &str) -> String {
    if let Some(advice) = advice::of_field(field) {
        return format!("there is no field {field:?}: {advice}");
    }
    format!(
        "there is no field {field:?}; the fields are {FIELDS}; to search for it as words, put it in quotation marks: \
         \"{field}:…\""
    )
}

/// A fault of a value, without the name of its field.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueProblem {
    /// There is no value.
    Missing {
        /// A value of this field.
        example: &'static str,
    },
    /// An extension that no asset can have.
    InvalidExtension,
    /// `<` or `>` with a field whose values have no order.
    NotComparable,
    /// A type that does not exist.
    UnknownType,
    /// The text cannot be the name of a storage class.
    InvalidStorageClass,
    /// Neither a size nor a range of sizes.
    InvalidSize,
    /// Neither a date, a range of dates nor an age.
    InvalidDate,
    /// An age without a comparison.
    AgeWithoutComparison {
        /// The age, as it was written.
        age: String,
    },
    /// An age without a comparison, in a field that compares times: `>` means later.
    TimeWithoutComparison {
        /// The age, as it was written.
        age: String,
    },
    /// A range that ends before it begins.
    ReversedRange,
}

impl ValueProblem {
    /// The fault, and what to write instead. `field` is the name of the field, as it was written.
    fn advice(&self, field: &str) -> String {
        match self {
            Self::Missing { example } => {
                format!("the value is missing; write, for example, {field}:{example}")
            }
            Self::InvalidExtension => format!(
                "an extension is the text after the last dot of a name, with 1 to {MAX_EXTENSION_CHARS} \
                 characters; write {field}:jpg, or {field}:jpg,png for either"
            ),
            Self::NotComparable => {
                format!("the values of {field} have no order; use : or = instead")
            }
            Self::UnknownType => format!(
                "the types are image, video, audio, document, archive, font, 3d, other, raw, and extensions such \
                 as pdf; write {field}:image, or {field}:image,video for either"
            ),
            Self::InvalidStorageClass => format!(
                "not a storage class; use its name in S3, as in {field}:GLACIER or \
                 {field}:STANDARD,STANDARD_IA"
            ),
            Self::InvalidSize => format!(
                "not a size; write {field}:1234, {field}:>1mb, {field}:<=500kb, {field}:1mb..5mb or \
                 {field}:[1mb TO 5mb], with the units b, kb, mb, gb, tb (powers of 1000) or kib, mib, gib, \
                 tib (powers of 1024)"
            ),
            Self::InvalidDate => format!(
                "not a date; write {field}:2026, {field}:2026-01, {field}:>2026-01-31, \
                 {field}:>=2026-01-31T08:00Z, {field}:2026-01-01..2026-02-01, {field}:today, {field}:yesterday, \
                 {field}:\"last week\" (or month, or year), or a comparison with an age \
                 such as 7d, with the units h, d, w, m (30 days), y (365 days)"
            ),
            Self::AgeWithoutComparison { age } => format!(
                "an age needs a comparison; write {field}:<{age} for younger assets, or {field}:>{age} for \
                 older ones"
            ),
            Self::TimeWithoutComparison { age } => format!(
                "an age needs a comparison; write {field}>{age} for younger assets, or {field}<{age} for \
                 older ones"
            ),
            Self::ReversedRange => "the range ends before it begins; swap its ends".to_owned(),
        }
    }
}
