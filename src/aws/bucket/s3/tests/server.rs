//! A server that plays recorded responses. It does not understand HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

/// A server that plays one response for each connection, as raw bytes.
pub(super) struct Server {
    address: SocketAddr,
    thread: JoinHandle<Vec<String>>,
}

impl Server {
    pub(super) fn playing(responses: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let responses: Vec<String> = responses
            .iter()
            .map(|&response| response.to_owned())
            .collect();
        let thread = std::thread::spawn(move || {
            let mut requests = Vec::new();
            for response in responses {
                let (mut stream, _) = listener.accept().unwrap();
                let request = read_head(&mut stream);
                if request.is_empty() {
                    break;
                }
                requests.push(request);
                stream.write_all(response.as_bytes()).unwrap();
            }
            requests
        });
        Self { address, thread }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops the server and returns the heads of the requests. The empty connection ends a server that still waits.
    pub(super) fn requests(self) -> Vec<String> {
        drop(TcpStream::connect(self.address));
        self.thread.join().unwrap()
    }
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}
