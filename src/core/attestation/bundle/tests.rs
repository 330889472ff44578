use super::{super::envelope::key_hint, decode::STEP, *};

const COSIGN: &str = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial":{"publicKey":{"hint":"aGludA=="}}, "dsseEnvelope":{"payload":"e30=", "payloadType":"application/vnd.in-toto+json", "signatures":[{"sig":"AQID"}]}}"#;

fn defect(from: &str, to: &str) -> Defect {
    let text = COSIGN.replacen(from, to, 1);
    assert_ne!(text, COSIGN, "{from}");
    Bundle::parse(text.as_bytes()).unwrap_err()
}

#[test]
fn what_cosign_writes_is_read() {
    let bundle = Bundle::parse(COSIGN.as_bytes()).unwrap();
    assert_eq!(bundle.material, Material::PublicKey { hint: "aGludA==".into() });
    assert_eq!(bundle.witness, WitnessMaterial { log_entries: 0, timestamps: 0 });
    let Content::Envelope(envelope) = bundle.content else { panic!("an envelope") };
    assert_eq!((envelope.payload.as_slice(), envelope.signature.as_slice()), (b"{}".as_slice(), [1, 2, 3].as_slice()));
}

#[test]
fn what_we_write_we_read() {
    let envelope = Envelope { payload_type: "x/y".into(), payload: vec![0xff; 7], signature: vec![0xfb; 70] };
    let line = write_bundle(&envelope, b"spki").unwrap();
    assert!(!line.contains(&b'\n') && !line.contains(&b' '));
    let bundle = Bundle::parse(&line).unwrap();
    assert_eq!(bundle.content, Content::Envelope(envelope));
    assert_eq!(bundle.material, Material::PublicKey { hint: key_hint(b"spki") });
}

#[test]
fn a_signature_over_a_file_is_read_with_the_digest_that_it_names() {
    let signed = |more: &str| {
        let envelope = COSIGN.split_once(r#""dsseEnvelope""#).unwrap().0;
        let text = format!(r#"{envelope}"messageSignature":{{{more}"signature":"AQID"}}}}"#);
        Bundle::parse(text.as_bytes()).map(|bundle| bundle.content)
    };
    let named = |said: &str| signed(&format!(r#""messageDigest":{{{said}}},"#));
    let message = |digest| Ok(Content::Message { signature: vec![1, 2, 3], digest });
    assert_eq!(signed(""), message(None));
    for (name, hash) in [("SHA2_256", Hash::Sha256), ("SHA2_384", Hash::Sha384), ("SHA2_512", Hash::Sha512)] {
        let said = format!(r#""algorithm":"{name}","digest":"BAUG""#);
        assert_eq!(named(&said), message(Some((hash, vec![4, 5, 6]))));
    }
    for (said, code) in [
        (r#""digest":"BAUG""#, "json-unexpected-content"),
        (r#""algorithm":"SHA3_256","digest":"BAUG""#, "json-unexpected-content"),
        (r#""algorithm":"SHA2_256","digest":"BA!G""#, "envelope-base64"),
    ] {
        assert_eq!(named(said).unwrap_err().code(), code, "{said}");
    }
}

#[test]
fn null_is_absence_as_protojson_says() {
    for (from, to) in [
        (r#""publicKey":{"#, r#""tlogEntries":null,"certificate":null,"publicKey":{"#),
        (r#"{"sig""#, r#"{"keyid":null,"sig""#),
        (r#""dsseEnvelope":"#, r#""messageSignature":null,"dsseEnvelope":"#),
    ] {
        assert!(Bundle::parse(COSIGN.replacen(from, to, 1).as_bytes()).is_ok(), "{to}");
    }
}

proptest::proptest! {
    #[test]
    fn what_is_unpacked_is_what_is_parsed(from in 0..COSIGN.len(), to in 0..COSIGN.len(), with in "[\\x20-\\x7e]{0,2}") {
        let text = format!("{}{with}{}", &COSIGN[..from], &COSIGN[to.max(from)..]);
        for text in [COSIGN, &text, &COSIGN.replacen("e30=", &text.replace('"', "="), 1), &COSIGN.replacen("e30=", r"e3\u0030=", 1)] {
            proptest::prop_assert_eq!(Bundle::unpack(text.as_bytes().to_vec()), Bundle::parse(text.as_bytes()));
        }
    }
}

#[test]
fn a_large_payload_takes_the_place_of_its_text() {
    for length in [STEP - 1, STEP, 3 * STEP + 2] {
        let payload: Vec<u8> = (0..=255).cycle().take(length).collect();
        let envelope = Envelope { payload_type: "x/y".into(), payload, signature: vec![1; 70] };
        let line = write_bundle(&envelope, b"spki").unwrap();
        let place = line.as_ptr();
        let Content::Envelope(unpacked) = Bundle::unpack(line).unwrap().content else { panic!("an envelope") };
        assert_eq!(unpacked, envelope);
        assert_eq!(unpacked.payload.as_ptr(), place);
    }
}

#[test]
fn every_defect_has_its_code() {
    let signature = r#"{"sig":"AQID"}"#;
    for (from, to, code) in [
        ("v0.3+json", "v0.4+json", "bundle-media-type"),
        ("v0.3+json", "v0.2+json", "bundle-media-type"),
        (signature, "", "envelope-signature-count"),
        (signature, r#"{"sig":"AQID"},{"sig":"AQID"}"#, "envelope-signature-count"),
        ("AQID", "AQ!D", "envelope-base64"),
        ("e30=", "e3 =", "envelope-base64"),
        (r#""payload":"#, r#""payload":"","payload":"#, "json-duplicate-key"),
        (r#""hint":"#, r#""hunt":"#, "json-unexpected-content"),
        (r#"{"publicKey":{"hint":"aGludA=="}}"#, "{}", "bundle-material"),
        (r#"{"publicKey":"#, r#"{"certificate":{"rawBytes":""},"publicKey":"#, "bundle-material"),
        (r#"{"publicKey":{"hint":"aGludA=="}}"#, r#"{"certificate":{},"x509CertificateChain":{}}"#, "bundle-material"),
        (r#""dsseEnvelope":"#, r#""messageSignature":{"signature":"AQID"},"dsseEnvelope":"#, "bundle-content"),
        (r#"]}}"#, r#"]}"#, "json-malformed"),
        (
            r#""hint":"aGludA==""#,
            r#""hint":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"#,
            "json-too-deep",
        ),
    ] {
        assert_eq!(defect(from, to).code(), code, "{to}");
    }
}
