//! Text → where evidence is kept: `file:///dir`, `s3://bucket/prefix`, `oci://registry/repo`, `https://host/path`.
//!
//! One spelling a place: no credentials, no query, no fragment, no percent signs, no empty, `.` or `..` segments. What
//! is not one of the four kinds is an error that lists them.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// Where evidence is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StoreUrl(pub(in crate::adapters) Place);

/// The kinds of store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::adapters) enum Place {
    Directory(PathBuf),
    S3 { bucket: String, prefix: String },
    Oci { registry: String, repository: String },
    Https { host: String, path: String },
}

/// Why text is no store URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{url:?} is not a store: {problem} (file:///absolute/directory, s3://bucket[/prefix], \
     oci://registry/repository or https://host[/path])"
)]
pub struct NotAStoreUrl {
    url: String,
    problem: &'static str,
}

impl StoreUrl {
    /// Returns the bucket, when the store is one of S3.
    pub fn bucket(&self) -> Option<&str> {
        match &self.0 {
            Place::S3 { bucket, .. } => Some(bucket),
            Place::Directory(_) | Place::Oci { .. } | Place::Https { .. } => None,
        }
    }

    /// Says whether it is a directory of this machine.
    pub fn is_directory(&self) -> bool {
        matches!(self.0, Place::Directory(_))
    }

    /// Says whether state can be kept there as well: in a directory, or in S3.
    pub fn holds_state(&self) -> bool {
        matches!(self.0, Place::Directory(_) | Place::S3 { .. })
    }

    /// Says whether who may write to one place is likely to be able to write to the other: one bucket, or one directory
    /// in another, by whatever links they are named.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Place::Directory(one), Place::Directory(other)) => {
                let within = |one: &Path, other: &Path| one.starts_with(other) || other.starts_with(one);
                within(one, other) || within(&followed(one), &followed(other))
            }
            (Place::S3 { bucket: one, .. }, Place::S3 { bucket: other, .. }) => one == other,
            _ => false,
        }
    }
}

impl FromStr for StoreUrl {
    type Err = NotAStoreUrl;

    fn from_str(text: &str) -> Result<Self, NotAStoreUrl> {
        // The text could hold a password, which no error message should repeat.
        let shown = if text.contains('@') { "…@…".to_owned() } else { text.chars().take(200).collect() };
        parse(text).map(Self).map_err(|problem| NotAStoreUrl { url: shown, problem })
    }
}

/// Follows the links in a path, as far as there is something.
fn followed(path: &Path) -> PathBuf {
    let found = path.ancestors().find_map(|there| Some((there, fs::canonicalize(there).ok()?)));
    match found {
        Some((there, followed)) => {
            path.strip_prefix(there).map_or_else(|_| path.to_owned(), |rest| followed.join(rest))
        }
        None => path.to_owned(),
    }
}

fn parse(text: &str) -> Result<Place, &'static str> {
    let (scheme, rest) = text.split_once("://").ok_or("it has no scheme")?;
    if !matches!(scheme, "file" | "s3" | "oci" | "https") {
        return Err("its scheme is none of these");
    }
    if rest.len() > 1024 {
        return Err("it is too long");
    }
    if rest.contains(['?', '#']) {
        return Err("a query or fragment has no meaning here");
    }
    if rest.contains(['%', '\\']) || rest.chars().any(char::is_control) {
        return Err("percent signs, backslashes and control characters are not allowed");
    }
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.contains('@') {
        return Err("credentials do not belong into URLs");
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    if !path.is_empty() && path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("a part of its path is empty, '.' or '..'");
    }
    match scheme {
        "file" if !host.is_empty() || !rest.starts_with('/') => {
            Err("a directory is written file:/// and its absolute path")
        }
        "file" => Ok(Place::Directory(PathBuf::from(format!("/{path}")))),
        "s3" if !is_bucket(host) => Err("that is no bucket name"),
        "s3" => Ok(Place::S3 { bucket: host.to_owned(), prefix: path.to_owned() }),
        _ if !is_host(host) => Err("that is no host"),
        "oci" if path.len() > 200 || !path.split('/').all(is_repository_part) => Err("that is no repository"),
        "oci" => Ok(Place::Oci { registry: host.to_owned(), repository: path.to_owned() }),
        _ if !path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&b)) => {
            Err("its path has characters that need escaping")
        }
        _ => Ok(Place::Https { host: host.to_owned(), path: path.to_owned() }),
    }
}

