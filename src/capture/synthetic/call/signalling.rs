//! The SIP messages of a call (RFC 3261) with their SDP (RFC 8866), as a simple phone sends them.

use super::super::scenario::Call;
use super::Action;
use std::io::{self, Write};
use std::net::SocketAddr;

/// SIP's port (RFC 3261 §18.1.1).
pub(super) const PORT: u16 = 5060;

/// A writer that only counts octets.
struct Counting(usize);

impl Write for Counting {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0 += octets.len();
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The values that the messages of a call contain.
pub(super) struct Dialog<'a> {
    pub(super) call: &'a Call,
    /// Media addresses of the caller and the callee.
    pub(super) media: [SocketAddr; 2],
    /// Unique per dialog.
    pub(super) id: u32,
    /// One hexadecimal digit, so that a message has the same length in every repetition.
    pub(super) repetition: u32,
}

/// Appends the message of a signalling action.
pub(super) fn write(action: Action, dialog: &Dialog<'_>, out: &mut Vec<u8>) {
    let [from, to] = dialog.media;
    // Writing to a Vec cannot fail.
    let _ = match action {
        Action::Invite => message(out, dialog, StartLine::Invite, Some(from)),
        Action::Accept => message(out, dialog, StartLine::Ok("INVITE"), Some(to)),
        Action::Acknowledge => message(out, dialog, StartLine::Ack, None),
        Action::Bye => message(out, dialog, StartLine::Bye, None),
        Action::Confirm => message(out, dialog, StartLine::Ok("BYE"), None),
        Action::Rtp(_) | Action::Report(_) | Action::Reply(_) | Action::Goodbye(_) => Ok(()),
    };
}

/// The start line.
#[derive(Clone, Copy)]
enum StartLine {
    Invite,
    Ack,
    Bye,
    Ok(&'static str),
}

fn message(
    out: &mut Vec<u8>,
    dialog: &Dialog<'_>,
    line: StartLine,
    media: Option<SocketAddr>,
) -> io::Result<()> {
    let &Dialog {
        call,
        id,
        repetition,
        ..
    } = dialog;
    let caller = SocketAddr::new(call.from.ip(), PORT);
    let callee = SocketAddr::new(call.to.ip(), PORT);
    let (method, number) = match line {
        StartLine::Invite => ("INVITE", 1),
        StartLine::Ack => ("ACK", 1),
        StartLine::Bye | StartLine::Ok("BYE") => ("BYE", 2),
        StartLine::Ok(method) => (method, 1),
    };
    match line {
        StartLine::Ok(_) => write!(out, "SIP/2.0 200 OK\r\n")?,
        StartLine::Invite | StartLine::Ack | StartLine::Bye => {
            write!(out, "{method} sip:called@{callee} SIP/2.0\r\n")?;
        }
    }
    // The answer to an INVITE and everything after it has the callee's tag (RFC 3261 §12.1.1).
    let tag = match line {
        StartLine::Invite => "",
        StartLine::Ack | StartLine::Bye | StartLine::Ok(_) => ";tag=callee",
    };
    write!(
        out,
        "Via: SIP/2.0/UDP {caller};branch=z9hG4bK{id:08x}{repetition:x}{method}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:caller@{caller}>;tag=caller\r\n\
         To: <sip:called@{callee}>{tag}\r\n\
         Call-ID: {id:08x}-{repetition:x}@asnmeter.invalid\r\n\
         CSeq: {number} {method}\r\n\
         Contact: <sip:{}>\r\n",
        if matches!(line, StartLine::Ok(_)) {
            callee
        } else {
            caller
        },
    )?;
    let Some(media) = media else {
        return write!(out, "Content-Length: 0\r\n\r\n");
    };
    let mut length = Counting(0);
    description(&mut length, call, media)?;
    write!(
        out,
        "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n",
        length.0
    )?;
    description(out, call, media)
}

fn description(out: &mut impl Write, call: &Call, media: SocketAddr) -> io::Result<()> {
    let family = if media.is_ipv4() { "IP4" } else { "IP6" };
    let (ip, port) = (media.ip(), media.port());
    let (kind, map) = (call.codec.payload_type(), call.codec.rtpmap());
    write!(
        out,
        "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {kind}\r\na=rtpmap:{kind} {map}\r\na=ptime:20\r\na=sendrecv\r\n",
    )
}
