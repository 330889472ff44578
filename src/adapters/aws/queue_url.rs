//! The URL of a queue, as a text that was checked: nothing is asked of the queue.

use std::{fmt, str::FromStr};

use goldseal_core::ids::{AccountId, Region};

/// The URL of a queue, and the region that its host names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueUrl {
    url: String,
    region: Option<Region>,
}

/// A text that is no URL of a queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the URL of a queue, such as https://sqs.eu-west-1.amazonaws.com/123456789012/NAME")]
pub struct NotAQueueUrl(String);

impl FromStr for QueueUrl {
    type Err = NotAQueueUrl;

    /// `sqs.REGION.amazonaws.com`, `REGION.queue.amazonaws.com`, those of other partitions and of VPC endpoints all have
    /// the region as a label; the oldest of all has none.
    fn from_str(url: &str) -> Result<Self, NotAQueueUrl> {
        let fault = || NotAQueueUrl(url.chars().take(200).collect());
        let (scheme, rest) = url.split_once("://").ok_or_else(fault)?;
        let (authority, path) = rest.split_once('/').ok_or_else(fault)?;
        let host = authority.split_once(':').map_or(authority, |(host, _port)| host);
        let (account, name) = path.rsplit_once('/').ok_or_else(fault)?;
        let account = account.rsplit('/').next().unwrap_or_default();
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_one = matches!(scheme, "https" | "http")
            && !host.is_empty()
            && host.chars().all(|c| named(c) || matches!(c, '[' | ']'))
            && account.parse::<AccountId>().is_ok()
            && !name.is_empty()
            && name.chars().all(named);
        if !is_one {
            return Err(fault());
        }
        let host = if host == "queue.amazonaws.com" { "us-east-1.queue.amazonaws.com" } else { host };
        Ok(Self { url: url.to_owned(), region: host.split('.').find_map(|label| label.parse().ok()) })
    }
}

impl QueueUrl {
    /// Returns the region that its host names.
    pub fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }

    /// Returns the ARN of the queue, which is in this region.
    pub fn arn(&self, region: &Region) -> String {
        let mut parts = self.url.rsplit('/');
        let (name, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        format!("arn:{}:sqs:{region}:{account}:{name}", region.partition())
    }
}

impl fmt::Display for QueueUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_the_one_that_the_host_names() {
        for (url, region) in [
            ("https://sqs.eu-west-1.amazonaws.com/123456789012/launches", Some("eu-west-1")),
            ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/launches", Some("cn-north-1")),
            ("https://sqs-fips.us-gov-west-1.amazonaws.com/123456789012/launches", Some("us-gov-west-1")),
            ("https://sqs.eu-central-1.api.aws/123456789012/launches", Some("eu-central-1")),
            (
                "https://vpce-0a1b2c3d-4e5f6a7b.sqs.eu-west-2.vpce.amazonaws.com/123456789012/launches",
                Some("eu-west-2"),
            ),
            ("https://ap-south-1.queue.amazonaws.com/123456789012/launches", Some("ap-south-1")),
            ("https://queue.amazonaws.com/123456789012/launches", Some("us-east-1")),
            ("http://127.0.0.1:5566/123456789012/launches.fifo", None),
            ("http://[::1]:5566/123456789012/launches", None),
            ("http://localhost/queues/123456789012/launches", None),
        ] {
            let read: QueueUrl = url.parse().unwrap();
            assert_eq!((read.region().map(Region::as_str), read.to_string().as_str()), (region, url));
        }
    }

    #[test]
    fn what_names_no_queue_is_refused() {
        for url in [
            "",
            "launches",
            "arn:aws:sqs:eu-west-1:123456789012:launches",
            "https://",
            "https:///123456789012/launches",
            "s3://123456789012/launches",
            "https://sqs.eu-west-1.amazonaws.com",
            "https://sqs.eu-west-1.amazonaws.com/",
            "https://sqs.eu-west-1.amazonaws.com/launches",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/",
            "https://sqs.eu-west-1.amazonaws.com/12345/launches",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/launches/",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/launches?x=y",
            "https://user@sqs.eu-west-1.amazonaws.com/123456789012/launches",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/lau nches",
        ] {
            let fault = url.parse::<QueueUrl>().unwrap_err().to_string();
            assert!(fault.contains("not the URL of a queue"), "{url}: {fault}");
        }
        assert!("x".repeat(9_000).parse::<QueueUrl>().unwrap_err().to_string().len() < 400);
    }

    #[test]
    fn the_arn_is_made_of_its_parts() {
        for (url, region, arn) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/123456789012/launches",
                "eu-west-1",
                "arn:aws:sqs:eu-west-1:123456789012:launches",
            ),
            ("http://127.0.0.1:5566/123456789012/q.1", "cn-north-1", "arn:aws-cn:sqs:cn-north-1:123456789012:q.1"),
        ] {
            assert_eq!(url.parse::<QueueUrl>().unwrap().arn(&region.parse().unwrap()), arn);
        }
    }
}
