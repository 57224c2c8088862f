//! The configuration as written: what serde makes of the TOML, with the place of every value, and
//! nothing filled in. [`check`](super::check) gives it its meaning.
//!
//! Lives only while a file is read. Refuses unknown keys and values of the wrong type.

use serde::Deserialize;
use toml::Spanned;

/// A value with its place in the file, or nothing written.
pub(super) type Written<T> = Option<Spanned<T>>;

/// The whole file.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigFile {
    #[serde(default)]
    pub(super) capture: CaptureSection,
    #[serde(default)]
    pub(super) voice: VoiceSection,
    #[serde(default)]
    pub(super) asn: AsnSection,
    #[serde(default)]
    pub(super) hep: HepSection,
    #[serde(default)]
    pub(super) web: WebSection,
    #[serde(default)]
    pub(super) export: ExportSection,
    #[serde(default)]
    pub(super) evidence: EvidenceSection,
    pub(super) fleet: Written<FleetSection>,
    #[serde(default)]
    pub(super) commitment: Vec<Spanned<CommitmentSection>>,
}

/// `[capture]`
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct CaptureSection {
    pub(super) interface: Written<String>,
    pub(super) interfaces: Written<Vec<Spanned<String>>>,
    pub(super) backend: Written<String>,
    pub(super) promiscuous: Written<bool>,
    pub(super) deduplicate: Written<bool>,
    pub(super) ring_mib: Written<i64>,
    pub(super) cut_payload: Written<bool>,
    pub(super) queues: Written<i64>,
    pub(super) cpus: Written<Vec<Spanned<i64>>>,
}

/// `[voice]`
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct VoiceSection {
    pub(super) ports: Written<Vec<Spanned<String>>>,
    pub(super) prefixes: Written<Vec<Spanned<String>>>,
    pub(super) sip_ports: Written<Vec<Spanned<i64>>>,
    pub(super) max_streams: Written<i64>,
    pub(super) max_asns: Written<i64>,
    pub(super) stream_timeout: Written<String>,
    pub(super) silence_limit: Written<String>,
    pub(super) silence_share: Written<String>,
}

/// `[asn]`
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct AsnSection {
    pub(super) sources: Written<Vec<Spanned<SourceSection>>>,
    pub(super) local_prefixes: Written<Vec<Spanned<String>>>,
    pub(super) own: Written<Vec<Spanned<i64>>>,
    pub(super) cache: Written<String>,
    pub(super) max_shrink: Written<String>,
    pub(super) bmp_stale: Written<String>,
    pub(super) bmp_routers: Written<Vec<Spanned<String>>>,
    pub(super) bmp_keys: Written<Vec<Spanned<BmpKeySection>>>,
}

/// One of `bmp_keys`.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct BmpKeySection {
    pub(super) routers: Written<String>,
    pub(super) file: Written<String>,
}

/// One of `sources`: exactly one key.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceSection {
    pub(super) prefixes: Written<String>,
    pub(super) mmdb: Written<String>,
    pub(super) location: Written<String>,
    pub(super) mrt: Written<String>,
    pub(super) bmp: Written<String>,
}

/// `[hep]`
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct HepSection {
    pub(super) listen: Written<String>,
    pub(super) allow: Written<Vec<Spanned<String>>>,
}

/// `[web]`
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct WebSection {
    pub(super) listen_address: Written<String>,
    pub(super) config_file: Written<String>,
    pub(super) hosts: Written<Vec<Spanned<String>>>,
}

/// `[export]`
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportSection {
    pub(super) max_asns: Written<i64>,
    pub(super) asns: Written<Vec<Spanned<i64>>>,
    pub(super) streams: Written<bool>,
}

/// `[evidence]`
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct EvidenceSection {
    pub(super) directory: Written<String>,
    pub(super) origin: Written<String>,
    pub(super) key: Written<String>,
    pub(super) keep: Written<String>,
}

/// `[fleet]`
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct FleetSection {
    pub(super) name: Written<String>,
    pub(super) probe: Written<String>,
    pub(super) servers: Written<Vec<Spanned<String>>>,
    pub(super) credentials: Written<String>,
    pub(super) tls: Written<FleetTlsSection>,
    pub(super) probes: Written<Vec<Spanned<FleetProbeSection>>>,
    pub(super) patience: Written<String>,
}

/// `tls` of a fleet.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct FleetTlsSection {
    pub(super) required: Written<bool>,
    pub(super) ca: Written<String>,
    pub(super) certificate: Written<String>,
    pub(super) key: Written<String>,
}

/// One of `probes` of a fleet.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct FleetProbeSection {
    pub(super) name: Written<String>,
    pub(super) key: Written<String>,
}

/// `[[commitment]]`
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct CommitmentSection {
    pub(super) name: Written<String>,
    pub(super) committed_rate: Written<String>,
    pub(super) threshold: Written<String>,
    pub(super) window: Written<String>,
    pub(super) direction: Written<String>,
    pub(super) count: Written<String>,
    pub(super) layer: Written<String>,
    pub(super) classes: Written<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) scope: ScopeSection,
    pub(super) transit: Written<String>,
    #[serde(default)]
    pub(super) guarantee: GuaranteeSection,
    pub(super) credit: Written<Vec<Spanned<CreditSection>>>,
}

/// One of `credit` of a commitment.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct CreditSection {
    pub(super) below: Written<String>,
    pub(super) credit: Written<String>,
}

/// `scope` of a commitment.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct ScopeSection {
    pub(super) local_prefixes: Written<Vec<Spanned<String>>>,
    pub(super) interfaces: Written<Vec<Spanned<String>>>,
    pub(super) vlans: Written<Vec<Spanned<i64>>>,
}

/// `guarantee` of a commitment.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct GuaranteeSection {
    pub(super) loss: Written<String>,
    pub(super) loss_direction: Written<String>,
    pub(super) latency: Written<String>,
    pub(super) latency_percentile: Written<i64>,
    pub(super) latency_methods: Written<Vec<Spanned<String>>>,
    pub(super) jitter: Written<String>,
    pub(super) jitter_percentile: Written<i64>,
    #[serde(default)]
    pub(super) min_samples: MinSamplesSection,
}

/// `min_samples` of a guarantee.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct MinSamplesSection {
    pub(super) packets: Written<i64>,
    pub(super) round_trips: Written<i64>,
    pub(super) stream_seconds: Written<i64>,
}
