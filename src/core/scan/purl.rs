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

/// What a package URL says of a package, part by part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coordinates {
    /// Its type.
    pub(crate) kind: String,
    /// The namespace: a distribution, a scope, a group.
    pub(crate) namespace: Option<String>,
    /// The name.
    pub(crate) name: String,
    /// The version.
    pub(crate) version: Option<String>,
    /// The qualifier `epoch`, which RPM versions have beside them.
    pub(crate) epoch: Option<String>,
    /// The qualifier `upstream`: the source package that it was built of, as Syft writes it.
    pub(crate) upstream: Option<String>,
}

impl Coordinates {
    /// Reads a text; none when it is no package URL at all. Of one that breaks a rule of its type nothing is decoded.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if let Ok(url) = PackageUrl::from_str(text) {
            let qualifier = |key| url.qualifiers().get(key).map(ToString::to_string).filter(|value| !value.is_empty());
            return Some(Self {
                kind: url.ty().to_owned(),
                namespace: url.namespace().map(str::to_owned),
                name: url.name().to_owned(),
                version: url.version().map(str::to_owned),
                epoch: qualifier("epoch"),
                upstream: qualifier("upstream"),
            });
        }
        let Purl { kind, bare, .. } = Purl::read(text)?;
        let (_, path) = bare.split_once('/')?;
        // A scope begins with the same sign.
        let at = path.rfind('@').filter(|at| *at > 0 && !path.get(*at..).unwrap_or_default().contains('/'));
        let (path, version) = at.and_then(|at| path.split_at_checked(at)).unwrap_or((path, ""));
        let (namespace, name) = path.rsplit_once('/').map_or((None, path), |(namespace, name)| (Some(namespace), name));
        Some(Self {
            kind,
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            version: version.strip_prefix('@').filter(|version| !version.is_empty()).map(str::to_owned),
            epoch: None,
            upstream: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> [String; 6] {
        let one = Coordinates::read(text).unwrap();
        let said = |part: Option<String>| part.unwrap_or_default();
        [one.kind, said(one.namespace), one.name, said(one.version), said(one.epoch), said(one.upstream)]
    }

    #[test]
    fn coordinates_are_decoded_part_by_part() {
        for (text, expected) in [
            (
                "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&upstream=openssl&distro=debian-12",
                ["deb", "debian", "libssl3", "3.0.11-1~deb12u2", "", "openssl"],
            ),
            (
                "pkg:deb/debian/gcc@4%3A12.2.0-3?upstream=gcc-defaults%401.203",
                ["deb", "debian", "gcc", "4:12.2.0-3", "", "gcc-defaults@1.203"],
            ),
            (
                "pkg:rpm/amzn/openssl-libs@3.0.8-1.amzn2023?epoch=1&upstream=openssl-3.0.8-1.amzn2023.src.rpm",
                ["rpm", "amzn", "openssl-libs", "3.0.8-1.amzn2023", "1", "openssl-3.0.8-1.amzn2023.src.rpm"],
            ),
            ("pkg:npm/%40babel/core@7.1.0", ["npm", "@babel", "core", "7.1.0", "", ""]),
            ("pkg:golang/golang.org/x/net@v0.17.0#http2", ["golang", "golang.org/x", "net", "v0.17.0", "", ""]),
            ("pkg:generic/x", ["generic", "", "x", "", "", ""]),
            ("pkg:generic/x@1?upstream=", ["generic", "", "x", "1", "", ""]),
            // What its type forbids, and what it misses.
            ("pkg:oci/a/b@1?tag=x", ["oci", "a", "b", "1", "", ""]),
            ("pkg:Swift/Alamofire@1#x", ["swift", "", "Alamofire", "1", "", ""]),
            ("pkg:Swift/@scope", ["swift", "", "@scope", "", "", ""]),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
        assert_eq!(Coordinates::read("cpe:2.3:a:b"), None);
    }

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
            proptest::prop_assert_eq!(Coordinates::read(&text).is_some(), Purl::read(&text).is_some(), "{}", &text);
            if let Some(purl) = Purl::read(&text) {
                proptest::prop_assert!(!purl.kind.is_empty() && purl.bare.starts_with("pkg:"), "{}", text);
            }
        }
    }
}
