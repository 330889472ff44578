//! The one spelling of a repository: `https://HOST/PATH`, however it was fetched.
//!
//! It is a name to compare, not a place to fetch from: user, password, the port of ssh, `.git` and the ref go, and so
//! does the difference between http, ssh and git.

/// No URL that a person can name is longer.
const LONGEST: usize = 2048;

/// Returns the one spelling, or none for what names no repository on a host: a path on some machine, for one.
///
/// Read are `https://`, `http://`, `ssh://` and `git://` URLs, with `git+` before them and `@REF` behind as SLSA writes
/// them, and `[USER@]HOST:PATH` as scp does.
pub fn repository(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > LONGEST || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return None;
    }
    let text = text.strip_prefix("git+").unwrap_or(text);
    let (authority, path, default_port) = match text.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/')?;
            let port = match scheme.to_ascii_lowercase().as_str() {
                "https" => Some("443"),
                "http" => Some("80"),
                "ssh" | "git" => None,
                _ => return None,
            };
            (authority, path, port)
        }
        None => {
            let (authority, path) = text.split_once(':')?;
            let remote = !authority.contains('/') && (authority.contains('@') || authority.contains('.'));
            remote.then_some((authority, path, None))?
        }
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port),
        _ => (host.as_str(), ""),
    };
    let (address, marks): (&str, &[u8]) = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => (address, b":."),
        None => (name, b"-._"),
    };
    if address.is_empty() || !address.bytes().all(|byte| byte.is_ascii_alphanumeric() || marks.contains(&byte)) {
        return None;
    }
    // Web ports tell two servers apart; those of ssh and git say nothing about the web.
    let port = if port.is_empty() || default_port.is_none_or(|default| default == port) {
        String::new()
    } else {
        format!(":{port}")
    };
    let mut path = path.split(['?', '#', '@']).next()?.trim_matches('/');
    // However often it stands there: what is left must not be another name when it is read again.
    while let Some(shorter) = path.strip_suffix(".git") {
        path = shorter.trim_end_matches('/');
    }
    let whole = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    whole.then(|| format!("https://{name}{port}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_fetch_a_repository_names_it_in_one_way() {
        for text in [
            "https://github.com/acme/images",
            "https://github.com/acme/images.git",
            "https://github.com/acme/images/",
            "https://GitHub.com:443/acme/images.git/",
            "https://github.com/acme/images.git.git",
            "https://github.com/acme/images/.git/.git",
            "http://github.com/acme/images",
            "https://user@github.com/acme/images",
            "https://x-access-token:ghs_secret@github.com/acme/images.git",
            "git@github.com:acme/images.git",
            "github.com:acme/images",
            "git@github.com:/acme/images",
            "ssh://git@github.com/acme/images.git",
            "ssh://git@github.com:22/acme/images",
            "git://github.com/acme/images.git",
            "git+https://github.com/acme/images@refs/heads/main",
            "git+ssh://git@github.com/acme/images.git@5b1f0c9e",
            "https://github.com/acme/images?token=secret#readme",
            "  https://github.com/acme/images\n",
        ] {
            assert_eq!(repository(text).as_deref(), Some("https://github.com/acme/images"), "{text}");
        }
    }

    #[test]
    fn what_tells_two_repositories_apart_is_kept() {
        for (text, expected) in [
            ("https://git.example:8443/a/b.git", "https://git.example:8443/a/b"),
            ("http://git.example:8080/a", "https://git.example:8080/a"),
            ("https://github.com/Acme/Images", "https://github.com/Acme/Images"),
            ("git@gitlab.example:group/sub/project.git", "https://gitlab.example/group/sub/project"),
            ("ssh://git@[2001:db8::1]:2222/a/b", "https://[2001:db8::1]/a/b"),
            (
                "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/images",
                "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/images",
            ),
        ] {
            assert_eq!(repository(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_on_no_host_names_no_repository() {
        for text in [
            "",
            "images",
            "/srv/git/images.git",
            "./images",
            "C:\\images",
            "C:/images",
            "file:///srv/git/images",
            "bucket/key.zip",
            "https://github.com",
            "https://github.com/",
            "https:///acme/images",
            "https://git.example::/acme/images",
            "https://git.example:80a/acme/images",
            "https://[2001:db8::1/acme/images",
            "https://user:token@/acme/images",
            "https://github.com/../images",
            "https://github.com/.git.git",
            "https://github.com/acme//images",
            "https://git hub.com/acme/images",
            "https://github.com/acme/ima\u{7}ges",
            "https://gïthub.com/acme/images",
            "codecommit::eu-west-1://images",
            "javascript://github.com/acme/images",
        ] {
            assert_eq!(repository(text), None, "{text}");
        }
        let long = |length: usize| format!("https://github.com/{}", "a".repeat(length - "https://github.com/".len()));
        assert_eq!(repository(&long(LONGEST)), Some(long(LONGEST)));
        assert_eq!(repository(&long(LONGEST + 1)), None);
    }

    proptest::proptest! {
        #[test]
        fn the_one_spelling_is_its_own(text in "(git\\+)?((https?|ssh)://)?([a-z:]{1,5}@)?[a-z.]{1,6}(:[0-9]{0,3})?[/:][a-z./@]{0,9}(\\.git)?") {
            if let Some(one) = repository(&text) {
                proptest::prop_assert_eq!(repository(&one), Some(one.clone()));
                proptest::prop_assert!(!one.contains('@'), "{}", one);
            }
        }
    }
}
