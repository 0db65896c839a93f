//! What the kernel knows of the machine and of a process: load, processor time, memory.
//!
//! Processor time is what `/proc` counts, in ticks of 10 ms; a measurement wants thousands of
//! requests.

use std::fs;
use std::time::Duration;

/// Ticks of `/proc/PID/stat` in a second; the same on every Linux people run.
const TICKS_A_SECOND: u64 = 100;

/// The load averages, as a sentence.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap();
    let averages: Vec<_> = text.split(' ').take(3).collect();
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    format!("load average {} on {cores} cores", averages.join(", "))
}

/// A program whose processor time is counted.
#[derive(Debug, Clone, Copy)]
pub enum Counted {
    /// One process with its threads.
    Process(u32),
    /// A server of many processes: this one and its children, those that have ended included.
    Family(u32),
}

/// Processor time spent by all of `counted` so far.
pub fn cpu(counted: &[Counted]) -> Duration {
    let ticks: u64 = counted.iter().map(|one| ticks_of(*one)).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_A_SECOND)
}

fn ticks_of(counted: Counted) -> u64 {
    match counted {
        Counted::Process(pid) => stat(pid).map_or(0, |stat| stat.own),
        Counted::Family(parent) => {
            let own = stat(parent).map_or(0, |stat| stat.own + stat.ended);
            let children = processes()
                .filter_map(stat)
                .filter(|stat| stat.parent == parent)
                .map(|stat| stat.own);
            own + children.sum::<u64>()
        }
    }
}

fn processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The parent of a process.
pub fn parent(pid: u32) -> u32 {
    stat(pid).unwrap().parent
}

struct Stat {
    parent: u32,
    /// User and system time of the process.
    own: u64,
    /// The same of children that have ended.
    ended: u64,
}

/// See proc(5), `/proc/PID/stat`; fields are counted behind the name, which may hold anything.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<_> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: number(11)? + number(12)?,
        ended: number(13)? + number(14)?,
    })
}

/// Memory of a process in megabytes (10^6 bytes): now, and at its highest.
pub fn memory(pid: u32) -> (f64, f64) {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let of = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1_024.0 / 1e6
    };
    (of("VmRSS:"), of("VmHWM:"))
}
