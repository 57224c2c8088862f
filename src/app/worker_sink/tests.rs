use super::*;
use crate::app::judge_thread::{ReportReceiver, channel};
use crate::app::shared_policy::SharedPolicy;
use crate::capture::{CaptureError, Event, FrameSource};
use crate::frame::{Frame, InterfaceId, LinkType, Offload};
use crate::pipeline::timed_source::ClockedSource;
use crate::pipeline::{Worker, WorkerSettings};
use crate::units::Timestamp;
use crate::voice::signalling::Announcement;

/// Frames of one interface, a millisecond apart.
struct Queue(std::vec::IntoIter<(u64, Vec<u8>)>, Vec<u8>);

impl FrameSource for Queue {
    fn next(&mut self) -> Result<Event<'_>, CaptureError> {
        let Some((millis, octets)) = self.0.next() else {
            return Ok(Event::End);
        };
        self.1 = octets;
        Ok(Event::Frame(Frame {
            time: Timestamp::from_nanos(1_000_000_000_000 + millis * 1_000_000),
            link: LinkType::RawIp,
            octets: &self.1,
            length: u32::try_from(self.1.len()).unwrap(),
            interface: InterfaceId(0),
            vlan: None,
            offload: Offload::Unknown,
        }))
    }
}

/// IPv4 and UDP from 192.0.2.1 to 192.0.2.2.
fn udp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let length = |octets: usize| u16::try_from(octets).unwrap().to_be_bytes();
    let (ip, udp) = (length(28 + payload.len()), length(8 + payload.len()));
    let head = [0x45, 0, ip[0], ip[1], 0, 0, 0x40, 0, 64, 17, 0, 0];
    let ports = [src.to_be_bytes(), dst.to_be_bytes()].concat();
    [
        &head[..],
        &[192, 0, 2, 1, 192, 0, 2, 2],
        &ports,
        &udp,
        &[0, 0],
        payload,
    ]
    .concat()
}

/// An offer of 192.0.2.1, and the answer that wants media at a port of 192.0.2.2.
fn signalling(port: u16) -> [Vec<u8>; 2] {
    let message = |start: &str, host: u8, port: u16| {
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.{host}\r\ns=-\r\nc=IN IP4 192.0.2.{host}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\n"
        );
        let head = "Call-ID: c\r\nFrom: <sip:a@example.net>;tag=a\r\nTo: <sip:b@example.net>\r\n\
                    CSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n";
        format!(
            "{start}\r\n{head}Content-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        )
        .into_bytes()
    };
    let offer = message("INVITE sip:b@example.net SIP/2.0", 1, 4444);
    let mut answer = udp(5060, 5060, &message("SIP/2.0 200 OK", 2, port));
    answer[12..20].copy_from_slice(&[192, 0, 2, 2, 192, 0, 2, 1]);
    [udp(5060, 5060, &offer), answer]
}

fn rtp(port: u16, number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 111];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * 960).to_be_bytes());
    packet.extend([0, 0, 0, 7]);
    packet.resize(100, 1);
    udp(4000, port, &packet)
}

/// Workers, each with the receiver of its reports.
fn workers(number: usize) -> Vec<(Worker<ChannelSink>, ReportReceiver)> {
    let shared_policy = SharedPolicy::new(Arc::default());
    let each = peer_channels(number).into_iter().map(|peer_channels| {
        let (sender, reports) = channel();
        let sink = ChannelSink::new(sender, shared_policy.reader(), true).with_peers(peer_channels);
        (
            Worker::new(WorkerSettings::default(), &shared_policy.current(), sink),
            reports,
        )
    });
    each.collect()
}

fn run(worker: &mut Worker<ChannelSink>, frames: Vec<(u64, Vec<u8>)>) {
    let queue = Queue(frames.into_iter(), Vec::new());
    worker.run(&mut ClockedSource::new(queue)).unwrap();
}

#[test]
fn signalling_of_one_interface_names_the_media_of_another() {
    let mut workers = workers(3);
    let [offer, answer] = signalling(6000);
    run(
        &mut workers[0].0,
        vec![(0, offer), (1, answer), (5, rtp(9, 1))],
    );
    // One packet alone does not prove a stream.
    run(&mut workers[1].0, vec![(10, rtp(6000, 1))]);
    run(&mut workers[2].0, vec![(10, rtp(7000, 1))]);
    let mut rows = workers
        .into_iter()
        .map(|(worker, _)| worker.into_sink().into_stream_list().rows);
    assert!(rows.next().unwrap().is_empty());
    let [named] = &rows.next().unwrap()[..] else {
        panic!("one stream");
    };
    assert_eq!((&*named.codec, named.packets), ("opus", 1));
    assert!(rows.next().unwrap().is_empty(), "not announced");
}

#[test]
fn late_signalling_names_and_clocks_a_running_stream() {
    let mut only = workers(1).remove(0).0;
    let mut frames: Vec<_> = (0..60)
        .map(|number| (20 * u64::from(number), rtp(6000, number)))
        .collect();
    let [offer, answer] = signalling(6000);
    frames.splice(20..20, [(395, offer), (396, answer)]);
    run(&mut only, frames);
    let rows = only.into_sink().into_stream_list().rows;
    assert_eq!(
        (rows.len(), &*rows[0].codec, rows[0].packets),
        (1, "opus", 60)
    );
    assert_eq!(rows[0].jitter_max_nanos, Some(0), "48 kHz");
}

#[test]
fn a_full_peer_channel_blocks_no_sender_and_is_counted() {
    let shared_policy = SharedPolicy::new(Arc::default());
    let mut sinks: Vec<_> = peer_channels(2)
        .into_iter()
        .map(|peer_channels| {
            ChannelSink::new(channel().0, shared_policy.reader(), false).with_peers(peer_channels)
        })
        .collect();
    let hosts = [1, 2].map(|host| crate::units::Address::v4([192, 0, 2, host]));
    let offer = signalling(6000)[0].split_off(28);
    let announcement = Announcement::read(Timestamp::default(), hosts, &offer).unwrap();
    let missed = (0..ANNOUNCEMENTS + 10).map(|_| sinks[0].send_to_peers(&announcement));
    assert_eq!(missed.sum::<u64>(), 10);
    let received = std::iter::from_fn(|| sinks[1].receive_from_peers());
    assert_eq!(received.count(), ANNOUNCEMENTS);
    assert!(
        sinks[0].receive_from_peers().is_none(),
        "not sent to itself"
    );
    assert!(
        peer_channels(1).iter().all(Option::is_none),
        "a single worker has no peers"
    );
}
