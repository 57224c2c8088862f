//! `[fleet]`: the role of this meter in a fleet.

use super::check::Check;
use super::checked::{FleetProbe, FleetRole, FleetSettings, FleetTls};
use super::error::ConfigError;
use super::{file, values};
use crate::files;
use crate::ledger::key::PublicKey;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;

/// Probes of a fleet at most. A guess: three times what one aggregator was measured with.
const MAX_PROBES: usize = 1024;

/// NATS servers at most.
const MAX_SERVERS: usize = 16;

/// Characters of the name of a fleet or of a probe.
const MAX_NAME: usize = 64;

/// Octets of a file with a public key that are read at most.
const MAX_KEY: u64 = 1 << 16;

/// Seconds that an aggregator waits at most: less than any window that is worth it.
const MAX_PATIENCE: u64 = 600;

/// How long it waits where nothing is written.
const PATIENCE: Duration = Duration::from_secs(10);

impl Check<'_> {
    pub(super) fn fleet(
        &self,
        written: Option<&Spanned<file::FleetSection>>,
    ) -> Result<Option<FleetSettings>, ConfigError> {
        let Some(table) = written else {
            return Ok(None);
        };
        let written = table.get_ref();
        let missing = |key| self.text.missing(key, table.span());
        let name = written.name.as_ref().ok_or_else(|| missing("fleet.name"))?;
        let servers = self.set("fleet.servers", written.servers.as_ref(), server)?;
        let servers = servers.ok_or_else(|| missing("fleet.servers"))?;
        if let Some(list) = &written.servers
            && servers.len() > MAX_SERVERS
        {
            let reason = format!("has more than {MAX_SERVERS} servers");
            return Err(self.text.wrong("fleet.servers", list.span(), &reason));
        }
        let credentials = written.credentials.as_ref();
        Ok(Some(FleetSettings {
            name: self.read("fleet.name", name, token)?,
            tls: self.fleet_tls(written.tls.as_ref(), &servers)?,
            servers,
            credentials: self.value("fleet.credentials", credentials, None, |path| {
                self.path(path).map(Some)
            })?,
            role: self.fleet_role(written, table.span())?,
        }))
    }

    fn fleet_tls(
        &self,
        written: Option<&Spanned<file::FleetTlsSection>>,
        servers: &[String],
    ) -> Result<FleetTls, ConfigError> {
        let is_asked = servers.iter().any(|server| server.starts_with("tls://"));
        let Some(table) = written else {
            return Ok(FleetTls {
                required: is_asked,
                ..FleetTls::default()
            });
        };
        let written = table.get_ref();
        let beside = |path: &String| self.path(path).map(Some);
        let ca = self.value("fleet.tls.ca", written.ca.as_ref(), None, beside)?;
        let certificate = written.certificate.as_ref();
        let certificate = self.value("fleet.tls.certificate", certificate, None, beside)?;
        let key = self.value("fleet.tls.key", written.key.as_ref(), None, beside)?;
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => return Err(self.text.missing("fleet.tls.key", table.span())),
            (None, Some(_)) => {
                return Err(self.text.missing("fleet.tls.certificate", table.span()));
            }
        };
        let named = is_asked || ca.is_some() || identity.is_some();
        let required = written.required.as_ref();
        Ok(FleetTls {
            required: named || required.is_some_and(|it| *it.get_ref()),
            ca,
            identity,
        })
    }

    fn fleet_role(
        &self,
        written: &file::FleetSection,
        table: Range<usize>,
    ) -> Result<FleetRole, ConfigError> {
        match (&written.probe, &written.probes) {
            (Some(probe), None) => {
                if let Some(patience) = &written.patience {
                    let reason = "says nothing without fleet.probes";
                    return Err(self.text.wrong("fleet.patience", patience.span(), reason));
                }
                Ok(FleetRole::Probe(self.read("fleet.probe", probe, token)?))
            }
            (None, Some(probes)) => {
                let patience = written.patience.as_ref();
                Ok(FleetRole::Aggregator {
                    probes: self.fleet_probes(probes)?,
                    patience: self.value("fleet.patience", patience, PATIENCE, |text| {
                        values::seconds(text, 1, MAX_PATIENCE)
                    })?,
                })
            }
            (Some(probe), Some(_)) => {
                let reason =
                    "cannot stand beside fleet.probes: a meter is a probe or an aggregator";
                Err(self.text.wrong("fleet.probe", probe.span(), reason))
            }
            (None, None) => Err(self.text.missing("fleet.probe", table)),
        }
    }

    fn fleet_probes(
        &self,
        written: &Spanned<Vec<Spanned<file::FleetProbeSection>>>,
    ) -> Result<Vec<FleetProbe>, ConfigError> {
        let wrong = |span, reason: &str| self.text.wrong("fleet.probes", span, reason);
        let list = written.get_ref();
        if list.is_empty() {
            return Err(wrong(written.span(), "is empty"));
        }
        if list.len() > MAX_PROBES {
            let reason = format!("has more than {MAX_PROBES} probes");
            return Err(wrong(written.span(), &reason));
        }
        let mut probes: Vec<FleetProbe> = Vec::new();
        for one in list {
            let (table, key) = (one.get_ref(), one.get_ref().key.as_ref());
            let name = table.name.as_ref();
            let name = name.ok_or_else(|| self.text.missing("fleet.probes.name", one.span()))?;
            let probe = FleetProbe {
                name: self.read("fleet.probes.name", name, token)?,
                key: self.value("fleet.probes.key", key, None, |text| {
                    self.public_key(text).map(Some)
                })?,
            };
            if probes.iter().any(|known| known.name == probe.name) {
                return Err(wrong(name.span(), "stands twice in the list"));
            }
            if let Some(other) = probes.iter().find(|known| known.key == probe.key)
                && probe.key.is_some()
            {
                let reason = format!("has the key of {}: each probe has its own", other.name);
                return Err(wrong(one.span(), &reason));
            }
            probes.push(probe);
        }
        Ok(probes)
    }

    /// A public key: in base64, or the file that has it.
    fn public_key(&self, text: &str) -> Result<PublicKey, String> {
        if let Some(key) = PublicKey::from_base64(text) {
            return Ok(key);
        }
        let path = self.path(text)?;
        let pem = files::read_text(&path, MAX_KEY)
            .map_err(|error| format!("is no key in base64, and no file with one: {error}"))?;
        PublicKey::from_pem(&pem).map_err(|error| error.to_string())
    }
}

/// One token of a NATS subject that is written the same everywhere.
#[expect(
    clippy::ptr_arg,
    reason = "what serde gives, and so what the readers take"
)]
fn token(text: &String) -> Result<String, String> {
    let is_known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=MAX_NAME).contains(&text.len()) && text.chars().all(is_known) {
        Ok(text.clone())
    } else {
        Err(format!(
            "is not 1 to {MAX_NAME} letters, digits, \"-\" and \"_\""
        ))
    }
}

/// The address of a NATS server.
#[expect(
    clippy::ptr_arg,
    reason = "what serde gives, and so what the readers take"
)]
fn server(text: &String) -> Result<String, String> {
    let host = ["nats://", "tls://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let is_host =
        |host: &str| !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/');
    match host {
        Some(host) if is_host(host) => Ok(text.clone()),
        _ => Err("is no address like nats://127.0.0.1:4222".into()),
    }
}
