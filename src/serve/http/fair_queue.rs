//! Decides whose work starts next, so that a client with little work never waits for the work that others have
//! queued.
//!
//! If a permit is free, it goes to the client with the fewest running works, then to the one that has used the
//! least time. Among the connections of a client, the same rule decides, and then the order of arrival. The time is
//! *start-time fair queueing*: a client that comes back starts at the time of the work that started last, so nobody
//! saves time up by being idle, and nobody pays for long ago.
//!
//! This module is pure: it has no clock and no tasks. [`super::search_permits`] has them.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// Maximum number of waiting works of one client. A browser has six connections, so this is enough for ten
/// people behind one address.
pub(super) const MAX_WAITING: usize = 64;

/// Maximum number of remembered clients, and of remembered connections of a client. Fewer connections can be open, so
/// some of these are idle.
const MAX_SHARES: usize = 1_024;

/// The client has [`MAX_WAITING`] waiting works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueFull;

/// Identifies a waiting work. Later ones are higher.
pub(super) type Ticket = u64;

/// Who wants to start a work: a client and its connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asker<C> {
    pub client: C,
    pub connection: u64,
}

/// The waiting works of all clients. `C` identifies a client, `W` is a waiting work.
#[derive(Debug)]
pub(super) struct FairQueue<C, W> {
    free_permits: usize,
    clients: Shares<C>,
    /// Of the clients that are not idle.
    connections: HashMap<C, Shares<u64>>,
    /// At most [`MAX_WAITING`] of each client, and one of each connection.
    waiting: Vec<(Ticket, Asker<C>, W)>,
    next_ticket: Ticket,
}

impl<C: Clone + Eq + Hash, W> FairQueue<C, W> {
    /// A queue with this number of permits. 0 counts as 1.
    pub(super) fn new(permits: usize) -> Self {
        Self {
            free_permits: permits.max(1),
            clients: Shares::default(),
            connections: HashMap::new(),
            waiting: Vec::new(),
            next_ticket: 0,
        }
    }

    /// Starts a work if a permit is free. Then nothing waits.
    pub(super) fn try_start(&mut self, asker: &Asker<C>) -> bool {
        if self.free_permits == 0 {
            return false;
        }
        self.enter(asker);
        self.start(asker);
        true
    }

    /// Lets a work wait. Call it only if [`Self::try_start`] returned `false`.
    pub(super) fn wait(&mut self, asker: &Asker<C>, work: W) -> Result<Ticket, QueueFull> {
        let others = self.waiting.iter();
        let others = others.filter(|(_, other, _)| other.client == asker.client);
        if others.count() >= MAX_WAITING {
            return Err(QueueFull);
        }
        self.enter(asker);
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.push((ticket, asker.clone(), work));
        Ok(ticket)
    }

    /// Removes a waiting work that is not wanted any longer. Does nothing if it has started.
    pub(super) fn abandon(&mut self, ticket: Ticket) {
        let mut waiting = self.waiting.iter();
        if let Some(index) = waiting.position(|(other, _, _)| *other == ticket) {
            let (_, asker, _) = self.waiting.remove(index);
            self.leave(&asker);
        }
    }

    /// Ends a running work that took this time. Returns the work that starts in its place, and whose it is.
    pub(super) fn finish(&mut self, asker: &Asker<C>, took: Duration) -> Option<(Asker<C>, W)> {
        self.free_permits += 1;
        self.clients.finish(&asker.client, took);
        if let Some(connections) = self.connections.get_mut(&asker.client) {
            connections.finish(&asker.connection, took);
        }
        self.leave(asker);
        let (_, asker, work) = self.waiting.remove(self.next()?);
        self.start(&asker);
        Some((asker, work))
    }

    /// The index of the work that starts next.
    fn next(&self) -> Option<usize> {
        let waiting = || self.waiting.iter().enumerate();
        let client_rank = |(ticket, asker, _): &(Ticket, Asker<C>, W)| {
            (self.clients.rank(&asker.client), *ticket)
        };
        let (_, (_, next, _)) = waiting().min_by_key(|(_, it)| client_rank(it))?;
        let connections = self.connections.get(&next.client)?;
        waiting()
            .filter(|(_, (_, asker, _))| asker.client == next.client)
            .min_by_key(|(_, (ticket, asker, _))| (connections.rank(&asker.connection), *ticket))
            .map(|(index, _)| index)
    }

    fn enter(&mut self, asker: &Asker<C>) {
        self.clients.enter(&asker.client);
        let connections = self.connections.entry(asker.client.clone());
        connections.or_default().enter(&asker.connection);
    }

    fn start(&mut self, asker: &Asker<C>) {
        self.free_permits -= 1;
        self.clients.start(&asker.client);
        if let Some(connections) = self.connections.get_mut(&asker.client) {
            connections.start(&asker.connection);
        }
    }

    /// One work of the asker has ended or is not wanted any longer.
    fn leave(&mut self, asker: &Asker<C>) {
        if let Some(connections) = self.connections.get_mut(&asker.client) {
            connections.leave(&asker.connection);
            if connections.are_idle() {
                self.connections.remove(&asker.client);
            }
        }
        self.clients.leave(&asker.client);
        if self.clients.are_idle() {
            // Whoever comes next need not wait, so the past does not matter.
            self.clients = Shares::default();
        }
    }
}

/// What each of several parties has used.
#[derive(Debug)]
struct Shares<K> {
    of: HashMap<K, Share>,
    /// The used time of the party whose work started last.
    used_by_last: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    /// The time that its works have taken, and at least [`Shares::used_by_last`] when it came back.
    used: Duration,
    running: usize,
    /// The number of works that run or wait.
    open: usize,
}

impl<K> Default for Shares<K> {
    fn default() -> Self {
        Self {
            of: HashMap::new(),
            used_by_last: Duration::ZERO,
        }
    }
}

impl<K: Clone + Eq + Hash> Shares<K> {
    fn enter(&mut self, key: &K) {
        if self.of.len() >= MAX_SHARES && !self.of.contains_key(key) {
            self.forget_one();
        }
        let share = self.of.entry(key.clone()).or_default();
        if share.open == 0 {
            share.used = share.used.max(self.used_by_last);
        }
        share.open += 1;
    }

    fn start(&mut self, key: &K) {
        if let Some(share) = self.of.get_mut(key) {
            share.running += 1;
            self.used_by_last = self.used_by_last.max(share.used);
        }
    }

    fn finish(&mut self, key: &K, took: Duration) {
        if let Some(share) = self.of.get_mut(key) {
            share.running = share.running.saturating_sub(1);
            share.used = share.used.saturating_add(took);
        }
    }

    fn leave(&mut self, key: &K) {
        if let Some(share) = self.of.get_mut(key) {
            share.open = share.open.saturating_sub(1);
        }
    }

    /// The lowest is next.
    fn rank(&self, key: &K) -> (usize, Duration) {
        let share = self.of.get(key).copied().unwrap_or_default();
        (share.running, share.used)
    }

    fn are_idle(&self) -> bool {
        self.of.values().all(|share| share.open == 0)
    }

    /// Forgets the idle party that has used the least time.
    fn forget_one(&mut self) {
        let idle = self.of.iter().filter(|(_, share)| share.open == 0);
        let least = idle.min_by_key(|(_, share)| share.used);
        if let Some(key) = least.map(|(key, _)| key.clone()) {
            self.of.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
