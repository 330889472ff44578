//! Lists of certificates, and when what is on them counts.

use cms::cert::IssuerAndSerialNumber;
use x509_cert::der::Decode as _;

use super::*;

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/vectors/identity/", $name, ".pem"))
    };
}

const AWS: &str = include_str!("../aws-rsa2048.pem");

fn list(pem: impl AsRef<[u8]>) -> Result<usize, CertificatesFault> {
    Certificates::from_pem(pem.as_ref()).map(|list| list.digests().count())
}

fn refused(pem: &str) -> String {
    list(pem).unwrap_err().to_string()
}

#[test]
fn those_of_aws_are_read_and_are_what_their_fingerprints_say() {
    let noted: Vec<String> = AWS
        .lines()
        .filter_map(|line| line.strip_prefix("# sha256 Fingerprint="))
        .map(|text| text.replace(':', "").to_lowercase())
        .collect();
    let read: Vec<String> = Certificates::of_aws().unwrap().digests().map(|digest| digest.to_string()).collect();
    assert_eq!((read.len(), &read), (39, &noted));
    // Issuer and serial number as a document of us-west-2 names them.
    let sid = "MGkwXDELMAkGA1UEBhMCVVMxGTAXBgNVBAgTEFdhc2hpbmd0b24gU3RhdGUxEDAOBgNVBAcTB1NlYXR0bGUxIDAeBgNVBAoTF0FtYXpvbi\
               BXZWIgU2VydmljZXMgTExDAgkAtkveWtAJJMw=";
    let name = IssuerAndSerialNumber::from_der(&STANDARD.decode(sid).unwrap()).unwrap();
    let found = Certificates::of_aws().unwrap().named(&name, now()).unwrap().digest();
    assert_eq!(found.to_string(), "4e3569f2925a867a0c2f1b64efe101d4b4853d11c4f81c1e72aae201a92020b4");
}

#[test]
fn a_list_is_pem_with_comments_and_blank_lines() {
    let (one, two) = (CERTIFICATE.trim_end(), pem!("stranger").trim_end());
    for (good, count) in [
        (one.to_owned(), 1),
        (format!("# of eu-west-1\n\n{one}\n# of mx-central-1\n  \n{two}\n"), 2),
        (format!("{one}\n{two}").replace('\n', "\r\n"), 2),
        (format!("{one}\n{one}\n"), 1),
    ] {
        assert_eq!(list(&good), Ok(count), "{good}");
    }
    for (bad, message) in [
        (String::new(), "no certificate in it"),
        ("# none yet\n".to_owned(), "no certificate in it"),
        (format!("subject=CN\n{one}"), "line 1: expected"),
        (format!("{one}\n-----BEGIN X509 CRL-----"), "expected `-----BEGIN CERTIFICATE-----`"),
        (one.replace("-----END CERTIFICATE-----", ""), "line 1: the certificate that begins here does not end"),
        (
            format!("#\n{}", one.replace("END CERT", "end cert")),
            "line 2: the certificate that begins here does not end",
        ),
        (format!("{}\n{two}", one.replace("\n-----END CERTIFICATE-----", "")), "certificate 1 (line 1): not base64"),
        (one.replacen("\nMI", "\nMM", 1), "certificate 1 (line 1): not an X.509 certificate"),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----".to_owned(), "not an X.509 certificate"),
    ] {
        let found = refused(&bad);
        assert!(found.contains(message), "{found}: {bad}");
    }
    assert!(list(b"\xff\xfe").is_err());
}

#[test]
fn only_rsa_keys_of_2048_bits_are_pinned() {
    for (pem, message) in [
        (pem!("weak"), "RSA key size 1024 bits"),
        (pem!("strong"), "an RSA key of 3072 bits"),
        (pem!("p256"), "SPKI algorithm does not match"),
        (pem!("dsa"), "unsupported key algorithm"),
    ] {
        let found = refused(&format!("{CERTIFICATE}\n{pem}"));
        assert!(found.starts_with("certificate 2 (line ") && found.contains(message), "{found}");
        assert!(found.contains("RSA keys of 2048 bits only"), "{found}");
    }
}

#[test]
fn a_name_is_of_one_certificate() {
    let (one, stranger, imposter) = (CERTIFICATE, pem!("stranger"), pem!("imposter"));
    let fault = list(format!("{stranger}{stranger}{one}{imposter}")).unwrap_err();
    let expected = NotPinned::Name(3);
    assert!(
        matches!(&fault, CertificatesFault::Certificate { number: 4, problem, .. } if *problem == expected),
        "{fault}"
    );
}

#[test]
fn a_list_is_bounded() {
    let many = |count: usize| CERTIFICATE.repeat(count);
    assert_eq!(list(many(256)), Ok(1));
    assert_eq!(list(many(257)), Err(CertificatesFault::TooMany { limit: 256 }));
    let padded = |length: usize| format!("{CERTIFICATE}{}", "\n".repeat(length - CERTIFICATE.len()));
    assert_eq!(list(padded(512 << 10)), Ok(1));
    assert!(matches!(list(padded((512 << 10) + 1)), Err(CertificatesFault::TooLarge { .. })));
}

#[test]
fn a_certificate_counts_from_its_first_second_to_its_last() {
    let identified = |now: &str| identify(SIGNED.as_bytes(), &certificates(), at(now));
    for now in ["2020-01-01T00:00:00Z", "2199-01-01T00:00:00.999Z"] {
        assert_eq!(identified(now), Ok(identity()), "{now}");
    }
    let early = identified("2019-12-31T23:59:59.999Z").unwrap_err();
    assert!(matches!(&early, NotIdentified::ClockBehind(behind) if behind.at == at("2020-01-01T00:00:00Z")), "{early}");
    let late = identified("2199-01-01T00:00:01Z").unwrap_err();
    assert!(matches!(late, NotIdentified::CertificateExpired { .. }), "{late}");
}

#[test]
fn the_signer_is_found_among_others() {
    for list in [[pem!("stranger"), CERTIFICATE], [CERTIFICATE, pem!("stranger")]] {
        let pinned = Certificates::from_pem(list.concat().as_bytes()).unwrap();
        let found = identify(SIGNED.as_bytes(), &pinned, now()).unwrap();
        assert_eq!(found, identity());
        let stranger = include_str!("../../../../tests/vectors/identity/stranger.p7");
        assert_ne!(identify(stranger.as_bytes(), &pinned, now()).unwrap().certificate(), found.certificate());
    }
    let other = Certificates::from_pem(pem!("stranger").as_bytes()).unwrap();
    assert!(matches!(identify(SIGNED.as_bytes(), &other, now()), Err(NotIdentified::SignerUnknown { pinned: 1, .. })));
    assert!(matches!(
        identify(SIGNED.as_bytes(), &Certificates::of_aws().unwrap(), now()),
        Err(NotIdentified::SignerUnknown { pinned: 39, .. })
    ));
}
