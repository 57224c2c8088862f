//! Writes the frames of a source to a capture file: pcap with nanoseconds, little-endian
//! (draft-ietf-opsawg-pcap). For tests and benches; link type Ethernet only.

use crate::capture::{CaptureError, Event, FrameSource};
use crate::frame::LinkType;
use crate::units::NANOS_PER_SECOND;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Magic number of the variant with nanoseconds.
const MAGIC_NANOS: u32 = 0xa1b2_3c4d;
/// Longest frame in the file, in octets; tcpdump's default.
const SNAP_LENGTH: u32 = 262_144;
/// LINKTYPE_ETHERNET.
const ETHERNET: u32 = 1;

/// Why no file was written.
#[derive(thiserror::Error, Debug)]
pub enum PcapError {
    /// The file cannot be written.
    #[error("{}: {source}", path.display())]
    Write {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The source failed.
    #[error(transparent)]
    Source(#[from] CaptureError),
}

/// Writes all frames of a source until its end and returns their number. Skips frames of other link
/// types.
///
/// # Errors
/// [`PcapError`] with the path, or the error of the source.
pub fn write_pcap(path: &Path, source: &mut dyn FrameSource) -> Result<u64, PcapError> {
    let failed = |error| PcapError::Write {
        path: path.to_owned(),
        source: error,
    };
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    write_header(&mut out).map_err(failed)?;
    let mut frames = 0;
    loop {
        match source.next()? {
            Event::Frame(frame) if frame.link == LinkType::Ethernet => {
                let nanos = frame.time.as_nanos();
                let captured = frame.octets.len();
                // The format has 32 bits of seconds: they wrap in 2106.
                for field in [
                    nanos / NANOS_PER_SECOND,
                    nanos % NANOS_PER_SECOND,
                    captured as u64,
                    u64::from(frame.length),
                ] {
                    let [a, b, c, d, ..] = field.to_le_bytes();
                    out.write_all(&[a, b, c, d]).map_err(failed)?;
                }
                out.write_all(frame.octets).map_err(failed)?;
                frames += 1;
            }
            Event::Frame(_)
            | Event::Interface(..)
            | Event::Idle(_)
            | Event::CaptureGap(_)
            | Event::Unknown(..) => {}
            Event::End => break,
        }
    }
    out.flush().map_err(failed)?;
    Ok(frames)
}

fn write_header(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&MAGIC_NANOS.to_le_bytes())?;
    out.write_all(&[2, 0, 4, 0])?;
    out.write_all(&[0; 8])?;
    out.write_all(&SNAP_LENGTH.to_le_bytes())?;
    out.write_all(&ETHERNET.to_le_bytes())
}
