//! Unpacks and reads minutes ahead of whoever takes them, on as many threads as are given.
//!
//! What a leaf says by itself (its form, its hash) needs no leaf before it, so minutes of all days are read
//! side by side. They are handed on in the order of the ledger, whatever the number of threads: minute
//! k is read by thread k modulo their number. The threads live as long as the call.

use super::super::directory::LedgerError;
use super::super::leaf::Leaf;
use super::super::read::{PartReader, SealedMinute};
use super::super::tree::Hash;
use super::{VerifyError, VerifyProgress};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// Octets of minutes, unpacked, that are read ahead; a larger minute is read by itself.
pub(super) const MAX_AHEAD: usize = 64 << 20;

/// A part of a day's leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct DayPart {
    /// The UTC day.
    pub(super) day: String,
    /// Its file.
    pub(super) path: PathBuf,
}

/// The leaves of a minute with their hashes.
#[derive(Debug)]
pub(super) struct ReadMinute {
    /// In their order, up to the first line that is none.
    pub(super) leaves: Vec<(Leaf, Hash)>,
    /// Why the line behind these is no leaf.
    pub(super) refused: Option<String>,
}

impl ReadMinute {
    fn of(minute: &SealedMinute) -> Self {
        let mut leaves = Vec::new();
        for line in minute.lines() {
            match Leaf::from_line(line) {
                Ok(leaf) => leaves.push((leaf, Hash::leaf(line.as_bytes()))),
                Err(error) => {
                    let refused = Some(error.to_string());
                    return Self { leaves, refused };
                }
            }
        }
        Self {
            leaves,
            refused: None,
        }
    }
}

/// A minute, with the octets that it has unpacked.
type Unpacked<T> = Result<(usize, usize, T), LedgerError>;

/// Hands on each minute of some parts, in their order, read by `jobs` threads.
///
/// # Errors
/// [`VerifyError`]: the first part that cannot be read, or what the taker says.
pub(super) fn each_minute(
    parts: &[DayPart],
    (jobs, ahead): (NonZeroUsize, usize),
    progress: &VerifyProgress,
    take: &mut dyn FnMut(&DayPart, ReadMinute) -> Result<(), VerifyError>,
) -> Result<(), VerifyError> {
    let mut take_of = |place: usize, read| parts.get(place).map_or(Ok(()), |part| take(part, read));
    if jobs.get() == 1 {
        return unpack(parts, progress, |minute| {
            let (place, _, minute) = minute?;
            take_of(place, ReadMinute::of(&minute)).map(|()| true)
        });
    }
    thread::scope(|scope| {
        let (taken, returned) = channel();
        let (mut texts, mut reads) = (Vec::new(), Vec::new());
        for _ in 0..jobs.get() {
            let (text, unread) = sync_channel::<Unpacked<SealedMinute>>(1);
            let (done, read) = sync_channel(1);
            scope.spawn(move || read_minutes(&unread, &done));
            texts.push(text);
            reads.push(read);
        }
        scope.spawn(move || deal(parts, ahead, progress, (&texts, &returned)));
        // Whoever returns early drops both ends of the channels, so the threads end.
        take_in_turn(&reads, &taken, &mut take_of)
    })
}

/// Takes the minutes in the order in which they were dealt.
fn take_in_turn(
    reads: &[Receiver<Unpacked<ReadMinute>>],
    taken: &Sender<usize>,
    take: &mut dyn FnMut(usize, ReadMinute) -> Result<(), VerifyError>,
) -> Result<(), VerifyError> {
    for read in reads.iter().cycle() {
        // A thread that panicked makes the scope panic: this is the end of the last part.
        let Ok(read) = read.recv() else {
            break;
        };
        let (place, octets, read) = read?;
        take(place, read)?;
        // The one that unpacks has ended where there is nothing more.
        let _ = taken.send(octets);
    }
    Ok(())
}

/// One of the threads that read.
fn read_minutes(
    unread: &Receiver<Unpacked<SealedMinute>>,
    done: &SyncSender<Unpacked<ReadMinute>>,
) {
    for minute in unread {
        let read = minute.map(|(place, octets, minute)| (place, octets, ReadMinute::of(&minute)));
        if done.send(read).is_err() {
            break;
        }
    }
}

/// The thread that unpacks: each minute to the next of those that read, while no more than so many octets
/// are under way.
fn deal(
    parts: &[DayPart],
    ahead: usize,
    progress: &VerifyProgress,
    (texts, returned): (&[SyncSender<Unpacked<SealedMinute>>], &Receiver<usize>),
) {
    let (mut turn, mut under_way) = (texts.iter().cycle(), 0);
    let dealt = unpack(parts, progress, |minute| {
        if let Ok((_, octets, _)) = &minute {
            under_way -= returned.try_iter().sum::<usize>();
            while under_way > 0 && under_way + octets > ahead {
                let Ok(back) = returned.recv() else {
                    return Ok(false);
                };
                under_way -= back;
            }
            under_way += octets;
        }
        let goes_on = minute.is_ok();
        let sent = turn.next().map(|text| text.send(minute));
        Ok(goes_on && matches!(sent, Some(Ok(()))))
    });
    debug_assert!(dealt.is_ok(), "what cannot be read is dealt as well");
}

