//! From what is written to what it means, table by table.
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
    let usual = Config::default();
    let asn = check.asn(&file.asn, usual.asn)?;
    let fleet = check.fleet(file.fleet.as_ref())?;
    // paths are the probes' where a fleet is judged
    let role = fleet.as_ref().map(|fleet| &fleet.role);
    let has_paths = asn.sources.iter().any(Source::has_paths)
        || matches!(role, Some(FleetRole::Aggregator { .. }));
    Ok(Config {
        capture: check.capture(&file.capture, usual.capture)?,
        voice: check.voice(&file.voice, usual.voice)?,
        asn,
        commitments: commitment::all(&check, &file.commitment, has_paths)?,
        hep: check.hep(&file.hep, usual.hep)?,
        web: check.web(&file.web, &usual.web)?,
        export: check.export(&file.export, usual.export)?,
        evidence: check.evidence(&file.evidence, usual.evidence)?,
        fleet,
    })
}

impl Check<'_> {
    fn capture(
        &self,
        written: &file::CaptureSection,
        usual: CaptureSettings,
    ) -> Result<CaptureSettings, ConfigError> {
        if let (Some(one), Some(_)) = (written.interface.as_ref(), written.interfaces.as_ref()) {
            let reason = "cannot stand beside capture.interfaces";
            return Err(self.text.wrong("capture.interface", one.span(), reason));
        }
        let one = match written.interface.as_ref() {
            Some(one) => vec![self.read("capture.interface", one, |name| interface(name))?],
            None => usual.interfaces,
        };
        let several = written.interfaces.as_ref();
        Ok(CaptureSettings {
            interfaces: self.list("capture.interfaces", several, one, |name| interface(name))?,
            backend: self.value(
                "capture.backend",
                written.backend.as_ref(),
                usual.backend,
                |word| one_of(word, &[("ring", Backend::Ring), ("pnet", Backend::Pnet)]),
            )?,
            promiscuous: written
                .promiscuous
                .as_ref()
                .map_or(usual.promiscuous, |it| *it.get_ref()),
            deduplicate: written
                .deduplicate
                .as_ref()
                .map_or(usual.deduplicate, |it| *it.get_ref()),
            ring_mib: self.value(
                "capture.ring_mib",
                written.ring_mib.as_ref(),
                usual.ring_mib,
                |mib| values::whole(*mib, 1, 4096),
            )?,
            cut_payload: written
                .cut_payload
                .as_ref()
                .map_or(usual.cut_payload, |it| *it.get_ref()),
            queues: self.value(
                "capture.queues",
                written.queues.as_ref(),
                usual.queues,
                |queues| values::whole(*queues, 1, 64),
            )?,
            cpus: self.list("capture.cpus", written.cpus.as_ref(), usual.cpus, |cpu| {
                values::whole(*cpu, 0, 1023)
            })?,
        })
    }

    fn voice(
        &self,
        written: &file::VoiceSection,
        usual: VoiceSettings,
    ) -> Result<VoiceSettings, ConfigError> {
        let (streams, asns, timeout) = (
            written.max_streams.as_ref(),
            written.max_asns.as_ref(),
            written.stream_timeout.as_ref(),
        );
        Ok(VoiceSettings {
            ports: self.list("voice.ports", written.ports.as_ref(), usual.ports, |text| {
                values::ports(text)
            })?,
            prefixes: self.list(
                "voice.prefixes",
                written.prefixes.as_ref(),
                usual.prefixes,
                prefix,
            )?,
            sip_ports: self.list(
                "voice.sip_ports",
                written.sip_ports.as_ref(),
                usual.sip_ports,
                |port| values::whole(*port, 1, 65535),
            )?,
            max_streams: self.value(
                "voice.max_streams",
                streams,
                usual.max_streams,
                |streams| values::whole(*streams, 1, MAX_STREAMS),
            )?,
            max_asns: self.value("voice.max_asns", asns, usual.max_asns, |asns| {
                values::whole(*asns, 1, MAX_ASNS)
            })?,
            stream_timeout: self.value(
                "voice.stream_timeout",
                timeout,
                usual.stream_timeout,
                |text| values::seconds(text, 1, 86_400),
            )?,
            silence_limit: self.value(
                "voice.silence_limit",
                written.silence_limit.as_ref(),
                usual.silence_limit,
                |text| values::seconds(text, 1, 3_600),
            )?,
            silence_share: self.value(
                "voice.silence_share",
                written.silence_share.as_ref(),
                usual.silence_share,
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
        usual: HepSettings,
    ) -> Result<HepSettings, ConfigError> {
        let (listen, allow) = (written.listen.as_ref(), written.allow.as_ref());
        let read = |text: &String| values::address(text).map(Some);
        Ok(HepSettings {
            listen: self.value("hep.listen", listen, usual.listen, read)?,
            allow: self.list("hep.allow", allow, usual.allow, prefix)?,
        })
    }

    fn web(
        &self,
        written: &file::WebSection,
        usual: &WebSettings,
    ) -> Result<WebSettings, ConfigError> {
        let (key, listen) = ("web.listen_address", written.listen_address.as_ref());
        let read = |text: &String| values::address(text);
        let file = written.config_file.as_ref();
        let beside = |path: &String| self.path(path).map(Some);
        Ok(WebSettings {
            listen_address: self.value(key, listen, usual.listen_address, read)?,
            config_file: self.value("web.config_file", file, usual.config_file.clone(), beside)?,
            hosts: self.list(
                "web.hosts",
                written.hosts.as_ref(),
                usual.hosts.clone(),
                |name| host(name),
            )?,
        })
    }

    fn evidence(
        &self,
        written: &file::EvidenceSection,
        usual: EvidenceSettings,
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
                usual.directory,
                beside,
            )?,
            origin: self.value("evidence.origin", origin.as_ref(), usual.origin, name)?,
            key: self.value("evidence.key", key.as_ref(), usual.key, beside)?,
            keep_days: self.value("evidence.keep", keep.as_ref(), usual.keep_days, days)?,
        })
    }

    fn export(
        &self,
        written: &file::ExportSection,
        usual: ExportSettings,
    ) -> Result<ExportSettings, ConfigError> {
        let export = ExportSettings {
            max_asns: self.value(
                "export.max_asns",
                written.max_asns.as_ref(),
                usual.max_asns,
                |most| values::whole(*most, 1, 65_536),
            )?,
            asns: self.list("export.asns", written.asns.as_ref(), usual.asns, |number| {
                asn_number(*number)
            })?,
            streams: written
                .streams
                .as_ref()
                .map_or(usual.streams, |it| *it.get_ref()),
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
