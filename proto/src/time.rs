//! Whole seconds since 1970 and their RFC 3339 forms.
//!
//! [`UnixSeconds`] counts seconds since 1970-01-01T00:00:00Z, without leap seconds, up to
//! [`UnixSeconds::MAX`] (the end of the year 9999).
//!
//! * In documents: [`UnixSeconds::parse`] and `Display`, exactly `YYYY-MM-DDThh:mm:ssZ`, one byte
//!   form for one second.
//! * From people: [`UnixSeconds::parse_tolerant`], RFC 3339 with any offset, lower case or a space
//!   between date and time; the caller chooses what becomes of [`Fraction`]s of a second.

use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z.
///
/// The field is open because the count itself has no invariant; `Display` shows values beyond
/// [`UnixSeconds::MAX`] as that maximum, and the parsers never return any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixSeconds(pub u64);

/// What becomes of a fraction of a second in tolerant input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fraction {
    /// It is an error.
    Refuse,
    /// It is cut off: the second that has begun counts.
    Truncate,
}

const SECONDS_PER_DAY: u64 = 86_400;
const DAYS_PER_400_YEARS: u64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01, in the proleptic Gregorian calendar.
const DAYS_TO_1970: u64 = 719_468;

impl UnixSeconds {
    /// 9999-12-31T23:59:59Z.
    pub const MAX: Self = Self(253_402_300_799);

    /// Reads the form that documents use, exactly `YYYY-MM-DDThh:mm:ssZ`.
    ///
    /// # Errors
    /// `Syntax` for any other form, a date that does not exist, or second 60; `Range` before 1970.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let bytes = text.as_bytes();
        let shape =
            bytes.len() == 20 && bytes.get(10) == Some(&b'T') && bytes.last() == Some(&b'Z');
        if !shape {
            return Err(TimeError::Syntax);
        }
        Self::from_local(local_seconds(bytes)?)
    }

    /// Reads RFC 3339 as people write it, with `Z` or an offset, and converts it to UTC.
    ///
    /// # Errors
    /// `Syntax`; `Fraction` if fractions are refused; `Range` outside the years 1970 to 9999 (UTC).
    pub fn parse_tolerant(text: &str, fraction: Fraction) -> Result<Self, TimeError> {
        let bytes = text.as_bytes();
        if !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) {
            return Err(TimeError::Syntax);
        }
        let local = local_seconds(bytes)?;
        let mut rest = bytes.get(19..).unwrap_or_default();
        if let [b'.', after @ ..] = rest {
            let digits = after.iter().take_while(|b| b.is_ascii_digit()).count();
            rest = after.get(digits..).unwrap_or_default();
            if digits == 0 {
                return Err(TimeError::Syntax);
            }
            if fraction == Fraction::Refuse {
                return Err(TimeError::Fraction);
            }
        }
        Self::from_local(local.checked_sub(offset_seconds(rest)?).ok_or(TimeError::Range)?)
    }

    /// This time and `seconds` more, `None` beyond [`Self::MAX`].
    #[must_use]
    pub fn checked_add(self, seconds: u64) -> Option<Self> {
        self.0.checked_add(seconds).map(Self).filter(|sum| *sum <= Self::MAX)
    }

    fn from_local(seconds: i64) -> Result<Self, TimeError> {
        let seconds = u64::try_from(seconds).map_err(|_| TimeError::Range)?;
        Some(Self(seconds)).filter(|time| *time <= Self::MAX).ok_or(TimeError::Range)
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.min(Self::MAX.0);
        let (year, month, day) = civil_date(seconds / SECONDS_PER_DAY);
        let (hour, minute) = (seconds / 3600 % 24, seconds / 60 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", seconds % 60)
    }
}

/// Why a time stamp is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// Not the required RFC 3339 form, or no such date or time of day.
    #[error("not a time stamp of the form YYYY-MM-DDThh:mm:ssZ")]
    Syntax,
    /// Before 1970 or after 9999.
    #[error("time stamp outside the years 1970 to 9999")]
    Range,
    /// Fractions of a second where whole seconds are required.
    #[error("fractions of a second are not accepted")]
    Fraction,
}

impl TimeError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax => "time.syntax",
            Self::Range => "time.range",
            Self::Fraction => "time.fraction",
        }
    }
}

/// Seconds from 1970 to the date and time of day in the first 19 bytes, as if they were in UTC.
fn local_seconds(bytes: &[u8]) -> Result<i64, TimeError> {
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, separator)| bytes.get(*at) != Some(separator)) {
        return Err(TimeError::Syntax);
    }
    let year = digits(bytes, 0, 4)?;
    let (month, day) = (digits(bytes, 5, 2)?, digits(bytes, 8, 2)?);
    let (hour, minute, second) =
        (digits(bytes, 11, 2)?, digits(bytes, 14, 2)?, digits(bytes, 17, 2)?);
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return Err(TimeError::Syntax);
    }
    // Second 60 is refused: no count of seconds could tell it from the second after it.
    if hour > 23 || minute > 59 || second > 59 {
        return Err(TimeError::Syntax);
    }
    let days = days_from_1970(year, month, day);
    Ok(days * 86_400 + hour * 3600 + minute * 60 + second)
}

fn digits(bytes: &[u8], at: usize, len: usize) -> Result<i64, TimeError> {
    let text = bytes.get(at..at.saturating_add(len)).ok_or(TimeError::Syntax)?;
    text.iter().try_fold(0, |sum, b| {
        if b.is_ascii_digit() { Ok(sum * 10 + i64::from(b - b'0')) } else { Err(TimeError::Syntax) }
    })
}

