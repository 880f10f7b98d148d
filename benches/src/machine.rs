//! What a figure was measured on.

use std::path::Path;
use std::process::Command;

use placet_proto::time::UnixSeconds;
use serde::Serialize;

/// A machine, as it says of itself. What it does not say is empty.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// Threads that run at the same time.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The kernel.
    pub kernel: String,
    /// Load of the last minute when the run began: what else the machine was doing.
    pub load_before: f64,
}

impl Machine {
    /// This one, now.
    #[must_use]
    pub fn this() -> Self {
        let field = |file: &str, name: &str| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map_or("", |(_, value)| value).trim().to_owned()
        };
        let memory = field("/proc/meminfo", "MemTotal");
        let kib: u64 = memory.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: kib / 1024,
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or(String::new(), |text| text.trim().to_owned()),
            load_before: load.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0.0),
        }
    }
}

/// The type of the file system that holds `path` ("ext4"); empty where the system does not say.
#[must_use]
pub fn file_system(path: &Path) -> String {
    let Ok(path) = path.canonicalize() else { return String::new() };
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut found = (0, "");
    for line in mounts.lines() {
        let mut words = line.split(' ').skip(1);
        let (Some(at), Some(kind)) = (words.next(), words.next()) else { continue };
        // Of two on the same place, the later one is seen.
        if path.starts_with(at) && at.len() >= found.0 {
            found = (at.len(), kind);
        }
    }
    found.1.to_owned()
}

/// The commit of the working folder, where that is a repository: for who measures a change. A
/// name that ends in `-dirty` holds something that is not committed.
#[must_use]
pub fn commit() -> Option<String> {
    let args = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
    let output = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The day (UTC), as in 2026-01-31.
#[must_use]
pub fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = UnixSeconds(since.map_or(0, |since| since.as_secs()));
    seconds.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_cores_and_a_file_system() {
        let machine = Machine::this();
        assert!(machine.cores >= 1);
        assert!(!file_system(&std::env::temp_dir()).is_empty());
    }
}
