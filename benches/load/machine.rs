//! The machine: cores, priorities, clocks, and what the system says of processes and of itself.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

use crate::Done;

/// The core of what is measured; the generator has the other.
pub(crate) const MEASURED_CORE: usize = 0;
/// The generator's core.
pub(crate) const GENERATOR_CORE: usize = 1;

/// Where figures come from: they mean little beside those of another machine or of other sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// What git calls the sources, where it can be asked; it says if they were changed since.
    pub(crate) commit: Option<String>,
    /// The processor's name.
    pub(crate) processor: Option<String>,
}

impl Origin {
    /// Tells of this machine, and of the sources around a folder.
    pub(crate) fn of(folder: &Path) -> Self {
        let git = Command::new("git")
            .args([
                "describe",
                "--always",
                "--dirty",
                "--abbrev=40",
                "--exclude=*",
            ])
            .current_dir(folder)
            .output();
        let commit = git.ok().filter(|git| git.status.success());
        let commit = commit.and_then(|git| String::from_utf8(git.stdout).ok());
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        Self {
            commit: commit.map(|commit| commit.trim().to_owned()),
            processor: name.map(|name| name.trim_start_matches([' ', '\t', ':']).to_owned()),
        }
    }
}

/// Keeps this process on a core.
pub(crate) fn pin(core: usize) -> Done<()> {
    let mut cores = CpuSet::new();
    cores.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &cores)
        .map_err(|error| format!("core {core} could not be had: {error}; two are needed"))?;
    Ok(())
}

/// Asks for real-time scheduling of this thread; tells whether it was granted.
pub(crate) fn realtime(priority: u8) -> bool {
    let Ok(priority) = ThreadPriorityValue::try_from(priority) else {
        return false;
    };
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let priority = ThreadPriority::Crossplatform(priority);
    set_thread_priority_and_policy(thread_native_id(), priority, policy).is_ok()
}

/// Allows as many open files as the system lets us.
pub(crate) fn allow_files() -> Done<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(())
}

/// Returns how many files may be open.
pub(crate) fn files() -> Done<usize> {
    Ok(usize::try_from(getrlimit(Resource::RLIMIT_NOFILE)?.0)?)
}

/// Tells the time.
#[expect(clippy::disallowed_methods, reason = "the clock of the benchmark")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Sleeps until an instant and tells the time.
#[expect(clippy::disallowed_methods, reason = "the benchmark runs in real time")]
pub(crate) fn sleep_until(at: Instant) -> Instant {
    thread::sleep(at.saturating_duration_since(now()));
    now()
}

/// Returns the CPU time of all threads of a process.
pub(crate) fn cpu(process: u32) -> Done<Duration> {
    let mut nanoseconds = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may have ended since.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else {
            continue;
        };
        let first = text.split_whitespace().next().unwrap_or_default();
        nanoseconds += first.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Returns the resident memory of a process in bytes.
pub(crate) fn resident(process: u32) -> Done<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.ok_or("no VmRSS")?.parse::<u64>()? * 1_024)
}

/// Returns the time the host has taken from a core.
pub(crate) fn stolen(core: usize) -> Done<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let name = format!("cpu{core} ");
    let line = stat.lines().find_map(|line| line.strip_prefix(&name));
    let jiffies = line.and_then(|line| line.split_whitespace().nth(7));
    Ok(JIFFY * jiffies.ok_or("no steal time")?.parse::<u32>()?)
}

/// Returns how many datagrams the system dropped because a buffer was full: of a process's sockets that are open, and of
/// all there are and were on the machine.
pub(crate) fn datagrams_dropped(process: u32) -> Done<(u64, u64)> {
    let mut inodes = BTreeSet::new();
    for file in fs::read_dir(format!("/proc/{process}/fd"))? {
        let Ok(target) = fs::read_link(file?.path()) else {
            continue;
        };
        let inode = target.to_str().and_then(|target| {
            let number = target.strip_prefix("socket:[")?.strip_suffix(']')?;
            number.parse::<u64>().ok()
        });
        inodes.extend(inode);
    }
    let tables = [
        fs::read_to_string("/proc/net/udp")?,
        fs::read_to_string("/proc/net/udp6")?,
    ];
    let of_process = tables
        .iter()
        .flat_map(|table| table.lines().skip(1))
        .filter_map(drops_of_row)
        .filter(|(inode, _)| inodes.contains(inode))
        .map(|(_, drops)| drops)
        .sum();
    let snmp = fs::read_to_string("/proc/net/snmp")?;
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
        return Err("no UDP in /proc/net/snmp".into());
    };
    let mut both = names.split_whitespace().zip(values.split_whitespace());
    let (_, value) = both
        .find(|(name, _)| *name == "RcvbufErrors")
        .ok_or("no RcvbufErrors")?;
    Ok((of_process, value.parse()?))
}

/// Reads inode and drops of a row of `/proc/net/udp`: the tenth and the last column.
fn drops_of_row(row: &str) -> Option<(u64, u64)> {
    let columns: Vec<&str> = row.split_whitespace().collect();
    Some((columns.get(9)?.parse().ok()?, columns.last()?.parse().ok()?))
}

/// `USER_HZ` is 100 on every architecture we know.
const JIFFY: Duration = Duration::from_millis(10);
/// The media worker's priority, in percent of the range; the floor and the generator have the same.
pub(crate) const WORKER_PRIORITY: u8 = 20;
/// The priority of what asks and answers beside a worker: a busy machine should not keep the generator waiting.
pub(crate) const CONTROL_PRIORITY: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_those_of_the_sockets_of_the_process() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(1);
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let process = std::process::id();
        let (before, all_before) = datagrams_dropped(process).unwrap();
        for _ in 0..100 {
            sender
                .send_to(&[0; 1_000], socket.local_addr().unwrap())
                .unwrap();
        }
        let (after, all_after) = datagrams_dropped(process).unwrap();
        assert!((50..=100).contains(&(after - before)), "{}", after - before);
        assert!(all_after - all_before >= after - before);
    }
}
