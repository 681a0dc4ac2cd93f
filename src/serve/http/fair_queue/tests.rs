//! Tests the order in which works start.

use std::collections::VecDeque;

use super::*;

const HEAVY: Duration = Duration::from_millis(200);
const LIGHT: Duration = Duration::from_millis(1);

type Queue = FairQueue<&'static str, &'static str>;
type QueueAsker = Asker<&'static str>;

/// The first connection of a client.
fn of(client: &'static str) -> QueueAsker {
    on(client, 0)
}

fn on(client: &'static str, connection: u64) -> QueueAsker {
    Asker { client, connection }
}

/// A light asker's work starts next, whatever the heavy ones have queued. No work of theirs is as long as another.
fn assert_overtakes(light: &QueueAsker, heavy: &[QueueAsker]) {
    let mut queue = Queue::new(4);
    let mut running = VecDeque::new();
    for asker in heavy {
        if queue.try_start(asker) {
            running.push_back(asker.clone());
        } else {
            queue.wait(asker, "heavy").unwrap();
        }
    }
    // Each heavy asker always has one work, which runs or waits.
    let turn = |queue: &mut Queue, running: &mut VecDeque<QueueAsker>| {
        let asker = running.pop_front().unwrap();
        let number = heavy.iter().position(|it| *it == asker).unwrap();
        let took = HEAVY + Duration::from_millis(number as u64);
        let (next, work) = queue.finish(&asker, took).unwrap();
        queue.wait(&asker, "heavy").unwrap();
        if work == "heavy" {
            running.push_back(next);
        }
        work
    };
    // Nobody can know who is heavy before that.
    for _ in heavy {
        turn(&mut queue, &mut running);
    }
    for _ in 0..30 {
        assert!(!queue.try_start(light));
        queue.wait(light, "light").unwrap();
        assert_eq!(turn(&mut queue, &mut running), "light");
        let (next, work) = queue.finish(light, LIGHT).unwrap();
        assert_eq!(work, "heavy");
        running.push_back(next);
    }
}

#[test]
fn light_client_starts_before_the_queued_work_of_heavy_ones() {
    let names = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
        "s", "t", "u", "v", "w", "x",
    ];
    assert_overtakes(&of("light"), &names.map(of));
}

/// Such as people behind one address.
#[test]
fn light_connection_starts_before_those_of_its_client() {
    let heavy: Vec<_> = (1..25).map(|number| on("all", number)).collect();
    assert_overtakes(&on("all", 0), &heavy);
}

#[test]
fn one_client_with_many_requests_does_not_hold_up_another() {
    let mut queue = Queue::new(1);
    let (many, one) = (of("many"), of("one"));
    assert!(queue.try_start(&many));
    for connection in 0..10 {
        queue.wait(&on("many", connection), "many").unwrap();
    }
    queue.wait(&one, "one").unwrap();
    assert_eq!(queue.finish(&many, LIGHT), Some((one.clone(), "one")));
    assert_eq!(queue.finish(&one, LIGHT), Some((on("many", 1), "many")));
}

#[test]
fn works_of_one_connection_start_in_their_order() {
    let mut queue = Queue::new(2);
    let asker = of("a");
    assert!(queue.try_start(&asker) && queue.try_start(&asker));
    assert!(!queue.try_start(&asker));
    for work in ["first", "second", "third"] {
        queue.wait(&asker, work).unwrap();
    }
    for work in ["first", "second", "third"] {
        assert_eq!(queue.finish(&asker, LIGHT).unwrap().1, work);
    }
    assert_eq!(queue.finish(&asker, LIGHT), None);
    assert_eq!(queue.free_permits, 1);
}

#[test]
fn clients_with_equal_works_take_turns() {
    let mut queue = Queue::new(1);
    assert!(queue.try_start(&of("a")));
    for client in ["a", "b", "c", "a", "b", "c"] {
        queue.wait(&of(client), "work").unwrap();
    }
    let (mut running, mut order) = (of("a"), Vec::new());
    while let Some((next, _)) = queue.finish(&running, LIGHT) {
        order.push(next.client);
        running = next;
    }
    assert_eq!(order, ["b", "c", "a", "b", "c", "a"]);
}

#[test]
fn idle_client_saves_no_time_up() {
    let mut queue = Queue::new(1);
    let (busy, idle) = (of("busy"), of("idle"));
    assert!(queue.try_start(&idle));
    queue.wait(&busy, "busy").unwrap();
    queue.finish(&idle, LIGHT);
    for _ in 0..9 {
        queue.wait(&busy, "busy").unwrap();
        queue.finish(&busy, HEAVY);
    }
    // It comes back with heavy works. After its first one, they take turns with those of the busy client.
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
    let (client, other) = (of("client"), of("other"));
    assert!(queue.try_start(&client));
    let connections = 0..MAX_WAITING as u64;
    let tickets: Vec<Ticket> = connections
        .map(|connection| queue.wait(&on("client", connection), "work").unwrap())
        .collect();
    assert_eq!(queue.wait(&client, "more"), Err(QueueFull));
    let ticket = queue.wait(&other, "other").unwrap();
    queue.abandon(tickets[0]);
    queue.wait(&client, "more").unwrap();
    queue.abandon(ticket);
    assert_eq!(queue.finish(&client, LIGHT).unwrap().0.client, "client");
}

#[test]
fn idle_parties_are_forgotten() {
    let mut shares = Shares::default();
    for number in 0..MAX_SHARES + 10 {
        shares.enter(&number);
        shares.leave(&number);
    }
    assert_eq!(shares.of.len(), MAX_SHARES);
    let mut queue = Queue::new(2);
    let (a, b) = (of("a"), of("b"));
    assert!(queue.try_start(&a) && queue.try_start(&b));
    queue.finish(&b, HEAVY);
    assert_eq!((queue.clients.of.len(), queue.connections.len()), (2, 1));
    queue.finish(&a, LIGHT);
    assert!(queue.clients.of.is_empty() && queue.connections.is_empty());
    assert_eq!(queue.free_permits, 2);
}
