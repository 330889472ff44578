//! What a policy asks of a gate result. Ages are measured against the present time, at the gate and at every launch:
//! an image is admitted while what is known about it is fresh.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scan::Severity;

/// Limits of a gate result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Findings of this severity and above fail.
    pub fail_on: Severity,
    /// How long ago the scan may have been.
    pub scan_age: Period,
    /// How long ago the scanner's database may have been assembled.
    pub database_age: Period,
    /// How long ago the database's data may have been taken from its sources.
    pub data_age: Period,
    /// How far ahead an exception may end.
    pub exception_life: Period,
    /// What a distribution that is no longer maintained means.
    pub end_of_life: EndOfLife,
}

impl Limits {
    /// What holds where a policy is silent.
    pub const BUILT_IN: Self = Self {
        fail_on: Severity::High,
        scan_age: Period::days(30),
        database_age: Period::days(30),
        data_age: Period::days(30),
        exception_life: Period::days(90),
        end_of_life: EndOfLife::Accept,
    };
}

/// What a distribution that is no longer maintained means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EndOfLife {
    /// It passes.
    Accept,
    /// It fails.
    Reject,
}

impl fmt::Display for EndOfLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
        })
    }
}

/// A severity at which a gate can fail, in Grype's words. Unknown severities always fail, so `unknown` is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "see scan::Severity")]
pub enum Threshold {
    Negligible,
    Low,
    Medium,
    High,
    Critical,
}

impl From<Threshold> for Severity {
    fn from(threshold: Threshold) -> Self {
        match threshold {
            Threshold::Negligible => Self::Negligible,
            Threshold::Low => Self::Low,
            Threshold::Medium => Self::Medium,
            Threshold::High => Self::High,
            Threshold::Critical => Self::Critical,
        }
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "negligible" => Self::Negligible,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "critical" => Self::Critical,
            "unknown" => return Err("findings of unknown severity always fail".to_owned()),
            other => return Err(format!("{other:?} is none of negligible, low, medium, high and critical")),
        })
    }
}

/// A length of time as people write it: `36h`, `7d`, `2w`. A day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[1-9][0-9]*(h|d|w)$"))]
pub struct Period {
    hours: i32,
}

/// The text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a length of time: write hours, days or weeks, such as 36h, 30d or 2w")]
pub struct NotAPeriod(String);

/// A hundred years: what adds up with any instant of our days.
const LONGEST: i32 = 24 * 36_525;

impl Period {
    /// Takes a number of days.
    pub const fn days(days: i32) -> Self {
        Self { hours: days * 24 }
    }

    /// Takes a number of hours.
    pub const fn hours(hours: i32) -> Self {
        Self { hours }
    }

    /// Returns the instant so long after another.
    pub fn after(self, start: Timestamp) -> Timestamp {
        start.saturating_add(SignedDuration::from_hours(i64::from(self.hours))).unwrap_or(Timestamp::MAX)
    }

    /// Returns the instant so long before another.
    pub fn before(self, end: Timestamp) -> Timestamp {
        end.saturating_sub(SignedDuration::from_hours(i64::from(self.hours))).unwrap_or(Timestamp::MIN)
    }
}

impl FromStr for Period {
    type Err = NotAPeriod;

    fn from_str(text: &str) -> Result<Self, NotAPeriod> {
        let fault = || NotAPeriod(text.chars().take(40).collect());
        let span = || {
            let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let number: i32 = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
            match unit {
                "h" => Span::new().try_hours(number).ok(),
                "d" => Span::new().try_days(number).ok(),
                "w" => Span::new().try_weeks(number).ok(),
                _ => None,
            }
        };
        let length = span().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
        let hours = length.and_then(|length| i32::try_from(length.as_hours()).ok());
        hours.filter(|hours| (1..=LONGEST).contains(hours)).map(|hours| Self { hours }).ok_or_else(fault)
    }
}

impl TryFrom<String> for Period {
    type Error = NotAPeriod;

    fn try_from(text: String) -> Result<Self, NotAPeriod> {
        text.parse()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hours % 24 {
            0 => write!(f, "{}d", self.hours / 24),
            _ => write!(f, "{}h", self.hours),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_hours_days_or_weeks() {
        for (text, hours, shown) in
            [("1h", 1, "1h"), ("36h", 36, "36h"), ("48h", 48, "2d"), ("30d", 720, "30d"), ("2w", 336, "14d")]
        {
            let period: Period = text.parse().unwrap();
            assert_eq!((period.hours, period.to_string().as_str()), (hours, shown));
        }
        for bad in ["", "h", "0d", "-1d", "+1d", "1.5d", "1m", "1y", "7 d", "7", "7D", "99999999999d", "40000d", "1é"]
        {
            assert!(bad.parse::<Period>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_period_ends_where_it_says() {
        let start: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
        assert_eq!(Period::days(2).after(start).to_string(), "2026-11-03T12:00:00Z");
        assert_eq!(Period::days(1).after(Timestamp::MAX), Timestamp::MAX);
    }
}
