//! Values whose errors must be in plain words: rules, whole numbers and lists.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::core::source::rules::RuleSelection;

/// Reads `"all"` or a list of rules.
pub(super) fn rule_selection<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<RuleSelection>, D::Error> {
    struct SelectionVisitor;

    impl<'de> Visitor<'de> for SelectionVisitor {
        type Value = RuleSelection;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("\"all\" or a list of rules such as [\"/images\", \"**/*.jpg\"]")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<RuleSelection, E> {
            match text {
                "all" => Ok(RuleSelection::All),
                _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
            }
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RuleSelection, A::Error> {
            let mut rules = Vec::new();
            while let Some(rule) = list.next_element()? {
                rules.push(rule);
            }
            Ok(RuleSelection::Paths(rules))
        }
    }

    deserializer.deserialize_any(SelectionVisitor).map(Some)
}

/// Writes `"all"` or a list of rules.
pub(super) fn write_rule_selection<S: Serializer>(
    selection: &Option<RuleSelection>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match selection {
        None => serializer.serialize_none(),
        Some(RuleSelection::All) => serializer.serialize_str("all"),
        Some(RuleSelection::Paths(rules)) => rules.serialize(serializer),
    }
}

/// A whole number as written, of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeNumber(pub i128);

/// TOML has numbers of 64 bits. A larger number is never valid, so it may become another one.
impl Serialize for WholeNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(i64::try_from(self.0).unwrap_or(i64::MAX))
    }
}

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = WholeNumber;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E>(self, number: i64) -> Result<WholeNumber, E> {
                Ok(WholeNumber(number.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<WholeNumber, E> {
                Ok(WholeNumber(number.into()))
            }

            fn visit_i128<E>(self, number: i128) -> Result<WholeNumber, E> {
                Ok(WholeNumber(number))
            }

            fn visit_u128<E>(self, number: u128) -> Result<WholeNumber, E> {
                Ok(WholeNumber(i128::try_from(number).unwrap_or(i128::MAX)))
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}

/// Reads a list. Errors call it that.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct ListVisitor<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut values = Vec::new();
            while let Some(value) = list.next_element()? {
                values.push(value);
            }
            Ok(values)
        }
    }

    deserializer.deserialize_any(ListVisitor(PhantomData))
}
