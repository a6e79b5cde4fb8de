//! HTTP/1.1 by hand, for what no library would send.

use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Longest that an answer may take, on a busy machine too.
pub const ANSWER_MAX: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    pub body: Vec<u8>,
    pub took: Duration,
}

impl Answer {
    /// The body as JSON; null if there is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What is sent after the head.
pub enum Sent {
    /// These bytes, and their length before.
    Bytes(Vec<u8>),
    /// The same bytes again and again, in chunks, until the other end has had enough.
    Endless(Vec<u8>),
}

/// Sends one request on a connection of its own, and reads the answer while sending. Nothing, if the connection ended
/// without one.
pub fn ask(to: SocketAddr, request: &str, headers: &[(&str, &str)], sent: Sent) -> Option<Answer> {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(ANSWER_MAX)).unwrap();
    stream.set_write_timeout(Some(ANSWER_MAX)).unwrap();
    let mut head = format!("{request} HTTP/1.1\r\nhost: {to}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match &sent {
        Sent::Bytes(bytes) if bytes.is_empty() => {}
        Sent::Bytes(bytes) => head.push_str(&format!("content-length: {}\r\n", bytes.len())),
        Sent::Endless(_) => head.push_str("transfer-encoding: chunked\r\n"),
    }
    head.push_str("\r\n");
    let mut writer = stream.try_clone().unwrap();
    // Writing fails once the other end has read enough; what counts is its answer.
    let writing = thread::spawn(move || {
        drop(writer.write_all(head.as_bytes()));
        match sent {
            Sent::Bytes(bytes) => drop(writer.write_all(&bytes)),
            Sent::Endless(bytes) => {
                let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n"].concat();
                while writer.write_all(&chunk).is_ok() {}
            }
        }
    });
    let answer = read(&mut stream, begun);
    drop(stream.shutdown(Shutdown::Both));
    writing.join().unwrap();
    answer
}

fn read(stream: &mut TcpStream, begun: Instant) -> Option<Answer> {
    let mut read = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        if let Some(answer) = whole(&read, begun) {
            return Some(answer);
        }
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => read.extend_from_slice(&piece[..count]),
            _ => return None,
        }
    }
}

/// An answer, once all of it is there.
fn whole(read: &[u8], begun: Instant) -> Option<Answer> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(read[..end].to_vec()).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    let body = read.get(end..end + length)?.to_vec();
    Some(Answer { status: head[9..12].parse().unwrap(), head, body, took: begun.elapsed() })
}

/// A connection from another address of this machine.
pub fn connect_from(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((IpAddr::from(from), 0).into()).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream
}
