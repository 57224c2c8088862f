//! The contracts of the test: what the configuration is written from, and what the model judges by.

/// A commitment: what the configuration is written from, and what the model judges by.
#[derive(Clone, Debug)]
pub(crate) struct Contract {
    pub(crate) name: &'static str,
    pub(crate) bps: u64,
    pub(crate) ppm: u64,
    pub(crate) window: u64,
    pub(crate) direction: &'static str,
    pub(crate) layer: &'static str,
    pub(crate) classes: &'static [&'static str],
    /// `scope`, as written.
    scope: &'static str,
    pub(crate) vlan: Option<u16>,
    /// Our addresses in scope, by their last octet.
    pub(crate) ours: std::ops::Range<u8>,
    pub(crate) elsewhere: bool,
    pub(crate) loss_ppm: u64,
    pub(crate) loss_direction: &'static str,
    pub(crate) min_packets: u64,
    pub(crate) percentile: u64,
    pub(crate) min_round_trips: u64,
    /// Whole microseconds.
    pub(crate) jitter_micros: u64,
    pub(crate) min_stream_seconds: u64,
}

const USUAL: Contract = Contract {
    name: "clause",
    bps: 8_000_000,
    ppm: 100_000,
    window: 60,
    direction: "either",
    layer: "ip",
    classes: &["rtp", "rtcp", "sip"],
    scope: "{}",
    vlan: None,
    ours: 0..255,
    elsewhere: false,
    loss_ppm: 5000,
    loss_direction: "from",
    min_packets: 100,
    percentile: 95,
    min_round_trips: 20,
    jitter_micros: 2000,
    min_stream_seconds: 20,
};

/// Directions, layers, classes, scopes and windows of all kinds.
pub(crate) fn contracts() -> Vec<Contract> {
    let some = |name, window, direction, layer| Contract {
        name,
        window,
        direction,
        layer,
        ..USUAL
    };
    vec![
        USUAL,
        some("one-second", 1, "from", "ethernet"),
        some("ten-seconds", 10, "to", "wire"),
        Contract {
            bps: 16_000_000,
            loss_direction: "both",
            ..some("sum", 10, "sum", "ip")
        },
        Contract {
            bps: 19_000_000,
            ppm: 123_457,
            ..some("sum-wire", 60, "sum", "wire")
        },
        Contract {
            classes: &["rtp"],
            loss_direction: "to",
            ..some("media", 10, "either", "ip")
        },
        Contract {
            bps: 20_000,
            classes: &["rtcp", "sip"],
            ..some("signalling", 10, "either", "ethernet")
        },
        Contract {
            bps: 2_000_000,
            scope: "{ vlans = [7] }",
            vlan: Some(7),
            min_packets: 3000,
            min_stream_seconds: 60,
            ..some("tagged", 10, "either", "ip")
        },
        Contract {
            bps: 3_000_000,
            scope: "{ local_prefixes = [\"198.51.100.0/29\"] }",
            ours: 0..8,
            loss_ppm: 20_000,
            percentile: 50,
            min_round_trips: 1,
            jitter_micros: 500,
            min_stream_seconds: 1,
            ..some("few-of-ours", 60, "from", "ip")
        },
        Contract {
            scope: "{ interfaces = [\"eth9\"] }",
            elsewhere: true,
            ..some("elsewhere", 10, "either", "ip")
        },
    ]
}

/// Parts per million as the configuration writes them.
fn percent(ppm: u64) -> String {
    format!("{}.{:04}%", ppm / 10_000, ppm % 10_000)
}

/// All contracts, as a file.
pub(crate) fn configuration() -> String {
    let head =
        "[asn]\nsources = [{ prefixes = \"far.tsv\" }]\nlocal_prefixes = [\"198.51.100.0/24\"]\n";
    let one = |contract: &Contract| {
        let Contract {
            name,
            bps,
            window,
            direction,
            layer,
            classes,
            scope,
            ..
        } = contract;
        let Contract {
            loss_direction,
            min_packets,
            percentile,
            min_round_trips,
            jitter_micros,
            min_stream_seconds,
            ..
        } = contract;
        let (threshold, loss) = (percent(contract.ppm), percent(contract.loss_ppm));
        format!(
            "[[commitment]]\nname = \"{name}\"\ncommitted_rate = \"{bps} bps\"\n\
             threshold = \"{threshold}\"\nwindow = \"{window}s\"\ndirection = \"{direction}\"\n\
             layer = \"{layer}\"\nclasses = {classes:?}\nscope = {scope}\n\
             guarantee = {{ loss = \"{loss}\", loss_direction = \"{loss_direction}\", \
             latency = \"150ms\", latency_percentile = {percentile}, \
             jitter = \"{jitter_micros}us\", jitter_percentile = {percentile}, min_samples = \
             {{ packets = {min_packets}, round_trips = {min_round_trips}, \
             stream_seconds = {min_stream_seconds} }} }}\n"
        )
    };
    contracts()
        .iter()
        .map(one)
        .fold(head.to_owned(), |text, one| text + &one)
}
