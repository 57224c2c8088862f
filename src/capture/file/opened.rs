//! One capture file while it is read: its format and the number of frames so far.

use super::names::InterfaceNames;
use super::pcap::{self, Pcap};
use super::pcapng::{self, Pcapng};
use super::reader::Reader;
use super::shared_reader::Cursor;
use super::step::{FoundFrame, NonFrame, ReadStep};
use crate::capture::{BurstSink, CaptureError};
use crate::files::unpack::unpacking;
use crate::units::Timestamp;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name that means standard input.
pub(super) const STDIN: &str = "-";

/// The format of a file, with its reading state.
#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// A file being read. Lives from its first octet to its last.
pub(super) struct Opened {
    path: PathBuf,
    format: Format,
    /// Frames so far.
    frames: u64,
}

impl Opened {
    /// Opens a file, or standard input, and detects its format.
    pub(super) fn begin(
        path: &Path,
        reader: &mut Reader<impl Sized>,
    ) -> Result<Self, CaptureError> {
        let open = || -> io::Result<Box<dyn Read + Send>> {
            if path.as_os_str() == STDIN {
                return Ok(Box::new(unpacking(io::stdin(), None)?));
            }
            Ok(Box::new(unpacking(File::open(path)?, None)?))
        };
        let opened = reader.begin(open);
        opened.map_err(|source| open_error(path, source))?;
        Self::new(path, reader)
    }

    /// Detects the format of an input.
    pub(super) fn new(path: &Path, reader: &mut Reader<impl Sized>) -> Result<Self, CaptureError> {
        let format = Self::recognise(path, reader).map_err(|non_frame| failed(path, *non_frame))?;
        Ok(Self {
            path: path.to_owned(),
            format,
            frames: 0,
        })
    }

    fn recognise(path: &Path, reader: &mut Reader<impl Sized>) -> Result<Format, Box<NonFrame>> {
        reader.ensure(pcap::HEADER)?;
        let available = reader.available();
        let Some(&magic) = available.first_chunk() else {
            return Err(Box::new(NonFrame::Format(match available {
                [] => "not a capture: empty".into(),
                short => format!("not a capture: {} octets only", short.len()),
            })));
        };
        if magic == pcapng::SECTION {
            // Only a regular file can be read from its end.
            let regular = path.as_os_str() != STDIN && path.is_file();
            let statistics = regular.then(|| Pcapng::trailing_statistics(path));
            return Ok(Format::Pcapng(Pcapng::new(statistics.unwrap_or_default())));
        }
        let Some(form) = Pcap::magic(magic) else {
            let [a, b, c, d] = magic;
            return Err(Box::new(NonFrame::Format(format!(
                "not a pcap or pcapng capture: found {a:02x} {b:02x} {c:02x} {d:02x} at offset 0"
            ))));
        };
        let Some(header) = available.first_chunk() else {
            return Err(Box::new(NonFrame::Format(cut_header(available.len()))));
        };
        let pcap = Pcap::new(form, header)?;
        reader.consume(pcap::HEADER);
        Ok(Format::Pcap(pcap))
    }

    /// Offers buffered frames to `sink`.
    #[inline]
    pub(super) fn burst(&mut self, reader: &mut Reader<impl Sized>, sink: &mut impl BurstSink) {
        if reader.is_partitioned() {
            return;
        }
        self.frames += match &mut self.format {
            Format::Pcap(pcap) => pcap.burst(reader, sink),
            Format::Pcapng(pcapng) => pcapng.burst(reader, sink),
        };
    }

    /// The next step through the file.
    #[inline]
    pub(super) fn step(
        &mut self,
        reader: &mut Reader<impl Sized>,
        names: &mut InterfaceNames,
        found: &mut FoundFrame,
    ) -> ReadStep {
        let step = match &mut self.format {
            Format::Pcap(pcap) => pcap.step(reader, found),
            Format::Pcapng(pcapng) => pcapng.step(reader, names, found),
        };
        if let Some(records) = reader.take_records() {
            self.frames = records;
        }
        match step {
            Ok(()) => {
                self.frames += 1;
                Ok(())
            }
            Err(non_frame) => self.on_non_frame(reader, non_frame),
        }
    }

