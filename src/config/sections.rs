//! Turns the tables of the file into checked settings, one function for each table.
//!
//! Owns no defaults: what is not written stays as [`Config::default`] has it.

use super::asn::asn_number;
use super::check::{Check, one_of, prefix};
use super::checked::{
    Backend, CaptureSettings, Config, EvidenceSettings, ExportSettings, FleetRole, HepSettings,
    VoiceSettings, WebSettings,
};
use super::error::{ConfigError, Text};
use super::file::{self, ConfigFile};
use super::{commitment, values};
use crate::asn::Source;
use crate::ledger::checkpoint::is_note_name;
use std::path::{Path, PathBuf};

/// Reads a whole file.
pub(super) fn config(text: Text<'_>) -> Result<Config, ConfigError> {
    let file: ConfigFile = toml::from_str(text.text).map_err(|error| text.refused(&error))?;
    let check = Check { text };
    let defaults = Config::default();
    let asn = check.asn(&file.asn, defaults.asn)?;
    let fleet = check.fleet(file.fleet.as_ref())?;
    // paths are the probes' where a fleet is judged
    let role = fleet.as_ref().map(|fleet| &fleet.role);
    let has_paths = asn.sources.iter().any(Source::has_paths)
        || matches!(role, Some(FleetRole::Aggregator { .. }));
    Ok(Config {
        capture: check.capture(&file.capture, defaults.capture)?,
        voice: check.voice(&file.voice, defaults.voice)?,
        asn,
        commitments: commitment::all(&check, &file.commitment, has_paths)?,
        hep: check.hep(&file.hep, defaults.hep)?,
        web: check.web(&file.web, &defaults.web)?,
        export: check.export(&file.export, defaults.export)?,
        evidence: check.evidence(&file.evidence, defaults.evidence)?,
        fleet,
    })
}

