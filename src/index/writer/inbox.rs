//! The requests that wait for the writer thread, in order. While the thread applies a large page, events can overtake.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::Request;

/// Maximum number of requests that events have overtaken.
const MAX_OVERTAKEN: usize = 16;

/// The requests that wait for the thread.
pub(super) struct Inbox {
    requests: mpsc::Receiver<Request>,
    /// The requests that events have overtaken. They are older than all in `requests`.
    overtaken: VecDeque<Request>,
}

impl Inbox {
    pub(super) fn new(requests: mpsc::Receiver<Request>) -> Self {
        Self {
            requests,
            overtaken: VecDeque::new(),
        }
    }

    /// Waits for the next request. `None` after the last handle is dropped.
    ///
    /// It loses no request if it is cancelled.
    pub(super) async fn next(&mut self) -> Option<Request> {
        match self.overtaken.pop_front() {
            Some(request) => Some(request),
            None => self.requests.recv().await,
        }
    }

    /// The next events or look-up, if only pages and ends of scans are before them. Does not wait.
    ///
    /// Pages and events may arrive in any order, so overtaking changes no result. Other requests, such as the
    /// attachment of a Source, stay before the events that follow them.
    pub(super) fn next_event(&mut self) -> Option<Request> {
        while self.overtaken.len() < MAX_OVERTAKEN
            && self.overtaken.back().is_none_or(can_be_overtaken)
        {
            let request = self.requests.try_recv().ok()?;
            if matches!(request, Request::Events(..) | Request::LookUp(..)) {
                return Some(request);
            }
            self.overtaken.push_back(request);
        }
        None
    }
}

fn can_be_overtaken(request: &Request) -> bool {
    matches!(request, Request::Page(_) | Request::CompleteScan(..))
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::core::replication::source_state::SourceId;
    use crate::index::writer::CommitTiming;

    fn events() -> Request {
        Request::Events(Vec::new(), oneshot::channel().0)
    }

    fn completed(id: u16) -> Request {
        let (reply, _) = oneshot::channel();
        Request::CompleteScan(SourceId(id), CommitTiming::Shared, reply)
    }

    fn inbox(requests: Vec<Request>) -> Inbox {
        let (sender, receiver) = mpsc::channel(64);
        for request in requests {
            assert!(sender.try_send(request).is_ok());
        }
        Inbox::new(receiver)
    }

    #[tokio::test]
    async fn events_overtake_only_scans() {
        let wired = Request::Wired(Vec::new(), String::new());
        let requests = vec![completed(1), events(), completed(2), wired, events()];
        let mut inbox = inbox(requests);
        assert!(matches!(inbox.next_event(), Some(Request::Events(..))));
        assert!(inbox.next_event().is_none() && inbox.next_event().is_none());
        for id in [1, 2] {
            let next = inbox.next().await;
            assert!(matches!(next, Some(Request::CompleteScan(it, ..)) if it.0 == id));
        }
        assert!(matches!(inbox.next().await, Some(Request::Wired(..))));
        assert!(matches!(inbox.next().await, Some(Request::Events(..))));
        assert!(inbox.next().await.is_none());
    }

    #[test]
    fn number_of_overtaken_requests_is_limited() {
        let pages = (0..MAX_OVERTAKEN as u16 + 1).map(completed);
        let mut inbox = inbox(pages.chain([events()]).collect());
        assert!(inbox.next_event().is_none());
        assert_eq!(inbox.overtaken.len(), MAX_OVERTAKEN);
        inbox.overtaken.pop_front();
        assert!(inbox.next_event().is_none());
        inbox.overtaken.pop_front();
        assert!(inbox.next_event().is_some());
    }
}
