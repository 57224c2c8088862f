//! Every key of the configuration, as a table: docs/CONFIG.md is printed from it, and the tests
//! hold it against the parser, the defaults and deploy/asnmeter.toml.

use std::fmt::Write;

/// What holds where a key is not written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IfMissing {
    /// This value, in TOML.
    Default(&'static str),
    /// Nothing: the key has no default.
    Nothing,
    /// It has to be written.
    Required,
}

/// A key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// With its tables: `commitment.scope.vlans`.
    pub path: &'static str,
    /// What is written: type and bounds.
    pub form: &'static str,
    /// What holds where it is missing.
    pub if_missing: IfMissing,
    /// A value it may have, in TOML.
    pub example: &'static str,
    /// What it does.
    pub help: &'static str,
}

const fn key(
    path: &'static str,
    form: &'static str,
    if_missing: IfMissing,
    example: &'static str,
    help: &'static str,
) -> Key {
    Key {
        path,
        form,
        if_missing,
        example,
        help,
    }
}

use IfMissing::{Default, Nothing, Required};

/// Every key, in the order of the file.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("capture.interface", "string", Nothing, r#""eth1""#,
        "Interface to capture on. Not needed for replay."),
    key("capture.interfaces", "list of strings", Nothing, r#"["eth1", "eth2"]"#,
        "Several of them, instead of `interface`."),
    key("capture.backend", "`ring`, `pnet`", Default(r#""ring""#), r#""pnet""#,
        "How frames are captured: the kernel's packet ring (Linux), or pnet's portable channel."),
    key("capture.promiscuous", "boolean", Default("true"), "false",
        "Capture frames addressed to others as well: a mirror port needs it."),
    key("capture.deduplicate", "boolean", Default("false"), "true",
        "Take out frames that the mirror port, or two interfaces, show twice (docs/decisions/mirror-copies.md). They are counted in any case; not taken out they inflate every share. With several interfaces one worker for each queue reads all of them."),
    key("capture.ring_mib", "1 to 4096", Default("64"), "256",
        "Size of each ring in MiB: how long the meter may be late before it loses frames."),
    key("capture.cut_payload", "boolean", Default("true"), "false",
        "Whether the kernel keeps media to itself: RTP comes without what follows its header. `ring` only."),
    key("capture.queues", "1 to 64", Default("1"), "4",
        "Rings, and worker threads, per interface; calls are divided among them by their address pair. `ring` only."),
    key("capture.cpus", "list of 0 to 1023", Default("[]"), "[2, 3]",
        "Processors that worker threads are bound to, one after the other. Empty: any."),

    key("voice.ports", "list of `\"4000\"`, `\"10000-20000\"`", Default("[]"), r#"["10000-20000"]"#,
        "UDP ports of which RTP uses one at least. Empty: all."),
    key("voice.prefixes", "list of prefixes", Default("[]"), r#"["198.51.100.0/24"]"#,
        "Prefixes in which one end at least of a packet lies. Empty: all."),
    key("voice.sip_ports", "list of 1 to 65535", Default("[5060, 5061]"), "[5060]",
        "Ports on which SIP is looked for."),
    key("voice.max_streams", "1 to 16777216", Default("262144"), "1000000",
        "Streams at the same time. More are refused and counted."),
    key("voice.max_asns", "1 to 16777216", Default("131072"), "20000",
        "ASNs that are judged at the same time, some 4 kB of memory each; one counts again under each commitment, and as transit where that is judged. The Internet has some 80000. The traffic of more is counted, and what they are guaranteed is `indeterminate`."),
    key("voice.stream_timeout", "1s to 1d, whole seconds", Default(r#""5m""#), r#""30s""#,
        "A stream ends after so long without a packet."),
    key("voice.silence_limit", "1s to 1h, whole seconds", Default(r#""10s""#), r#""30s""#,
        "Of a silence that nothing explains so much may have been loss: the longest time of each stream for which what it would have sent is in doubt (docs/MODEL.md §7.9)."),
    key("voice.silence_share", "0% to 100%", Default(r#""10%""#), r#""5%""#,
        "The share of an ASN's active streams that have to be silent without a reason, at least two of them, before that leaves a verdict open; twice as many if they have been silent for longer (docs/MODEL.md §11.5). Less finds smaller outages and decides fewer seconds of an honest network."),

    key("asn.sources", "list of tables", Default("[]"), r#"[{ mmdb = "/var/lib/asnmeter/asn.mmdb" }]"#,
        "Where origins come from. The first source with a match wins, whatever its prefix length. At most 16."),
    key("asn.sources.prefixes", "path", Nothing, r#""/etc/asnmeter/overrides.tsv""#,
        "A prefix list: `prefix asn [name]`, iptoasn ranges, or CAIDA pfx2as. Plain, or packed with gzip, bzip2, xz or zstd."),
    key("asn.sources.mmdb", "path", Nothing, r#""/var/lib/asnmeter/asn.mmdb""#,
        "A database in MaxMind's format: GeoLite2 ASN, DB-IP, IPinfo. Plain or packed."),
    key("asn.sources.location", "path", Nothing, r#""/var/lib/asnmeter/location.txt""#,
        "What `location dump` prints (Debian: libloc-database), with names. Plain or packed."),
    key("asn.sources.mrt", "path", Nothing, r#""/var/lib/asnmeter/rib.bz2""#,
        "A routing table in MRT (RouteViews, RIPE RIS, one's own router), with AS paths. Plain or packed."),
    key("asn.sources.bmp", "address:port", Nothing, r#""192.0.2.1:11019""#,
        "Listens here for routers that send their routes in BMP (RFC 7854): live, with AS paths."),
    key("asn.local_prefixes", "list of prefixes", Default("[]"), r#"["198.51.100.0/24"]"#,
        "Our addresses: counted as `local`, never judged. Come before every source."),
    key("asn.own", "list of AS numbers", Default("[]"), "[64500]",
        "Our AS numbers: what they announce is `local` as well."),
    key("asn.cache", "path", Nothing, r#""/var/cache/asnmeter""#,
        "Directory in which sources are kept compiled, for a quick start. Not written: systemd's `CacheDirectory`, if there is one."),
    key("asn.max_shrink", "0% to 100%", Default(r#""20%""#), r#""50%""#,
        "A source that has lost more of its prefixes at a reload is refused, and the old one stays."),
    key("asn.bmp_stale", "1s to 1d, whole seconds", Default(r#""5m""#), r#""1h""#,
        "How long the routes of a BMP source are good after its router has gone."),
    key("asn.bmp_routers", "list of addresses and prefixes", Default("[]"), r#"["192.0.2.1", "2001:db8::/64"]"#,
        "Where routers of a BMP source may connect from; others are refused and counted. Empty: anywhere."),
    key("asn.bmp_keys", "list of tables", Nothing, r#"[{ routers = "192.0.2.1", file = "/etc/asnmeter/bmp.key" }]"#,
        "Routers of a BMP source that must sign what they send with a key of theirs (TCP-MD5, RFC 2385); the kernel drops what is not. Others need no signature."),
    key("asn.bmp_keys.routers", "address or prefix", Nothing, r#""192.0.2.1""#,
        "Which routers."),
    key("asn.bmp_keys.file", "path", Nothing, r#""/etc/asnmeter/bmp.key""#,
        "A file with their key: one line of 1 to 80 octets. Read at the start only."),

    key("hep.listen", "address:port", Nothing, r#""192.0.2.10:9060""#,
        "UDP: listens here for SIP that one's own servers mirror in HEP version 3 (Kamailio, OpenSIPS, FreeSWITCH), where it is encrypted on the wire. `run` only. Not written: nowhere."),
    key("hep.allow", "list of prefixes", Default(r#"["127.0.0.1/32", "::1/128"]"#), r#"["192.0.2.0/28"]"#,
        "Where HEP may come from; other packets are refused and counted. Empty: from nowhere."),

    key("web.listen_address", "address:port", Default(r#""127.0.0.1:10179""#), r#""[::]:10179""#,
        "Where the page and `/metrics` are served. `--web.listen-address` wins."),
    key("web.config_file", "path", Nothing, r#""/etc/asnmeter/web.yml""#,
        "TLS, client certificates and passwords, in the form of Prometheus' exporter-toolkit. Not written: none. `--web.config.file` wins."),
    key("web.hosts", "list of names", Default("[]"), r#"["meter.example.net"]"#,
        "Names that requests may ask for, against DNS rebinding; addresses, `localhost`, this host's own name, and names without a dot or below `local`, `internal` and `home.arpa` always may. Empty: without TLS and passwords, a browser may ask for those only, and everybody else for any."),

    key("export.max_asns", "1 to 65536", Default("500"), "2000",
        "ASNs with series of their own (about 100 each); the rest is summed as `other`."),
    key("export.asns", "list of AS numbers", Default("[]"), "[64501, 64502]",
        "ASNs with series from the start, at 0."),
    key("export.streams", "boolean", Default("true"), "false",
        "Whether `/api/v1/streams` and the page show the worst streams of an ASN, with their addresses and ports. Addresses are personal data in some countries."),

    key("evidence.directory", "path", Nothing, r#""/var/lib/asnmeter/evidence""#,
        "Where the ledger is kept (docs/EVIDENCE.md): what every verdict rests on. Not written: none is. `--evidence` wins."),
    key("evidence.origin", "1 to 255 octets without white space and `+`", Default(r#""asnmeter""#), r#""voice.example/fra-1""#,
        "Names this meter in every checkpoint: a name of its own for each."),
    key("evidence.key", "path", Nothing, r#""/run/credentials/asnmeter.service/evidence.key""#,
        "The Ed25519 key that signs checkpoints, as `openssl genpkey -algorithm ed25519` writes it. Not written: the ledger is unsigned."),
    key("evidence.keep", "1d to 36500d", Nothing, r#""400d""#,
        "Whole days that leaves are kept. Checkpoints and hashes stay for ever. Not written: all."),

    key("fleet.name", "1 to 64 of `a-z A-Z 0-9 - _`", Required, r#""voice-eu""#,
        "Names the fleet (docs/FLEET.md): all its meters have the same. Required where there is a `[fleet]`."),
    key("fleet.probe", "1 to 64 of `a-z A-Z 0-9 - _`", Nothing, r#""fra-1""#,
        "Makes this meter a probe: it publishes the leaves of its ledger under this name, its own in the fleet."),
    key("fleet.servers", "list of `nats://HOST:PORT`, `tls://HOST:PORT`", Required, r#"["nats://127.0.0.1:4222"]"#,
        "The NATS servers with JetStream; at most 16. Required where there is a `[fleet]`."),
    key("fleet.credentials", "path", Nothing, r#""/etc/asnmeter/nats.creds""#,
        "Who we are to them: a credentials file of NATS. Not written: what an address says (`nats://USER:PASSWORD@HOST`), or nobody."),
    key("fleet.tls.required", "boolean", Default("false"), "true",
        "Refuse servers without TLS. True where `tls` names a file, or for a `tls://` address."),
    key("fleet.tls.ca", "path", Nothing, r#""/etc/asnmeter/nats-ca.pem""#,
        "Certificates that sign those of the servers, besides the system's."),
    key("fleet.tls.certificate", "path", Nothing, r#""/etc/asnmeter/nats-client.pem""#,
        "Our certificate; needs `key`."),
    key("fleet.tls.key", "path", Nothing, r#""/etc/asnmeter/nats-client.key""#,
        "Its private key; needs `certificate`."),
    key("fleet.probes", "list of tables", Nothing, r#"[{ name = "fra-1" }, { name = "ams-1" }]"#,
        "Makes this file an aggregator's (`asnmeter fleet`): the probes whose leaves it adds, at most 1024. Instead of `probe`."),
    key("fleet.probes.name", "1 to 64 of `a-z A-Z 0-9 - _`", Nothing, r#""fra-1""#,
        "The name under which a probe publishes."),
    key("fleet.probes.key", "base64, or a path", Nothing, r#""MCowBQYDK2VwAyEATIJZyjywqX0HMtDOEBQmk6higJ3rSNkCDd1ojmEEpjM=""#,
        "Its public key: the line within its ledger.pub, or the path of a copy of that file. Not written: what it says is not signed, which is shown."),
    key("fleet.patience", "1s to 10m, whole seconds", Default(r#""10s""#), r#""30s""#,
        "How long the aggregator waits for the last probe; what has not come by then is incomplete, and later an amendment."),

    key("commitment.name", "1 to 64 characters", Required, r#""voice-fra""#,
        "Its name, unique: the label `commitment`."),
    key("commitment.committed_rate", "up to 100 Tbps", Required, r#""100 Mbps""#,
        "The committed data rate: a decimal number and `bps`, `kbps`, `Mbps`, `Gbps` or `Tbps` (powers of 1000)."),
    key("commitment.threshold", "above 0% up to 100%", Default(r#""10%""#), r#""12.5%""#,
        "The share of the committed rate above which no guarantee is given. At most four decimals."),
    key("commitment.window", "1s to 1h, whole seconds", Default(r#""60s""#), r#""5m""#,
        "The time over which rates are taken."),
    key("commitment.direction", "`either`, `from`, `to`, `sum`", Default(r#""either""#), r#""from""#,
        "Which traffic of an ASN is held against the threshold: from and to it apart, one of them, or both together."),
    key("commitment.count", "`all`, `confirmed`, `both`", Default(r#""all""#), r#""both""#,
        "Whether what nobody answers is held against the threshold (docs/MODEL.md §6.5): all voice is, the words of the clause; only what is confirmed; or both, so that the guarantee is void if what is confirmed exceeds, and nobody can say if only all of it does. Other than `all` needs `asn.local_prefixes`, or who answered is anybody's word."),
    key("commitment.layer", "`ip`, `ethernet`, `wire`", Default(r#""ip""#), r#""ethernet""#,
        "Which octets count: of the IP packet, of its Ethernet frame, or with preamble and gap."),
    key("commitment.classes", "list of `rtp`, `rtcp`, `sip`", Default(r#"["rtp", "rtcp", "sip"]"#), r#"["rtp"]"#,
        "Which voice packets count."),
    key("commitment.scope.local_prefixes", "list of prefixes", Default("[]"), r#"["198.51.100.0/24"]"#,
        "One end of the packet lies in one of these. Empty: all. All keys of a scope have to match; at most 64 different scopes."),
    key("commitment.scope.interfaces", "list of strings", Default("[]"), r#"["eth1"]"#,
        "Captured on one of these. Empty: all."),
    key("commitment.scope.vlans", "list of 1 to 4094", Default("[]"), "[100, 200]",
        "One of the frame's VLAN tags is one of these. Empty: all."),
    key("commitment.transit", "`list`, `judge`", Default(r#""list""#), r#""judge""#,
        "The ASNs on the way to an ASN: listed while it is out of SLA, or judged as well by all that goes through them, with no guarantee judged by packets that cross one out of SLA. `judge` needs a source with paths. The way back is assumed to be the way there."),
    key("commitment.guarantee.loss", "0% to 100%", Nothing, r#""0.5%""#,
        "Guaranteed packet loss: missed strictly above. Not written: not guaranteed, never judged."),
    key("commitment.guarantee.loss_direction", "`from`, `to`, `both`", Default(r#""from""#), r#""both""#,
        "Whose loss is judged: gaps in what the ASN sent, what its RTCP reports lost of what was sent to it, or either."),
    key("commitment.guarantee.latency", "above 0 up to 10s", Nothing, r#""150ms""#,
        "Guaranteed round trip from the tap to the ASN's endpoint. Not written: not guaranteed, never judged."),
    key("commitment.guarantee.latency_percentile", "1 to 100", Default("95"), "99",
        "So many per cent of the round trips of a window have to keep the limit."),
    key("commitment.guarantee.latency_methods", "list of `rtcp`, `stun`, `sip`, `tcp`", Default(r#"["rtcp", "stun"]"#), r#"["rtcp"]"#,
        "Which measurements count, pooled. `sip` includes processing time."),
    key("commitment.guarantee.jitter", "above 0 up to 1s", Nothing, r#""30ms""#,
        "Guaranteed interarrival jitter (RFC 3550 A.8) of each stream from the ASN, as it stands at the end of every second. Not written: not guaranteed, never judged."),
    key("commitment.guarantee.jitter_percentile", "1 to 100", Default("95"), "99",
        "So many per cent of the stream-seconds of a window have to keep the limit."),
    key("commitment.guarantee.min_samples.packets", "1 to 1000000000", Default("100"), "1000",
        "Fewer expected packets in the window: loss is `indeterminate`."),
    key("commitment.guarantee.min_samples.round_trips", "1 to 1000000000", Default("20"), "50",
        "Fewer round trips in the window: latency is `indeterminate`."),
    key("commitment.guarantee.min_samples.stream_seconds", "1 to 1000000000", Default("20"), "60",
        "Fewer seconds of streams with a known clock in the window: jitter is `indeterminate`."),
    key("commitment.credit", "list of tables", Nothing, r#"[{ below = "99.9%", credit = "5%" }, { below = "99%", credit = "10%" }]"#,
        "Steps of what is credited where a guarantee was not kept, from the largest share down, at most 32. Nothing is judged by them: `asnmeter report` says which step was reached."),
    key("commitment.credit.below", "above 0% up to 100%", Required, r#""99.9%""#,
        "Below this share of `met` among the seconds of a measure that are `met`, `missed` or `indeterminate` the step is reached."),
    key("commitment.credit.credit", "above 0% up to 100%", Required, r#""5%""#,
        "What is credited then, of whatever the contract says."),
];

/// What holds for every key, in paragraphs.
pub const INTRODUCTION: &str = "\
One TOML file. `asnmeter config default` prints a complete commented one, `asnmeter config check
FILE` reads one and says what `run` would meet: the first thing wrong in the file as `FILE:LINE: key:
value: reason`, then what does not fit this host. Unknown keys are errors, and so is a prefix with host
bits set, or a value that stands twice in a list.

Relative paths begin at the directory of the configuration file. Durations are written `\"60s\"`,
`\"150ms\"`, `\"1h 30m\"`; percentages `\"0.5%\"` or `\"0.5 %\"`, exact to four decimals (a threshold also
`\"0.1\"`, which is 10 %); rates `\"1.5 Gbps\"`, `\"1.5 Gb/s\"`, `\"1.5 Gbit/s\"` or `\"1.5G\"`, exact to the bit.
What may mean two things, as `MBps` does, is refused with both. An address alone stands for its host prefix.";

/// docs/CONFIG.md.
pub fn markdown() -> String {
    let mut page = format!(
        "<!-- Printed from src/config/keys.rs; a test compares. -->\n# Configuration\n\n\
         {INTRODUCTION}\n\n| key | what | default | example | meaning |\n|---|---|---|---|---|\n"
    );
    for key in KEYS {
        let if_missing = match key.if_missing {
            Default(value) => format!("`{value}`"),
            Nothing => "none".into(),
            Required => "required".into(),
        };
        // writing to a String cannot fail
        let _ = writeln!(
            page,
            "| `{}` | {} | {if_missing} | `{}` | {} |",
            key.path, key.form, key.example, key.help
        );
    }
    page
}
