//! The time that a report is about, in the contract's time zone.
//!
//! Time zones come with the program (the tz database of `jiff`): two machines say the same.

use crate::units::Second;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp as Instant, ZonedDateTime};

/// Seconds of a period at most: a leap year and a day.
pub const MAX_PERIOD: u64 = 367 * 86_400;

/// A time zone of the tz database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportZone(TimeZone);

/// The seconds from one on, up to but not with another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period {
    /// The first second.
    pub from: Second,
    /// The second behind the last.
    pub until: Second,
}

/// A day of a period, or the part of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeriodDay {
    /// `2026-11-25`.
    pub name: String,
    /// Where the day begins, even if the period begins later.
    pub begin: u64,
    /// Where it ends.
    pub end: u64,
}

/// Why there is no such period.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
pub enum PeriodError {
    /// No time zone.
    #[error("time zone {0:?} is not in the tz database: write it as Europe/Paris")]
    Zone(String),
    /// No month.
    #[error("month {0:?}: write it as 2026-11")]
    Month(String),
    /// No time.
    #[error(
        "time {0:?}: write it as 2026-11-25T21:00:00+01:00, or 2026-11-25T21:00 or 2026-11-25 in the time zone"
    )]
    Time(String),
    /// A time that the clock skips or shows twice.
    #[error(
        "time {0:?} does not exist once in the time zone, where the clock is changed: add its offset, as +01:00"
    )]
    Ambiguous(String),
    /// Ends before it begins, or is too long.
    #[error("from {from} until {until} is no period of 1 second to 367 days")]
    Length {
        /// The first second.
        from: Second,
        /// The second behind the last.
        until: Second,
    },
}

