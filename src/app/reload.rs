//! Reloads configuration and ASN tables while the daemon runs: on a signal, when a file has changed, and
//! when a router sends new routes. Files are read in the background, so that the main thread never
//! waits for one. After an error the old state stays in force.
//!
//! Owned by the main thread: one change at a time.

use super::background::{BackgroundLoad, BackgroundLoads, DEADLINE};
use super::endpoint::{self, WebEndpoint};
use super::routers::BmpSource;
use super::sandbox::Sandbox;
use super::shared_policy::SharedPolicy;
use super::{AppError, daemon_state, policy, systemd};
use crate::asn::watch::FileWatch;
use crate::asn::{LoadError, OriginSettings, Origins, Source, SourceState, SourceTable};
use crate::clock;
use crate::config::checked::Config;
use crate::events;
use crate::export::Published;
use crate::export::http::security::Security;
use crate::files::Load;
use crate::sla::policy::Policy;
use crate::units::Timestamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Interval of checks of the source files. A change is loaded once it is older than this.
pub(super) const FILE_INTERVAL: Duration = Duration::from_secs(5);

/// Interval of checks for new routes of routers.
pub(super) const ROUTER_INTERVAL: Duration = Duration::from_millis(200);

/// The files that SIGHUP reloads, with their current content.
pub(super) struct DaemonFiles<'a> {
    pub(super) path: &'a Path,
    pub(super) config: Config,
    pub(super) endpoint: WebEndpoint,
    pub(super) loads: BackgroundLoads,
    pub(super) bmp_sources: Vec<BmpSource>,
    pub(super) sandbox: Sandbox,
}

/// The state in force, and the load in progress.
pub(super) struct Reloader {
    path: PathBuf,
    config: Config,
    endpoint: WebEndpoint,
    shared_policy: Arc<SharedPolicy>,
    published: watch::Sender<Published>,
    bmp_sources: Vec<BmpSource>,
    sandbox: Sandbox,
    files: FileWatch,
    /// Number of failed loads, by source.
    failures: BTreeMap<String, u64>,
    config_ok: bool,
    /// Time at which the current configuration was read.
    config_read: Option<Timestamp>,
    reload_began: Option<Timestamp>,
    loads: BackgroundLoads,
    current_load: Option<CurrentLoad>,
}

/// The load in progress. One at a time is enough: a reload includes a file check.
enum CurrentLoad {
    Reload(BackgroundLoad<Box<LoadedConfig>>),
    FileCheck(BackgroundLoad<CheckedFiles>),
}

/// The result of a load.
pub(super) enum LoadResult {
    Reload(Result<Box<LoadedConfig>, AppError>),
    FileCheck(Result<CheckedFiles, AppError>),
}

/// The result of a reload.
pub(super) struct LoadedConfig {
    config: Config,
    policy: Policy,
    security: Arc<Security>,
}

/// The result of a file check: the observed file states, and the reloaded sources.
pub(super) struct CheckedFiles {
    files: FileWatch,
    loaded: Vec<(String, Result<SourceTable, LoadError>)>,
}

impl Reloader {
    /// Takes the files of the start, which are in force already.
    pub(super) async fn new(
        DaemonFiles {
            path,
            config,
            endpoint,
            loads,
            bmp_sources,
            sandbox,
        }: DaemonFiles<'_>,
        shared_policy: Arc<SharedPolicy>,
        published: watch::Sender<Published>,
    ) -> Self {
        let reloader = Self {
            path: path.to_owned(),
            config,
            endpoint,
            shared_policy,
            published,
            bmp_sources,
            sandbox,
            files: FileWatch::default(),
            failures: BTreeMap::new(),
            config_ok: true,
            config_read: Some(clock::now()),
            reload_began: None,
            loads,
            current_load: None,
        };
        reloader.publish().await;
        reloader
    }

    /// Starts a reload of the configuration and its tables; cancels the current load.
    pub(super) async fn reload(&mut self) {
        systemd::reloading();
        events::reloading();
        // cancelled first: its result would be outdated
        self.current_load = None;
        let (path, current) = (self.path.clone(), self.shared_policy.current());
        let web = self.endpoint.path();
        let read = move |load: &Load| -> Result<_, AppError> {
            load.begin(&path);
            let config = Config::load(&path)?;
            let policy = policy(&config, Some(&current), load)?;
            let security = endpoint::read(web.as_deref(), load)?;
            Ok(Box::new(LoadedConfig {
                config,
                policy,
                security,
            }))
        };
        match self.loads.begin(DEADLINE, read) {
            Ok(reload) => {
                self.reload_began = Some(clock::now());
                self.current_load = Some(CurrentLoad::Reload(reload));
            }
            Err(error) => self.on_reload(Err(error)),
        }
        self.publish().await;
    }

