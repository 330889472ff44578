//! `awskms://` → the name of a key, and where its KMS is.
//!
//! The forms are those of sigstore's tools: `awskms:///KEY`, or `awskms://HOST[:PORT]/KEY` for a KMS that is not
//! AWS's, where KEY is a key id, a key ARN, `alias/NAME` or an alias ARN. Nothing is asked here.

use std::{fmt, str::FromStr};

use crate::ids::{AccountId, Region};

/// A text is not the URI of a KMS key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not the URI of a KMS key: {why}; expected awskms:///KEY, or awskms://HOST:PORT/KEY for another \
     endpoint, where KEY is a key id, a key ARN, alias/NAME or an alias ARN"
)]
pub struct NotAKeyUri {
    text: String,
    why: &'static str,
}

/// The URI of a KMS key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUri {
    host: Option<String>,
    key: String,
    region: Option<Region>,
}

impl KeyUri {
    /// Returns what KMS takes as `KeyId`: an id, an ARN, or an alias.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the region that the key's ARN names.
    pub fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }

    /// Returns the URL of the endpoint that the URI names: https, as in sigstore's tools, but http on this machine.
    pub fn endpoint(&self) -> Option<String> {
        let host = self.host.as_deref()?;
        let scheme = if is_loopback(host) { "http" } else { "https" };
        Some(format!("{scheme}://{host}"))
    }
}

impl FromStr for KeyUri {
    type Err = NotAKeyUri;

    fn from_str(text: &str) -> Result<Self, NotAKeyUri> {
        let fault = |why| NotAKeyUri { text: text.chars().take(300).collect(), why };
        let rest = text.strip_prefix("awskms://").ok_or_else(|| fault("it does not begin with awskms://"))?;
        let (host, key) = rest.split_once('/').ok_or_else(|| fault("no key follows the host"))?;
        if host == "alias" || host.starts_with("arn:") {
            return Err(fault("the key would be taken for a host, since three slashes go before a key"));
        }
        if !host.is_empty() && !is_host(host) {
            return Err(fault("the host is not one"));
        }
        let region = region_of_key(key).map_err(fault)?;
        Ok(Self { host: (!host.is_empty()).then(|| host.to_owned()), key: key.to_owned(), region })
    }
}

impl fmt::Display for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "awskms://{}/{}", self.host.as_deref().unwrap_or_default(), self.key)
    }
}

/// Checks the key's form, and returns the region if the form has one.
fn region_of_key(key: &str) -> Result<Option<Region>, &'static str> {
    if !key.starts_with("arn:") {
        return if is_key_id(key) || is_alias(key) { Ok(None) } else { Err("the key has none of the four forms") };
    }
    const NOT_AN_ARN: &str = "the ARN is not arn:PARTITION:kms:REGION:ACCOUNT:key/ID or …:alias/NAME";
    let parts: Vec<&str> = key.split(':').collect();
    let ["arn", partition, "kms", region, account, resource] = parts.as_slice() else { return Err(NOT_AN_ARN) };
    let named = resource.strip_prefix("key/").is_some_and(is_key_id) || is_alias(resource);
    let in_partition = partition.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && partition.starts_with("aws");
    if !named || !in_partition || account.parse::<AccountId>().is_err() {
        return Err(NOT_AN_ARN);
    }
    region.parse().map(Some).map_err(|_not_an_id| NOT_AN_ARN)
}

fn is_key_id(text: &str) -> bool {
    if let Some(hex) = text.strip_prefix("mrk-") {
        return hex.len() == 32 && is_hex(hex);
    }
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| is_hex(part))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The form of CreateAlias.
fn is_alias(text: &str) -> bool {
    text.len() <= 256
        && text.strip_prefix("alias/").is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-'))
        })
}

/// A name or an address, with or without a port. No user information: a URI is no place for a password.
fn is_host(text: &str) -> bool {
    let (name, port) = split_port(text);
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    let v6 = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let named = !name.is_empty() && plain || v6.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    named && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0))
}