impl Check<'_> {
    fn capture(
        &self,
        written: &file::CaptureSection,
        default: CaptureSettings,
    ) -> Result<CaptureSettings, ConfigError> {
        if let (Some(one), Some(_)) = (written.interface.as_ref(), written.interfaces.as_ref()) {
            let reason = "cannot stand beside capture.interfaces";
            return Err(self.text.wrong("capture.interface", one.span(), reason));
        }
        let one = match written.interface.as_ref() {
            Some(one) => vec![self.read("capture.interface", one, |name| interface(name))?],
            None => default.interfaces,
        };
        let several = written.interfaces.as_ref();
        Ok(CaptureSettings {
            interfaces: self.list("capture.interfaces", several, one, |name| interface(name))?,
            backend: self.value(
                "capture.backend",
                written.backend.as_ref(),
                default.backend,
                |word| one_of(word, &[("ring", Backend::Ring), ("pnet", Backend::Pnet)]),
            )?,
            promiscuous: written
                .promiscuous
                .as_ref()
                .map_or(default.promiscuous, |it| *it.get_ref()),
            deduplicate: written
                .deduplicate
                .as_ref()
                .map_or(default.deduplicate, |it| *it.get_ref()),
            ring_mib: self.value(
                "capture.ring_mib",
                written.ring_mib.as_ref(),
                default.ring_mib,
                |mib| values::whole(*mib, 1, 4096),
            )?,
            cut_payload: written
                .cut_payload
                .as_ref()
                .map_or(default.cut_payload, |it| *it.get_ref()),
            queues: self.value(
                "capture.queues",
                written.queues.as_ref(),
                default.queues,
                |queues| values::whole(*queues, 1, 64),
            )?,
            cpus: self.list("capture.cpus", written.cpus.as_ref(), default.cpus, |cpu| {
                values::whole(*cpu, 0, 1023)
            })?,
        })
    }

    fn voice(
        &self,
        written: &file::VoiceSection,
        default: VoiceSettings,
    ) -> Result<VoiceSettings, ConfigError> {
        let (streams, asns, timeout) = (
            written.max_streams.as_ref(),
            written.max_asns.as_ref(),
            written.stream_timeout.as_ref(),
        );
        Ok(VoiceSettings {
            ports: self.list(
                "voice.ports",
                written.ports.as_ref(),
                default.ports,
                |text| values::ports(text),
            )?,
            prefixes: self.list(
                "voice.prefixes",
                written.prefixes.as_ref(),
                default.prefixes,
                prefix,
            )?,
            sip_ports: self.list(
                "voice.sip_ports",
                written.sip_ports.as_ref(),
                default.sip_ports,
                |port| values::whole(*port, 1, 65535),
            )?,
            max_streams: self.value(
                "voice.max_streams",
                streams,
                default.max_streams,
                |streams| values::whole(*streams, 1, MAX_STREAMS),
            )?,
            max_asns: self.value("voice.max_asns", asns, default.max_asns, |asns| {
                values::whole(*asns, 1, MAX_ASNS)
            })?,
            stream_timeout: self.value(
                "voice.stream_timeout",
                timeout,
                default.stream_timeout,
                |text| values::seconds(text, 1, 86_400),
            )?,
            silence_limit: self.value(
                "voice.silence_limit",
                written.silence_limit.as_ref(),
                default.silence_limit,
                |text| values::seconds(text, 1, 3_600),
            )?,
            silence_share: self.value(
                "voice.silence_share",
                written.silence_share.as_ref(),
                default.silence_share,
                |text| values::percentage(text),
            )?,
        })
    }

    /// A path; a relative one begins where the configuration file is.
    pub(super) fn path(&self, text: &str) -> Result<PathBuf, String> {
        let folder = self.text.path.parent().unwrap_or(Path::new(""));
        match text {
            "" => Err("is empty".into()),
            path => Ok(folder.join(path)),
        }
    }

    fn hep(
        &self,
        written: &file::HepSection,
        default: HepSettings,
    ) -> Result<HepSettings, ConfigError> {
        let (listen, allow) = (written.listen.as_ref(), written.allow.as_ref());
        let read = |text: &String| values::address(text).map(Some);
        Ok(HepSettings {
            listen: self.value("hep.listen", listen, default.listen, read)?,
            allow: self.list("hep.allow", allow, default.allow, prefix)?,
        })
    }

    fn web(
        &self,
        written: &file::WebSection,
        default: &WebSettings,
    ) -> Result<WebSettings, ConfigError> {
        let (key, listen) = ("web.listen_address", written.listen_address.as_ref());
        let read = |text: &String| values::address(text);
        let file = written.config_file.as_ref();
        let beside = |path: &String| self.path(path).map(Some);
        Ok(WebSettings {
            listen_address: self.value(key, listen, default.listen_address, read)?,
            config_file: self.value(
                "web.config_file",
                file,
                default.config_file.clone(),
                beside,
            )?,
            hosts: self.list(
                "web.hosts",
                written.hosts.as_ref(),
                default.hosts.clone(),
                |name| host(name),
            )?,
        })
    }

    fn evidence(
        &self,
        written: &file::EvidenceSection,
        default: EvidenceSettings,
    ) -> Result<EvidenceSettings, ConfigError> {
        let file::EvidenceSection {
            directory,
            origin,
            key,
            keep,
        } = written;
        let beside = |path: &String| self.path(path).map(Some);
        let days = |text: &String| {
            let seconds = values::seconds(text, DAY, MAX_KEEP * DAY)?.as_secs();
            match u32::try_from(seconds / DAY) {
                Ok(days) if seconds % DAY == 0 => Ok(Some(days)),
                _ => Err("is no number of whole days".into()),
            }
        };
        let name = |text: &String| {
            let is_name = is_note_name(text).then(|| text.clone());
            is_name.ok_or_else(|| "is not 1 to 255 octets without white space and \"+\"".to_owned())
        };
        Ok(EvidenceSettings {
            directory: self.value(
                "evidence.directory",
                directory.as_ref(),
                default.directory,
                beside,
            )?,
            origin: self.value("evidence.origin", origin.as_ref(), default.origin, name)?,
            key: self.value("evidence.key", key.as_ref(), default.key, beside)?,
            keep_days: self.value("evidence.keep", keep.as_ref(), default.keep_days, days)?,
        })
    }

    fn export(
        &self,
        written: &file::ExportSection,
        default: ExportSettings,
    ) -> Result<ExportSettings, ConfigError> {
        let export = ExportSettings {
            max_asns: self.value(
                "export.max_asns",
                written.max_asns.as_ref(),
                default.max_asns,
                |most| values::whole(*most, 1, 65_536),
            )?,
            asns: self.list(
                "export.asns",
                written.asns.as_ref(),
                default.asns,
                |number| asn_number(*number),
            )?,
            streams: written
                .streams
                .as_ref()
                .map_or(default.streams, |it| *it.get_ref()),
        };
        let most = usize::try_from(export.max_asns).unwrap_or(usize::MAX);
        match written.asns.as_ref() {
            Some(list) if export.asns.len() > most => {
                let reason = format!("has more ASNs than export.max_asns = {most}");
                Err(self.text.wrong("export.asns", list.span(), &reason))
            }
            _ => Ok(export),
        }
    }
}

/// Streams at most: 64 times the default. A guess: a bound against slips, not a measured limit.
const MAX_STREAMS: i64 = 1 << 24;

/// ASNs judged at most: 128 times the default. A guess, as for streams.
const MAX_ASNS: i64 = 1 << 24;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Days that a ledger is kept at most: more than any contract asks.
const MAX_KEEP: u64 = 36_500;

/// Octets of an interface name (Linux: `IFNAMSIZ` less the closing zero).
const MAX_INTERFACE: usize = 15;

/// Octets of a host's name (RFC 1035 §2.3.4).
const MAX_HOST: usize = 253;

/// The name of an interface to capture on.
fn interface(text: &str) -> Result<String, String> {
    let wrong = |c: char| c.is_whitespace() || c.is_control() || c == '/';
    if text.is_empty() || text.len() > MAX_INTERFACE || text.contains(wrong) {
        return Err("is not the name of an interface".into());
    }
    Ok(text.into())
}

/// A name that requests may ask for: without a port.
fn host(text: &str) -> Result<String, String> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if text.is_empty() || text.len() > MAX_HOST || !text.chars().all(is_letter) {
        return Err("is not a host's name, without scheme and port".into());
    }
    Ok(text.into())
}
