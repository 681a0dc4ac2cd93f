//! A range of a plan: what it probably has left, and where to split it.
//!
//! The density of its last page gives an estimate. It is only believed if a bucket can be that large.

use super::PlannedRange;
use super::alphabet::{Alphabet, End, KeySpace};
use crate::core::replication::interval::KeyRange;

/// The number of keys on a full page.
const PAGE: f64 = 1_000.0;

/// The binary logarithm of the most pages that an estimate is believed to have. Above, the plan gallops.
const LOG_PLAUSIBLE: f64 = 14.0;

/// The binary logarithm of the fewest pages that a part of a split range should have.
const LOG_LEAST: f64 = 1.0;

/// The binary logarithm of the factor by which the distances of two probes differ: about one character of a name.
/// Between a folder and the next one, keys usually differ in the first characters only.
const LOG_STEP: f64 = 6.0;

/// The same for probes at distances that a bucket can have keys at.
const LOG_STEP_NEAR: f64 = 2.0;

/// The same for the farthest probes: there are the folders next to the one that is listed.
const LOG_STEP_TOP: f64 = 1.5;

/// The fewest pages that an unlisted part of a known range should have to be split.
const LEAST_KNOWN: f64 = 4.0;

/// The maximum length of a text that a range is split at: that of a key of S3.
const MAX_POINT_BYTES: usize = 1_024;

/// The binary logarithm of the number of probes that a page is assumed to span at least. Keys come in groups, so it is
/// less than the number of keys tells.
const LOG_PROBES_PER_PAGE: f64 = 3.0;

#[derive(Clone, Debug)]
pub(super) struct Range {
    /// The part that is left to list.
    pub(super) rest: KeyRange,
    /// How many pages are left, if the index knows it.
    pub(super) known_pages: Option<f64>,
    /// The page that the density is known from: one of this range, or of the range that it was split off.
    sample: Option<Sample>,
    /// Whether it was split off and no page of it has arrived.
    pub(super) is_probe: bool,
    /// Whether a probe has shown that the density tells nothing about the rest.
    pub(super) is_uneven: bool,
    /// The binary logarithm of the pages from the sample to the end of the range that was split first by this sample.
    log_top: f64,
    /// What is probably left. `None` if the range is not worth splitting, or its density is not known.
    pub(super) estimate: Option<Estimate>,
}

/// The density of keys at a place.
#[derive(Clone, Debug)]
struct Sample {
    /// The last key of the page.
    last: String,
    /// The binary logarithm of the distance that a full page spans.
    log_page: f64,
}

/// What a range may have left, in binary logarithms of pages after its sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    begin: f64,
    end: f64,
}

impl Estimate {
    fn log_pages(self) -> f64 {
        (self.end.exp2() - self.begin.exp2())
            .max(f64::MIN_POSITIVE)
            .log2()
    }

    /// How much splitting the range is worth. Among ranges that are too large to believe, the one whose size is the
    /// least known.
    pub(super) fn rank(self) -> f64 {
        self.log_pages().min(LOG_PLAUSIBLE) + (self.end - self.begin) / 1e6
    }
}

impl Range {
    pub(super) fn new(planned: PlannedRange) -> Self {
        Self {
            rest: planned.range,
            known_pages: planned.keys.map(|keys| keys as f64 / PAGE),
            sample: None,
            is_probe: false,
            is_uneven: false,
            log_top: 0.0,
            estimate: None,
        }
    }

    /// Notes a page that is not the last one of the range.
    pub(super) fn advance(&mut self, alphabet: &Alphabet, first: &str, last: &str, count: usize) {
        if let Some(known) = &mut self.known_pages {
            *known -= count as f64 / PAGE;
            if *known < -LEAST_KNOWN {
                self.known_pages = None;
            }
        }
        self.rest.after = Some(last.to_owned());
        let space = KeySpace::around(alphabet, self.prefix_chars(), last);
        let log_span = (first < last).then(|| space.log_distance(first, End::At(last)));
        let log_page = match (&self.sample, log_span) {
            // The few keys of a probe say only that a page spans more than they do.
            (Some(sample), Some(log_span)) if self.is_probe => {
                Some(sample.log_page.max(log_span + LOG_PROBES_PER_PAGE))
            }
            (Some(sample), None) => Some(sample.log_page),
            (_, log_span) => log_span.map(|log_span| log_span - (count as f64 / PAGE).log2()),
        };
        self.sample = log_page.map(|log_page| Sample {
            last: last.to_owned(),
            log_page,
        });
        (self.is_probe, self.is_uneven, self.log_top) = (false, false, 0.0);
        self.estimate = self.estimated(alphabet);
        if let Some(estimate) = self.estimate {
            self.log_top = self.log_top.max(estimate.end);
        }
    }

    /// Estimates what is left after the sample. `None` if it is not worth splitting.
    pub(super) fn estimated(&self, alphabet: &Alphabet) -> Option<Estimate> {
        let sample = self.sample.as_ref()?;
        if self.known_pages.is_some_and(|pages| pages < LEAST_KNOWN) {
            return None;
        }
        let space = KeySpace::around(alphabet, self.prefix_chars(), &sample.last);
        let pages_to = |end| space.log_distance(&sample.last, end) - sample.log_page;
        let begin = match &self.rest.after {
            Some(after) if *after > sample.last => pages_to(End::At(after)).max(0.0),
            _ => 0.0,
        };
        let end = pages_to(self.end());
        let estimate = Estimate { begin, end };
        let least_unknown = if end <= LOG_PLAUSIBLE {
            0.0
        } else if begin <= LOG_PLAUSIBLE {
            LOG_STEP_NEAR
        } else if self.log_top - end < LOG_STEP {
            LOG_STEP_TOP
        } else {
            LOG_STEP
        };
        let is_worth_it = estimate.log_pages() >= LOG_LEAST && end - begin >= least_unknown;
        is_worth_it.then_some(estimate)
    }

    /// Where to split the range. `None` if it is not possible.
    pub(super) fn split_point(&self, alphabet: &Alphabet, estimate: Estimate) -> Option<String> {
        let sample = self.sample.as_ref()?;
        let space = KeySpace::around(alphabet, self.prefix_chars(), &sample.last);
        let Estimate { begin, end } = estimate;
        let log_pages = if self.believes(estimate) {
            end + (0.5 + (begin - end).exp2() / 2.0).log2()
        } else {
            f64::midpoint(begin, end)
        };
        let log_distance = log_pages.max(LOG_LEAST) + sample.log_page;
        let point = space.text_at(&sample.last, log_distance, self.end())?;
        let is_above = self.rest.after.as_ref().is_none_or(|after| point > *after);
        (is_above && point.len() <= MAX_POINT_BYTES).then_some(point)
    }

    /// Whether the density tells how much is left.
    fn believes(&self, estimate: Estimate) -> bool {
        let is_plausible = estimate.end <= LOG_PLAUSIBLE && !self.is_uneven;
        is_plausible || self.known_pages.is_some()
    }

    fn end(&self) -> End<'_> {
        self.rest.until.as_deref().map_or(End::OfPrefix, End::At)
    }

    fn prefix_chars(&self) -> usize {
        self.rest.prefix.chars().count()
    }
}
