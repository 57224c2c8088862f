//! Wrong values and what is said of them: line, key, value, reason, on one line.

use super::{error, with};

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_wrong_value_is_named_with_line_key_and_value() {
    for (path, value, message) in [
        (
            "capture.interface",
            "''",
            "2: capture.interface: '': is not the name of an interface",
        ),
        (
            "capture.interface",
            "'a/b'",
            "2: capture.interface: 'a/b': is not the name of an interface",
        ),
        (
            "capture.interface",
            "7",
            "2: capture.interface: 7: is a number; has to be text in quotes, like \"eth1\"",
        ),
        (
            "capture.interfaces",
            "['a', 'a']",
            "2: capture.interfaces: 'a': stands twice in the list",
        ),
        (
            "capture.backend",
            "'pcap'",
            "2: capture.backend: 'pcap': is not one of ring, pnet",
        ),
        (
            "capture.promiscuous",
            "'yes'",
            "2: capture.promiscuous: 'yes': is text in quotes; has to be true or false, like false",
        ),
        (
            "capture.ring_mib",
            "0",
            "2: capture.ring_mib: 0: is not within 1 and 4096",
        ),
        (
            "capture.ring_mib",
            "4097",
            "2: capture.ring_mib: 4097: is not within 1 and 4096",
        ),
        (
            "fleet.name",
            "'voice.eu'",
            "5: fleet.name: 'voice.eu': is not 1 to 64 letters, digits, \"-\" and \"_\"",
        ),
        ("fleet.servers", "[]", "5: fleet.servers: []: is empty"),
        (
            "fleet.servers",
            "['127.0.0.1:4222']",
            "5: fleet.servers: '127.0.0.1:4222': is no address like nats://127.0.0.1:4222",
        ),
        (
            "fleet.patience",
            "'11m'",
            "5: fleet.patience: '11m': is not within 1s and 10m",
        ),
        ("fleet.probes", "[]", "5: fleet.probes: []: is empty"),
        (
            "fleet.probes.key",
            "'/nobody/has/this.pub'",
            "6: fleet.probes.key: '/nobody/has/this.pub': is no key in base64, and no file with one: No such file or directory (os error 2)",
        ),
        (
            "voice.ports",
            "['1-']",
            "2: voice.ports: '1-': is not a port like \"4000\" or a range like \"10000-20000\"",
        ),
        (
            "voice.prefixes",
            "['192.0.2.1/24']",
            "2: voice.prefixes: '192.0.2.1/24': has host bits set",
        ),
        (
            "voice.sip_ports",
            "[65536]",
            "2: voice.sip_ports: 65536: is not within 1 and 65535",
        ),
        (
            "voice.max_streams",
            "0",
            "2: voice.max_streams: 0: is not within 1 and 16777216",
        ),
        (
            "voice.max_asns",
            "0",
            "2: voice.max_asns: 0: is not within 1 and 16777216",
        ),
        (
            "voice.stream_timeout",
            "'1ms'",
            "2: voice.stream_timeout: '1ms': is not within 1s and 1day",
        ),
        (
            "voice.silence_limit",
            "'0s'",
            "2: voice.silence_limit: '0s': is not within 1s and 1h",
        ),
        (
            "voice.silence_share",
            "'101%'",
            "2: voice.silence_share: '101%': is above 100%",
        ),
        (
            "asn.sources",
            "[{}]",
            "2: asn.sources: {}: needs exactly one of prefixes, mmdb, location, mrt, bmp",
        ),
        (
            "asn.sources.mmdb",
            "'a', prefixes = 'b'",
            "2: asn.sources: { mmdb = 'a', prefixes = 'b' }: needs exactly one of prefixes, mmdb, location, mrt, bmp",
        ),
        ("asn.sources.mmdb", "''", "2: asn.sources: '': is empty"),
        (
            "asn.sources.mrt",
            "'a', location = 'b'",
            "2: asn.sources: { mrt = 'a', location = 'b' }: needs exactly one of prefixes, mmdb, location, mrt, bmp",
        ),
        ("asn.sources.location", "''", "2: asn.sources: '': is empty"),
        (
            "asn.sources.rib",
            "'a'",
            "2: asn.sources.rib: unknown key (known in asn.sources are `prefixes`, `mmdb`, `location`, `mrt`, `bmp`)",
        ),
        (
            "asn.local_prefixes",
            "['::/0']",
            "2: asn.local_prefixes: '::/0': would make every address local",
        ),
        (
            "asn.local_prefixes",
            "['local']",
            "2: asn.local_prefixes: 'local': is not a prefix",
        ),
        (
            "asn.own",
            "[0]",
            "2: asn.own: 0: is not within 1 and 4294967294",
        ),
        (
            "web.listen_address",
            "'eth0:80'",
            "2: web.listen_address: 'eth0:80': is not an address and port like \"127.0.0.1:10179\" or \":10179\"",
        ),
        (
            "export.max_asns",
            "0",
            "2: export.max_asns: 0: is not within 1 and 65536",
        ),
        (
            "export.asns",
            "[1, 2]\nmax_asns = 1",
            "2: export.asns: [1, 2]: has more ASNs than export.max_asns = 1",
        ),
        ("commitment.name", "''", "3: commitment.name: '': is empty"),
        (
            "commitment.committed_rate",
            "'100'",
            "3: commitment.committed_rate: '100': is not a rate like \"100 Mbps\" (bps, kbps, Mbps, Gbps, Tbps)",
        ),
        (
            "commitment.threshold",
            "'0%'",
            "4: commitment.threshold: '0%': has to be above 0",
        ),
        (
            "commitment.threshold",
            "10",
            "4: commitment.threshold: 10: is a number; has to be above 0% up to 100%, like \"12.5%\"",
        ),
        (
            "commitment.window",
            "'1500ms'",
            "4: commitment.window: '1500ms': is not a whole number of seconds",
        ),
        (
            "commitment.direction",
            "'in'",
            "4: commitment.direction: 'in': is not one of either, from, to, sum",
        ),
        (
            "commitment.layer",
            "'l2'",
            "4: commitment.layer: 'l2': is not one of ip, ethernet, wire",
        ),
        (
            "commitment.classes",
            "[]",
            "4: commitment.classes: []: is empty",
        ),
        (
            "commitment.classes",
            "['video']",
            "4: commitment.classes: 'video': is not one of rtp, rtcp, sip",
        ),
        (
            "commitment.transit",
            "'ignore'",
            "4: commitment.transit: 'ignore': is not one of list, judge",
        ),
        (
            "commitment.scope.vlans",
            "[4095]",
            "5: commitment.scope.vlans: 4095: is not within 1 and 4094",
        ),
        (
            "commitment.scope.vlans",
            "[0]",
            "5: commitment.scope.vlans: 0: is not within 1 and 4094",
        ),
        (
            "commitment.scope.interfaces",
            "['']",
            "5: commitment.scope.interfaces: '': is empty",
        ),
        (
            "commitment.guarantee.loss",
            "'0.5'",
            "5: commitment.guarantee.loss: '0.5': has no per cent sign: write \"0.5%\" or \"50%\"",
        ),
        (
            "commitment.guarantee.latency",
            "'0s'",
            "5: commitment.guarantee.latency: '0s': is not within 1ns and 10s",
        ),
        (
            "commitment.guarantee.latency",
            "'11s'",
            "5: commitment.guarantee.latency: '11s': is not within 1ns and 10s",
        ),
        (
            "commitment.guarantee.latency_percentile",
            "101",
            "5: commitment.guarantee.latency_percentile: 101: is not within 1 and 100",
        ),
        (
            "commitment.guarantee.latency_methods",
            "['icmp']",
            "5: commitment.guarantee.latency_methods: 'icmp': is not one of rtcp, stun, sip, tcp",
        ),
        (
            "commitment.guarantee.jitter",
            "'2s'",
            "5: commitment.guarantee.jitter: '2s': is not within 1ns and 1s",
        ),
        (
            "commitment.guarantee.min_samples.packets",
            "0",
            "5: commitment.guarantee.min_samples.packets: 0: is not within 1 and 1000000000",
        ),
    ] {
        assert_eq!(error(&with(path, value)), message);
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    const COMMITMENT: &str = "[[commitment]]\nname = 'a'\ncommitted_rate = '1 Mbps'\n";
    for (text, message) in [
        (
            "[capture]\ninterface = 'a'\ninterfaces = ['b']",
            "2: capture.interface: 'a': cannot stand beside capture.interfaces",
        ),
        (
            "\n[[commitment]]\nname = 'a'",
            "2: commitment.committed_rate: is missing",
        ),
        (
            "[[commitment]]\ncommitted_rate = '1 bps'",
            "1: commitment.name: is missing",
        ),
        (
            &format!("{COMMITMENT}{COMMITMENT}"),
            "5: commitment.name: 'a': is the name of another commitment",
        ),
        (
            &format!("{COMMITMENT}guarantee.loss_direction = 'to'"),
            "4: commitment.guarantee.loss_direction: 'to': says nothing without guarantee.loss",
        ),
        (
            &format!("{COMMITMENT}guarantee.latency_percentile = 9"),
            "4: commitment.guarantee.latency_percentile: 9: says nothing without guarantee.latency",
        ),
        (
            &format!("{COMMITMENT}guarantee.min_samples.stream_seconds = 9"),
            "4: commitment.guarantee.min_samples.stream_seconds: 9: says nothing without guarantee.jitter",
        ),
        (
            &format!("{COMMITMENT}transit = 'judge'"),
            "4: commitment.transit: 'judge': needs a source with AS paths (mrt or bmp) in asn.sources",
        ),
        (
            "[flow]",
            "1: flow: unknown key (known are `capture`, `voice`, `asn`, `hep`, `web`, `export`, `evidence`, `fleet`, `commitment`)",
        ),
        (
            "[capture]\nbackend = 'ring'\nbackend = 'ring'",
            "3: backend: is written twice in its table",
        ),
        ("[capture", "1: is not TOML: unclosed table, expected `]`"),
        (
            "x = 'a\nb'",
            "2: is not TOML: key with no value, expected `=`",
        ),
    ] {
        assert_eq!(error(text), message);
    }
}

#[test]
fn a_fleet_says_what_this_meter_is_in_it_and_nothing_that_says_nothing() {
    let address = "servers = ['nats://[::1]:4222']";
    let cases = [
        ("name = 'f'", "1: fleet.servers: is missing"),
        (
            "servers = ['nats://[::1]:4222']",
            "1: fleet.name: is missing",
        ),
        ("name = 'f'\nADDRESS", "1: fleet.probe: is missing"),
        (
            "name = 'f'\nADDRESS\nprobe = 'a'\nprobes = [{ name = 'a' }]",
            "4: fleet.probe: 'a': cannot stand beside fleet.probes",
        ),
        (
            "name = 'f'\nADDRESS\nprobe = 'a'\npatience = '5s'",
            "5: fleet.patience: '5s': says nothing without fleet.probes",
        ),
        (
            "name = 'f'\nADDRESS\nprobes = [{ name = 'a' }, { name = 'a' }]",
            "4: fleet.probes: 'a': stands twice in the list",
        ),
        (
            "name = 'f'\nADDRESS\nprobe = 'a'\ntls = { key = 'k' }",
            "5: fleet.tls.certificate: is missing",
        ),
    ];
    for (text, message) in cases {
        let text = format!("[fleet]\n{}", text.replace("ADDRESS", address));
        let said = error(&text);
        assert!(said.starts_with(message), "{text}: {said}");
    }
}
