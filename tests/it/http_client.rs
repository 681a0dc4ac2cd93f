//! A minimal HTTP/1.1 client for the tests. It reads only bodies with a `Content-Length`.
//!
//! It checks that the OpenAPI document describes every response of the program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::LazyLock;

use serde_json::Value;

use crate::openapi_check::CheckedResponse;

/// The published document. A unit test checks that the program serves the same one.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../schema/openapi.json");
    serde_json::from_str(text).expect("the document is JSON")
});

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Sends a request on a new connection. Each header is a whole line, without a line break.
pub fn send(address: &str, method: &str, path: &str, headers: &[&str]) -> Response {
    let stream = TcpStream::connect(address).expect("the server listens");
    send_over(stream, address, method, path, headers)
}

/// Sends a request with this JSON body on a new connection.
pub fn send_json(
    address: &str,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> Response {
    send_body(address, method, path, "application/json", headers, body)
}

/// Sends a request with this body on a new connection.
pub fn send_body(
    address: &str,
    method: &str,
    path: &str,
    content_type: &str,
    headers: &[&str],
    body: &str,
) -> Response {
    let content_type = format!("Content-Type: {content_type}");
    let length = format!("Content-Length: {}", body.len());
    let mut all = vec![content_type.as_str(), length.as_str()];
    all.extend(headers);
    let stream = TcpStream::connect(address).expect("the server listens");
    exchange(stream, address, method, path, &all, body)
}

/// Sends a request on this connection. The server closes it after the response.
pub fn send_over(
    stream: impl Read + Write,
    host: &str,
    method: &str,
    path: &str,
    headers: &[&str],
) -> Response {
    exchange(stream, host, method, path, headers, "")
}

fn exchange(
    mut stream: impl Read + Write,
    host: &str,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> Response {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lines}\r\n{body}"
    );
    stream
        .write_all(request.as_bytes())
        .expect("the server reads the request");
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = stream.read_line(&mut head).expect("the head is text");
        assert!(read > 0, "the connection ended in the head: {head:?}");
    }
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_lowercase(), value.to_owned()))
    });
    let mut response = Response {
        status: status.expect("a status").parse().expect("a number"),
        headers: headers.collect(),
        body: Vec::new(),
    };
    let length = response.header("content-length");
    let length = length.map_or(0, |length| length.parse().expect("a number"));
    if method != "HEAD" && response.status != 304 {
        response.body.resize(length, 0);
        let read = stream.read_exact(&mut response.body);
        read.expect("the whole body");
    }
    check(method, path, &response);
    response
}

/// Panics if the response is one of the program, and the document does not describe it.
fn check(method: &str, path: &str, response: &Response) {
    // Other servers do not send this header.
    if response.header("cross-origin-resource-policy").is_none() {
        return;
    }
    let headers = response.headers.iter();
    let checked = CheckedResponse {
        method,
        path,
        status: response.status,
        headers: headers.map(|(name, value)| (&**name, &**value)).collect(),
        body: &response.body,
    };
    if let Err(problem) = checked.check(&DOCUMENT) {
        panic!("{method} {path}: not in schema/openapi.json: {problem}");
    }
}

/// Sends a GET request and returns the JSON body. Panics unless the status is 200.
#[track_caller]
pub fn get(address: &str, path: &str) -> Value {
    let response = send(address, "GET", path, &[]);
    assert_eq!(response.status, 200, "{path}: {}", response.text());
    response.json()
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The value of the header with this name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}
