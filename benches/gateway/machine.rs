//! What the machine says of itself: the clock, CPU time, memory, limits and disks. Linux only (`/proc`).

use std::{fs, path::Path, time::Instant};

use anyhow::{Context as _, Result, bail, ensure};

/// Microseconds in one tick of `/proc`; user space sees 100 ticks a second on every Linux that Rust runs on.
const TICK_US: u64 = 10_000;

/// The only clock of the bench.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// CPU time of a process in microseconds, with that of its children that have ended. 0 when it is gone.
///
/// The children matter for Postgres: what a backend used moves to the postmaster when it ends, so the sum over all
/// its processes never falls.
pub(crate) fn cpu_us(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold spaces. After it: state is field 3, utime 14, stime 15, cutime 16, cstime 17.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().skip(11).take(4).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * TICK_US
}

/// CPU time that everything on this machine has used, and could have used, in microseconds.
pub(crate) fn machine_cpu_us() -> Result<(u64, u64)> {
    let stat = fs::read_to_string("/proc/stat").context("read /proc/stat")?;
    let line = stat.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<u64> = line.split_whitespace().skip(1).take(8).filter_map(|word| word.parse().ok()).collect();
    let [_user, _nice, _system, idle, iowait, ..] = ticks[..] else { bail!("cannot read /proc/stat: {line}") };
    let all: u64 = ticks.iter().sum();
    Ok(((all - idle - iowait) * TICK_US, all * TICK_US))
}

/// Memory of a process that is resident, in KiB.
pub(crate) fn rss_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("read /proc/PID/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS: the process is gone")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Says what to do when the file descriptors will not suffice; the server inherits the limit.
pub(crate) fn check_open_files(connections: usize) -> Result<()> {
    let limits = fs::read_to_string("/proc/self/limits").context("read /proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).context("no limit of open files")?;
    let soft = line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(usize::MAX);
    let needed = connections + 256;
    ensure!(
        soft >= needed,
        "{connections} connections need {needed} file descriptors and this shell allows {soft}: \
         run `ulimit -n {needed}` first, in the same shell (as root or with a higher hard limit if it refuses)"
    );
    Ok(())
}

/// Whether a path lies in memory, where syncing costs nothing and a figure for a database means nothing.
pub(crate) fn is_in_memory(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let holder = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (_device, at, kind) = (words.next()?, words.next()?, words.next()?);
            path.starts_with(at).then_some((at.len(), kind))
        })
        .max_by_key(|(length, _)| *length); // the last of equals: a later mount covers an earlier one
    matches!(holder, Some((_, "tmpfs" | "ramfs")))
}
