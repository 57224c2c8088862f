//! Makes an ASN table of what routers announce, in steps.

use super::{Feed, routes};
use crate::asn::SourceTable;
use crate::asn::loaded_source::{Loaded, LoadedSource};
use crate::asn::source_builder::SourceBuilder;
use crate::units::{Prefix, Timestamp};
use std::sync::Arc;

/// A table of a BMP source that is being made, in steps: to vote on a whole table takes seconds,
/// which nobody who waits for the feed has.
#[derive(Debug)]
pub struct UnfinishedTable {
    listed: SourceBuilder,
    /// The next part of the prefixes.
    shard: usize,
    loaded: Loaded,
}

impl UnfinishedTable {
    /// The table; `name` is the source's.
    pub fn finish(self, name: &str, now: impl Fn() -> Timestamp) -> SourceTable {
        let mut table = LoadedSource::new(name, "bmp", self.listed.finish(), self.loaded);
        table.provenance.built = self.loaded.written;
        table.loaded.done = Some(now());
        SourceTable(Arc::new(table))
    }
}

impl Feed {
    /// Begins a table of what is known: for each prefix what most peers say. Whatever is new from
    /// now on is for the next one.
    pub fn begin_table(&mut self, now: Timestamp) -> UnfinishedTable {
        self.has_changed = false;
        UnfinishedTable {
            listed: SourceBuilder::default(),
            shard: 0,
            loaded: Loaded {
                written: self.last,
                begun: now,
                done: None,
            },
        }
    }

    /// Takes the votes on some of the prefixes into a table; whether there are more. Others may be
    /// told something in between: what has changed then is for the next table.
    pub fn extend_table(&mut self, table: &mut UnfinishedTable) -> bool {
        let (peers, listed) = (&self.peers, &mut table.listed);
        self.routes.votes(
            table.shard,
            |id| peers.source(id),
            |prefix: Prefix, verdict, is_whole| {
                listed.add_voted(prefix, verdict);
                if !is_whole {
                    listed.passed_over();
                }
            },
        );
        table.shard += 1;
        table.shard < routes::SHARDS
    }
}
