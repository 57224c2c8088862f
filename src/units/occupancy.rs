//! How full the tables of the workers and of the judge are. Every table is bounded, since others decide
//! what fills it (docs/BOUNDS.md); what one refuses is counted.

/// A table of a worker, or of the judge. A closed list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BoundedTable {
    /// Streams.
    Streams,
    /// Candidates in probation.
    Probation,
    /// Questions that wait for the answer that ends their round trip.
    Questions,
    /// IP packets of which fragments come.
    Fragments,
    /// Calls whose offer is not answered.
    SipOffers,
    /// Calls with an answer.
    SipDialogs,
    /// Addresses that session descriptions name.
    SipAddresses,
    /// Directions of TCP connections with SIP.
    SipConnections,
    /// SIP datagrams of which fragments are missing.
    SipDatagrams,
    /// Pairs of origins with voice in a second.
    Pairs,
    /// ASNs that are judged, each under each commitment and in each role.
    Asns,
}

impl BoundedTable {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::Streams,
        Self::Probation,
        Self::Questions,
        Self::Fragments,
        Self::SipOffers,
        Self::SipDialogs,
        Self::SipAddresses,
        Self::SipConnections,
        Self::SipDatagrams,
        Self::Pairs,
        Self::Asns,
    ];

    /// The label `table`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Streams => "streams",
            Self::Probation => "probation",
            Self::Questions => "questions",
            Self::Fragments => "fragments",
            Self::SipOffers => "sip_offers",
            Self::SipDialogs => "sip_dialogs",
            Self::SipAddresses => "sip_addresses",
            Self::SipConnections => "sip_connections",
            Self::SipDatagrams => "sip_datagrams",
            Self::Pairs => "pairs",
            Self::Asns => "asns",
        }
    }

    /// What it means that something is refused, for the log.
    pub const fn consequence(self) -> &'static str {
        match self {
            Self::Streams => "their octets count, their loss is not known: indeterminate",
            Self::Probation => {
                "who is pushed out has to prove itself anew; until then it is no voice"
            }
            Self::Questions => "their round trips are not measured",
            Self::Fragments => "whose they are is not known",
            Self::SipOffers | Self::SipDialogs | Self::SipAddresses => {
                "what they say of media is not used: their streams have to prove themselves"
            }
            Self::SipConnections | Self::SipDatagrams => "what they say is not read",
            Self::Pairs => "their traffic counts for nobody, and these seconds are not seen whole",
            Self::Asns => "their traffic counts, what they are guaranteed is indeterminate",
        }
    }
}

/// How full one table is; or several together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Occupancy {
    /// What is in it now.
    pub entries: u64,
    /// What may be in it at most.
    pub limit: u64,
    /// What found no room since the start, or was pushed out for something newer.
    pub refused: u64,
}

impl Occupancy {
    /// Of a table with so many entries.
    pub const fn new(entries: usize, limit: usize, refused: u64) -> Self {
        Self {
            entries: entries as u64,
            limit: limit as u64,
            refused,
        }
    }

    /// Adds another worker's.
    pub const fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.limit += other.limit;
        self.refused += other.refused;
    }
}

/// Of each table, in the order of [`BoundedTable::ALL`].
pub type TableStates = [Occupancy; BoundedTable::ALL.len()];
