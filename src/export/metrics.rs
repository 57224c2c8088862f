//! The table of all metrics: one row each, from which the scrape, docs/METRICS.md and the checks
//! of dashboards and rules are made. A metric that is not a row here does not exist.
//!
//! Constants only. Names and labels are a contract with dashboards: renaming one is *Breaking*.

use crate::export::Published;
use crate::export::rows;
use crate::export::series::Series;
use crate::sla::measure::Measure;
use std::fmt::Write as _;

pub use crate::export::series::MetricKind;

/// One metric.
pub struct Row {
    /// Full name.
    pub name: &'static str,
    /// One sentence for people, without a full stop.
    pub help: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// Its label names, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// Writes its series.
    pub(crate) fill: fn(&Published, &mut Series),
}

/// Short form of a row, so that the table reads as one.
const fn row(
    name: &'static str,
    kind: MetricKind,
    labels: &'static [&'static str],
    help: &'static str,
    fill: fn(&Published, &mut Series),
) -> Row {
    Row {
        name,
        help,
        kind,
        labels,
        fill,
    }
}

use MetricKind::{Counter, Gauge, Histogram};

/// Every metric, in the order of the scrape.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    row("asnmeter_voice_bytes_total", Counter, &["asn", "direction", "class"],
        "IP octets of voice packets from or to the ASN", rows::voice_bytes),
    row("asnmeter_voice_packets_total", Counter, &["asn", "direction", "class"],
        "Voice packets from or to the ASN", rows::voice_packets),
    row("asnmeter_transit_voice_bytes_total", Counter, &["asn", "direction"],
        "IP octets of voice packets through the ASN, which is neither end: on the way from their source (assumed), to their destination (known). No part of asnmeter_voice_bytes_total", rows::transit::bytes),
    row("asnmeter_transit_voice_packets_total", Counter, &["asn", "direction"],
        "Voice packets through the ASN, each once", rows::transit::packets),
    row("asnmeter_transit_left_out_total", Counter, &[],
        "Times that a transit ASN or a path was not noted, since a bound was reached", rows::transit::left_out),
    row("asnmeter_rtp_expected_packets_total", Counter, &["asn", "direction"],
        "RTP packets that should have come past the tap: packets - duplicates - late + lost", rows::rtp_expected),
    row("asnmeter_rtp_lost_packets_total", Counter, &["asn", "direction"],
        "RTP packets lost before the tap: from is the ASN's loss, to is our own", rows::rtp_lost),
    row("asnmeter_rtp_maybe_lost_packets_total", Counter, &["asn", "direction"],
        "RTP packets that may have been lost before the tap, and nobody can tell: in neither expected nor lost", rows::rtp_maybe_lost),
    row("asnmeter_rtp_excused_packets_total", Counter, &["asn", "direction", "kind"],
        "RTP packets that were not counted as lost for certain, or would have been sent in a gap, by the reason: a new numbering, a new SSRC, a stalled sender, another SSRC in their place, no room for so many, time not seen, a direction on hold, a move to another address over a long gap, late; those of them that may have been lost stand in maybe_lost too", rows::rtp_excused),
    row("asnmeter_rtp_duplicate_packets_total", Counter, &["asn", "direction"],
        "RTP packets that came more than once", rows::rtp_duplicates),
    row("asnmeter_rtp_reordered_packets_total", Counter, &["asn", "direction"],
        "RTP packets out of order but in time", rows::rtp_reordered),
    row("asnmeter_rtp_late_packets_total", Counter, &["asn", "direction"],
        "RTP packets that came when their number was not waited for any more (2 s, 64 numbers): what is counted of it stands", rows::rtp_late),
    row("asnmeter_rtp_unfollowed_packets_total", Counter, &["asn", "direction"],
        "RTP packets of streams that found no room in the stream table: their octets count, their loss is not known, and no guarantee of the ASN is judged met or missed over them", rows::rtp_unfollowed),
    row("asnmeter_rtcp_reported_expected_packets_total", Counter, &["asn"],
        "RTP packets to the ASN that its end's RTCP reports expected", rows::reported_expected),
    row("asnmeter_rtcp_reported_lost_packets_total", Counter, &["asn"],
        "RTP packets to the ASN that its end's RTCP reports lost, less our own gaps", rows::reported_lost),
    row("asnmeter_rtp_jitter_seconds", Histogram, &["asn"],
        "Running interarrival jitter (RFC 3550 A.8) of streams from the ASN, one sample per stream and second", rows::jitter),
    row("asnmeter_round_trip_seconds", Histogram, &["asn", "method"],
        "Round trips from the tap to endpoints in the ASN", rows::round_trips),
    row("asnmeter_rtp_streams", Gauge, &["asn"],
        "Streams from the ASN with a packet in the judged second", rows::streams),
    row("asnmeter_commitment_bytes_per_second", Gauge, &["commitment"],
        "The committed data rate", rows::committed_rate),
    row("asnmeter_commitment_threshold_ratio", Gauge, &["commitment"],
        "The share of the committed data rate above which no guarantee is given", rows::threshold),
    row("asnmeter_commitment_window_seconds", Gauge, &["commitment"],
        "The time over which rates are taken", rows::window),
    row("asnmeter_commitment_guarantee_loss_ratio", Gauge, &["commitment"],
        "The guaranteed packet loss; nothing where none is guaranteed", |all, series| rows::guaranteed(Measure::Loss, all, series)),
    row("asnmeter_commitment_guarantee_latency_seconds", Gauge, &["commitment"],
        "The guaranteed round trip; nothing where none is guaranteed", |all, series| rows::guaranteed(Measure::Latency, all, series)),
    row("asnmeter_commitment_guarantee_jitter_seconds", Gauge, &["commitment"],
        "The guaranteed interarrival jitter; nothing where none is guaranteed", |all, series| rows::guaranteed(Measure::Jitter, all, series)),
    row("asnmeter_commitment_info", Gauge, &["commitment", "direction", "layer"],
        "1; which traffic is held against the threshold (either, from, to, sum), and which octets of it", rows::commitment_info),
    row("asnmeter_commitment_asn_share_ratio", Gauge, &["commitment", "asn", "direction"],
        "Rate of the ASN in the window that ends with the judged second, divided by the committed data rate", rows::share),
    row("asnmeter_commitment_asn_window_bytes", Gauge, &["commitment", "asn", "direction"],
        "Octets of the ASN in the window that ends with the judged second", rows::window_bytes),
    row("asnmeter_commitment_asn_out_of_sla", Gauge, &["commitment", "asn"],
        "1 while the share of the ASN exceeds the threshold", rows::out_of_sla),
    row("asnmeter_commitment_asn_out_of_sla_seconds_total", Counter, &["commitment", "asn"],
        "Seconds in which the share of the ASN exceeded the threshold", rows::out_of_sla_seconds),
    row("asnmeter_commitment_asn_verdict", Gauge, &["commitment", "asn", "guarantee", "verdict"],
        "1 for the verdict of the judged second; all 0 without voice in the window", rows::verdict),
    row("asnmeter_commitment_asn_verdict_seconds_total", Counter, &["commitment", "asn", "guarantee", "verdict"],
        "Seconds with this verdict", rows::verdict_seconds),
    row("asnmeter_commitment_asn_indeterminate_seconds_total", Counter, &["commitment", "asn", "guarantee", "reason"],
        "Seconds whose verdict is indeterminate, by the first reason that holds: unseen (the meter did not see everything), in_doubt (what may be lost or over the limit would decide), few_samples (too little to measure with)", rows::indeterminate_seconds),
    row("asnmeter_commitment_asn_silent_streams", Gauge, &["commitment", "asn"],
        "Streams from the ASN that are silent without a reason, while their opposite ones go on", rows::silent_streams),
    row("asnmeter_commitment_asn_outage_streams", Gauge, &["commitment", "asn"],
        "Streams from the ASN that fell silent within a second, at least 3 and a third of the active ones; 0 where none did", rows::outage_streams),
    row("asnmeter_commitment_asn_unjudged_silence_packets_total", Counter, &["commitment", "asn"],
        "Packets that streams from the ASN would have sent in silences that no verdict took into account: too few streams were silent", rows::unjudged_silence),
    row("asnmeter_commitment_tap_gap_seconds_total", Counter, &["commitment"],
        "Seconds in which all networks had stopped at once while our side went on: the tap may have failed, and what is missing is no certain loss", rows::tap_gap),
    row("asnmeter_commitment_asn_transit_covered", Gauge, &["commitment", "asn", "transit"],
        "1 while the ASN is out of SLA and the transit ASN on its paths: the exclusion covers it, for the traffic of the ASN", rows::transit::covered),
    row("asnmeter_commitment_transit_share_ratio", Gauge, &["commitment", "asn", "direction"],
        "Rate through the transit ASN in the window, divided by the committed data rate; where transit is judged", rows::transit::share),
    row("asnmeter_commitment_transit_out_of_sla", Gauge, &["commitment", "asn"],
        "1 while the share of what goes through the transit ASN exceeds the threshold", rows::transit::out_of_sla),
    row("asnmeter_commitment_transit_out_of_sla_seconds_total", Counter, &["commitment", "asn"],
        "Seconds in which it exceeded the threshold", rows::transit::out_of_sla_seconds),
    row("asnmeter_capture_frames_total", Counter, &["interface"],
        "Frames captured", rows::capture_frames),
    row("asnmeter_capture_dropped_frames_total", Counter, &["interface"],
        "Frames known to be dropped before the meter saw them; the seconds around them are tainted", rows::capture_dropped),
    row("asnmeter_capture_unknown_frames_total", Counter, &["interface"],
        "Frames in a shape that the kernel's filter does not know: they came cut at 256 octets", rows::capture_unknown),
    row("asnmeter_discarded_frames_total", Counter, &["reason"],
        "Frames that are not counted as voice", rows::discarded),
    row("asnmeter_pending_frames", Gauge, &[],
        "Frames of streams still in probation", rows::pending),
    row("asnmeter_late_frames_total", Counter, &[],
        "Frames that came after their second was closed", rows::late),
    row("asnmeter_merged_packets_total", Counter, &[],
        "Packets beyond the first of frames that held several (receive offload): frames and these are voice, discarded and pending together", rows::merged),
    row("asnmeter_unsplit_frames_total", Counter, &[],
        "Frames that held several packets (receive offload) and were cut, so that not all could be told apart; their seconds are tainted. ethtool -K INTERFACE gro off", rows::unsplit),
    row("asnmeter_clock_steps_total", Counter, &[],
        "Backward steps of the capture's clock", rows::clock_steps),
    row("asnmeter_tainted_seconds_total", Counter, &[],
        "Seconds that were not seen whole", rows::tainted),
    row("asnmeter_announcements_missed_total", Counter, &[],
        "Session descriptions in SIP that another interface's worker could not be told, because it is behind", rows::announcements_missed),
    row("asnmeter_mirror_copies_total", Counter, &[],
        "Frames that look like a mirror port's copies of others; unless capture.deduplicate takes them out, they inflate every share", rows::mirror_copies),
    row("asnmeter_doubled_packets", Gauge, &[],
        "Packets that two interfaces have seen in the last second, of a sample of at most 256: such interfaces count twice and inflate every share", rows::doubled),
    row("asnmeter_fragments_refused_total", Counter, &[],
        "Fragments of IP packets that found no room in their table: whose they are is not known", rows::fragments_refused),
    row("asnmeter_round_trips_refused_total", Counter, &[],
        "Answers that cannot be round trips: 0, negative, or over 10 s", rows::round_trips_refused),
    row("asnmeter_rtcp_reports_unmatched_total", Counter, &[],
        "Report blocks of RTCP that name no stream known here, or come from one reporter too many", rows::unmatched_reports),
    row("asnmeter_sip_dialogs_refused_total", Counter, &[],
        "SIP dialogs that found no room: what they say of media is not used", rows::dialogs_refused),
    row("asnmeter_streams_refused_total", Counter, &[],
        "Streams refused because the stream table was full", rows::streams_refused),
    row("asnmeter_table_entries", Gauge, &["table"],
        "What is in a table, of all workers together", rows::tables::entries),
    row("asnmeter_table_limit", Gauge, &["table"],
        "What may be in the table at most: docs/BOUNDS.md has what happens there", rows::tables::limit),
    row("asnmeter_table_refused_total", Counter, &["table"],
        "What found no room in the table, or was pushed out by something newer", rows::tables::refused),
    row("asnmeter_asn_info", Gauge, &["asn", "name"],
        "1; the name of the ASN", rows::asn_info),
    row("asnmeter_asn_table_prefixes", Gauge, &["source"],
        "Prefixes in an ASN source", rows::table_prefixes),
    row("asnmeter_asn_table_loaded_timestamp_seconds", Gauge, &["source"],
        "When an ASN source was loaded", rows::table_loaded),
    row("asnmeter_asn_table_built_timestamp_seconds", Gauge, &["source"],
        "When the data of an ASN source was built, as it says itself, or its router last said something; absent where nothing says it (prefix lists)", rows::table_built),
    row("asnmeter_asn_table_written_timestamp_seconds", Gauge, &["source"],
        "When an ASN source's file was written, or its router last said something", rows::table_written),
    row("asnmeter_asn_table_failures_total", Counter, &["source"],
        "Times that an ASN source could not be loaded again, or was refused; the old one stays", rows::table_failures),
    row("asnmeter_asn_source_disagreement_bytes_total", Counter, &["source"],
        "IP octets of voice packets with an end for which this source names another ASN than the one that decides", rows::disputed),
    row("asnmeter_bmp_routers", Gauge, &["source"],
        "Routers connected to a BMP source", rows::bmp_routers),
    row("asnmeter_bmp_peers", Gauge, &["source"],
        "Views of BGP peers in a BMP source, stale ones too", rows::bmp_peers),
    row("asnmeter_bmp_routes", Gauge, &["source"],
        "Routes of all peers in a BMP source", rows::bmp_routes),
    row("asnmeter_bmp_messages_total", Counter, &["source", "outcome"],
        "BMP messages by what became of them; refused counts routes and peers beyond a bound", rows::bmp_messages),
    row("asnmeter_bmp_refused_connections_total", Counter, &["source", "reason"],
        "Connections of routers to a BMP source that were refused or closed, by reason: their address is not allowed; too many, of all or of one address; a message that took too long", rows::bmp_refused_connections),
    row("asnmeter_judged_second_timestamp_seconds", Gauge, &[],
        "Start of the last judged second, in packet time", rows::judged_second),
    row("asnmeter_config_last_reload_successful", Gauge, &[],
        "1 if the last attempt to read the configuration was successful", rows::reload::successful),
    row("asnmeter_config_last_reload_success_timestamp_seconds", Gauge, &[],
        "When the configuration in force was read", rows::reload::last_success),
    row("asnmeter_config_reload_began_timestamp_seconds", Gauge, &[],
        "When the reload that runs began; nothing while none runs", rows::reload::began),
    row("asnmeter_evidence_failed", Gauge, &[],
        "Whether the last second could not be written into the ledger; absent where none is kept", rows::evidence::evidence_failed),
    row("asnmeter_evidence_leaves", Gauge, &[],
        "Leaves of the ledger that are sealed by a checkpoint", rows::evidence::evidence_leaves),
    row("asnmeter_evidence_root", Gauge, &[],
        "The first 48 bits of the root over these leaves: two who scrape it hold the owner to it", rows::evidence::evidence_root),
    row("asnmeter_evidence_sealed_timestamp_seconds", Gauge, &[],
        "Second of the last checkpoint since the start", rows::evidence::evidence_sealed),
    row("asnmeter_evidence_unwritten_seconds_total", Counter, &[],
        "Seconds that could not be written into the ledger: gaps", rows::evidence::evidence_unwritten),
    row("asnmeter_fleet_connected", Gauge, &[],
        "Whether a probe has a connection to the servers of its fleet; absent where it is in none", rows::fleet::connected),
    row("asnmeter_fleet_acknowledged_leaves", Gauge, &[],
        "Leaves of a probe's ledger that the servers have", rows::fleet::acknowledged),
    row("asnmeter_fleet_lag_leaves", Gauge, &[],
        "Leaves of a probe's ledger that the servers do not have yet", rows::fleet::lag),
    row("asnmeter_fleet_published_timestamp_seconds", Gauge, &[],
        "The last second of which the servers have all leaves of a probe", rows::fleet::published_through),
    row("asnmeter_fleet_republished_leaves_total", Counter, &[],
        "Leaves of a probe that were published again, because somebody missed them", rows::fleet::again),
    row("asnmeter_fleet_failures_total", Counter, &[],
        "Times that a probe could not publish and tried again", rows::fleet::failures),
    row("asnmeter_fleet_probe_signed", Gauge, &["probe"],
        "Whether a probe's heads have to be signed by a key that the aggregator knows", rows::fleet::probe_signed),
    row("asnmeter_fleet_probe_through_timestamp_seconds", Gauge, &["probe"],
        "The last second of which all leaves of a probe have come", rows::fleet::probe_through),
    row("asnmeter_fleet_probe_verified_leaves", Gauge, &["probe"],
        "Leaves of a probe that its heads vouch for", rows::fleet::probe_verified),
    row("asnmeter_fleet_probe_absent", Gauge, &["probe", "reason"],
        "1 while a probe is missing: not_begun, stopped, late, clock (uncertain), rules (another version's), fault (a leaf that cannot be)", rows::fleet::probe_absent),
    row("asnmeter_fleet_probe_absent_seconds_total", Counter, &["probe"],
        "Seconds that were judged without a probe: incomplete", rows::fleet::probe_absent_seconds),
    row("asnmeter_fleet_probe_differs", Gauge, &["probe", "commitment", "key"],
        "1 for each contract that is another one at a probe, by the key that differs: its seconds are incomplete", rows::fleet::probe_differs),
    row("asnmeter_fleet_probe_refused_messages_total", Counter, &["probe"],
        "Messages under a probe's name that do not hold: forged, unsigned, differing", rows::fleet::probe_refused_messages),
    row("asnmeter_fleet_probe_refused_leaves_total", Counter, &["probe"],
        "Leaves of a probe that found no room, and are asked for again", rows::fleet::probe_refused_leaves),
    row("asnmeter_http_refused_total", Counter, &["reason"],
        "Whom the endpoint turned away, by reason: connections beyond a limit, connections displaced by newer ones before a whole request, heads that were too slow, TLS handshakes that failed, requests without the right credentials, requests beyond the rate of the web configuration, requests for a name that is none of the meter's",
        rows::http_refused),
    row("asnmeter_build_info", Gauge, &["version", "revision"],
        "1; the program's version and the commit it was built from", rows::build_info),
];

/// docs/METRICS.md, printed from the table.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         Printed from the table in `src/export/metrics.rs`; a test compares. Change the table, then run\n\
         `UPDATE_GOLDEN=1 cargo test --test export`.\n\n\
         Base units throughout: octets, seconds, ratios (1 is the whole). `asn` is a number, `local` (our own\n\
         addresses), `0` (no origin announces the address) or `other` (all beyond `max_asns`, together).\n\
         `direction` is seen from the ASN: `from` it or `to` it; `sum` for a commitment judged on both together.\n\
         `transit`, and `asn` of a metric with `transit` in its name, is an ASN between us and an origin.\n\n\
         Beside these stand `process_cpu_seconds_total` and `process_resident_memory_bytes`, as every\n\
         Prometheus client has them.\n\n\
         | name | kind | labels | meaning |\n|---|---|---|---|\n",
    );
    for Row {
        name,
        help,
        kind,
        labels,
        ..
    } in TABLE
    {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{name}` | {} | {} | {help} |",
            kind.as_str(),
            labels.join(", "),
        );
    }
    page
}
