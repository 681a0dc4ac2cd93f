//! An HTTP server with one thread for each connection. It listens on a free port until the process ends.
//!
//! It supports only what the clients of the tested binary send: a body must have a Content-Length. The caller
//! decides the responses.

use std::io::{BufRead, BufReader, IoSlice, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

/// A response. The server adds length and date.
pub struct Answer {
    /// Status code and reason.
    pub status: &'static str,
    /// Header lines, each ending with CRLF.
    pub headers: &'static str,
    pub body: Vec<u8>,
}

/// Starts a server. It calls `answer` with the head and the body of each request, on many threads.
pub fn start(answer: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // Ignore errors: the client has closed the connection.
            thread::spawn(move || serve(connection, &*answer));
        }
    });
    address
}

/// The value of a header; the case of its name does not matter.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
    let found = pairs.find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim())
}

/// Answers the requests of a connection one after the other.
fn serve(connection: TcpStream, answer: impl Fn(&str, &str) -> Answer) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    let (mut head, mut body) = (String::new(), String::new());
    loop {
        head.clear();
        body.clear();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let length = header(&head, "content-length")
            .map_or(0, |text| text.parse().expect("Content-Length is a number"));
        reader.by_ref().take(length).read_to_string(&mut body)?;
        let answer = answer(&head, &body);
        let head = format!(
            "HTTP/1.1 {}\r\nDate: {}\r\n{}Content-Length: {}\r\n\r\n",
            answer.status,
            httpdate::fmt_http_date(SystemTime::now()),
            answer.headers,
            answer.body.len()
        );
        write_both(&mut writer, head.as_bytes(), &answer.body)?;
    }
}

/// Writes two parts, usually in one system call and without a copy.
fn write_both(writer: &mut impl Write, first: &[u8], second: &[u8]) -> std::io::Result<()> {
    let written = writer.write_vectored(&[IoSlice::new(first), IoSlice::new(second)])?;
    match written.checked_sub(first.len()) {
        Some(of_second) => writer.write_all(&second[of_second..]),
        None => {
            writer.write_all(&first[written..])?;
            writer.write_all(second)
        }
    }
}

/// Decodes a percent-encoded value of a query.
pub fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'%' => {
                let digits = std::str::from_utf8(&tail[..2]).expect("two digits follow");
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits follow"));
                rest = &tail[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).expect("keys are UTF-8")
}
