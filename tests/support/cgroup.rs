//! A control group for a process of a test, with a limit of memory or of threads, as systemd makes one
//! for a service (`MemoryMax=`, `TasksMax=`).

use std::path::PathBuf;

/// What is limited.
#[derive(Clone, Copy)]
pub(crate) enum Limited {
    Memory,
    Tasks,
}

/// Removed with the test; what was in it has ended by then.
pub(crate) struct Cgroup {
    folder: PathBuf,
    usage: &'static str,
    limit: &'static str,
}

impl Cgroup {
    /// A new one with this process in it. None where nobody lets us make one, as in most containers.
    pub(crate) fn around(process: u32, limited: Limited) -> Option<Self> {
        let (controller, [usage, limit], [old_usage, old_limit]) = match limited {
            Limited::Memory => (
                "memory",
                ["memory.current", "memory.max"],
                ["memory.usage_in_bytes", "memory.limit_in_bytes"],
            ),
            Limited::Tasks => (
                "pids",
                ["pids.current", "pids.max"],
                ["pids.current", "pids.max"],
            ),
        };
        let name = format!("asnmeter-test-{process}");
        let second = PathBuf::from("/sys/fs/cgroup").join(&name);
        let first = PathBuf::from("/sys/fs/cgroup").join(controller).join(&name);
        for (folder, usage, limit) in [(second, usage, limit), (first, old_usage, old_limit)] {
            let group = Self {
                folder,
                usage,
                limit,
            };
            let is_made = std::fs::create_dir(&group.folder).is_ok()
                && group.folder.join(limit).exists()
                && std::fs::write(group.folder.join("cgroup.procs"), process.to_string()).is_ok();
            if is_made {
                return Some(group);
            }
        }
        None
    }

    /// How much is in use.
    pub(crate) fn usage(&self) -> u64 {
        let usage = std::fs::read_to_string(self.folder.join(self.usage)).unwrap();
        usage.trim().parse().unwrap()
    }

    /// No more than this from now on.
    pub(crate) fn set_limit(&self, most: u64) {
        std::fs::write(self.folder.join(self.limit), most.to_string()).unwrap();
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Where it is not empty yet, nobody is harmed.
        let _ = std::fs::remove_dir(&self.folder);
    }
}
