//! A receiver of HTTP requests that behaves as a test wants; for tests inside of the crate and
//! outside.
#![allow(dead_code)] // Each uses a part of it.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};

/// What a receiver does with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Answers with this status and body, and these header lines.
    With(u16, String, &'static str),
    /// Reads, and never answers.
    Hang,
    /// Sends so many bytes of a body, unless the client leaves.
    Endless(u64),
    /// Sends one byte of the body, and no more.
    Drip,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self::With(status, String::new(), "")
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }
}

/// The receiver. Its threads end with the test's process.
pub struct Receiver {
    pub address: SocketAddr,
    pub seen: mpsc::Receiver<Seen>,
    /// Bytes of bodies that were sent.
    pub sent: Arc<AtomicU64>,
    answers: Arc<Mutex<Vec<Answer>>>,
}

impl Receiver {
    /// Gives these answers in order, the last one for ever.
    pub fn start(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, seen) = mpsc::channel();
        let mut answers = answers.to_vec();
        answers.reverse();
        let answers = Arc::new(Mutex::new(answers));
        let sent = Arc::<AtomicU64>::default();
        let of_thread = (Arc::clone(&answers), Arc::clone(&sent));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answers, sent) = of_thread.clone();
                let sender = sender.clone();
                std::thread::spawn(move || {
                    let mut stream = stream;
                    if let Some(request) = read_request(&mut stream) {
                        let answer = {
                            let mut left = lock(&answers);
                            if left.len() > 1 { left.pop() } else { left.last().cloned() }
                        };
                        // Whoever sees a request and then asks for another answer means the next.
                        let _ = sender.send(request);
                        give(&mut stream, answer.unwrap_or(Answer::Hang), &sent);
                    }
                });
            }
        });
        Self { address, seen, sent, answers }
    }

    /// Gives other answers from now on.
    pub fn then(&self, answer: Answer) {
        *lock(&self.answers) = vec![answer];
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }
}

pub fn read_request(stream: &mut impl Read) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { line: line.trim_end().to_owned(), headers, body })
}

fn give(stream: &mut TcpStream, answer: Answer, sent: &AtomicU64) {
    match answer {
        Answer::With(status, headers, body) => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\n\r\n");
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
        Answer::Hang => wait_for_end(stream),
        Answer::Drip => {
            let _ = stream.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 1000\r\n\r\n1");
            wait_for_end(stream);
        }
        Answer::Endless(length) => {
            let head = format!("HTTP/1.1 200 x\r\ncontent-length: {length}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes());
            let chunk = [b'x'; 16 * 1024];
            let mut left = length;
            while left > 0 && stream.write_all(&chunk).is_ok() {
                sent.fetch_add(chunk.len() as u64, Ordering::SeqCst);
                left = left.saturating_sub(chunk.len() as u64);
            }
        }
    }
}

/// Until the client closes.
fn wait_for_end(stream: &mut TcpStream) {
    let _ = stream.read(&mut [0; 1]);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
