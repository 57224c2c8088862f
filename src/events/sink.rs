//! The output of the operator's log: the journal with fields, if standard error is connected to it;
//! otherwise standard error, one line each, in colour on a terminal.
//!
//! Chosen at the first line, for the life of the process. If the journal would block, the line goes to
//! standard error without fields, so that the judge never waits.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::sync::OnceLock;

/// The level of a line. The number is that of syslog (RFC 5424 §6.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Level {
    Error = 3,
    Warning = 4,
    Notice = 5,
    Info = 6,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
        }
    }

    /// The colour of the level on a terminal (ECMA-48 §8.3.117).
    const fn colour(self) -> &'static str {
        match self {
            Self::Error => "\x1b[1;31m",
            Self::Warning => "\x1b[33m",
            Self::Notice => "\x1b[1;36m",
            Self::Info => "\x1b[32m",
        }
    }
}

/// A field of a journal entry: its name without `ASNMETER_`, and its value.
pub(super) type Field<'a> = (&'static str, &'a dyn std::fmt::Display);

/// Writes one line.
pub(super) fn write(level: Level, message: &str, fields: &[Field<'_>]) {
    static SINK: OnceLock<Sink> = OnceLock::new();
    SINK.get_or_init(Sink::find).write(level, message, fields);
}

enum Sink {
    Journal(UnixDatagram),
    Terminal,
    Plain,
}

impl Sink {
    fn find() -> Self {
        match journal() {
            Some(socket) => Self::Journal(socket),
            None if is_colourful() => Self::Terminal,
            None => Self::Plain,
        }
    }

    fn write(&self, level: Level, message: &str, fields: &[Field<'_>]) {
        let as_str = level.as_str();
        match self {
            Self::Journal(socket) if socket.send(&entry(level, message, fields)).is_ok() => {}
            // systemd reads the level from the prefix (sd-daemon(3)).
            Self::Journal(_) => emit(&format!("<{}>asnmeter: {as_str}: {message}", level as u8)),
            Self::Terminal => emit(&format!(
                "asnmeter: {}{as_str}\x1b[0m: {message}",
                level.colour()
            )),
            Self::Plain => emit(&format!("asnmeter: {as_str}: {message}")),
        }
    }
}

/// Writes to standard error; ignores errors.
fn emit(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// The journal's socket, if standard error leads to the journal (systemd.exec(5),
/// `$JOURNAL_STREAM`): a daemon whose output was sent elsewhere writes there.
fn journal() -> Option<UnixDatagram> {
    let stream = std::env::var("JOURNAL_STREAM").ok()?;
    let stderr = io::stderr().as_fd().try_clone_to_owned().ok()?;
    let ours = std::fs::File::from(stderr).metadata().ok()?;
    if stream != format!("{}:{}", ours.dev(), ours.ino()) {
        return None;
    }
    let socket = UnixDatagram::unbound().ok()?;
    socket.connect("/run/systemd/journal/socket").ok()?;
    socket.set_nonblocking(true).ok()?;
    Some(socket)
}

/// Whether standard error is a terminal with colours, unless `NO_COLOR` is set (no-color.org).
fn is_colourful() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    io::stderr().is_terminal() && !refused && !is_dumb
}

/// An entry in the journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL).
fn entry(level: Level, message: &str, fields: &[Field<'_>]) -> Vec<u8> {
    let mut entry = Vec::new();
    field(&mut entry, "MESSAGE", message);
    field(&mut entry, "PRIORITY", &(level as u8).to_string());
    field(&mut entry, "SYSLOG_IDENTIFIER", "asnmeter");
    for (name, value) in fields {
        let mut text = String::new();
        // writing to a String cannot fail
        let _ = write!(text, "{value}");
        field(&mut entry, &format!("ASNMETER_{name}"), &text);
    }
    entry
}

/// `NAME=value`, or the form with a length, if the value contains a line break.
fn field(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend(name.bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend((value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend(value.bytes());
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_message_priority_and_fields() {
        let entry = entry(Level::Notice, "AS3320 is out", &[("ASN", &3320)]);
        let expected =
            "MESSAGE=AS3320 is out\nPRIORITY=5\nSYSLOG_IDENTIFIER=asnmeter\nASNMETER_ASN=3320\n";
        assert_eq!(String::from_utf8(entry).unwrap(), expected);
    }

    #[test]
    fn a_value_with_a_line_break_adds_no_field() {
        let entry = entry(Level::Error, "a\nPRIORITY=0", &[]);
        let expected = b"MESSAGE\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\nPRIORITY=3\n";
        assert!(entry.starts_with(expected), "{}", entry.escape_ascii());
    }

    #[test]
    fn a_line_reaches_the_journal_complete() {
        let (near, far) = UnixDatagram::pair().unwrap();
        Sink::Journal(near).write(Level::Info, "hello", &[("EVENT", &"started")]);
        let mut octets = [0; 256];
        let length = far.recv(&mut octets).unwrap();
        assert_eq!(
            octets[..length],
            entry(Level::Info, "hello", &[("EVENT", &"started")])
        );
    }
}
