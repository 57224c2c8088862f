//! What is in force and may change while the daemon runs: configuration and ASN tables. Reads them
//! again on a signal, when a file has changed, and when a router says something new; always aside, so
//! that nothing here waits for a file; and what is wrong leaves the old in force.
//!
//! Owned by the main thread: one change at a time.

use super::background::{BackgroundLoad, BackgroundLoads, DEADLINE};
use super::endpoint::{self, WebEndpoint};
use super::routers::{self, Router};
use super::shared_policy::SharedPolicy;
use super::{AppError, policy, standing, systemd};
use crate::asn::watch::FileWatch;
use crate::asn::{LoadError, Origins, Source, SourceState, SourceTable};
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

/// How often files are looked at; a change is taken when it has lasted that long.
pub(super) const LOOK: Duration = Duration::from_secs(5);

/// How often routers are asked for news.
pub(super) const ASK: Duration = Duration::from_millis(200);

/// What SIGHUP reads again: the files, and what they said last.
pub(super) struct DaemonFiles<'a> {
    pub(super) path: &'a Path,
    pub(super) config: Config,
    pub(super) endpoint: WebEndpoint,
    pub(super) readers: BackgroundLoads,
}

/// Everything that can be changed.
pub(super) struct Tables {
    path: PathBuf,
    config: Config,
    endpoint: WebEndpoint,
    shared_policy: Arc<SharedPolicy>,
    published: watch::Sender<Published>,
    routers: Vec<Router>,
    files: FileWatch,
    /// Loads that failed, by source.
    failures: BTreeMap<String, u64>,
    config_ok: bool,
    /// When the configuration in force was read.
    config_read: Option<Timestamp>,
    reload_began: Option<Timestamp>,
    readers: BackgroundLoads,
    running: Option<Running>,
}

/// What is being read. Only one is wanted at a time: a reload reads all that a look does.
enum Running {
    Reload(BackgroundLoad<Box<LoadedConfig>>),
    Look(BackgroundLoad<CheckedFiles>),
}

/// What has been read.
pub(super) enum Ended {
    Reload(Result<Box<LoadedConfig>, AppError>),
    Look(Result<CheckedFiles, AppError>),
}

/// What a reload gives.
pub(super) struct LoadedConfig {
    config: Config,
    policy: Policy,
    security: Arc<Security>,
}

/// What a look at the sources' files gives: which were seen how, and those loaded again.
pub(super) struct CheckedFiles {
    files: FileWatch,
    loaded: Vec<(String, Result<SourceTable, LoadError>)>,
}

impl Tables {
    /// What was read at the start, in force already; listens for routers.
    pub(super) async fn new(
        DaemonFiles {
            path,
            config,
            endpoint,
            readers,
        }: DaemonFiles<'_>,
        shared_policy: Arc<SharedPolicy>,
        published: watch::Sender<Published>,
    ) -> Result<Self, AppError> {
        let routers = routers::listen(&config.asn).await?;
        let tables = Self {
            path: path.to_owned(),
            config,
            endpoint,
            shared_policy,
            published,
            routers,
            files: FileWatch::default(),
            failures: BTreeMap::new(),
            config_ok: true,
            config_read: Some(clock::now()),
            reload_began: None,
            readers,
            running: None,
        };
        tables.publish().await;
        Ok(tables)
    }

    /// Begins to read the configuration and its tables again, in place of whatever is being read.
    pub(super) async fn reload(&mut self) {
        systemd::reloading();
        events::reloading();
        // called off first: what it would give is old already
        self.running = None;
        let (from, current) = (self.path.clone(), self.shared_policy.current());
        let web = self.endpoint.path();
        let read = move |load: &Load| -> Result<_, AppError> {
            load.begin(&from);
            let config = Config::load(&from)?;
            let policy = policy(&config, Some(&current), load)?;
            let security = endpoint::read(web.as_deref(), load)?;
            Ok(Box::new(LoadedConfig {
                config,
                policy,
                security,
            }))
        };
        match self.readers.begin(DEADLINE, read) {
            Ok(reading) => {
                self.reload_began = Some(clock::now());
                self.running = Some(Running::Reload(reading));
            }
            Err(error) => self.reloaded(Err(error)),
        }
        self.publish().await;
    }

    /// Waits for what is being read; for ever where nothing is.
    pub(super) async fn ended(&mut self) -> Ended {
        match &mut self.running {
            Some(Running::Reload(reading)) => Ended::Reload(reading.ended().await),
            Some(Running::Look(reading)) => Ended::Look(reading.ended().await),
            None => std::future::pending().await,
        }
    }

    /// Takes what was read; the old stays if anything is wrong.
    pub(super) async fn apply(&mut self, ended: Ended) {
        self.running = None;
        match ended {
            Ended::Reload(new) => self.reloaded(new),
            Ended::Look(looked) => self.files_checked(looked),
        }
        self.publish().await;
    }