/// Unpacks each minute of some parts, in their order, until the taker wants no more.
fn unpack(
    parts: &[DayPart],
    progress: &VerifyProgress,
    mut take: impl FnMut(Unpacked<SealedMinute>) -> Result<bool, VerifyError>,
) -> Result<(), VerifyError> {
    for (place, part) in parts.iter().enumerate() {
        let mut end = 0;
        let mut minutes = match PartReader::open(&part.path) {
            Ok(minutes) => minutes,
            Err(error) => return take(Err(error)).map(|_| ()),
        };
        while let Some(minute) = minutes.next_minute().transpose() {
            let minute = minute.map(|minute| {
                progress.add(minute.end - end);
                end = minute.end;
                (place, minute.text.len(), minute)
            });
            let failed = minute.is_err();
            if !take(minute)? || failed {
                return Ok(());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::leaf::StopLeaf;
    use crate::units::Second;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    /// Three days of twenty minutes, each a second later than the one before.
    fn parts(folder: &std::path::Path) -> Vec<DayPart> {
        let day = |day: u64| {
            let path = folder.join(format!("{day}.jsonl.gz"));
            let mut file = std::fs::File::create(&path).unwrap();
            for minute in 0..20 {
                let mut member = GzEncoder::new(&mut file, Compression::fast());
                let leaf = Leaf::Stop(StopLeaf {
                    time: Second(20 * day + minute),
                });
                writeln!(member, "{}", leaf.to_line()).unwrap();
                member.finish().unwrap();
            }
            DayPart {
                day: day.to_string(),
                path,
            }
        };
        (0..3).map(day).collect()
    }

    /// The seconds that are handed on, until `last`; and what is said at the end.
    fn taken(parts: &[DayPart], jobs: usize, ahead: usize, last: u64) -> (Vec<u64>, String) {
        let (mut seconds, progress) = (Vec::new(), VerifyProgress::default());
        let jobs = NonZeroUsize::new(jobs).unwrap();
        let done = each_minute(parts, (jobs, ahead), &progress, &mut |part, minute| {
            assert_eq!(minute.refused, None);
            for (leaf, hash) in minute.leaves {
                assert_eq!(hash, Hash::leaf(leaf.to_line().as_bytes()));
                let second = leaf.second().unwrap().0;
                assert_eq!(part.day, (second / 20).to_string());
                seconds.push(second);
                if second == last {
                    let path = part.path.clone();
                    let reason = "enough".into();
                    return Err(VerifyError::Leaf {
                        path,
                        number: last,
                        reason,
                    });
                }
            }
            Ok(())
        });
        (
            seconds,
            done.map_or_else(|error| error.to_string(), |()| String::new()),
        )
    }

    #[test]
    fn minutes_are_handed_on_in_their_order_by_any_number_of_threads_and_within_any_bound() {
        let folder = tempfile::TempDir::new().unwrap();
        let parts = parts(folder.path());
        for (jobs, ahead) in [(1, 0), (2, 0), (2, MAX_AHEAD), (3, 150), (7, MAX_AHEAD)] {
            let (seconds, said) = taken(&parts, jobs, ahead, 1000);
            assert_eq!(seconds, (0..60).collect::<Vec<_>>(), "{jobs} {ahead}");
            assert_eq!(said, "");
            let (seconds, said) = taken(&parts, jobs, ahead, 33);
            assert_eq!(seconds, (0..34).collect::<Vec<_>>(), "{jobs} {ahead}");
            assert!(said.ends_with("enough"), "{said}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_behind_all_that_can() {
        let folder = tempfile::TempDir::new().unwrap();
        let parts = parts(folder.path());
        let whole = std::fs::read(&parts[1].path).unwrap();
        std::fs::write(&parts[1].path, &whole[..whole.len() - 3]).unwrap();
        let cut = taken(&parts, 1, MAX_AHEAD, 1000);
        assert_eq!(cut.0, (0..39).collect::<Vec<_>>());
        assert!(cut.1.contains("at octet"), "{}", cut.1);
        std::fs::remove_file(&parts[1].path).unwrap();
        let gone = taken(&parts, 1, MAX_AHEAD, 1000);
        assert_eq!(gone.0, (0..20).collect::<Vec<_>>());
        for jobs in [2, 5] {
            assert_eq!(taken(&parts, jobs, MAX_AHEAD, 1000), gone);
            std::fs::write(&parts[1].path, &whole[..whole.len() - 3]).unwrap();
            assert_eq!(taken(&parts, jobs, MAX_AHEAD, 1000), cut);
            std::fs::remove_file(&parts[1].path).unwrap();
        }
    }
}