    /// Waits for the current load; for ever without one.
    pub(super) async fn load_ended(&mut self) -> LoadResult {
        match &mut self.current_load {
            Some(CurrentLoad::Reload(load)) => LoadResult::Reload(load.ended().await),
            Some(CurrentLoad::FileCheck(load)) => LoadResult::FileCheck(load.ended().await),
            None => std::future::pending().await,
        }
    }

    /// Applies the result of a load; after an error the old state stays.
    pub(super) async fn apply(&mut self, result: LoadResult) {
        self.current_load = None;
        match result {
            LoadResult::Reload(new) => self.on_reload(new),
            LoadResult::FileCheck(checked) => self.on_file_check(checked),
        }
        self.publish().await;
    }

    fn on_reload(&mut self, new: Result<Box<LoadedConfig>, AppError>) {
        self.reload_began = None;
        self.config_ok = new.is_ok();
        match new {
            Ok(new) => {
                let LoadedConfig {
                    config: new,
                    policy,
                    security,
                } = *new;
                needs_restart(&self.config, &new).for_each(events::needs_restart);
                if self.changes_bmp_sources(&new) {
                    events::routers_need_restart();
                }
                let prefixes = policy
                    .origins
                    .sources()
                    .map(|source| source.prefixes as u64);
                events::reloaded(policy.commitments.len(), prefixes.sum());
                endpoint::remark(&security);
                self.endpoint.replace(security);
                self.config_read = Some(clock::now());
                // What needs a restart keeps the values of the start.
                let cache = self.config.asn.cache.take();
                self.config.commitments = new.commitments;
                self.config.asn = OriginSettings { cache, ..new.asn };
                // routers have sent routes during the reload
                let current = self.shared_policy.current();
                let origins = policy.origins.with_routers_of(&current.origins);
                self.replace_policy(Policy {
                    origins: Arc::new(origins),
                    silence_share: current.silence_share,
                    ..policy
                });
            }
            Err(error) => {
                self.count_failure(&error);
                events::reload_failed(&error);
                self.sandbox.explain(&error);
            }
        }
        systemd::ready();
    }

    /// Whether a configuration has other BMP sources or settings than those that run.
    fn changes_bmp_sources(&self, new: &Config) -> bool {
        let settings = |config: &Config| {
            let sources = config.asn.sources.iter();
            let mut bmp: Vec<String> = sources
                .filter(|source| matches!(source, Source::Bmp(_)))
                .map(Source::name)
                .collect();
            bmp.sort_unstable();
            let routers = (config.asn.bmp_routers.clone(), config.asn.bmp_keys.clone());
            let rules = (config.asn.own.clone(), config.asn.bmp_stale, routers);
            let rules = (!bmp.is_empty()).then_some(rules);
            (bmp, rules)
        };
        settings(new) != settings(&self.config)
    }

    /// Starts a check of the source files; changed ones are loaded, each on its own. Does nothing while a
    /// load runs or hangs.
    pub(super) fn check_files(&mut self) {
        self.shared_policy.free_retired();
        if !self.loads.is_idle() {
            return;
        }
        let (mut files, settings) = (self.files.clone(), self.config.asn.clone());
        let origins = self.shared_policy.current().origins.clone();
        let read = move |load: &Load| {
            let due = files.due(&settings, &origins, load);
            let settings = super::with_cache(&settings);
            let reload_source = |source: Source| {
                let loaded = origins.renewed(&settings, &source, load, clock::now);
                (source.name(), loaded)
            };
            let loaded = due.into_iter().map(reload_source).collect();
            Ok(CheckedFiles { files, loaded })
        };
        let check = self.loads.begin(DEADLINE, read);
        self.current_load = check.ok().map(CurrentLoad::FileCheck);
    }

    fn on_file_check(&mut self, checked: Result<CheckedFiles, AppError>) {
        let refuse = |reloader: &mut Self, error: AppError| {
            reloader.count_failure(&error);
            events::source_refused(&error);
            reloader.sandbox.explain(&error);
        };
        let CheckedFiles { files, loaded } = match checked {
            Ok(checked) => checked,
            Err(error) => return refuse(self, error),
        };
        self.files = files;
        for (name, loaded) in loaded {
            match loaded {
                Ok(table) => {
                    let origins = self.shared_policy.current().origins.with(&table);
                    let same = |source: &SourceState<'_>| **source.name == *name;
                    let source = origins.sources().find(same);
                    let prefixes = source.map_or(0, |source| source.prefixes);
                    events::source_loaded(&name, prefixes);
                    self.replace_origins(origins);
                }
                Err(error) => refuse(self, error.into()),
            }
        }
    }

