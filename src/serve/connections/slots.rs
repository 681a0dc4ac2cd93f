//! The state of all connection slots, and the choice of the connection to evict.
//!
//! It reads no clock and never waits: callers pass the time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// At or below this share of taken slots, the limit no longer counts as reached. It is below 100%, so that a
/// single connection that comes and goes does not cause a log message each time.
const RECOVERED_SHARE: (usize, usize) = (3, 4);

/// The slots that are taken.
#[derive(Debug)]
pub(super) struct Slots {
    max: usize,
    grace: Duration,
    taken: BTreeMap<u64, Connection>,
    next_id: u64,
    is_full: bool,
}

#[derive(Debug)]
struct Connection {
    state: State,
    evict: CancellationToken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Just accepted. A request may already be in the receive buffer.
    New,
    /// Has had no request in flight since this time.
    Idle(Instant),
    /// Has a request in flight.
    Busy,
    /// Has been evicted, but still holds its slot.
    Evicted,
}

/// Why no slot is free.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// A connection has been evicted, and will free its slot when it has closed.
    EvictionPending {
        /// Whether this call evicted it, rather than an earlier call.
        is_new: bool,
    },
    /// The longest idle connection can be evicted at this time.
    RetryAt(Instant),
    /// Every connection has a request in flight or is new.
    AllBusy,
}

impl Slots {
    /// Holds `max` slots. A connection can be evicted after it was idle for `grace`.
    pub(super) fn new(max: usize, grace: Duration) -> Self {
        Self {
            max,
            grace,
            taken: BTreeMap::new(),
            next_id: 0,
            is_full: false,
        }
    }

    /// The number of taken slots.
    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }

    /// Takes a free slot and returns its id. If none is free, evicts the longest idle connection by
    /// cancelling its token. At most one eviction is pending at a time.
    pub(super) fn acquire(
        &mut self,
        now: Instant,
        evict: CancellationToken,
    ) -> Result<u64, NoSlot> {
        if self.taken.len() < self.max {
            let id = self.next_id;
            self.next_id += 1;
            let state = State::New;
            self.taken.insert(id, Connection { state, evict });
            return Ok(id);
        }
        let mut connections = self.taken.values();
        if connections.any(|connection| connection.state == State::Evicted) {
            return Err(NoSlot::EvictionPending { is_new: false });
        }
        let connections = self.taken.values_mut();
        let idle = connections.filter_map(|connection| match connection.state {
            State::Idle(since) => Some((since, connection)),
            _ => None,
        });
        let Some((since, longest_idle)) = idle.min_by_key(|(since, _)| *since) else {
            return Err(NoSlot::AllBusy);
        };
        let evictable_at = since + self.grace;
        if evictable_at > now {
            return Err(NoSlot::RetryAt(evictable_at));
        }
        longest_idle.state = State::Evicted;
        longest_idle.evict.cancel();
        Err(NoSlot::EvictionPending { is_new: true })
    }

    /// Records that the limit is reached. Returns whether that is new.
    pub(super) fn mark_full(&mut self) -> bool {
        !std::mem::replace(&mut self.is_full, true)
    }

    /// Records that the connection has a request in flight. An evicted connection stays evicted.
    pub(super) fn mark_busy(&mut self, id: u64) {
        match self.taken.get_mut(&id) {
            Some(connection) if connection.state != State::Evicted => {
                connection.state = State::Busy;
            }
            _ => {}
        }
    }

    /// Records that the connection waits for a request. Returns whether that is new.
    pub(super) fn mark_idle(&mut self, id: u64, now: Instant) -> bool {
        match self.taken.get_mut(&id) {
            Some(connection) if matches!(connection.state, State::New | State::Busy) => {
                connection.state = State::Idle(now);
                true
            }
            _ => false,
        }
    }

    /// Frees a slot. Returns whether the number of connections has now recovered from the limit.
    pub(super) fn release(&mut self, id: u64) -> bool {
        self.taken.remove(&id);
        let (part, whole) = RECOVERED_SHARE;
        let has_recovered = self.taken.len() * whole <= self.max * part;
        has_recovered && std::mem::replace(&mut self.is_full, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(1);
    const EVICTED_NOW: Result<u64, NoSlot> = Err(NoSlot::EvictionPending { is_new: true });

    /// `max` slots, all taken, with their tokens.
    fn full(max: usize) -> (Slots, Vec<CancellationToken>) {
        let mut slots = Slots::new(max, GRACE);
        let tokens: Vec<_> = (0..max).map(|_| CancellationToken::new()).collect();
        for token in &tokens {
            slots.acquire(Instant::now(), token.clone()).unwrap();
        }
        (slots, tokens)
    }

    fn acquire(slots: &mut Slots, now: Instant) -> Result<u64, NoSlot> {
        slots.acquire(now, CancellationToken::new())
    }

    #[test]
    fn evicts_the_longest_idle_connection_one_at_a_time() {
        let (mut slots, tokens) = full(3);
        let now = Instant::now();
        assert!(slots.mark_idle(0, now + GRACE));
        assert!(slots.mark_idle(1, now));
        // Bytes that form no request do not restart the idle time.
        assert!(!slots.mark_idle(1, now + 5 * GRACE));
        slots.mark_busy(2);
        assert_eq!(acquire(&mut slots, now), Err(NoSlot::RetryAt(now + GRACE)));
        assert_eq!(acquire(&mut slots, now + GRACE), EVICTED_NOW);
        let evicted: Vec<_> = tokens.iter().map(CancellationToken::is_cancelled).collect();
        assert_eq!(evicted, [false, true, false]);
        let later = now + 5 * GRACE;
        let pending = Err(NoSlot::EvictionPending { is_new: false });
        assert_eq!(acquire(&mut slots, later), pending);
        slots.release(1);
        assert_eq!(acquire(&mut slots, later), Ok(3));
        assert_eq!(acquire(&mut slots, later), EVICTED_NOW);
        assert!(tokens[0].is_cancelled());
    }

    #[test]
    fn never_evicts_busy_or_new_connections() {
        let (mut slots, tokens) = full(2);
        let later = Instant::now() + 5 * GRACE;
        assert_eq!(acquire(&mut slots, later), Err(NoSlot::AllBusy));
        slots.mark_idle(0, later);
        slots.mark_busy(0);
        let states: Vec<_> = slots.taken.values().map(|it| it.state).collect();
        assert_eq!(states, [State::Busy, State::New]);
        assert_eq!(acquire(&mut slots, later + 5 * GRACE), Err(NoSlot::AllBusy));
        assert!(!tokens.iter().any(CancellationToken::is_cancelled));
    }

    #[test]
    fn late_request_does_not_undo_an_eviction() {
        let (mut slots, _tokens) = full(1);
        let now = Instant::now();
        slots.mark_idle(0, now);
        assert_eq!(acquire(&mut slots, now + GRACE), EVICTED_NOW);
        slots.mark_busy(0);
        assert!(!slots.mark_idle(0, now));
        assert_eq!(slots.taken[&0].state, State::Evicted);
    }

    #[test]
    fn reports_full_and_recovered_once_each() {
        let (mut slots, _tokens) = full(8);
        assert!(slots.mark_full() && !slots.mark_full());
        let recovered: Vec<bool> = (0..8).map(|id| slots.release(id)).collect();
        // Six of eight taken slots count as recovered.
        let want = [false, true, false, false, false, false, false, false];
        assert_eq!(recovered, want);
        assert!(slots.mark_full());
    }
}
