//! Who has which place, and who gives it away: decided here, and told to nobody but by a token.
//!
//! It knows no clock and waits for nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// Which share of the places may be taken at most for there to be room again: so that one that comes and goes
/// at the bound is no change.
const ROOM_AGAIN: (usize, usize) = (3, 4);

/// All places that are taken.
#[derive(Debug)]
pub(super) struct Table {
    most: usize,
    grace: Duration,
    seats: BTreeMap<u64, Seat>,
    next: u64,
    is_full: bool,
}

#[derive(Debug)]
struct Seat {
    state: State,
    cut: CancellationToken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It has come: a request may be there, which nobody has looked at yet.
    New,
    /// There is no request, since then.
    Waits(Instant),
    /// A request is under way.
    Asks,
    /// It has given its place away, and has not left yet.
    Leaves,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// One has been told to leave, now or before.
    UntilItLeft {
        /// Whether it was now.
        is_cut_now: bool,
    },
    /// One can be told to leave then.
    Until(Instant),
    /// Every place has a request under way, or has just been taken.
    AllAsk,
}

impl Table {
    /// At most so many places; none is given away before its connection has waited for `grace`.
    pub(super) fn new(most: usize, grace: Duration) -> Self {
        Self {
            most,
            grace,
            seats: BTreeMap::new(),
            next: 0,
            is_full: false,
        }
    }

    /// How many are taken.
    pub(super) fn len(&self) -> usize {
        self.seats.len()
    }

    /// Takes a free place. Where there is none, whoever has waited for longest is told to leave, by its token.
    pub(super) fn take(&mut self, now: Instant, cut: CancellationToken) -> Result<u64, Refused> {
        if self.seats.len() < self.most {
            let number = self.next;
            self.next += 1;
            let state = State::New;
            self.seats.insert(number, Seat { state, cut });
            return Ok(number);
        }
        let mut seats = self.seats.values();
        if seats.any(|seat| seat.state == State::Leaves) {
            return Err(Refused::UntilItLeft { is_cut_now: false });
        }
        let waiting = self.seats.values_mut().filter_map(|seat| match seat.state {
            State::Waits(since) => Some((since, seat)),
            _ => None,
        });
        let Some((since, longest)) = waiting.min_by_key(|(since, _)| *since) else {
            return Err(Refused::AllAsk);
        };
        let at = since + self.grace;
        if at > now {
            return Err(Refused::Until(at));
        }
        longest.state = State::Leaves;
        longest.cut.cancel();
        Err(Refused::UntilItLeft { is_cut_now: true })
    }

    /// Notes that there is no free place; whether that is new.
    pub(super) fn becomes_full(&mut self) -> bool {
        !std::mem::replace(&mut self.is_full, true)
    }

    /// Notes that a request has come.
    pub(super) fn note_request(&mut self, number: u64) {
        match self.seats.get_mut(&number) {
            Some(seat) if seat.state != State::Leaves => seat.state = State::Asks,
            _ => {}
        }
    }

    /// Notes that a request is waited for; whether that is new.
    pub(super) fn note_wait(&mut self, number: u64, now: Instant) -> bool {
        match self.seats.get_mut(&number) {
            Some(seat) if matches!(seat.state, State::New | State::Asks) => {
                seat.state = State::Waits(now);
                true
            }
            _ => false,
        }
    }

    /// Frees a place; whether there is room again where there was none.
    pub(super) fn leave(&mut self, number: u64) -> bool {
        self.seats.remove(&number);
        let (part, whole) = ROOM_AGAIN;
        let has_room = self.seats.len() * whole <= self.most * part;
        has_room && std::mem::replace(&mut self.is_full, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(1);
    const CUT: Result<u64, Refused> = Err(Refused::UntilItLeft { is_cut_now: true });

    /// A table of so many places, all taken, with their tokens.
    fn full(most: usize) -> (Table, Vec<CancellationToken>) {
        let mut table = Table::new(most, GRACE);
        let tokens: Vec<_> = (0..most).map(|_| CancellationToken::new()).collect();
        for token in &tokens {
            table.take(Instant::now(), token.clone()).unwrap();
        }
        (table, tokens)
    }

    fn take(table: &mut Table, now: Instant) -> Result<u64, Refused> {
        table.take(now, CancellationToken::new())
    }

    #[test]
    fn who_has_waited_for_longest_leaves_and_one_at_a_time() {
        let (mut table, tokens) = full(3);
        let now = Instant::now();
        assert!(table.note_wait(0, now + GRACE));
        assert!(table.note_wait(1, now));
        // Bytes that make no request are no reason to stay.
        assert!(!table.note_wait(1, now + 5 * GRACE));
        table.note_request(2);
        assert_eq!(take(&mut table, now), Err(Refused::Until(now + GRACE)));
        assert_eq!(take(&mut table, now + GRACE), CUT);
        let cut: Vec<_> = tokens.iter().map(CancellationToken::is_cancelled).collect();
        assert_eq!(cut, [false, true, false]);
        let later = now + 5 * GRACE;
        let leaves = Err(Refused::UntilItLeft { is_cut_now: false });
        assert_eq!(take(&mut table, later), leaves);
        table.leave(1);
        assert_eq!(take(&mut table, later), Ok(3));
        assert_eq!(take(&mut table, later), CUT);
        assert!(tokens[0].is_cancelled());
    }

    #[test]
    fn nobody_leaves_who_asks_or_was_not_looked_at_yet() {
        let (mut table, tokens) = full(2);
        let later = Instant::now() + 5 * GRACE;
        assert_eq!(take(&mut table, later), Err(Refused::AllAsk));
        table.note_wait(0, later);
        table.note_request(0);
        let (new, asks) = (State::New, State::Asks);
        let states: Vec<_> = table.seats.values().map(|seat| seat.state).collect();
        assert_eq!(states, [asks, new]);
        assert_eq!(take(&mut table, later + 5 * GRACE), Err(Refused::AllAsk));
        assert!(!tokens.iter().any(CancellationToken::is_cancelled));
    }

    #[test]
    fn a_request_that_comes_too_late_does_not_win_the_place_back() {
        let (mut table, _tokens) = full(1);
        let now = Instant::now();
        table.note_wait(0, now);
        assert_eq!(take(&mut table, now + GRACE), CUT);
        table.note_request(0);
        assert!(!table.note_wait(0, now));
        assert_eq!(table.seats[&0].state, State::Leaves);
    }

    #[test]
    fn being_full_and_having_room_are_told_once_each() {
        let (mut table, _tokens) = full(8);
        assert!(table.becomes_full() && !table.becomes_full());
        let told: Vec<bool> = (0..8).map(|number| table.leave(number)).collect();
        // With six of eight there is room again.
        let want = [false, true, false, false, false, false, false, false];
        assert_eq!(told, want);
        assert!(table.becomes_full());
    }
}
