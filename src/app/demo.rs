//! `asnmeter demo`: synthetic calls in real time through the same pipeline, judge and endpoint as
//! live traffic. Needs no privileges, no file and no network.

use super::live::{self, Running};
use super::signals::Signals;
use super::source::LiveSource;
use super::{AppError, settings};
use crate::asn::{BuiltIn, Origins};
use crate::attribution::scopes::ScopePlan;
use crate::capture::synthetic::scenario::Scenario;
use crate::capture::synthetic::{SendPace, Synthetic, demo};
use crate::clock;
use crate::config::checked::Config;
use crate::events;
use crate::export::http;
use crate::sla::policy::Policy;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What the demo is judged by: the clause, with a window short enough to watch.
const CONFIG: &str = r#"
[asn]
local_prefixes = ["198.51.100.0/24"]

[voice]
stream_timeout = "30s"      # what the last calls still had is counted within the next ones

[[commitment]]
name = "demo"
committed_rate = "10 Mbps"
threshold = "10%"
window = "10s"
guarantee = { loss = "0.5%", latency = "150ms", latency_percentile = 95, jitter = "30ms" }
"#;

/// Serves synthetic calls until a signal ends it.
///
/// # Errors
/// [`AppError`], most likely that the address is in use.
pub fn run(listen_address: SocketAddr) -> Result<(), AppError> {
    let (config, policy, scenario) = prepare()?;
    let listener = http::bind(listen_address)?;
    let stop = Arc::new(AtomicBool::new(false));
    let source = Synthetic::new(&scenario, SendPace::RealTime, stop.clone());
    events::demo(&listener.url());
    let running = Running::start(
        &settings(&config),
        policy,
        vec![LiveSource::Synthetic(Box::new(source))],
        stop,
        &config,
    )?;
    live::block_on(async { running.supervise(listener, None, Signals::new()?).await })
}

/// What is judged by what.
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
    });
    Ok((config, policy, scenario))
}

#[cfg(test)]
mod tests;
