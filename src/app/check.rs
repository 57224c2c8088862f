//! `asnmeter config check`: what `run`, a reload or a replay would meet with a configuration, on this
//! host, now.
//!
//! Reads what the configuration names and starts nothing; a listen address is bound, and free again at once.
//! An error is what `run` refuses, or what can never be judged; a warning is what it runs with and somebody should know.

mod places;

use super::{AppError, endpoint, policy, routers};
use crate::capture::host::{self, LinkState};
use crate::clock;
use crate::config::checked::{Config, FleetRole};
use crate::export::http::HttpError;
use crate::export::http::security::SecurityError;
use crate::files::Load;
use crate::sla::policy::Policy;
use std::time::Duration;

/// How much is at stake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The exit code that `run` would have.
    Error,
    /// Exit code 0.
    Warning,
}

/// Something that is wrong, or worth knowing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigFinding {
    /// Error or warning.
    pub severity: Severity,
    /// The key it is about; empty where the message names its place itself.
    pub key: &'static str,
    /// One line.
    pub message: String,
    /// The exit code of an error (docs/INSTALL.md); 0 of a warning.
    pub exit_code: u8,
}

/// What a check has found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CheckReport {
    /// Commitments of the configuration.
    pub commitments: usize,
    /// Prefixes of its ASN sources, as far as they could be loaded.
    pub prefixes: u64,
    /// Errors first.
    pub findings: Vec<ConfigFinding>,
}

impl CheckReport {
    /// The report of a configuration that cannot be read.
    pub fn refused(error: &AppError) -> Self {
        let mut report = Self::default();
        report.failed(error);
        report
    }

    /// The exit code: the highest of all errors (78 before 69 before 1), or 0.
    pub fn exit_code(&self) -> u8 {
        let codes = self.findings.iter().map(|finding| finding.exit_code);
        codes.max().unwrap_or(0)
    }

    fn error(&mut self, key: &'static str, exit_code: u8, message: String) {
        self.findings.push(ConfigFinding {
            severity: Severity::Error,
            key,
            message,
            exit_code,
        });
    }

    /// An error that names its place itself.
    fn failed(&mut self, error: &AppError) {
        self.failed_at("", error);
    }

    /// An error of what stands under a key.
    fn failed_at(&mut self, key: &'static str, error: &AppError) {
        let message = match error {
            // The key says already that it is one.
            AppError::Asn(error) => error.to_string(),
            error => error.to_string(),
        };
        self.error(key, error.exit_code(), message);
    }

    fn warning(&mut self, key: &'static str, message: impl Into<String>) {
        self.findings.push(ConfigFinding {
            severity: Severity::Warning,
            key,
            message: message.into(),
            exit_code: 0,
        });
    }
}

/// What the configuration is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// `run`: its interfaces, listen addresses and the place of its ledger are looked at.
    Run,
    /// A replay or a reload: these are left out.
    Tables,
}

/// Checks a configuration and everything that it names.
pub fn check(config: &Config, purpose: Purpose) -> CheckReport {
    let mut report = CheckReport {
        commitments: config.commitments.len(),
        ..CheckReport::default()
    };
    if purpose == Purpose::Run {
        check_interfaces(config, &mut report);
        places::check(config, &mut report);
    }
    let load = Load::default();
    match policy(config, None, &load) {
        Ok(policy) => check_sources(&policy, &mut report),
        Err(error) => report.failed_at("asn.sources", &error.into()),
    }
    check_contracts(config, &mut report);
    match endpoint::read(config.web.config_file.as_deref(), &load) {
        Ok(security) => {
            for remark in security.remarks() {
                report.warning("", remark.clone());
            }
            for (path, mode) in endpoint::exposed(&security) {
                let message = format!(
                    "{}: mode {mode:04o}: everybody on this host may read its keys or password hashes",
                    path.display()
                );
                report.warning("web.config_file", message);
            }
        }
        Err(error @ HttpError::Security(SecurityError::Read { .. })) => {
            report.failed_at("web.config_file", &error.into());
        }
        Err(error) => report.failed(&error.into()),
    }
    match routers::check_keys(&config.asn) {
        Ok(()) => {}
        Err(error @ AppError::Read { .. }) => report.failed_at("asn.bmp_keys.file", &error),
        Err(error) => report.failed(&error),
    }
    if let Some(key) = &config.evidence.key
        && let Err(error) = super::evidence::read_key(key)
    {
        report.failed_at("evidence.key", &error);
    }
    check_fleet(config, purpose, &mut report);
    // Stable: the order of the file within each.
    report
        .findings
        .sort_by_key(|finding| finding.severity == Severity::Warning);
    report
}

