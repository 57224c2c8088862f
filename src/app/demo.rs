//! `asnmeter demo`: synthetic calls in real time through the same pipeline, judge and endpoint as
//! live traffic. It needs no privileges, files or network.

use super::live;
use super::running::Running;
use super::signals::Signals;
use super::source::LiveSource;
use super::{AppError, evidence, settings};
use crate::asn::{BuiltIn, Origins};
use crate::attribution::scopes::ScopePlan;
use crate::capture::synthetic::scenario::Scenario;
use crate::capture::synthetic::{SendPace, Synthetic, demo};
use crate::clock;
use crate::config::checked::Config;
use crate::events;
use crate::export::http;
use crate::ledger::leaf::Mode;
use crate::sla::policy::Policy;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The configuration of the demo, with a short window.
const CONFIG: &str = r#"
[asn]
local_prefixes = ["198.51.100.0/24"]

[voice]
stream_timeout = "30s"      # streams of one cycle end within the next

[[commitment]]
name = "demo"
committed_rate = "10 Mbps"
threshold = "10%"
window = "10s"
guarantee = { loss = "0.5%", latency = "150ms", latency_percentile = 95, jitter = "30ms" }
"#;

/// Runs the demo until a signal ends it.
///
/// # Errors
/// [`AppError`], for example if the address is in use.
pub fn run(listen_address: SocketAddr, evidence: Option<PathBuf>) -> Result<(), AppError> {
    let (config, policy, scenario) = prepare()?;
    let listener = http::bind(listen_address)?;
    let stop = Arc::new(AtomicBool::new(false));
    let source = Synthetic::new(&scenario, SendPace::RealTime, stop.clone());
    events::demo(&listener.url());
    let kept = evidence.map(|directory| {
        let sources = vec![evidence::unhashed_source("demo")];
        evidence::start_ledger(&directory, (Mode::Demo, false), sources, &config)
    });
    let running = Running::start(
        &settings(&config),
        policy,
        vec![LiveSource::Synthetic(Box::new(source))],
        stop,
        &config,
        kept.transpose()?,
    )?;
    live::block_on(async { running.supervise(listener, None, Signals::new()?).await })
}

/// The configuration, policy and scenario of the demo.
fn prepare() -> Result<(Config, Arc<Policy>, Scenario), AppError> {
    let config = Config::parse(CONFIG, Path::new("demo"))?;
    let (scenario, prefixes) = demo();
    let rows = prefixes.into_iter().map(|known| BuiltIn {
        prefix: known.prefix,
        origin: (known.asn, known.name),
        transit: known.transit,
    });
    let origins = Origins::built_in("demo", rows, &config.asn.local_prefixes, clock::now());
    let commitments = config.commitments.clone();
    let scopes = ScopePlan::new(
        commitments.iter().map(|one| &one.scope),
        &ScopePlan::default(),
    )
    .into();
    let policy = Arc::new(Policy {
        commitments,
        scopes,
        origins: Arc::new(origins),
        silence_share: config.voice.silence_share,
    });
    Ok((config, policy, scenario))
}

#[cfg(test)]
mod tests;
