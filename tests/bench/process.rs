//! A process, measured from outside: how long it takes, its peak memory, its time on the processors.

use std::fs;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// What a process took.
pub(crate) struct Measured {
    pub(crate) wall: Duration,
    /// In bytes.
    pub(crate) peak_memory: u64,
    /// Of user and system.
    pub(crate) processor: Duration,
}

/// Runs a command to its end, which must be a success.
pub(crate) fn measure(mut command: Command) -> Result<Measured> {
    let (before, start) = (processor_of_children()?, Instant::now());
    let (wall, peak_memory) = watch(command.spawn()?, start)?;
    Ok(Measured { wall, peak_memory, processor: processor_of_children()?.saturating_sub(before) })
}

/// Waits for the end of the process. Its peak memory can only be read before, but in the meantime it only grows.
fn watch(mut child: Child, start: Instant) -> Result<(Duration, u64)> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Some(ended) = child.try_wait()? {
            ensure!(ended.success(), "it ended with {ended}");
            return Ok((start.elapsed(), peak));
        }
        let text = fs::read_to_string(&status)?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = kilobytes.map_or(peak, |kilobytes| kilobytes * 1024);
        sleep(Duration::from_millis(2));
    }
}

/// The time on the processors of all children that have ended. The kernel tells it in hundredths of a second, so only
/// sums of several runs mean something.
fn processor_of_children() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").context("another `/proc/self/stat`")?;
    // proc(5): `cutime` and `cstime` are its fields 16 and 17, of which the first two are cut off here.
    let ticks = fields.split(' ').skip(13).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
