//! What a ranking decides by the whole index, such as how rare a word is. All pages of a search decide the same.
//!
//! The first page decides. The position of its last hit carries the decisions to the next page, so a change of the
//! index between two pages can neither repeat nor skip a hit.

use std::cell::RefCell;

use crate::index::IndexError;

/// The decisions of one search, in the order in which its query is translated.
#[derive(Debug, Default)]
pub struct RankingDecisions {
    made: RefCell<Vec<u8>>,
}

impl RankingDecisions {
    /// The decisions of an earlier page. They are empty for the first page.
    pub fn of_earlier_page(made: Vec<u8>) -> Self {
        let made = RefCell::new(made);
        Self { made }
    }

    /// Decision `number` of the query. It is made only once.
    pub fn get(
        &self,
        number: usize,
        decide: impl FnOnce() -> Result<u8, IndexError>,
    ) -> Result<u8, IndexError> {
        if let Some(made) = self.made.borrow().get(number) {
            return Ok(*made);
        }
        let decided = decide()?;
        self.made.borrow_mut().push(decided);
        Ok(decided)
    }

    /// All decisions, for the next page.
    pub fn made(&self) -> Vec<u8> {
        self.made.borrow().clone()
    }
}
