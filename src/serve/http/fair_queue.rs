//! Decides which client's work starts next, so that a client with little work never waits for the work that
//! others have queued.
//!
//! Each client has its own queue. If a permit is free, it goes to the client with the fewest running works,
//! then to the one that has used the least time, then to the one that has waited longest. The time is *start-time
//! fair queueing*: a client that comes back starts at the time of the work that started last, so nobody saves
//! time up by being idle, and nobody pays for long ago.
//!
//! This module is pure: it has no clock and no tasks. [`super::search_permits`] has them.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

/// Maximum number of waiting works of one client. A browser has six connections, so this is enough for ten
/// people behind one address.
pub(super) const MAX_WAITING: usize = 64;

/// Maximum number of remembered clients. Connections are limited to fewer, so some of these are idle.
const MAX_CLIENTS: usize = 1_024;

/// The client has [`MAX_WAITING`] waiting works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueFull;

/// Identifies a waiting work. Later ones are higher.
pub(super) type Ticket = u64;

/// The queues of all clients. `C` identifies a client, `W` is a waiting work.
#[derive(Debug)]
pub(super) struct FairQueue<C, W> {
    free_permits: usize,
    clients: HashMap<C, Client<W>>,
    /// The used time of the client whose work started last.
    used_by_last: Duration,
    next_ticket: Ticket,
}

#[derive(Debug)]
struct Client<W> {
    /// The time that its works have taken, and at least [`FairQueue::used_by_last`] when it came back.
    used: Duration,
    running: usize,
    waiting: VecDeque<(Ticket, W)>,
}

impl<W> Client<W> {
    fn is_idle(&self) -> bool {
        self.running == 0 && self.waiting.is_empty()
    }
}

impl<C: Clone + Eq + Hash, W> FairQueue<C, W> {
    /// A queue with this number of permits. 0 counts as 1.
    pub(super) fn new(permits: usize) -> Self {
        Self {
            free_permits: permits.max(1),
            clients: HashMap::new(),
            used_by_last: Duration::ZERO,
            next_ticket: 0,
        }
    }

    /// Starts a work of the client if a permit is free. Then nothing waits.
    pub(super) fn try_start(&mut self, client: &C) -> bool {
        if self.free_permits == 0 {
            return false;
        }
        self.client(client);
        self.start(client);
        true
    }

    /// Lets a work wait. Call it only if [`Self::try_start`] returned `false`.
    pub(super) fn wait(&mut self, client: &C, work: W) -> Result<Ticket, QueueFull> {
        let ticket = self.next_ticket;
        let queue = &mut self.client(client).waiting;
        if queue.len() >= MAX_WAITING {
            return Err(QueueFull);
        }
        queue.push_back((ticket, work));
        self.next_ticket += 1;
        Ok(ticket)
    }

    /// Removes a waiting work that is not wanted any longer. Does nothing if it has started.
    pub(super) fn abandon(&mut self, client: &C, ticket: Ticket) {
        if let Some(client) = self.clients.get_mut(client) {
            client.waiting.retain(|(other, _)| *other != ticket);
        }
    }

    /// Ends a running work that took this time. Returns the work that starts in its place, with its client.
    pub(super) fn finish(&mut self, client: &C, took: Duration) -> Option<(C, W)> {
        self.free_permits += 1;
        if let Some(client) = self.clients.get_mut(client) {
            client.running = client.running.saturating_sub(1);
            client.used = client.used.saturating_add(took);
        }
        let next = self.next_client();
        if next.is_none() && self.clients.values().all(Client::is_idle) {
            // Whoever comes next need not wait, so the past does not matter.
            self.clients.clear();
            self.used_by_last = Duration::ZERO;
        }
        let next = next?;
        let (_, work) = self.clients.get_mut(&next)?.waiting.pop_front()?;
        self.start(&next);
        Some((next, work))
    }

