//! A fleet: meters at several places that share one committed rate. Probes publish the leaves of their
//! ledgers over NATS JetStream, an aggregator adds the same second of all of them and feeds the one
//! judge (docs/FLEET.md).
//!
//! [`follow`] reads a probe's own ledger, [`head`] is what it signs after each second, [`publish`] sends both;
//! [`feed`] takes what comes of one probe and holds it to its heads, [`seconds`] puts the probes' seconds
//! together, [`judge`] judges them; [`read`] takes them out of the stream once, [`aggregate`] goes on, and
//! [`closed`] is what aggregators side by side agree on. [`totals`] is what a replay counted besides.
//!
//! Every message is hostile input. It starts no thread and reads no clock but for timeouts.

pub mod aggregate;
pub mod closed;
pub mod feed;
pub mod follow;
pub mod head;
pub mod judge;
pub mod nats;
pub mod publish;
pub mod read;

pub mod seconds;
pub mod totals;

/// The subjects of a fleet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subjects {
    fleet: String,
}

impl Subjects {
    /// Of a fleet with this name.
    pub fn new(fleet: &str) -> Self {
        Self {
            fleet: fleet.to_owned(),
        }
    }

    /// The fleet's name.
    pub fn fleet(&self) -> &str {
        &self.fleet
    }

    /// The stream that keeps its messages.
    pub fn stream(&self) -> String {
        format!("asnmeter-{}", self.fleet)
    }

    /// The leaves of a probe.
    pub fn leaf(&self, probe: &str) -> String {
        format!("asnmeter.{}.leaf.{probe}", self.fleet)
    }

    /// Its heads.
    pub fn head(&self, probe: &str) -> String {
        format!("asnmeter.{}.head.{probe}", self.fleet)
    }

    /// Its totals.
    pub fn totals(&self, probe: &str) -> String {
        format!("asnmeter.{}.totals.{probe}", self.fleet)
    }

    /// Where leaves are asked for that did not come; not kept.
    pub fn leaf_requests(&self, probe: &str) -> String {
        format!("asnmeter.{}.want.{probe}", self.fleet)
    }

    /// The seconds that are closed.
    pub fn closed(&self) -> String {
        format!("asnmeter.{}.closed", self.fleet)
    }

    /// All that is kept.
    pub fn stored(&self) -> Vec<String> {
        let of = |what: &str| format!("asnmeter.{}.{what}", self.fleet);
        ["leaf.*", "head.*", "totals.*", "closed"].map(of).into()
    }

    /// What a subject is, if it is one that is kept.
    pub fn parse<'a>(&self, subject: &'a str) -> Option<Subject<'a>> {
        let rest = subject.strip_prefix("asnmeter.")?;
        let rest = rest.strip_prefix(self.fleet.as_str())?.strip_prefix('.')?;
        match rest.split_once('.') {
            None => (rest == "closed").then_some(Subject::Closed),
            Some(("leaf", probe)) => Some(Subject::Leaf(probe)),
            Some(("head", probe)) => Some(Subject::Head(probe)),
            Some(("totals", probe)) => Some(Subject::Totals(probe)),
            Some(_) => None,
        }
    }
}

/// What a message is about; of a probe with this name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject<'a> {
    /// Leaves.
    Leaf(&'a str),
    /// A head.
    Head(&'a str),
    /// Totals.
    Totals(&'a str),
    /// A second that is closed.
    Closed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_read_as_it_is_named_and_others_are_none() {
        let subjects = Subjects::new("voice-eu");
        let named = [
            (subjects.leaf("fra-1"), Some(Subject::Leaf("fra-1"))),
            (subjects.head("fra-1"), Some(Subject::Head("fra-1"))),
            (subjects.totals("fra-1"), Some(Subject::Totals("fra-1"))),
            (subjects.closed(), Some(Subject::Closed)),
            (subjects.leaf_requests("fra-1"), None),
            (Subjects::new("voice").leaf("fra-1"), None),
            (String::new(), None),
        ];
        for (subject, meaning) in named {
            assert_eq!(subjects.parse(&subject), meaning, "{subject}");
        }
    }
}