    fn reloaded(&mut self, new: Result<Box<LoadedConfig>, AppError>) {
        self.reload_began = None;
        self.config_ok = new.is_ok();
        match new {
            Ok(new) => {
                let LoadedConfig {
                    config: new,
                    policy,
                    security,
                } = *new;
                for (section, changed) in [
                    ("capture", new.capture != self.config.capture),
                    ("voice", new.voice != self.config.voice),
                    ("web", new.web != self.config.web),
                    ("export", new.export != self.config.export),
                ] {
                    if changed {
                        events::needs_restart(section);
                    }
                }
                if self.needs_other_routers(&new) {
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
                // What takes a restart is still what the process started with.
                self.config.commitments = new.commitments;
                self.config.asn = new.asn;
                // routers have gone on speaking meanwhile
                let current = self.shared_policy.current();
                let origins = policy.origins.with_routers_of(&current.origins);
                self.replace_policy(Policy {
                    origins: Arc::new(origins),
                    ..policy
                });
            }
            Err(error) => {
                self.count(&error);
                events::reload_failed(&error);
            }
        }
        systemd::ready();
    }

    /// Whether a configuration has BMP sources that do not run as it says.
    fn needs_other_routers(&self, new: &Config) -> bool {
        let of = |config: &Config| {
            let sources = config.asn.sources.iter();
            let mut bmp: Vec<String> = sources
                .filter(|source| matches!(source, Source::Bmp(_)))
                .map(Source::name)
                .collect();
            bmp.sort_unstable();
            let routers = config.asn.bmp_routers.clone();
            let rules = (config.asn.own.clone(), config.asn.bmp_stale, routers);
            let rules = (!bmp.is_empty()).then_some(rules);
            (bmp, rules)
        };
        of(new) != of(&self.config)
    }

    /// Begins to look whether files of sources have changed, and to load those again, each by
    /// itself; not while anything is being read, or waits for a file that does not come.
    pub(super) fn check_files(&mut self) {
        self.shared_policy.free_retired();
        if !self.readers.is_idle() {
            return;
        }
        let (mut files, settings) = (self.files.clone(), self.config.asn.clone());
        let origins = self.shared_policy.current().origins.clone();
        let read = move |load: &Load| {
            let due = files.due(&settings, &origins, load);
            let settings = super::with_cache(&settings);
            let load_again = |source: Source| {
                let loaded = origins.renewed(&settings, &source, load, clock::now);
                (source.name(), loaded)
            };
            let loaded = due.into_iter().map(load_again).collect();
            Ok(CheckedFiles { files, loaded })
        };
        self.running = self.readers.begin(DEADLINE, read).ok().map(Running::Look);
    }

    fn files_checked(&mut self, looked: Result<CheckedFiles, AppError>) {
        let refuse = |tables: &mut Self, error: AppError| {
            tables.count(&error);
            events::source_refused(&error);
        };
        let CheckedFiles { files, loaded } = match looked {
            Ok(looked) => looked,
            Err(error) => return refuse(self, error),
        };
        self.files = files;
        for (name, loaded) in loaded {
            match loaded {
                Ok(table) => {
                    let origins = self.shared_policy.current().origins.with(&table);
                    let its = |source: &SourceState<'_>| **source.name == *name;
                    let prefixes = origins.sources().find(its).map_or(0, |it| it.prefixes);
                    events::source_loaded(&name, prefixes);
                    self.post_origins(origins);
                }
                Err(error) => refuse(self, error.into()),
            }
        }
    }

    /// Takes what routers have said since the last time, if it is time for it.
    pub(super) async fn ask_routers(&mut self) {
        for place in 0..self.routers.len() {
            let Some(router) = self.routers.get_mut(place) else {
                continue;
            };
            if let Some(table) = router.table().await {
                let origins = self.shared_policy.current().origins.with(&table);
                self.post_origins(origins);
            }
        }
        if !self.routers.is_empty() {
            self.publish().await;
        }
    }

    /// Counts what went wrong with a source.
    fn count(&mut self, error: &AppError) {
        let source = match error {
            AppError::Asn(error) => error.source_name(),
            AppError::Overdue { path, .. } => path.display().to_string(),
            _ => return,
        };
        *self.failures.entry(source).or_default() += 1;
    }

    fn post_origins(&self, origins: Origins) {
        let current = self.shared_policy.current();
        self.replace_policy(Policy {
            commitments: current.commitments.clone(),
            scopes: current.scopes.clone(),
            origins: Arc::new(origins),
        });
    }

    fn replace_policy(&self, policy: Policy) {
        self.shared_policy.replace(Arc::new(policy));
    }

    /// Shows how things stand.
    async fn publish(&self) {
        let mut standing = standing(&self.shared_policy.current(), self.config_ok);
        standing.config_read = self.config_read;
        standing.reload_began = self.reload_began;
        for row in &mut standing.sources {
            row.failures = self.failures.get(&*row.name).copied().unwrap_or(0);
        }
        for router in &self.routers {
            let (name, state) = (router.name(), router.state().await);
            for row in &mut standing.sources {
                if *row.name == *name {
                    row.bmp = Some(state);
                    row.written = state.last;
                }
            }
        }
        self.published.send_if_modified(|published| {
            let is_new = *published.standing != standing;
            if is_new {
                published.standing = standing.into();
            }
            is_new
        });
    }
}
