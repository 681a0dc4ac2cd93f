//! The outages of operations of this program, by its own clock.

use std::time::Instant;

/// Whether an operation has an outage, which decides when its beginning and its end are logged.
pub(crate) type Outage = crate::core::outage::Outage<Instant>;