    #[cold]
    fn on_non_frame(&mut self, reader: &Reader<impl Sized>, non_frame: Box<NonFrame>) -> ReadStep {
        match *non_frame {
            NonFrame::CaptureGap(_, true) => self.frames += 1,
            NonFrame::Cut(0) => {
                let reason = cut_header(reader.available().len());
                return Err(Box::new(NonFrame::Format(reason)));
            }
            _ => {}
        }
        Err(non_frame)
    }

    /// Converts a failure in this file to the error of its source.
    pub(super) fn failed(&self, non_frame: NonFrame) -> CaptureError {
        failed(&self.path, non_frame)
    }

    /// Warnings about a file at its end; `cut` is the offset of a record that the end truncates.
    pub(super) fn warnings(&self, cut: Option<u64>) -> Vec<String> {
        let (path, frames) = (self.path.display(), self.frames);
        let mut warnings = Vec::new();
        if let Some(offset) = cut {
            warnings.push(format!(
                "{path}: cut off in the middle of a record at offset {offset}, after {frames} frames"
            ));
        }
        if let Format::Pcapng(pcapng) = &self.format {
            if pcapng.timeless > 0 {
                warnings.push(format!(
                    "{path}: {} of {frames} frames have no time and got that of the frame before",
                    pcapng.timeless
                ));
            }
            if pcapng.nameless > 0 {
                warnings.push(format!(
                    "{path}: {} interfaces lost their names, 65535 is the most",
                    pcapng.nameless
                ));
            }
        }
        warnings
    }
}

/// The times of a file's frames.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct TimeRange {
    /// The earliest.
    pub(super) first: Timestamp,
    /// The latest.
    pub(super) last: Timestamp,
    /// The longest time between a frame and the latest one before it.
    pub(super) longest_pause: Duration,
}

impl TimeRange {
    fn new(time: Timestamp) -> Self {
        Self {
            first: time,
            last: time,
            longest_pause: Duration::ZERO,
        }
    }

    fn add(&mut self, time: Timestamp) {
        self.longest_pause = self.longest_pause.max(time.since(self.last));
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }
}

/// The times of a file's frames; `None` if it has no frame. What is damaged behind the first frame is
/// reported when the file is read.
pub(super) fn time_range(path: &Path) -> Result<Option<TimeRange>, CaptureError> {
    let mut reader = Reader::<()>::new(Cursor::single());
    let mut opened = Opened::begin(path, &mut reader)?;
    let mut names = InterfaceNames::new();
    let mut found = FoundFrame::NONE;
    let mut range: Option<TimeRange> = None;
    loop {
        match opened
            .step(&mut reader, &mut names, &mut found)
            .map_err(|non_frame| *non_frame)
        {
            Ok(()) | Err(NonFrame::CaptureGap(_, true)) => {
                let range = range.get_or_insert_with(|| TimeRange::new(found.time));
                range.add(found.time);
            }
            Err(NonFrame::Cut(_) | NonFrame::End) => return Ok(range),
            Err(NonFrame::Interface(_) | NonFrame::CaptureGap(_, false)) => {}
            Err(_) if range.is_some() => return Ok(range),
            Err(non_frame) => return Err(failed(path, non_frame)),
        }
    }
}

/// The error for a file that cannot be opened.
pub(super) fn open_error(path: &Path, source: io::Error) -> CaptureError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => CaptureError::NoFile { path, source },
        _ => CaptureError::Read { path, source },
    }
}

/// Adds the path to a failure.
fn failed(path: &Path, non_frame: NonFrame) -> CaptureError {
    let path = path.to_owned();
    match non_frame {
        NonFrame::Read(source) => CaptureError::Read { path, source },
        NonFrame::Format(reason) => CaptureError::Format { path, reason },
        other => CaptureError::Format {
            path,
            reason: format!("ended by {other:?}"),
        },
    }
}

fn cut_header(octets: usize) -> String {
    format!("not a capture: cut off in its header, after {octets} octets")
}
