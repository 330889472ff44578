//! Package URLs, as far as packages are compared by them.

use std::str::FromStr as _;

use packageurl::PackageUrl;

/// A package URL of a scanner or an SBOM. Those of some tools break a rule of their type; they are compared as they stand.
pub(super) struct Purl {
    /// Its type: `deb`, `npm`, …
    pub(super) kind: String,
    /// The package without qualifiers and subpath.
    pub(super) bare: String,
    /// The qualifier `distro`.
    pub(super) distro: Option<String>,
}

impl Purl {
    /// Reads a text; none when it is no package URL at all.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Ok(mut url) = PackageUrl::from_str(text) {
            let distro = url.qualifiers().get("distro").map(ToString::to_string);
            let bare = url.clear_qualifiers().without_subpath().to_string();
            return Some(Self { kind: url.ty().to_owned(), bare, distro });
        }
        let bare = text.split(['?', '#']).next()?;
        let (kind, rest) = bare.strip_prefix("pkg:")?.split_once('/')?;
        let word = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        (!kind.is_empty() && kind.bytes().all(word) && !rest.is_empty()).then(|| Self {
            kind: kind.to_ascii_lowercase(),
            bare: bare.to_owned(),
            distro: None,
        })
    }

    /// Returns whether it names a package of an operating system.
    pub(super) fn of_system(&self) -> bool {
        matches!(self.kind.as_str(), "deb" | "rpm" | "apk" | "alpm")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, String, Option<String>)> {
        Purl::read(text).map(|purl| (purl.kind, purl.bare, purl.distro))
    }

    #[test]
    fn what_makes_a_package_is_told_from_what_surrounds_it() {
        for (text, kind, bare, distro) in [
            (
                "pkg:deb/debian/libssl3@3.0.20-1~deb12u2?arch=amd64&distro=debian-12.15&upstream=openssl",
                "deb",
                "pkg:deb/debian/libssl3@3.0.20-1~deb12u2",
                Some("debian-12.15"),
            ),
            ("pkg:deb/adduser@3.134?arch=all", "deb", "pkg:deb/adduser@3.134", None),
            ("pkg:DEB/Debian/Curl", "deb", "pkg:deb/debian/curl", None),
            ("pkg:golang/example.com/a@v1#cmd/x", "golang", "pkg:golang/example.com/a@v1", None),
            ("pkg:npm/@babel/core@7", "npm", "pkg:npm/%40babel/core@7", None),
            ("pkg:npm/%40babel/core@7", "npm", "pkg:npm/%40babel/core@7", None),
            // A namespace that the type forbids, and one that it needs.
            ("pkg:oci/a/b@1?tag=x", "oci", "pkg:oci/a/b@1", None),
            ("pkg:Swift/Alamofire@1#x", "swift", "pkg:Swift/Alamofire@1", None),
        ] {
            assert_eq!(read(text), Some((kind.into(), bare.into(), distro.map(str::to_owned))), "{text}");
        }
        for none in ["", "openssl", "pkg:", "pkg:deb", "pkg:/x", "pkg:deb/", "cpe:2.3:a:b", "pkg:a b/x", "PKG:deb/x"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn packages_of_operating_systems_are_known_by_their_type() {
        for (kind, system) in
            [("deb", true), ("rpm", true), ("apk", true), ("alpm", true), ("pypi", false), ("generic", false)]
        {
            assert_eq!(Purl::read(&format!("pkg:{kind}/x@1")).unwrap().of_system(), system, "{kind}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_stops_the_program(text in "(pkg:)?[a-z@/%?#&=:.+ \u{e9}\u{1f600}\\x00-\\x7f]{0,40}|\\PC{0,40}") {
            if let Some(purl) = Purl::read(&text) {
                proptest::prop_assert!(!purl.kind.is_empty() && purl.bare.starts_with("pkg:"), "{}", text);
            }
        }
    }
}
