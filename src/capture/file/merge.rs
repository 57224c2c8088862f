//! Capture files that overlap in time, read together in order of time.
//!
//! A frame that stands in two of them, with the same time and the same octets, is returned once. Every
//! worker reads these files for itself. Lives as long as the files are read.

use super::names::InterfaceNames;
use super::opened::Opened;
use super::reader::Reader;
use super::shared_reader::Cursor;
use super::step::{FoundFrame, NonFrame};
use crate::capture::{CaptureError, CaptureGap};
use crate::frame::{Frame, InterfaceId};
use crate::units::Timestamp;
use std::path::PathBuf;

/// Most frames of one time that are remembered to find them in another file.
const MAX_SAME_TIME: usize = 1024;

/// What the next step through the files found.
pub(super) enum MergeStep {
    /// A frame: [`MergedFiles::frame`].
    Frame,
    /// As of the file in which it was.
    Interface(InterfaceId),
    CaptureGap(CaptureGap),
    /// No file has more.
    End,
}

/// A file with its next frame.
struct Member {
    opened: Opened,
    reader: Reader<()>,
    /// The frame read last, and whether it is the next to be returned.
    found: FoundFrame,
    is_pending: bool,
    has_ended: bool,
}

/// A frame that was returned, as long as others of its time follow.
struct Returned {
    member: usize,
    octets: Vec<u8>,
    length: u32,
    /// Files in which it was found again: once in each.
    again: Vec<usize>,
}

/// Files that are read together.
pub(super) struct MergedFiles {
    members: Vec<Member>,
    /// The file whose frame was returned last.
    current: usize,
    time: Timestamp,
    returned: Vec<Returned>,
    /// Frames that were left out because another file has them.
    copies: u64,
    warnings: Vec<String>,
}

impl MergedFiles {
    /// Opens the files, in the order in which frames of one time are returned.
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self, CaptureError> {
        let open = |path: &PathBuf| {
            let mut reader = Reader::new(Cursor::single());
            let opened = Opened::begin(path, &mut reader)?;
            Ok(Member {
                opened,
                reader,
                found: FoundFrame::NONE,
                is_pending: false,
                has_ended: false,
            })
        };
        let members: Result<_, CaptureError> = paths.iter().map(open).collect();
        Ok(Self {
            members: members?,
            current: 0,
            time: Timestamp::default(),
            returned: Vec::new(),
            copies: 0,
            warnings: Vec::new(),
        })
    }

    /// The frame that was found last.
    pub(super) fn frame(&self) -> Option<Frame<'_>> {
        let member = self.members.get(self.current)?;
        Some(member.found.frame(&member.reader))
    }

    /// Warnings about the files; complete after [`MergeStep::End`].
    pub(super) fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.warnings);
        if self.copies > 0 {
            warnings.push(format!(
                "{} frames stand in two files, with the same time and octets, and were read once",
                self.copies
            ));
        }
        warnings
    }

    /// Finds the next frame or event.
    pub(super) fn step(&mut self, names: &mut InterfaceNames) -> Result<MergeStep, CaptureError> {
        loop {
            for member in &mut self.members {
                while !member.is_pending && !member.has_ended {
                    if let Some(step) = member.advance(names, &mut self.warnings)? {
                        return Ok(step);
                    }
                }
            }
            let pending = self.members.iter_mut().enumerate();
            let next = pending
                .filter(|(_, member)| member.is_pending)
                .min_by_key(|(number, member)| (member.found.time, *number));
            let Some((number, member)) = next else {
                return Ok(MergeStep::End);
            };
            member.is_pending = false;
            self.current = number;
            if !self.is_copy(number) {
                return Ok(MergeStep::Frame);
            }
            self.copies += 1;
        }
    }

    /// Whether the frame at hand was returned from another file; it is remembered if not.
    fn is_copy(&mut self, number: usize) -> bool {
        let Some(member) = self.members.get(number) else {
            return false;
        };
        let frame = member.found.frame(&member.reader);
        if frame.time != self.time {
            self.time = frame.time;
            self.returned.clear();
        }
        let same = self.returned.iter_mut().find(|returned| {
            returned.member != number
                && !returned.again.contains(&number)
                && returned.length == frame.length
                && returned.octets == frame.octets
        });
        if let Some(returned) = same {
            returned.again.push(number);
            return true;
        }
        if self.returned.len() < MAX_SAME_TIME {
            self.returned.push(Returned {
                member: number,
                octets: frame.octets.to_vec(),
                length: frame.length,
                again: Vec::new(),
            });
        }
        false
    }
}

impl Member {
    /// Reads up to the next frame; returns what comes before it.
    fn advance(
        &mut self,
        names: &mut InterfaceNames,
        warnings: &mut Vec<String>,
    ) -> Result<Option<MergeStep>, CaptureError> {
        let step = self.opened.step(&mut self.reader, names, &mut self.found);
        let Err(non_frame) = step else {
            self.is_pending = true;
            return Ok(None);
        };
        match *non_frame {
            NonFrame::End => self.end(None, warnings),
            NonFrame::Cut(offset) => self.end(Some(offset), warnings),
            NonFrame::Interface(id) => return Ok(Some(MergeStep::Interface(id))),
            NonFrame::CaptureGap(gap, frame_follows) => {
                self.is_pending = frame_follows;
                return Ok(Some(MergeStep::CaptureGap(gap)));
            }
            NonFrame::Read(_) | NonFrame::Format(_) => return Err(self.opened.failed(*non_frame)),
        }
        Ok(None)
    }

    fn end(&mut self, cut: Option<u64>, warnings: &mut Vec<String>) {
        self.has_ended = true;
        warnings.extend(self.opened.warnings(cut));
    }
}
