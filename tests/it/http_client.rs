//! A client of the HTTP interface that knows only what tests ask.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Asks on a connection of its own; `headers` are whole lines.
pub fn ask(address: &str, method: &str, path: &str, headers: &[&str]) -> Answer {
    let stream = TcpStream::connect(address).expect("it listens");
    ask_over(stream, address, method, path, headers)
}

/// Asks on a connection that is there, and that is of no use then.
pub fn ask_over(
    mut stream: impl Read + Write,
    host: &str,
    method: &str,
    path: &str,
    headers: &[&str],
) -> Answer {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lines}\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = stream.read_line(&mut head).expect("a head is text");
        assert!(read > 0, "an answer has a head: {head:?}");
    }
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_lowercase(), value.to_owned()))
    });
    let mut answer = Answer {
        status: status.expect("a status").parse().expect("a number"),
        headers: headers.collect(),
        body: Vec::new(),
    };
    let length = answer.header("content-length");
    let length = length.map_or(0, |length| length.parse().expect("a number"));
    if method != "HEAD" && answer.status != 304 {
        answer.body.resize(length, 0);
        stream.read_exact(&mut answer.body).expect("the whole body");
    }
    answer
}

/// The JSON of an answer of status 200.
#[track_caller]
pub fn get(address: &str, path: &str) -> Value {
    let answer = ask(address, "GET", path, &[]);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}