fn offset_seconds(text: &[u8]) -> Result<i64, TimeError> {
    let sign = match text {
        b"Z" | b"z" => return Ok(0),
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return Err(TimeError::Syntax),
    };
    let (hours, minutes) = (digits(text, 1, 2)?, digits(text, 4, 2)?);
    if hours > 23 || minutes > 59 {
        return Err(TimeError::Syntax);
    }
    Ok(sign * (hours * 3600 + minutes * 60))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the years 0 to 9999.
fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let before = year.max(1) - 1;
    let leap_days = if year == 0 { -1 } else { before / 4 - before / 100 + before / 400 };
    let year_days = (year - 1970) * 365 + leap_days - 477;
    let month_days: i64 = (1..month).map(|month| days_in_month(year, month)).sum();
    year_days + month_days + day - 1
}

/// Year, month and day of a day counted from 1970-01-01. Years begin in March here, so that the
/// leap day is the last day of its year.
fn civil_date(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_TO_1970;
    let (era, day_of_era) = (days / DAYS_PER_400_YEARS, days % DAYS_PER_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::time::{OffsetDateTime, format_description::well_known::Rfc3339};
    use proptest::prelude::*;

    fn tolerant(text: &str) -> Result<String, TimeError> {
        UnixSeconds::parse_tolerant(text, Fraction::Refuse).map(|time| time.to_string())
    }

    // SPEC.md R-2.4-1.
    #[test]
    fn documents_have_one_form() {
        assert_eq!(UnixSeconds::parse("1970-01-01T00:00:00Z"), Ok(UnixSeconds(0)));
        assert_eq!(UnixSeconds::parse("2026-11-21T12:00:00Z"), Ok(UnixSeconds(1_795_262_400)));
        assert_eq!(UnixSeconds::parse("9999-12-31T23:59:59Z"), Ok(UnixSeconds::MAX));
        assert!(UnixSeconds::parse("2024-02-29T00:00:00Z").is_ok());
        for other in [
            "",
            "2026-11-21T12:00:00z",
            "2026-11-21t12:00:00Z",
            "2026-11-21 12:00:00Z",
            "2026-11-21T12:00:00+00:00",
            "2026-11-21T12:00:00.0Z",
            "2026-11-21T12:00:60Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T12:60:00Z",
            "2026-13-01T12:00:00Z",
            "2026-00-01T12:00:00Z",
            "2026-11-31T12:00:00Z",
            "2026-11-00T12:00:00Z",
            "2025-02-29T12:00:00Z",
            "2100-02-29T12:00:00Z",
            "2026-11-21T12:00:00ZZ",
            "+026-11-21T12:00:00Z",
            "2026-1\u{e9}21T12:00:0Z",
            " 2026-11-21T12:00:00",
        ] {
            assert_eq!(UnixSeconds::parse(other), Err(TimeError::Syntax), "{other:?}");
        }
        assert_eq!(UnixSeconds::parse("1969-12-31T23:59:59Z"), Err(TimeError::Range));
        assert_eq!(UnixSeconds::parse("0000-01-01T00:00:00Z"), Err(TimeError::Range));
    }

    #[test]
    fn people_may_write_offsets_and_fractions() {
        let utc = "2026-11-21T12:00:00Z";
        for text in
            ["2026-11-21T14:00:00+02:00", "2026-11-21 06:30:00-05:30", "2026-11-21t12:00:00z"]
        {
            assert_eq!(tolerant(text).unwrap(), utc, "{text}");
        }
        assert_eq!(tolerant("2026-11-21T12:00:00.9Z"), Err(TimeError::Fraction));
        let cut = UnixSeconds::parse_tolerant("2026-11-21T14:00:00.999+02:00", Fraction::Truncate);
        assert_eq!(cut.unwrap().to_string(), utc);
        assert_eq!(tolerant("1970-01-01T00:00:00+00:01"), Err(TimeError::Range));
        assert_eq!(tolerant("1969-12-31T23:59:00-00:01").unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(tolerant("9999-12-31T23:59:59-00:01"), Err(TimeError::Range));
        for text in [
            "2026-11-21T12:00:00",
            "2026-11-21T12:00:00.Z",
            "2026-11-21T12:00:00+24:00",
            "2026-11-21T12:00:00+0200",
            "2026-11-21T12:00Z",
            "2026-11-21",
        ] {
            assert_eq!(tolerant(text), Err(TimeError::Syntax), "{text}");
        }
        assert_eq!(UnixSeconds::MAX.checked_add(1), None);
        assert_eq!(UnixSeconds(1).checked_add(u64::MAX), None);
        assert_eq!(UnixSeconds(1).checked_add(2), Some(UnixSeconds(3)));
        assert_eq!(UnixSeconds(u64::MAX).to_string(), "9999-12-31T23:59:59Z");
    }

    proptest! {
        #[test]
        fn agrees_with_an_independent_calendar(seconds in 0..=UnixSeconds::MAX.0) {
            let text = UnixSeconds(seconds).to_string();
            let theirs = OffsetDateTime::from_unix_timestamp(seconds as i64).unwrap();
            prop_assert_eq!(&text, &theirs.format(&Rfc3339).unwrap());
            prop_assert_eq!(UnixSeconds::parse(&text), Ok(UnixSeconds(seconds)));
            prop_assert_eq!(tolerant(&text).unwrap(), text);
        }

        #[test]
        fn noise_never_panics(text in "[0-9TZ:.+ -]{0,26}", other in any::<String>()) {
            for text in [text, other] {
                if let Ok(time) = UnixSeconds::parse(&text) {
                    prop_assert_eq!(time.to_string(), text);
                }
            }
        }
    }
}
