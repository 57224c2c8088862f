//! What is in force and may change while the daemon runs: configuration and ASN tables. Reads them
//! again on a signal, when a file has changed, and when a router says something new; always aside,
//! and what is wrong leaves the old in force.
//!
//! Owned by the main thread: one change at a time.

use super::endpoint::{self, Endpoint};
use super::routers::{self, Router};
use super::terms::Board;
use super::{AppError, standing, terms};
use crate::asn::watch::Watch;
use crate::asn::{LoadError, Origins, Source, SourceState};
use crate::clock;
use crate::config::checked::Config;
use crate::events;
use crate::export::Published;
use crate::sla::terms::Terms;
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
pub(super) struct Written<'a> {
    pub(super) path: &'a Path,
    pub(super) config: Config,
    pub(super) endpoint: Endpoint,
}

/// Everything that can be changed.
pub(super) struct Tables {
    path: PathBuf,
    config: Config,
    endpoint: Endpoint,
    board: Arc<Board>,
    published: watch::Sender<Published>,
    routers: Vec<Router>,
    files: Watch,
    /// Loads that failed, by source.
    failures: BTreeMap<String, u64>,
    config_ok: bool,
}

impl Tables {
    /// What was read at the start, in force already; listens for routers.
    pub(super) async fn new(
        Written {
            path,
            config,
            endpoint,
        }: Written<'_>,
        board: Arc<Board>,
        published: watch::Sender<Published>,
    ) -> Result<Self, AppError> {
        let routers = routers::listen(&config.asn).await?;
        Ok(Self {
            path: path.to_owned(),
            config,
            endpoint,
            board,
            published,
            routers,
            files: Watch::default(),
            failures: BTreeMap::new(),
            config_ok: true,
        })
    }

    /// Reads the configuration and its tables again; the old ones stay if anything is wrong.
    pub(super) async fn reload(&mut self) {
        let (from, current) = (self.path.clone(), self.board.current());
        let web = self.endpoint.path();
        let read = move || -> Result<_, AppError> {
            let config = Config::load(&from)?;
            let terms = terms(&config, Some(&current))?;
            let security = endpoint::read(web.as_deref())?;
            Ok((config, terms, security))
        };
        match aside(read).await {
            Ok((new, terms, security)) => {
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
                let prefixes = terms.origins.sources().map(|source| source.prefixes as u64);
                events::reloaded(terms.commitments.len(), prefixes.sum());
                self.endpoint.replace(security);
                self.config_ok = true;
                // What takes a restart is still what the process started with.
                self.config.commitments = new.commitments;
                self.config.asn = new.asn;
                self.post(terms);
            }
            Err(error) => {
                if let AppError::Asn(error) = &error {
                    self.count(error);
                }
                events::reload_failed(&error);
                self.config_ok = false;
            }
        }
        self.publish().await;
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
            let rules = (config.asn.own.clone(), config.asn.bmp_stale);
            let rules = (!bmp.is_empty()).then_some(rules);
            (bmp, rules)
        };
        of(new) != of(&self.config)
    }

    /// Loads the sources again whose files have changed, each by itself.
    pub(super) async fn look(&mut self) {
        self.board.sweep();
        let (mut files, settings) = (self.files.clone(), self.config.asn.clone());
        let origins = self.board.current().origins.clone();
        let look = move || Ok((files.due(&settings, &origins), files));
        let Ok((due, files)) = aside(look).await else {
            return;
        };
        self.files = files;
        let any = !due.is_empty();
        for source in due {
            let (settings, current) = (self.config.asn.clone(), self.board.current());
            let name = source.name();
            let load = move || -> Result<Origins, AppError> {
                let settings = super::with_cache(&settings);
                Ok(current.origins.renewed(&settings, &source, clock::now)?)
            };
            match aside(load).await {
                Ok(origins) => {
                    let its = |source: &SourceState<'_>| **source.name == *name;
                    let prefixes = origins.sources().find(its).map_or(0, |it| it.prefixes);
                    events::source_loaded(&name, prefixes);
                    self.post_origins(origins);
                }
                Err(error) => {
                    if let AppError::Asn(error) = &error {
                        self.count(error);
                    }
                    events::source_refused(&error);
                }
            }
        }
        if any {
            self.publish().await;
        }
    }

    /// Takes what routers have said since the last time, if it is time for it.
    pub(super) async fn ask(&mut self) {
        let mut any = false;
        for place in 0..self.routers.len() {
            let Some(router) = self.routers.get_mut(place) else {
                continue;
            };
            if let Some(table) = router.table().await {
                let origins = self.board.current().origins.with(&table);
                self.post_origins(origins);
                any = true;
            }
        }
        if any || !self.routers.is_empty() {
            self.publish().await;
        }
    }

    fn count(&mut self, error: &LoadError) {
        *self.failures.entry(error.source_name()).or_default() += 1;
    }

    fn post_origins(&self, origins: Origins) {
        let current = self.board.current();
        self.post(Terms {
            commitments: current.commitments.clone(),
            scopes: current.scopes.clone(),
            origins: Arc::new(origins),
        });
    }

    fn post(&self, terms: Terms) {
        self.board.post(Arc::new(terms));
    }

    /// Shows how things stand.
    async fn publish(&self) {
        let mut standing = standing(&self.board.current(), self.config_ok);
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

/// Runs what reads files on a thread of its own.
async fn aside<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or(Err(AppError::Panicked("reload")))
}
