//! `[asn]`: whose addresses are whose, and by which sources.

use super::check::{Check, prefix};
use super::error::ConfigError;
use super::{file, values};
use crate::asn::{self, Source};
use crate::units::Asn;
use toml::Spanned;

/// Sources at most: each is asked in turn for every address.
const MAX_SOURCES: usize = 16;

/// Keys of routers at most: as many as routers of a source.
const MAX_ROUTER_KEYS: usize = 64;

impl Check<'_> {
    pub(super) fn asn(
        &self,
        written: &file::AsnSection,
        default: asn::OriginSettings,
    ) -> Result<asn::OriginSettings, ConfigError> {
        let locals = written.local_prefixes.as_ref();
        let ours = |text: &String| match prefix(text)? {
            all if all.is_default() => Err("would make every address local".into()),
            prefix => Ok(prefix),
        };
        let sources = match written.sources.as_ref() {
            Some(sources) => self.sources(sources.get_ref())?,
            None => default.sources,
        };
        let (cache, shrink) = (written.cache.as_ref(), written.max_shrink.as_ref());
        let (stale, routers) = (written.bmp_stale.as_ref(), written.bmp_routers.as_ref());
        Ok(asn::OriginSettings {
            sources,
            local_prefixes: self.list(
                "asn.local_prefixes",
                locals,
                default.local_prefixes,
                ours,
            )?,
            own: self.list("asn.own", written.own.as_ref(), default.own, |number| {
                asn_number(*number)
            })?,
            cache: self.value("asn.cache", cache, default.cache, |path| {
                self.path(path).map(Some)
            })?,
            max_shrink: self.value("asn.max_shrink", shrink, default.max_shrink, |text| {
                values::ratio(text)
            })?,
            bmp_stale: self.value("asn.bmp_stale", stale, default.bmp_stale, |text| {
                values::seconds(text, 1, 86_400)
            })?,
            bmp_routers: self.list("asn.bmp_routers", routers, default.bmp_routers, prefix)?,
            bmp_keys: match written.bmp_keys.as_ref() {
                Some(keys) => self.bmp_keys(keys.get_ref())?,
                None => default.bmp_keys,
            },
        })
    }

    fn bmp_keys(
        &self,
        written: &[Spanned<file::BmpKeySection>],
    ) -> Result<Vec<asn::BmpKey>, ConfigError> {
        let mut keys: Vec<asn::BmpKey> = Vec::new();
        for one in written {
            let file::BmpKeySection { routers, file } = one.get_ref();
            let missing = |key| self.text.missing(key, one.span());
            let routers = routers
                .as_ref()
                .ok_or_else(|| missing("asn.bmp_keys.routers"))?;
            let file = file.as_ref().ok_or_else(|| missing("asn.bmp_keys.file"))?;
            let key = asn::BmpKey {
                routers: self.read("asn.bmp_keys.routers", routers, prefix)?,
                file: self.read("asn.bmp_keys.file", file, |path| self.path(path))?,
            };
            if keys.iter().any(|known| known.routers == key.routers) {
                let reason = "has a key already";
                return Err(self
                    .text
                    .wrong("asn.bmp_keys.routers", routers.span(), reason));
            }
            if keys.len() == MAX_ROUTER_KEYS {
                let reason = format!("is one more than {MAX_ROUTER_KEYS} keys");
                return Err(self.text.wrong("asn.bmp_keys", one.span(), &reason));
            }
            keys.push(key);
        }
        Ok(keys)
    }

    fn sources(
        &self,
        written: &[Spanned<file::SourceSection>],
    ) -> Result<Vec<Source>, ConfigError> {
        let mut sources = Vec::new();
        for one in written {
            let file::SourceSection {
                prefixes,
                mmdb,
                location,
                mrt,
                bmp,
            } = one.get_ref();
            let kinds: [(fn(_) -> _, _); 4] = [
                (Source::Prefixes, prefixes),
                (Source::Mmdb, mmdb),
                (Source::Location, location),
                (Source::Mrt, mrt),
            ];
            let files = kinds.iter().filter_map(|(kind, path)| {
                let path = path.as_ref()?;
                let read = |text: &String| self.path(text).map(kind);
                Some((path.span(), self.read("asn.sources", path, read)))
            });
            let router = bmp.as_ref().map(|address| {
                let read = |text: &String| values::address(text).map(Source::Bmp);
                (address.span(), self.read("asn.sources", address, read))
            });
            let mut written = files.chain(router);
            let (Some((span, source)), None) = (written.next(), written.next()) else {
                let reason = "needs exactly one of prefixes, mmdb, location, mrt, bmp";
                return Err(self.text.wrong("asn.sources", one.span(), reason));
            };
            let source = source?;
            if sources.contains(&source) {
                let reason = "stands twice in the list";
                return Err(self.text.wrong("asn.sources", span, reason));
            }
            if sources.len() == MAX_SOURCES {
                let reason = format!("is one more than {MAX_SOURCES} sources");
                return Err(self.text.wrong("asn.sources", span, &reason));
            }
            sources.push(source);
        }
        Ok(sources)
    }
}

/// An AS number that may be announced.
pub(super) fn asn_number(number: i64) -> Result<Asn, String> {
    values::whole(number, 1, i64::from(u32::MAX) - 1).map(Asn)
}