fn is_loopback(host: &str) -> bool {
    let (name, _) = split_port(host);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn every_form_of_sigstore_is_read() {
        let multi_region = format!("mrk-{}", "1234abcd".repeat(4));
        let key_arn = format!("arn:aws:kms:us-east-2:111122223333:key/{ID}");
        let multi_region_arn = format!("arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/{multi_region}");
        let alias_arn = "arn:aws-cn:kms:cn-north-1:111122223333:alias/release/images".to_owned();
        for (key, region) in [
            (ID.to_owned(), None),
            (ID.to_uppercase(), None),
            (multi_region, None),
            ("alias/ExampleAlias".to_owned(), None),
            ("alias/a/b_c-d".to_owned(), None),
            (key_arn, Some("us-east-2")),
            (multi_region_arn, Some("us-gov-west-1")),
            (alias_arn, Some("cn-north-1")),
        ] {
            for (host, endpoint) in [
                ("", None),
                ("localhost:4566", Some("http://localhost:4566")),
                ("127.0.0.1:4566", Some("http://127.0.0.1:4566")),
                ("127.8.0.1", Some("http://127.8.0.1")),
                ("[::1]:4566", Some("http://[::1]:4566")),
                ("[2001:db8::1]", Some("https://[2001:db8::1]")),
                ("kms.example.com", Some("https://kms.example.com")),
                ("localhost.example.com:443", Some("https://localhost.example.com:443")),
            ] {
                let text = format!("awskms://{host}/{key}");
                let uri: KeyUri = text.parse().unwrap();
                assert_eq!(uri.to_string(), text);
                assert_eq!(uri.key(), key);
                assert_eq!(uri.region().map(Region::as_str), region);
                assert_eq!(uri.endpoint().as_deref(), endpoint);
            }
        }
    }

    #[test]
    fn other_texts_are_refused_with_what_is_expected() {
        for (bad, why) in [
            ("", "awskms://"),
            ("alias/x", "awskms://"),
            ("gcpkms://projects/x", "awskms://"),
            ("AWSKMS:///alias/x", "awskms://"),
            (" awskms:///alias/x", "awskms://"),
            ("awskms://", "no key"),
            ("awskms://alias", "no key"),
            ("awskms://alias/x", "three slashes"),
            ("awskms://arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", "three slashes"),
            ("awskms:///", "forms"),
            ("awskms:////alias/x", "forms"),
            ("awskms:///alias/", "forms"),
            ("awskms:///alias/a b", "forms"),
            ("awskms:///alias/é", "forms"),
            ("awskms:///alias/x?region=y", "forms"),
            ("awskms:///1234abcd", "forms"),
            ("awskms:///1234abcd-12ab-34cd-56ef-1234567890ag", "forms"),
            ("awskms:///mrk-1234abcd", "forms"),
            ("awskms:///key/1234abcd-12ab-34cd-56ef-1234567890ab", "forms"),
            ("awskms:///arn:aws:kms:us-east-2:111122223333:key/x", "ARN"),
            ("awskms:///arn:aws:kms:us-east-2:1111:alias/x", "ARN"),
            ("awskms:///arn:aws:kms:nowhere:111122223333:alias/x", "ARN"),
            ("awskms:///arn:aws:s3:us-east-2:111122223333:alias/x", "ARN"),
            ("awskms:///arn:gcp:kms:us-east-2:111122223333:alias/x", "ARN"),
            ("awskms:///arn:aws:kms:us-east-2:111122223333:alias/x:y", "ARN"),
            ("awskms://user@host/alias/x", "host is not one"),
            ("awskms://host:port/alias/x", "host is not one"),
            ("awskms://host:70000/alias/x", "host is not one"),
            ("awskms://host:0/alias/x", "host is not one"),
            ("awskms://:4566/alias/x", "host is not one"),
            ("awskms://::1/alias/x", "host is not one"),
            ("awskms://http://localhost:4566/alias/x", "host is not one"),
        ] {
            let fault = bad.parse::<KeyUri>().unwrap_err().to_string();
            assert!(fault.contains(why), "{bad}: {fault}");
            assert!(fault.contains("expected awskms:///KEY"), "{fault}");
        }
    }
}
