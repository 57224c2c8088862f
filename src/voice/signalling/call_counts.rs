//! What is counted of calls: sums of integers, by the names of RFC 6076 (MODEL §17.1).

use std::time::Duration;

/// What became of a session request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CallOutcome(usize);

/// Status codes with a name of their own (RFC 3261 §21); others stand under their class.
const CODES: [(u16, &str); 16] = [
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (407, "407"),
    (408, "408"),
    (480, "480"),
    (484, "484"),
    (486, "486"),
    (487, "487"),
    (488, "488"),
    (500, "500"),
    (502, "502"),
    (503, "503"),
    (504, "504"),
    (600, "600"),
    (603, "603"),
];

/// The classes, and no final response at all.
const CLASSES: [&str; 6] = ["2xx", "3xx", "4xx", "5xx", "6xx", "none"];

/// Outcomes that are told apart.
pub const OUTCOMES: usize = CODES.len() + CLASSES.len();

impl CallOutcome {
    /// The session is established.
    pub const ANSWERED: Self = Self(CODES.len());
    /// The request went elsewhere.
    pub const REDIRECTED: Self = Self(CODES.len() + 1);
    /// There was no final response in time.
    pub const NONE: Self = Self(OUTCOMES - 1);

    /// That of a final response.
    pub fn of(code: u16) -> Self {
        let known = CODES.iter().position(|(known, _)| *known == code);
        let class = usize::from(code / 100).clamp(2, 6) - 2;
        Self(known.unwrap_or(CODES.len() + class))
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..OUTCOMES).map(Self)
    }

    /// The label in metrics, the key in JSON: a status code, the class of others, or `none`.
    pub fn as_str(self) -> &'static str {
        let code = CODES.get(self.0).map(|(_, name)| *name);
        code.or_else(|| CLASSES.get(self.0 - CODES.len()).copied())
            .unwrap_or("none")
    }

    /// Whether the session was not established: everything but an answer and a redirection.
    pub fn is_failure(self) -> bool {
        self != Self::ANSWERED && self != Self::REDIRECTED
    }
}

/// Upper bounds of the buckets of durations of calls, in seconds: from a local answer to Timer B (32 s), and to
/// an hour.
pub const CALL_BOUNDS_SECONDS: [f64; 12] = [
    0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 32.0, 60.0, 300.0, 900.0, 3600.0,
];

/// The same in milliseconds.
const BOUNDS_MILLIS: [u64; CALL_BOUNDS_SECONDS.len()] = [
    100, 250, 500, 1_000, 2_000, 5_000, 10_000, 32_000, 60_000, 300_000, 900_000, 3_600_000,
];

/// Durations, as a sum can have them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CallDurations {
    /// How many.
    pub count: u64,
    /// Their sum in milliseconds.
    pub sum_millis: u64,
    /// Those up to and including each of [`CALL_BOUNDS_SECONDS`] and above the one before.
    pub buckets: [u64; CALL_BOUNDS_SECONDS.len()],
}

impl CallDurations {
    /// Adds one.
    pub fn record(&mut self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.count += 1;
        self.sum_millis = self.sum_millis.saturating_add(millis);
        let mut buckets = self.buckets.iter_mut().zip(BOUNDS_MILLIS);
        if let Some((bucket, _)) = buckets.find(|(_, bound)| millis <= *bound) {
            *bucket += 1;
        }
    }

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sum_millis = self.sum_millis.saturating_add(other.sum_millis);
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *mine += theirs;
        }
    }

    /// Samples up to each bound.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut below = 0;
        let counts = self.buckets.into_iter().map(move |bucket| {
            below += bucket;
            below
        });
        CALL_BOUNDS_SECONDS.into_iter().zip(counts)
    }
}

/// Calls that one side set up to the other.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CallCounts {
    /// Session requests, each once however often it was sent.
    pub attempts: u64,
    /// What became of them, by [`CallOutcome`].
    outcomes: [u64; OUTCOMES],
    /// Session request delay of those that were not refused (RFC 6076 §4.3.1).
    pub request_delay: CallDurations,
    /// Session duration time of those that ended (RFC 6076 §4.5).
    pub session_duration: CallDurations,
}

impl CallCounts {
    /// A session request.
    pub fn attempt() -> Self {
        Self {
            attempts: 1,
            ..Self::default()
        }
    }

    /// What became of one.
    pub fn outcome(CallOutcome(place): CallOutcome) -> Self {
        let mut counts = Self::default();
        if let Some(count) = counts.outcomes.get_mut(place) {
            *count = 1;
        }
        counts
    }

    /// Requests with an outcome.
    pub fn of(&self, CallOutcome(place): CallOutcome) -> u64 {
        self.outcomes.get(place).copied().unwrap_or(0)
    }

    /// Counts with these outcomes, in the order of [`CallOutcome::all`].
    #[must_use]
    pub fn with_outcomes(mut self, outcomes: &[u64]) -> Self {
        for (count, outcome) in self.outcomes.iter_mut().zip(outcomes) {
            *count = *outcome;
        }
        self
    }

    /// Requests that did not establish a session.
    pub fn failed(&self) -> u64 {
        let failures = CallOutcome::all().filter(|outcome| outcome.is_failure());
        failures.map(|outcome| self.of(outcome)).sum()
    }

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        for (mine, theirs) in self.outcomes.iter_mut().zip(other.outcomes) {
            *mine += theirs;
        }
        self.request_delay.add(&other.request_delay);
        self.session_duration.add(&other.session_duration);
    }
}
