//! The report as one JSON document: the model as it is.

use super::model::Report;
use std::io::{self, Write};

/// Writes the document.
///
/// # Errors
/// What `out` says.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}
