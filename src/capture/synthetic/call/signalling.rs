//! The SIP messages of a call (RFC 3261) with their SDP (RFC 8866), as a plain phone sends them.

use super::super::scenario::Call;
use super::Act;
use std::io::{self, Write};
use std::net::SocketAddr;

/// SIP's port (RFC 3261 §18.1.1).
pub(super) const PORT: u16 = 5060;

/// Counts octets instead of keeping them.
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

/// What the messages of a call say of it.
pub(super) struct Dialog<'a> {
    pub(super) call: &'a Call,
    /// Where media is sent from: by the caller, and by the callee.
    pub(super) media: [SocketAddr; 2],
    /// No other dialog has it.
    pub(super) id: u32,
    /// One hexadecimal digit, so that all repetitions of a message are equally long.
    pub(super) repetition: u32,
}

/// Appends the message of a signalling act.
pub(super) fn write(act: Act, dialog: &Dialog<'_>, out: &mut Vec<u8>) {
    let [from, to] = dialog.media;
    // Writing to a Vec cannot fail.
    let _ = match act {
        Act::Invite => message(out, dialog, Line::Invite, Some(from)),
        Act::Accept => message(out, dialog, Line::Ok("INVITE"), Some(to)),
        Act::Acknowledge => message(out, dialog, Line::Ack, None),
        Act::Bye => message(out, dialog, Line::Bye, None),
        Act::Confirm => message(out, dialog, Line::Ok("BYE"), None),
        Act::Rtp(_) | Act::Report(_) | Act::Reply(_) | Act::Goodbye(_) => Ok(()),
    };
}

/// The start line.
#[derive(Clone, Copy)]
enum Line {
    Invite,
    Ack,
    Bye,
    Ok(&'static str),
}

fn message(
    out: &mut Vec<u8>,
    dialog: &Dialog<'_>,
    line: Line,
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
        Line::Invite => ("INVITE", 1),
        Line::Ack => ("ACK", 1),
        Line::Bye | Line::Ok("BYE") => ("BYE", 2),
        Line::Ok(method) => (method, 1),
    };
    match line {
        Line::Ok(_) => write!(out, "SIP/2.0 200 OK\r\n")?,
        Line::Invite | Line::Ack | Line::Bye => {
            write!(out, "{method} sip:called@{callee} SIP/2.0\r\n")?;
        }
    }
    // The answer to an INVITE and everything after it has the callee's tag (RFC 3261 §12.1.1).
    let tag = match line {
        Line::Invite => "",
        Line::Ack | Line::Bye | Line::Ok(_) => ";tag=callee",
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
        if matches!(line, Line::Ok(_)) {
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