    /// Applies the new tables of BMP sources, if any.
    pub(super) async fn check_routers(&mut self) {
        for index in 0..self.bmp_sources.len() {
            let Some(source) = self.bmp_sources.get_mut(index) else {
                continue;
            };
            if let Some(table) = source.table().await {
                let origins = self.shared_policy.current().origins.with(&table);
                self.replace_origins(origins);
            }
        }
        if !self.bmp_sources.is_empty() {
            self.publish().await;
        }
    }

    /// Counts a failed load under its source.
    fn count_failure(&mut self, error: &AppError) {
        let source = match error {
            AppError::Asn(error) => error.source_name(),
            AppError::Overdue { path, .. } => path.display().to_string(),
            _ => return,
        };
        *self.failures.entry(source).or_default() += 1;
    }

    fn replace_origins(&self, origins: Origins) {
        let current = self.shared_policy.current();
        self.replace_policy(Policy {
            commitments: current.commitments.clone(),
            scopes: current.scopes.clone(),
            origins: Arc::new(origins),
            silence_share: current.silence_share,
        });
    }

    fn replace_policy(&self, policy: Policy) {
        self.shared_policy.replace(Arc::new(policy));
    }

    /// Publishes the state of the daemon.
    async fn publish(&self) {
        let mut state = daemon_state(&self.shared_policy.current(), self.config_ok);
        state.config_read = self.config_read;
        state.reload_began = self.reload_began;
        for row in &mut state.sources {
            row.failures = self.failures.get(&*row.name).copied().unwrap_or(0);
        }
        for source in &self.bmp_sources {
            let (name, bmp) = (source.name(), source.state().await);
            for row in &mut state.sources {
                if *row.name == *name {
                    row.bmp = Some(bmp);
                    (row.built, row.written) = (bmp.last, bmp.last);
                }
            }
        }
        self.published.send_if_modified(|published| {
            let is_new = *published.daemon != state;
            if is_new {
                published.daemon = state.into();
            }
            is_new
        });
    }
}

/// The sections and keys whose change takes effect at the next start only. Commitments and ASN sources
/// are reloaded; of routers see [`Reloader::changes_bmp_sources`].
fn needs_restart(old: &Config, new: &Config) -> impl Iterator<Item = &'static str> {
    // Without `..`, so that a new section has to be decided on.
    let Config {
        capture,
        voice,
        asn,
        commitments: _,
        hep,
        web,
        export,
        evidence,
        fleet,
    } = new;
    let sections = [
        ("capture", *capture != old.capture),
        ("voice", *voice != old.voice),
        // The sandbox has allowed writing to the directory of the start alone.
        ("asn.cache", asn.cache != old.asn.cache),
        ("hep", *hep != old.hep),
        ("web", *web != old.web),
        ("export", *export != old.export),
        ("evidence", *evidence != old.evidence),
        ("fleet", *fleet != old.fleet),
    ];
    let changed = sections.into_iter().filter(|(_, is_changed)| *is_changed);
    changed.map(|(section, _)| section)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration as a file has it.
    fn config(text: &str) -> Config {
        Config::parse(text, Path::new("asnmeter.toml")).unwrap()
    }

    #[test]
    fn a_reload_names_each_section_that_takes_a_restart() {
        let fleet = "[fleet]\nname = \"f\"\nservers = [\"nats://127.0.0.1\"]\nprobe = \"a\"";
        for (section, text) in [
            ("capture", "capture.ring_mib = 8"),
            ("voice", "voice.max_streams = 1000"),
            ("asn.cache", "asn.cache = \"kept\""),
            ("hep", "hep.listen = \"127.0.0.1:9060\""),
            ("web", "web.listen_address = \"127.0.0.1:1\""),
            ("export", "export.streams = false"),
            ("evidence", "evidence.directory = \"ledger\""),
            ("fleet", fleet),
        ] {
            let (old, new) = (Config::default(), config(text));
            let named = |old, new| needs_restart(old, new).collect::<Vec<_>>();
            assert_eq!(named(&old, &new), [section], "{section} written");
            assert_eq!(named(&new, &old), [section], "{section} taken out");
            assert!(named(&new, &new).is_empty(), "{section} as before");
        }
        let reloaded = config("asn.own = [64500]\nasn.max_shrink = \"10 %\"");
        assert_eq!(needs_restart(&Config::default(), &reloaded).count(), 0);
    }
}
