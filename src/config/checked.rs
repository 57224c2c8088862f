//! What the configuration means, after every check: values that cannot be wrong any more.

use crate::asn;
use crate::ledger::key::PublicKey;
use crate::sla::commitment::Commitment;
use crate::sla::policy::USUAL_SILENCE_SHARE;
use crate::stream::USUAL_SILENCE_LIMIT;
use crate::units::{Address, Asn, Prefix, Ratio};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// A valid configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Where frames come from.
    pub capture: CaptureSettings,
    /// What is taken for voice.
    pub voice: VoiceSettings,
    /// The origins of addresses: own prefixes and ASN sources.
    pub asn: asn::OriginSettings,
    /// The contracts.
    pub commitments: Vec<Commitment>,
    /// Signalling that SIP servers mirror.
    pub hep: HepSettings,
    /// What is served.
    pub web: WebSettings,
    /// Bounds of the exported series.
    pub export: ExportSettings,
    /// The ledger.
    pub evidence: EvidenceSettings,
    /// The fleet that this meter is a probe of, or that is aggregated; none without `[fleet]`.
    pub fleet: Option<FleetSettings>,
}

/// The defaults, all of them but those of a commitment.
impl Default for Config {
    fn default() -> Self {
        Self {
            capture: CaptureSettings {
                interfaces: Vec::new(),
                backend: Backend::default(),
                promiscuous: true,
                deduplicate: false,
                ring_mib: 64,
                cut_payload: true,
                queues: 1,
                cpus: Vec::new(),
            },
            voice: VoiceSettings {
                ports: Vec::new(),
                prefixes: Vec::new(),
                sip_ports: vec![5060, 5061],
                max_streams: 262_144,
                max_asns: 131_072,
                stream_timeout: Duration::from_secs(5 * 60),
                silence_limit: USUAL_SILENCE_LIMIT,
                silence_share: USUAL_SILENCE_SHARE,
            },
            asn: asn::OriginSettings::default(),
            commitments: Vec::new(),
            hep: HepSettings {
                listen: None,
                allow: vec![
                    Prefix::new(Address::from(IpAddr::V4(Ipv4Addr::LOCALHOST)), 128),
                    Prefix::new(Address::from(IpAddr::V6(Ipv6Addr::LOCALHOST)), 128),
                ],
            },
            web: WebSettings {
                listen_address: (Ipv4Addr::LOCALHOST, 10179).into(),
                config_file: None,
                hosts: Vec::new(),
            },
            export: ExportSettings {
                max_asns: 500,
                asns: Vec::new(),
                streams: true,
            },
            evidence: EvidenceSettings {
                directory: None,
                origin: "asnmeter".into(),
                key: None,
                keep_days: None,
            },
            fleet: None,
        }
    }
}

/// Where frames come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaptureSettings {
    /// Interfaces by name (`interface = "eth1"` or `interfaces = [...]`); may be empty for replay.
    pub interfaces: Vec<String>,
    /// Which backend.
    pub backend: Backend,
    /// Promiscuous mode; default true.
    pub promiscuous: bool,
    /// Whether the copies of a frame are taken out, of a mirror port or of several interfaces; default
    /// false.
    pub deduplicate: bool,
    /// Ring size per interface in MiB, 1 to 4096; default 64.
    pub ring_mib: u32,
    /// Whether the kernel keeps media to itself; default true.
    pub cut_payload: bool,
    /// Rings, each with a worker, per interface, 1 to 64; default 1.
    pub queues: u32,
    /// Processors that the workers are bound to, one after the other; empty = any.
    pub cpus: Vec<u16>,
}

impl CaptureSettings {
    /// Whether one worker reads all interfaces, because a packet that two of them show counts once.
    pub fn merges_interfaces(&self) -> bool {
        self.deduplicate && self.backend == Backend::Ring && self.interfaces.len() > 1
    }
}

/// How live frames are captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Backend {
    /// `AF_PACKET` `TPACKET_V3`: `backend = "ring"`.
    #[default]
    Ring,
    /// pnet's portable channel: `backend = "pnet"`.
    Pnet,
}

/// What is taken for voice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VoiceSettings {
    /// UDP ports RTP may use on one end at least (`ports = ["10000-20000", "4000"]`); empty = all.
    pub ports: Vec<(u16, u16)>,
    /// Prefixes one end of the packet lies in; empty = all.
    pub prefixes: Vec<Prefix>,
    /// SIP ports; default 5060, 5061.
    pub sip_ports: Vec<u16>,
    /// Streams at the same time; default 262 144.
    pub max_streams: u32,
    /// ASNs that are judged at the same time, counted for each commitment and role; default 131 072.
    pub max_asns: u32,
    /// A stream ends after so long without a packet; default 5 minutes.
    pub stream_timeout: Duration,
    /// Of a silence so much may have been loss; default 10 s.
    pub silence_limit: Duration,
    /// The share of an ASN's streams that have to be silent before that is judged; default 10 %.
    pub silence_share: Ratio,
}

/// Signalling that SIP servers mirror in HEP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HepSettings {
    /// Where it is listened for (`listen`); nowhere without it.
    pub listen: Option<SocketAddr>,
    /// Who may send (`allow`); default this host.
    pub allow: Vec<Prefix>,
}

/// What is served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebSettings {
    /// `listen_address`; default 127.0.0.1:10179.
    pub listen_address: SocketAddr,
    /// `config_file`: who may ask; everybody without one.
    pub config_file: Option<PathBuf>,
    /// `hosts`: names that requests may ask for, beside those that are ours in any case.
    pub hosts: Vec<String>,
}

/// Bounds of the exported series.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportSettings {
    /// ASNs with series of their own; default 500.
    pub max_asns: u32,
    /// ASNs that have series from the start, at 0 (`asns = [64500]`).
    pub asns: Vec<Asn>,
    /// Whether single streams are shown, with their addresses (`streams`); default true.
    pub streams: bool,
}

/// The ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EvidenceSettings {
    /// Where it is kept (`directory`); nowhere without one.
    pub directory: Option<PathBuf>,
    /// Names the meter in every checkpoint (`origin`); default `asnmeter`.
    pub origin: String,
    /// The Ed25519 key that signs (`key`); none: unsigned.
    pub key: Option<PathBuf>,
    /// Whole days that are kept (`keep = "400d"`); none: all.
    pub keep_days: Option<u32>,
}

/// A fleet of meters under one contract.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FleetSettings {
    /// Names it (`name`): one token of a NATS subject.
    pub name: String,
    /// The NATS servers (`servers`), at least one.
    pub servers: Vec<String>,
    /// Who we are to them (`credentials`): a file as NATS' tools write it; none: nobody asks.
    pub credentials: Option<PathBuf>,
    /// `tls`.
    pub tls: FleetTls,
    /// What we are in it.
    pub role: FleetRole,
}

/// TLS towards the NATS servers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FleetTls {
    /// Whether a connection without it is refused; true where a file of it is named.
    pub required: bool,
    /// Roots besides the system's (`ca`), PEM.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key (`certificate`, `key`), PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// What a meter is in a fleet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FleetRole {
    /// It captures and publishes its leaves under this name (`probe`).
    Probe(String),
    /// It adds what these count.
    Aggregator {
        /// Those that it takes leaves from (`probes`), at least one.
        probes: Vec<FleetProbe>,
        /// How long it waits for the last of them (`patience`); default 10 s.
        patience: Duration,
    },
}

/// A probe of a fleet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FleetProbe {
    /// The name under which it publishes.
    pub name: String,
    /// The key that its heads have to be signed with; none: any, and it is said to be unsigned.
    pub key: Option<PublicKey>,
}
