//! The load client: plain HTTP/1.1 over kept connections, as lean as it can be, because it shares
//! the processors with what it measures.
//!
//! [`closed`] keeps every connection busy and shows the highest rate; [`open`] sends at a fixed rate
//! whatever comes back and shows what a caller waits, counted from the moment the request was due.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// The longest one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer, its body read and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub length: usize,
}

/// A kept connection to a server on this machine.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub async fn open(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(64 << 10),
        })
    }

    /// Sends a request and reads the answer to its end.
    pub async fn exchange(&mut self, request: &[u8]) -> std::io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.received.clear();
        loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(answer) = answer(&self.received) {
                return Ok(answer);
            }
        }
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        let head = find(&self.received, b"\r\n\r\n").unwrap();
        &self.received[head + 4..]
    }
}

/// The answer in `bytes`, when all of it is there.
fn answer(bytes: &[u8]) -> Option<Answer> {
    let head = find(bytes, b"\r\n\r\n")?;
    let text = str::from_utf8(&bytes[..head]).unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let body = &bytes[head + 4..];
    let header = |name: &str| {
        let is_it =
            |line: &&str| line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name);
        Some(text.lines().find(is_it)?.split_once(':')?.1.trim())
    };
    let is_whole = match header("content-length:") {
        Some(length) => body.len() >= length.parse::<usize>().unwrap(),
        None if header("transfer-encoding:").is_some() => body.ends_with(b"0\r\n\r\n"),
        None => true,
    };
    is_whole.then_some(Answer {
        status,
        length: body.len(),
    })
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, what)
}

/// What a run of requests came to.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// From the first request to the last answer.
    pub took: Duration,
    /// Answers by status; 0 counts requests that got none.
    pub statuses: BTreeMap<u16, usize>,
    /// What each request took, sorted.
    pub latencies: Vec<Duration>,
    /// Bytes of the last body.
    pub length: usize,
}

impl Run {
    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// The latency that `percent` of requests stay under, in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let last = self.latencies.len() - 1;
        self.latencies[last * percent / 100].as_secs_f64() * 1e3
    }

    /// How many requests did not get `status`.
    pub fn errors(&self, status: u16) -> usize {
        let all: usize = self.statuses.values().sum();
        all - self.statuses.get(&status).copied().unwrap_or(0)
    }

    fn note(&mut self, answer: std::io::Result<Answer>, latency: Duration) {
        let answer = answer.unwrap_or(Answer {
            status: 0,
            length: 0,
        });
        *self.statuses.entry(answer.status).or_default() += 1;
        self.length = answer.length;
        self.latencies.push(latency);
    }

    fn end(mut self, since: Instant) -> Self {
        self.took = since.elapsed();
        self.latencies.sort_unstable();
        self
    }
}

/// Makes requests: writes the bytes of the one with this number.
pub trait Requests: Clone + 'static {
    fn write(&self, number: u64, request: &mut Vec<u8>);
}

/// Sends requests `numbers` over `connections`, each sending its next when the last is answered.
pub async fn closed(
    port: u16,
    connections: usize,
    numbers: std::ops::Range<u64>,
    requests: &impl Requests,
) -> Run {
    let next = Rc::new(Cell::new(numbers.start));
    let run = Rc::new(RefCell::new(Run::default()));
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(Connection::open(port).await.unwrap());
    }
    let since = Instant::now();
    let tasks = LocalSet::new();
    for mut connection in opened {
        let (next, run, requests) = (Rc::clone(&next), Rc::clone(&run), requests.clone());
        tasks.spawn_local(async move {
            let mut request = Vec::new();
            loop {
                let number = next.get();
                if number >= numbers.end {
                    return;
                }
                next.set(number + 1);
                requests.write(number, &mut request);
                let sent = Instant::now();
                let answer = patient(connection.exchange(&request)).await;
                let is_broken = answer.is_err();
                run.borrow_mut().note(answer, sent.elapsed());
                if is_broken {
                    let Ok(fresh) = Connection::open(port).await else {
                        return;
                    };
                    connection = fresh;
                }
            }
        });
    }
    tasks.await;
    run.take().end(since)
}

/// Sends requests `numbers` at `rate` a second over at most `connections`. A request that finds no
/// connection free waits for one; the wait counts.
pub async fn open(
    port: u16,
    connections: usize,
    rate: u32,
    numbers: std::ops::Range<u64>,
    requests: &impl Requests,
) -> Run {
    let (due, waiting) = tokio::sync::mpsc::unbounded_channel::<(u64, Instant)>();
    let waiting = Rc::new(tokio::sync::Mutex::new(waiting));
    let run = Rc::new(RefCell::new(Run::default()));
    let tasks = LocalSet::new();
    for _ in 0..connections {
        let mut connection = Connection::open(port).await.unwrap();
        let (waiting, run, requests) = (Rc::clone(&waiting), Rc::clone(&run), requests.clone());
        tasks.spawn_local(async move {
            let mut request = Vec::new();
            loop {
                let Some((number, due)) = waiting.lock().await.recv().await else {
                    return;
                };
                requests.write(number, &mut request);
                let answer = patient(connection.exchange(&request)).await;
                let is_broken = answer.is_err();
                run.borrow_mut().note(answer, due.elapsed());
                if is_broken {
                    connection = Connection::open(port).await.unwrap();
                }
            }
        });
    }
    let since = Instant::now();
    // A thread of its own: the runtime's timers are only good to a millisecond.
    let clock = std::thread::spawn(move || {
        let start = Instant::now();
        for (n, number) in (0..).zip(numbers) {
            let at = start + Duration::from_secs(1) * n / rate;
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            due.send((number, at)).unwrap();
        }
    });
    tasks.await;
    clock.join().unwrap();
    run.take().end(since)
}

async fn patient(
    exchange: impl Future<Output = std::io::Result<Answer>>,
) -> std::io::Result<Answer> {
    tokio::time::timeout(PATIENCE, exchange)
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}
