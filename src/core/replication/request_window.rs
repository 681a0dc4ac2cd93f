//! The request window: how many requests may be in flight at a store, found out by its answers.
//!
//! It grows while the store answers, and halves when the store says that it is too much (additive increase,
//! multiplicative decrease). It sends nothing and knows no time.

/// How many requests may be in flight.
#[derive(Clone, Debug)]
pub struct RequestWindow {
    size: f64,
    most: usize,
    /// Whether the store has asked to slow down. Before that, the window grows fast.
    was_throttled: bool,
    epoch: Epoch,
}

/// The time between two decreases. One answer to a request of an epoch decreases the window; the others were under way
/// already, and say nothing new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch(u64);

impl RequestWindow {
    /// A window of `first` requests that grows to `most`. Each is at least 1.
    pub fn new(first: usize, most: usize) -> Self {
        let most = most.max(1);
        Self {
            size: first.clamp(1, most) as f64,
            most,
            was_throttled: false,
            epoch: Epoch(0),
        }
    }

    /// The number of requests that may be in flight now. At least 1.
    pub fn size(&self) -> usize {
        self.size as usize
    }

    /// Note it when a request is sent.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Notes an answer while this many requests were in flight. A window that is not used says nothing about the store,
    /// so it does not grow.
    pub fn on_answer(&mut self, in_flight: usize) {
        if in_flight * 2 < self.size() {
            return;
        }
        let more = if self.was_throttled {
            1.0 / self.size
        } else {
            1.0
        };
        self.size = (self.size + more).min(self.most as f64);
    }

    /// Notes that the store asked to slow down, in response to a request that was sent in this epoch.
    pub fn on_throttled(&mut self, sent: Epoch) {
        if sent == self.epoch {
            self.size = (self.size / 2.0).max(1.0);
            self.was_throttled = true;
            self.epoch = Epoch(self.epoch.0 + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_with_each_round_until_it_is_throttled() {
        let mut window = RequestWindow::new(8, 100);
        for want in [16, 32, 64, 100, 100] {
            (0..window.size()).for_each(|_| window.on_answer(window.size()));
            assert_eq!(window.size(), want);
        }
        window.on_throttled(window.epoch());
        assert_eq!(window.size(), 50);
        (0..50).for_each(|_| window.on_answer(50));
        assert_eq!(window.size(), 50, "less than one more for a round");
        (0..2).for_each(|_| window.on_answer(50));
        assert_eq!(window.size(), 51);
    }

    #[test]
    fn a_storm_of_answers_to_one_round_halves_it_once() {
        let mut window = RequestWindow::new(500, 500);
        let sent = window.epoch();
        (0..500).for_each(|_| window.on_throttled(sent));
        assert_eq!(window.size(), 250);
        for _ in 0..20 {
            window.on_throttled(window.epoch());
        }
        assert_eq!(window.size(), 1);
    }

    #[test]
    fn does_not_grow_while_it_is_not_used() {
        let mut window = RequestWindow::new(8, 100);
        (0..50).for_each(|_| window.on_answer(3));
        assert_eq!(window.size(), 8);
        window.on_answer(4);
        assert_eq!(window.size(), 9);
        assert_eq!(RequestWindow::new(0, 0).size(), 1);
    }
}