/// Follows the rules for general purpose buckets.
fn is_bucket(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    (3..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with(['-', '.'])
        && !text.ends_with(['-', '.'])
        && !text.contains("..")
}

/// Takes a name or address with an optional port.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            return address.parse::<std::net::Ipv6Addr>().is_ok()
                && port.strip_prefix(':').map_or(port.is_empty(), |port| port.parse::<u16>().is_ok());
        }
        None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253
        && name.split('.').all(label)
        && port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

/// One component of `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, the grammar of the OCI distribution specification.
fn is_repository_part(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut separators = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).filter(|s| !s.is_empty());
    text.bytes().next().is_some_and(word)
        && text.bytes().last().is_some_and(word)
        && separators.all(|s| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, path) = match &self.0 {
            Place::Directory(root) => return write!(f, "file://{}", root.display()),
            Place::S3 { bucket, prefix } => ("s3", bucket, prefix),
            Place::Oci { registry, repository } => ("oci", registry, repository),
            Place::Https { host, path } => ("https", host, path),
        };
        write!(f, "{scheme}://{host}")?;
        if path.is_empty() { Ok(()) } else { write!(f, "/{path}") }
    }
}

impl TryFrom<String> for StoreUrl {
    type Error = NotAStoreUrl;

    fn try_from(text: String) -> Result<Self, NotAStoreUrl> {
        text.parse()
    }
}

impl From<StoreUrl> for String {
    fn from(url: StoreUrl) -> Self {
        url.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_into_a_directory_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let place =
            |name: &str| -> StoreUrl { format!("file://{}", folder.path().join(name).display()).parse().unwrap() };
        fs::create_dir_all(folder.path().join("evidence/v1")).unwrap();
        for (link, to) in [("state", "evidence/v1"), ("same", "evidence"), ("around", ".")] {
            std::os::unix::fs::symlink(folder.path().join(to), folder.path().join(link)).unwrap();
        }
        for inside in ["state", "state/not/yet", "same", "around", "around/evidence/x", "evidence/v1"] {
            assert!(
                place(inside).overlaps(&place("evidence")) && place("evidence").overlaps(&place(inside)),
                "{inside}"
            );
            assert!(place(inside).overlaps(&place("same")), "{inside}");
        }
        for outside in ["elsewhere", "elsewhere/not/yet", "around/elsewhere", "evidence-too"] {
            assert!(
                !place(outside).overlaps(&place("evidence")) && !place("same").overlaps(&place(outside)),
                "{outside}"
            );
        }
    }

    #[test]
    fn the_four_kinds_are_read_and_written_back() {
        for text in [
            "file:///",
            "file:///var/lib/goldseal",
            "file:///srv/with space",
            "s3://images-evidence",
            "s3://images-evidence/team/a",
            "oci://registry.example/team/evidence",
            "oci://localhost:5000/evidence",
            "oci://[::1]:5000/evidence__x/a-b--c.d",
            "https://evidence.example",
            "https://evidence.example:8443/a/b",
        ] {
            assert_eq!(text.parse::<StoreUrl>().unwrap().to_string(), text);
        }
        for (text, short) in [("s3://images-evidence/", "s3://images-evidence"), ("file:///srv/", "file:///srv")] {
            assert_eq!(text.parse::<StoreUrl>().unwrap().to_string(), short);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, problem) in [
            ("", "no scheme"),
            ("/var/lib/goldseal", "no scheme"),
            ("http://evidence.example", "none of these"),
            ("S3://images-evidence", "none of these"),
            ("file://srv/x", "absolute"),
            ("file://", "absolute"),
            ("file:///srv/../etc", "'..'"),
            ("file:///srv//x", "empty"),
            ("file:///srv/./x", "'.'"),
            ("file:///srv/a%2eb", "percent"),
            ("s3://ab", "bucket"),
            ("s3://Bucket", "bucket"),
            ("s3://bucket..x", "bucket"),
            ("s3://bucket/a/../b", "'..'"),
            ("s3://key:secret@bucket/x", "credentials"),
            ("oci://registry.example", "repository"),
            ("oci://registry.example/Team", "repository"),
            ("oci://registry.example/team:tag", "repository"),
            ("oci://registry.example/a___b", "repository"),
            ("oci:///team", "host"),
            ("https://user@evidence.example/", "credentials"),
            ("https://evidence.example/?a=b", "query"),
            ("https://evidence.example/#a", "fragment"),
            ("https://evidence.example/a b", "escaping"),
            ("https://evidence.example:99999/", "host"),
            ("https://evidence.example:+1/", "host"),
            ("https://-evidence.example/", "host"),
            ("https://evidence.example/a\\..\\b", "backslashes"),
        ] {
            let error = text.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
            assert!(error.contains("s3://bucket[/prefix]"), "{error}");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        let error = "https://user:hunter2@evidence.example/".parse::<StoreUrl>().unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
