//! How fast one account and region is asked: a bucket of calls for each API, well below that of EC2.
//!
//! EC2 has a bucket for each API in each account and region, shared with everybody in the account: 100 calls, and 20 more
//! each second for what describes. An audit takes at most half of it, so that deployments and consoles have the rest.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use goldseal_core::ids::Region;
use tokio::time::{Instant, sleep_until};

/// So many calls may be made at once.
const BURST: u32 = 50;
/// From one call to the next, when it is as many as there may be.
const EVERY: Duration = Duration::from_millis(100);

/// The buckets of one account. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Pace(Arc<Mutex<Buckets>>);

/// By region and API, when its bucket is full again.
type Buckets = BTreeMap<(Region, &'static str), Instant>;

impl Pace {
    /// Waits until an API may be called in a region; calls are let through in the order in which they came.
    pub(super) async fn wait(&self, region: &Region, api: &'static str) {
        let due = self.take(region, api, Instant::now());
        sleep_until(due).await;
    }

    /// Returns the APIs that were called in a region.
    #[cfg(test)]
    pub(super) fn asked(&self, region: &Region) -> std::collections::BTreeSet<&'static str> {
        let buckets = self.0.lock().unwrap();
        buckets.keys().filter(|(known, _)| known == region).map(|(_, api)| *api).collect()
    }

    /// Takes a call out of a bucket, and returns when it may be made.
    fn take(&self, region: &Region, api: &'static str, now: Instant) -> Instant {
        // An instant is whole before it is put in, so a poisoned map is as good as any.
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = buckets.entry((region.clone(), api)).or_insert(now);
        *full = (*full).max(now) + EVERY;
        full.checked_sub(EVERY * BURST).map_or(now, |due| due.max(now))
    }
}

/// The buckets of a region; without any, whoever asks is not held up.
#[derive(Debug, Clone, Default)]
pub(super) struct Paced(Option<(Pace, Region)>);

impl Paced {
    /// Returns those of an account in a region.
    pub(super) fn of(pace: &Pace, region: &Region) -> Self {
        Self(Some((pace.clone(), region.clone())))
    }

    /// Waits until an API may be called.
    pub(super) async fn wait(&self, api: &'static str) {
        if let Some((pace, region)) = &self.0 {
            pace.wait(region, api).await;
        }
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pace")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What EC2 allows: so many calls at once, and so many more each second.
    const ALLOWED: (f64, f64) = (100.0, 20.0);

    /// When calls are let through that all come at one instant.
    fn calls(pace: &Pace, region: &str, api: &'static str, count: usize, at: Instant) -> Vec<Duration> {
        let region = region.parse().unwrap();
        (0..count).map(|_| pace.take(&region, api, at) - at).collect()
    }

    #[test]
    fn calls_stay_below_half_of_what_ec2_allows() {
        let made = calls(&Pace::default(), "eu-west-1", "ec2:DescribeImages", 500, Instant::now());
        assert!(made.is_sorted(), "those that come first go first");
        // A bucket as EC2 has it, of half its size.
        let (most, rate) = (ALLOWED.0 / 2.0, ALLOWED.1 / 2.0);
        let (mut level, mut before) = (most, Duration::ZERO);
        for at in &made {
            level = (level + (*at - before).as_secs_f64() * rate).min(most) - 1.0;
            before = *at;
            assert!(level > -1e-6, "{at:?}: {level}");
        }
        assert!(made[49].is_zero(), "what fits is not held up");
        assert_eq!(made[499], Duration::from_secs(45), "and no more than that");
    }

    #[test]
    fn a_bucket_fills_again_and_others_are_others() {
        let (pace, start) = (Pace::default(), Instant::now());
        calls(&pace, "eu-west-1", "ec2:DescribeImages", 50, start);
        for (region, api) in [("eu-west-1", "ec2:DescribeVolumes"), ("us-east-1", "ec2:DescribeImages")] {
            assert!(calls(&pace, region, api, 50, start).iter().all(Duration::is_zero), "{region} {api}");
        }
        let second = start + Duration::from_secs(1);
        let soon = calls(&pace, "eu-west-1", "ec2:DescribeImages", 11, second);
        assert_eq!(soon.iter().filter(|wait| wait.is_zero()).count(), 10);
        let later = calls(&pace, "eu-west-1", "ec2:DescribeImages", 51, start + Duration::from_secs(60));
        assert_eq!(later.iter().filter(|wait| wait.is_zero()).count(), 50, "it holds no more than it holds");
    }

    #[tokio::test]
    async fn who_comes_after_a_full_burst_waits() {
        let (pace, region) = (Pace::default(), "eu-west-1".parse().unwrap());
        let start = Instant::now();
        for _ in 0..=BURST {
            pace.wait(&region, "ec2:DescribeImages").await;
        }
        assert!(start.elapsed() >= EVERY - Duration::from_millis(5), "{:?}", start.elapsed());
    }
}
