//! Measures the process itself, under the names that every Prometheus client gives them: processor time
//! and memory, as Linux counts them in `/proc/self`.
//!
//! Read when a scrape is rendered, so once a second at most. What cannot be read is left out.

use std::fmt::Write as _;
use std::fs;

/// Clock ticks in a second: what the kernel shows to programs on every architecture that asnmeter
/// is built for (`USER_HZ`, proc_pid_stat(5)).
const TICKS_PER_SECOND: u32 = 100;

/// The samples of this process in the text format of a scrape.
pub fn encode() -> String {
    let mut text = String::new();
    if let Some(seconds) = fs::read_to_string("/proc/self/stat")
        .ok()
        .and_then(|stat| cpu_seconds(&stat))
    {
        // Writing to a String cannot fail; the same below.
        let _ = writeln!(
            text,
            "# HELP process_cpu_seconds_total Processor time of all threads, user and system\n\
             # TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {seconds}"
        );
    }
    if let Some(bytes) = fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| resident_bytes(&status))
    {
        let _ = writeln!(
            text,
            "# HELP process_resident_memory_bytes Memory in use\n\
             # TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {bytes}"
        );
    }
    text
}

/// `utime` and `stime` are the 14th and 15th field; the 2nd, the name, may hold blanks and brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) / f64::from(TICKS_PER_SECOND))
}

/// `VmRSS` is in units of 1024 octets, which the kernel writes `kB`.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_user_and_system_whatever_the_name_holds() {
        let stat = "42 (asn) (me ter) S 1 42 42 0 -1 4194560 1023 0 0 0 250 75 0 0 20 0 4 0 99";
        assert_eq!(cpu_seconds(stat), Some(3.25));
        assert_eq!(cpu_seconds("42 (asnmeter) S 1"), None);
        assert_eq!(cpu_seconds(""), None);
    }

    #[test]
    fn memory_is_in_octets() {
        let status = "Name:\tasnmeter\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n";
        assert_eq!(resident_bytes(status), Some(10_485_760));
        assert_eq!(resident_bytes("VmRSS:\t 10240\n"), None);
    }

    #[test]
    fn this_process_has_both() {
        let text = encode();
        assert!(text.contains("\nprocess_cpu_seconds_total "), "{text}");
        assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
    }
}