/// A probe needs a ledger, its key, and what the servers ask for.
fn check_fleet(config: &Config, purpose: Purpose, report: &mut CheckReport) {
    let Some(fleet) = &config.fleet else { return };
    match &fleet.role {
        FleetRole::Aggregator { .. } if purpose == Purpose::Run => {
            let message = "is for `asnmeter fleet` (check its file with --no-interfaces)";
            report.error("fleet.probes", 78, message.into());
        }
        FleetRole::Aggregator { .. } => {}
        FleetRole::Probe(_) => {
            if config.evidence.directory.is_none() {
                let message = "publishes the ledger, and evidence.directory names none: `run` needs --evidence";
                report.warning("fleet.probe", message.to_owned());
            }
            if config.evidence.key.is_none() {
                let message = "publishes what nobody has signed: evidence.key names no key";
                report.warning("fleet.probe", message.to_owned());
            }
        }
    }
    let identity = fleet.tls.identity.iter().flat_map(|(certificate, key)| {
        [
            ("fleet.tls.certificate", certificate),
            ("fleet.tls.key", key),
        ]
    });
    let files = fleet
        .credentials
        .iter()
        .map(|path| ("fleet.credentials", path));
    let files = files.chain(fleet.tls.ca.iter().map(|path| ("fleet.tls.ca", path)));
    for (key, path) in files.chain(identity) {
        if let Err(error) = crate::files::open(path) {
            report.error(key, 69, format!("{}: {error}", path.display()));
        }
    }
}

fn check_interfaces(config: &Config, report: &mut CheckReport) {
    let capture = &config.capture;
    if capture.interfaces.is_empty() {
        let message = "names no interface, and `run` needs one (for a replay: --no-interfaces)";
        report.error("capture", 78, message.into());
    }
    for name in &capture.interfaces {
        match host::link_state(name) {
            LinkState::Missing(others) => {
                let message = match others.as_slice() {
                    [] => format!("{name}: no such interface"),
                    others => format!("{name}: no such interface; there are {}", others.join(", ")),
                };
                report.error("capture.interface", 69, message);
            }
            LinkState::Down => report.warning(
                "capture.interface",
                format!("{name} is down, so nothing comes in: ip link set {name} up"),
            ),
            LinkState::NoCarrier => report.warning(
                "capture.interface",
                format!(
                    "{name} has no carrier, so nothing comes in: is the cable in, is the mirror on?"
                ),
            ),
            LinkState::Running => {}
        }
    }
    for commitment in &config.commitments {
        for name in &commitment.scope.interfaces {
            if !capture.interfaces.is_empty() && !capture.interfaces.contains(name) {
                let (commitment, captured) = (&commitment.name, capture.interfaces.join(", "));
                let message = format!(
                    "{name} is not captured (capture.interfaces has {captured}), so {commitment:?} \
                     counts nothing of it"
                );
                report.error("commitment.scope.interfaces", 78, message);
            }
        }
    }
    for warning in interface_warnings(config) {
        report.warning("", warning);
    }
}

/// What the host does with the frames of our interfaces, one line each.
pub(super) fn interface_warnings(config: &Config) -> Vec<String> {
    let capture = &config.capture;
    let mut warnings = host::offload_warnings(&capture.interfaces);
    for (first, second, why) in host::doubled_interfaces(&capture.interfaces) {
        let same = format!("interfaces {first} and {second} show the same packets ({why})");
        if !capture.deduplicate {
            warnings.push(format!(
                "{same}: they count twice and inflate every share; capture on one of them, or set \
                 capture.deduplicate = true"
            ));
        } else if !capture.merges_interfaces() {
            warnings.push(format!(
                "{same}: with capture.backend = \"pnet\" capture.deduplicate finds copies within an \
                 interface only; capture on one of them"
            ));
        }
        let apart = config.commitments.iter().filter(|commitment| {
            let named = &commitment.scope.interfaces;
            named.contains(&first) != named.contains(&second)
        });
        for commitment in apart.filter(|_| capture.merges_interfaces()) {
            let name = &commitment.name;
            warnings.push(format!(
                "{same}, and the scope of {name:?} has one of them: a packet counts where it is seen \
                 first, so name both or capture on one"
            ));
        }
    }
    warnings
}

/// A database older than this is warned of: they come out weekly or more often. A prefix list of one's
/// own may be as old as it likes.
const OLD: Duration = Duration::from_secs(30 * 86_400);

fn check_sources(policy: &Policy, report: &mut CheckReport) {
    let now = clock::now();
    for source in policy.origins.sources() {
        report.prefixes += source.prefixes as u64;
        if source.kind != "prefixes"
            // one that does not say when it was built is not younger than its file
            && let Some((built, how)) = source
                .provenance
                .built
                .map(|built| (built, "data was built"))
                .or(source.written.map(|written| (written, "file was written")))
            && now.since(built) > OLD
        {
            let (name, days) = (&source.name, now.since(built).as_secs() / 86_400);
            let message = format!("{name}: its {how} {days} days ago: addresses have moved since");
            report.warning("asn.sources", message);
        }
    }
}

fn check_contracts(config: &Config, report: &mut CheckReport) {
    if config.asn.sources.is_empty() {
        let message = "is empty: every address but our own is AS0, and AS0 is never judged";
        report.warning("asn.sources", message);
    }
    if config.asn.local_prefixes.is_empty() && config.asn.own.is_empty() {
        let message =
            "is empty: our own network is judged like any other ASN, and so is what it sends";
        report.warning("asn.local_prefixes", message);
    }
    if config.commitments.is_empty() {
        let message = "there is none: traffic is counted, and nothing is judged";
        report.warning("commitment", message);
    }
    if !config.capture.deduplicate {
        let message = "is off: frames that the mirror port shows twice count twice and inflate every \
                       share (asnmeter_mirror_copies_total counts them)";
        report.warning("capture.deduplicate", message);
    }
}
