//! pnet's channel against a real kernel, in a network namespace of its own.

mod support;

use asnmeter::capture::pnet::PnetSource;
use asnmeter::capture::{CaptureError, GapCause};
use asnmeter::clock;
use asnmeter::frame::InterfaceId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use support::netns::{Told, inside, ip, numbered, pair, send, sender};

fn open(interface: &str, stop: &Arc<AtomicBool>) -> Result<PnetSource, CaptureError> {
    PnetSource::open(interface, InterfaceId(0), true, Arc::clone(stop))
}

#[test]
fn pnet_sees_every_frame_whole() {
    inside("pnet_sees_every_frame_whole", &[], || {
        pair();
        let stop = Arc::default();
        let mut source = open("tap0", &stop).unwrap();
        let mut far = sender("far0");
        let frames: Vec<Vec<u8>> = [60, 1514, 9014].map(|length| numbered(7, length)).into();
        for frame in &frames {
            send(&mut far, frame);
        }
        stop.store(true, Ordering::Relaxed);
        let mut told = Told::default();
        told.until(&mut source, |told| told.ended);
        let octets: Vec<Vec<u8>> = told.frames.into_iter().map(|seen| seen.octets).collect();
        assert_eq!(octets, frames);
        assert_eq!(told.names, ["tap0"]);
    });
}

#[test]
fn pnet_opens_an_interface_again_that_was_down() {
    inside("pnet_opens_an_interface_again_that_was_down", &[], || {
        pair();
        let mut source = open("tap0", &Arc::default()).unwrap();
        let mut told = Told::default();
        told.until_idle(&mut source, clock::now());
        let gone = clock::now();
        ip("link set tap0 down");
        let down = |told: &Told| {
            told.unseen.iter().any(|unseen| {
                unseen.cause == GapCause::InterfaceDown
                    && unseen.from <= gone
                    && unseen.until >= gone
            })
        };
        told.until(&mut source, down);
        ip("link set tap0 up");
        told.until_whole(&mut source);
        told.until_idle(&mut source, clock::now());
    });
}

#[test]
fn pnet_names_the_interfaces_there_are() {
    inside("pnet_names_the_interfaces_there_are", &[], || {
        pair();
        let error = open("eth7", &Arc::default()).err().unwrap().to_string();
        assert!(error.starts_with("interface eth7: no such interface; there are: lo, "));
        assert!(error.contains("tap0"));
    });
}