impl ReportZone {
    /// The zone of this name.
    ///
    /// # Errors
    /// [`PeriodError::Zone`].
    pub fn new(name: &str) -> Result<Self, PeriodError> {
        let zone = TimeZone::get(name).map_err(|_| PeriodError::Zone(name.to_owned()))?;
        Ok(Self(zone))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// A second as its clocks show it, with the offset: `2026-11-25T22:17:24+01:00`.
    pub fn text(&self, second: Second) -> String {
        let zoned = self.zoned(second.0);
        zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// The second that a text means.
    ///
    /// # Errors
    /// [`PeriodError`].
    pub fn second(&self, text: &str) -> Result<Second, PeriodError> {
        let unknown = || PeriodError::Time(text.to_owned());
        if let Ok(instant) = text.parse::<Instant>() {
            if instant.subsec_nanosecond() != 0 {
                return Err(unknown());
            }
            return second(instant).ok_or_else(unknown);
        }
        let civil: DateTime = text.parse().map_err(|_| unknown())?;
        if civil.subsec_nanosecond() != 0 {
            return Err(unknown());
        }
        // A day begins with its first second, whatever the clock shows then.
        if let Ok(date) = text.parse::<Date>()
            && text.len() == "2026-11-25".len()
        {
            return self.begin(date).ok_or_else(unknown);
        }
        let zoned = self.0.to_ambiguous_zoned_datetime(civil).unambiguous();
        let zoned = zoned.map_err(|_| PeriodError::Ambiguous(text.to_owned()))?;
        second(zoned.timestamp()).ok_or_else(unknown)
    }

    fn begin(&self, date: Date) -> Option<Second> {
        let midnight = date.to_zoned_datetime(self.0.clone()).ok()?;
        second(midnight.start_of_day().ok()?.timestamp())
    }

    fn zoned(&self, second: u64) -> ZonedDateTime {
        let second = i64::try_from(second).unwrap_or(i64::MAX);
        let instant = Instant::from_second(second).unwrap_or(Instant::MAX);
        instant.to_zoned_datetime(self.0.clone())
    }
}

fn second(instant: Instant) -> Option<Second> {
    u64::try_from(instant.as_second()).ok().map(Second)
}

impl Period {
    /// From a second on, up to but not with another.
    ///
    /// # Errors
    /// [`PeriodError::Length`].
    pub fn new(from: Second, until: Second) -> Result<Self, PeriodError> {
        match until.0.checked_sub(from.0) {
            Some(1..=MAX_PERIOD) => Ok(Self { from, until }),
            _ => Err(PeriodError::Length { from, until }),
        }
    }

    /// A month, written as `2026-11`.
    ///
    /// # Errors
    /// [`PeriodError`].
    pub fn month(text: &str, zone: &ReportZone) -> Result<Self, PeriodError> {
        let unknown = || PeriodError::Month(text.to_owned());
        let first = Some(text).filter(|text| text.len() == "2026-11".len());
        let first = first.and_then(|text| format!("{text}-01").parse::<Date>().ok());
        let first = first.ok_or_else(unknown)?;
        let next = first.checked_add(Span::new().months(1));
        let next = next.map_err(|_| unknown())?;
        let begin = |date| zone.begin(date).ok_or_else(unknown);
        Self::new(begin(first)?, begin(next)?)
    }

    /// How many seconds.
    pub const fn seconds(&self) -> u64 {
        self.until.0 - self.from.0
    }

    /// Whether a second is in it.
    pub(super) fn contains(&self, second: u64) -> bool {
        (self.from.0..self.until.0).contains(&second)
    }

    /// Its days in a time zone.
    pub(super) fn days(&self, zone: &ReportZone) -> Vec<PeriodDay> {
        let mut days = Vec::new();
        let mut next = zone.zoned(self.from.0).start_of_day().ok();
        while let Some(day) = next {
            let begin = second(day.timestamp()).unwrap_or(self.from).0;
            if begin >= self.until.0 {
                break;
            }
            next = day.tomorrow().and_then(|day| day.start_of_day()).ok();
            let end = next.as_ref().and_then(|next| second(next.timestamp()));
            days.push(PeriodDay {
                name: day.date().to_string(),
                begin,
                end: end.unwrap_or(self.until).0,
            });
        }
        days
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> ReportZone {
        ReportZone::new(name).unwrap()
    }

    fn hours(month: &str, zone: &ReportZone) -> u64 {
        let seconds = Period::month(month, zone).unwrap().seconds();
        assert_eq!(seconds % 3600, 0);
        seconds / 3600
    }

    #[test]
    fn a_month_in_paris_has_an_hour_less_in_march_and_one_more_in_october() {
        let paris = zone("Europe/Paris");
        assert_eq!(hours("2026-03", &paris), 743);
        assert_eq!(hours("2026-10", &paris), 745);
        assert_eq!(hours("2026-11", &paris), 720);
        assert_eq!(hours("2026-03", &zone("UTC")), 744);
        let march = Period::month("2026-03", &paris).unwrap();
        assert_eq!(paris.text(march.from), "2026-03-01T00:00:00+01:00");
        assert_eq!(paris.text(march.until), "2026-04-01T00:00:00+02:00");
        assert_eq!(march.from.to_string(), "2026-02-28T23:00:00Z");
    }

    #[test]
    fn the_days_of_a_period_cover_it_without_a_hole() {
        for (name, month) in [("Europe/Paris", "2026-10"), ("America/Havana", "2026-03")] {
            let zone = zone(name);
            let period = Period::month(month, &zone).unwrap();
            let days = period.days(&zone);
            assert_eq!(days.len(), 31);
            assert_eq!(days.first().unwrap().begin, period.from.0);
            assert_eq!(days.last().unwrap().end, period.until.0);
            for pair in days.windows(2) {
                assert_eq!(pair[0].end, pair[1].begin, "{pair:?}");
            }
        }
        let paris = zone("Europe/Paris");
        let october = Period::month("2026-10", &paris).unwrap().days(&paris);
        assert_eq!(october[24].name, "2026-10-25");
        assert_eq!(october[24].end - october[24].begin, 25 * 3600);
    }

    #[test]
    fn a_time_is_read_with_its_offset_or_in_the_zone() {
        let paris = zone("Europe/Paris");
        let same = [
            "2026-11-25T21:00:00+01:00",
            "2026-11-25T20:00:00Z",
            "2026-11-25T21:00",
        ];
        for text in same {
            let second = paris.second(text).unwrap();
            assert_eq!(second.to_string(), "2026-11-25T20:00:00Z", "{text}");
        }
        let day = paris.second("2026-11-25").unwrap();
        assert_eq!(day.to_string(), "2026-11-24T23:00:00Z");
    }

    #[test]
    fn what_means_no_second_or_two_is_refused_with_its_text() {
        let paris = zone("Europe/Paris");
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-11-25T21:00:00.5Z",
            "1960-01-01",
        ] {
            assert_eq!(
                paris.second(text),
                Err(PeriodError::Time(text.into())),
                "{text}"
            );
        }
        for text in ["2026-10-25T02:30", "2026-03-29T02:30"] {
            let refused = Err(PeriodError::Ambiguous(text.into()));
            assert_eq!(paris.second(text), refused, "{text}");
        }
        for text in ["", "2026", "2026-13", "2026-1", "2026-11-01"] {
            let refused = Err(PeriodError::Month(text.into()));
            assert_eq!(Period::month(text, &paris), refused, "{text}");
        }
        assert!(ReportZone::new("Europe/Pariss").is_err());
        assert!(Period::new(Second(5), Second(5)).is_err());
        assert!(Period::new(Second(5), Second(6 + MAX_PERIOD)).is_err());
    }
}