    /// The client whose work starts next.
    fn next_client(&self) -> Option<C> {
        let rank = |client: &Client<W>| {
            let (ticket, _) = client.waiting.front()?;
            Some((client.running, client.used, *ticket))
        };
        let waiting = self.clients.iter();
        let waiting = waiting.filter_map(|(id, client)| Some((rank(client)?, id)));
        waiting
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, id)| id.clone())
    }

    fn start(&mut self, client: &C) {
        self.free_permits -= 1;
        if let Some(client) = self.clients.get_mut(client) {
            client.running += 1;
            self.used_by_last = self.used_by_last.max(client.used);
        }
    }

    /// The client, which may be new or have been idle.
    fn client(&mut self, id: &C) -> &mut Client<W> {
        if self.clients.len() >= MAX_CLIENTS && !self.clients.contains_key(id) {
            self.forget_idle_client();
        }
        let least = self.used_by_last;
        let client = self.clients.entry(id.clone()).or_insert_with(|| Client {
            used: least,
            running: 0,
            waiting: VecDeque::new(),
        });
        if client.is_idle() {
            client.used = client.used.max(least);
        }
        client
    }

    /// Forgets the idle client that has used the least time.
    fn forget_idle_client(&mut self) {
        let idle = self.clients.iter().filter(|(_, client)| client.is_idle());
        let least = idle.min_by_key(|(_, client)| client.used);
        if let Some(id) = least.map(|(id, _)| id.clone()) {
            self.clients.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAVY: Duration = Duration::from_millis(200);
    const LIGHT: Duration = Duration::from_millis(1);

    type Queue = FairQueue<String, &'static str>;

    fn id(number: usize) -> String {
        format!("heavy-{number}")
    }

    /// How long the works of a heavy client take. None is as long as another.
    fn heavy_time(client: &str) -> Duration {
        let number = client.trim_start_matches("heavy-").parse::<u64>();
        HEAVY + Duration::from_millis(number.unwrap())
    }

    #[test]
    fn light_client_starts_before_the_queued_work_of_heavy_ones() {
        let mut queue = Queue::new(4);
        let light = "light".to_owned();
        let mut running = VecDeque::new();
        for client in (0..24).map(id) {
            if queue.try_start(&client) {
                running.push_back(client);
            } else {
                queue.wait(&client, "heavy").unwrap();
            }
        }
        // Each heavy client always has one work, which runs or waits.
        let turn = |queue: &mut Queue, running: &mut VecDeque<String>| {
            let client = running.pop_front().unwrap();
            let (next, work) = queue.finish(&client, heavy_time(&client)).unwrap();
            queue.wait(&client, "heavy").unwrap();
            if work == "heavy" {
                running.push_back(next);
            }
            work
        };
        for _ in 0..24 {
            turn(&mut queue, &mut running);
        }
        for _ in 0..30 {
            assert!(!queue.try_start(&light));
            queue.wait(&light, "light").unwrap();
            assert_eq!(turn(&mut queue, &mut running), "light");
            let (next, _) = queue.finish(&light, LIGHT).unwrap();
            assert!(next.starts_with("heavy"), "{next}");
            running.push_back(next);
        }
    }

    #[test]
    fn one_client_with_many_requests_does_not_hold_up_another() {
        let mut queue = Queue::new(1);
        let (many, one) = ("many".to_owned(), "one".to_owned());
        assert!(queue.try_start(&many));
        for _ in 0..10 {
            queue.wait(&many, "many").unwrap();
        }
        queue.wait(&one, "one").unwrap();
        assert_eq!(queue.finish(&many, LIGHT), Some((one.clone(), "one")));
        assert_eq!(queue.finish(&one, LIGHT), Some((many.clone(), "many")));
    }

    #[test]
    fn works_of_one_client_start_in_their_order() {
        let mut queue = Queue::new(2);
        let client = id(1);
        assert!(queue.try_start(&client) && queue.try_start(&client));
        assert!(!queue.try_start(&client));
        for work in ["first", "second", "third"] {
            queue.wait(&client, work).unwrap();
        }
        for work in ["first", "second", "third"] {
            assert_eq!(queue.finish(&client, LIGHT).unwrap().1, work);
        }
        assert_eq!(queue.finish(&client, LIGHT), None);
        assert_eq!(queue.free_permits, 1);
    }

    #[test]
    fn clients_with_equal_works_take_turns() {
        let mut queue = Queue::new(1);
        assert!(queue.try_start(&id(0)));
        for number in [0, 1, 2, 0, 1, 2] {
            queue.wait(&id(number), "work").unwrap();
        }
        let (mut running, mut order) = (id(0), Vec::new());
        while let Some((next, _)) = queue.finish(&running, LIGHT) {
            running = next.clone();
            order.push(next);
        }
        assert_eq!(order, [1, 2, 0, 1, 2, 0].map(id));
    }

    #[test]
    fn idle_client_saves_no_time_up() {
        let mut queue = Queue::new(1);
        let (busy, idle) = ("busy".to_owned(), "idle".to_owned());
        assert!(queue.try_start(&idle));
        queue.wait(&busy, "busy").unwrap();
        queue.finish(&idle, LIGHT);
        for _ in 0..9 {
            queue.wait(&busy, "busy").unwrap();
            queue.finish(&busy, HEAVY);
        }
        // It comes back with heavy works. After its first one, the others take turns with those of the busy client.
        for _ in 0..3 {
            queue.wait(&idle, "idle").unwrap();
            queue.wait(&busy, "busy").unwrap();
        }
        let (mut running, mut order) = (busy, Vec::new());
        while let Some((next, work)) = queue.finish(&running, HEAVY) {
            running = next;
            order.push(work);
        }
        assert_eq!(order, ["idle", "busy", "idle", "busy", "idle", "busy"]);
    }

    #[test]
    fn waiting_works_of_a_client_are_limited_and_can_be_abandoned() {
        let mut queue = Queue::new(1);
        let (client, other) = (id(1), id(2));
        assert!(queue.try_start(&client));
        let tickets: Vec<Ticket> = (0..MAX_WAITING)
            .map(|_| queue.wait(&client, "work").unwrap())
            .collect();
        assert_eq!(queue.wait(&client, "more"), Err(QueueFull));
        let ticket = queue.wait(&other, "other").unwrap();
        queue.abandon(&client, tickets[0]);
        queue.wait(&client, "more").unwrap();
        queue.abandon(&other, ticket);
        assert_eq!(queue.finish(&client, LIGHT).unwrap().0, client);
    }

    #[test]
    fn idle_clients_are_forgotten() {
        let mut queue = Queue::new(2);
        assert!(queue.try_start(&"holder".to_owned()));
        for number in 0..MAX_CLIENTS + 10 {
            assert!(queue.try_start(&id(number)));
            queue.finish(&id(number), HEAVY);
        }
        assert_eq!(queue.clients.len(), MAX_CLIENTS);
        queue.finish(&"holder".to_owned(), LIGHT);
        assert!(queue.clients.is_empty());
        assert_eq!(queue.free_permits, 2);
    }
}
