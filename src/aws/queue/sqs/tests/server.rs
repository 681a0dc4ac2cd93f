//! A server that plays recorded responses and records the requests. It does not understand SQS.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use serde_json::Value;

/// A server that plays one response for each connection.
pub(super) struct Server {
    address: SocketAddr,
    thread: JoinHandle<Vec<Request>>,
}

/// A recorded request.
#[derive(Debug)]
pub(super) struct Request {
    /// The request line and the headers, in lower case.
    pub head: String,
    pub body: Value,
}

impl Server {
    /// Starts a server that plays these statuses and bodies in order.
    pub(super) fn playing(responses: &[(u16, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let response = |&(status, body): &(u16, &str)| {
            let length = body.len();
            format!(
                "HTTP/1.1 {status} Played\r\nConnection: close\r\nContent-Length: {length}\r\n\
                 Content-Type: application/x-amz-json-1.0\r\n\r\n{body}"
            )
        };
        let responses: Vec<String> = responses.iter().map(response).collect();
        let thread = std::thread::spawn(move || {
            let mut requests = Vec::new();
            for response in responses {
                let (mut stream, _) = listener.accept().unwrap();
                let Some(request) = read(&stream) else {
                    break;
                };
                requests.push(request);
                stream.write_all(response.as_bytes()).unwrap();
            }
            requests
        });
        Self { address, thread }
    }

    /// The URL of a queue on it.
    pub(super) fn queue_url(&self) -> String {
        format!("http://{}/1/q", self.address)
    }

    /// Stops the server and returns the requests. The empty connection ends a server that still waits.
    pub(super) fn requests(self) -> Vec<Request> {
        drop(TcpStream::connect(self.address));
        self.thread.join().unwrap()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap() == 0 {
            return None;
        }
    }
    let head = head.to_ascii_lowercase();
    let (_, length) = head.split_once("content-length: ")?;
    let mut body = vec![0; length.split("\r\n").next()?.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let body = serde_json::from_slice(&body).unwrap();
    Some(Request { head, body })
}
