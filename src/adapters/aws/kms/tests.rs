//! KMS by the local AWS, and by a server that lies.

use aws_sdk_kms::Client;
use goldseal_core::{attestation::IN_TOTO_PAYLOAD_TYPE, testing::keys::LocalKey};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::adapters::cloud::cloud;

const OWNER: &str = "123456789012";

/// Longer than the 4,096 bytes of a message that KMS takes.
const PAE: Pae<'_> = Pae { payload_type: IN_TOTO_PAYLOAD_TYPE, payload: &[b' '; 5000] };

async fn aws(account: &str) -> AwsConfig {
    AwsConfig::local(&cloud().endpoint, account).await
}

async fn kms(region: &str) -> Client {
    aws(OWNER).await.kms(&region.parse().unwrap(), None)
}

/// Makes a key and returns its ARN.
async fn create(kms: &Client, spec: &str, usage: &str) -> String {
    let answer = kms.create_key().key_spec(spec.into()).key_usage(usage.into()).send().await.unwrap();
    answer.key_metadata.unwrap().arn.unwrap()
}

fn uri(key: &str) -> KeyUri {
    format!("awskms:///{key}").parse().unwrap()
}

async fn open(key: &str, scheme: Option<Scheme>) -> Result<KmsSigner, PortError> {
    KmsSigner::open(&aws(OWNER).await, &uri(key), scheme).await
}

#[tokio::test]
async fn every_scheme_signs_what_its_public_key_verifies() {
    let kms = kms("us-east-1").await;
    for (spec, asked, scheme) in [
        ("ECC_NIST_P256", None, Scheme::EcdsaP256Sha256),
        ("ECC_NIST_P384", Some(Scheme::EcdsaP384Sha384), Scheme::EcdsaP384Sha384),
        ("RSA_2048", None, Scheme::RsaPkcs1Sha256),
        ("RSA_2048", Some(Scheme::RsaPkcs1Sha384), Scheme::RsaPkcs1Sha384),
        ("RSA_2048", Some(Scheme::RsaPkcs1Sha512), Scheme::RsaPkcs1Sha512),
        ("RSA_2048", Some(Scheme::RsaPssSha256), Scheme::RsaPssSha256),
        ("RSA_2048", Some(Scheme::RsaPssSha384), Scheme::RsaPssSha384),
        ("RSA_2048", Some(Scheme::RsaPssSha512), Scheme::RsaPssSha512),
        ("ML_DSA_44", None, Scheme::MlDsa44),
        ("ML_DSA_65", None, Scheme::MlDsa65),
        ("ML_DSA_87", Some(Scheme::MlDsa87), Scheme::MlDsa87),
    ] {
        let arn = create(&kms, spec, "SIGN_VERIFY").await;
        let signer = open(&arn, asked).await.unwrap();
        let SigningKey { public, name, dangerous_local } = signer.key();
        assert_eq!((public.scheme(), name, dangerous_local), (scheme, &arn, &false));
        assert!(public.signed(&PAE, &signer.sign(PAE).await.unwrap()), "{scheme}");
        let answer = KmsKeys::new(&aws(OWNER).await).public_key(&uri(&arn).to_string()).await.unwrap();
        assert_eq!(answer, KeyAnswer::Enabled { spki: public.spki().to_vec() });
    }
}

#[tokio::test]
async fn a_key_that_goldseal_cannot_sign_with_is_refused_with_the_reason() {
    let kms = kms("us-east-1").await;
    for (spec, usage, asked, why) in [
        ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY", None, "4,096 bytes"),
        ("ECC_NIST_P521", "SIGN_VERIFY", None, "do not know them"),
        ("ECC_SECG_P256K1", "SIGN_VERIFY", None, "do not know them"),
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", None, "ENCRYPT_DECRYPT"),
        ("RSA_2048", "ENCRYPT_DECRYPT", None, "ENCRYPT_DECRYPT"),
        ("ECC_NIST_P256", "SIGN_VERIFY", Some(Scheme::EcdsaP384Sha384), "do not sign ecdsa-p384-sha384"),
        ("RSA_2048", "SIGN_VERIFY", Some(Scheme::Ed25519), "do not sign ed25519 but rsa-pkcs1-sha256"),
        ("ML_DSA_44", "SIGN_VERIFY", Some(Scheme::MlDsa65), "do not sign ml-dsa-65"),
    ] {
        let arn = create(&kms, spec, usage).await;
        let error = open(&arn, asked).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Refused);
        assert!(error.chain().contains(why), "{}", error.chain());
    }
}

#[tokio::test]
async fn an_alias_that_moves_takes_no_opened_signer_with_it() {
    let kms = kms("us-east-1").await;
    let (old, new) =
        (create(&kms, "ECC_NIST_P256", "SIGN_VERIFY").await, create(&kms, "ECC_NIST_P256", "SIGN_VERIFY").await);
    kms.create_alias().alias_name("alias/moving").target_key_id(&old).send().await.unwrap();
    let signer = open("alias/moving", None).await.unwrap();
    kms.update_alias().alias_name("alias/moving").target_key_id(&new).send().await.unwrap();
    assert!(signer.sign(PAE).await.is_ok());
    assert_eq!(signer.key().name, old);
    assert_eq!(open("alias/moving", None).await.unwrap().key().name, new);
    let signed = cloud().calls(&format!("service=kms&action=Sign&resource={old}"));
    assert_eq!(signed.matches("\"Sign\"").count(), 1, "{signed}");
}

#[tokio::test]
async fn a_withdrawn_key_is_told_with_its_state_and_signs_nothing() {
    let kms = kms("us-east-1").await;
    let keys = KmsKeys::new(&aws(OWNER).await);
    let arn = create(&kms, "ECC_NIST_P256", "SIGN_VERIFY").await;
    let id = arn.rsplit('/').next().unwrap();
    let signer = open(&arn, None).await.unwrap();
    for state in ["Disabled", "PendingDeletion"] {
        if state == "Disabled" {
            kms.disable_key().key_id(id).send().await.unwrap();
        } else {
            kms.schedule_key_deletion().key_id(id).pending_window_in_days(7).send().await.unwrap();
        }
        let error = open(&arn, None).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Refused);
        assert!(error.chain().contains(&format!("in the state {state}")), "{}", error.chain());
        assert_eq!(signer.sign(PAE).await.unwrap_err().kind, PortErrorKind::Refused);
        let answer = keys.public_key(&uri(&arn).to_string()).await.unwrap();
        assert_eq!(answer, KeyAnswer::Withdrawn { state: state.to_owned() });
    }
}

#[tokio::test]
async fn the_region_is_the_one_of_the_arn_and_the_account_too() {
    let arn = create(&kms("eu-west-1").await, "ECC_NIST_P256", "SIGN_VERIFY").await;
    assert!(open(&arn, None).await.is_ok());
    let id = arn.rsplit('/').next().unwrap();
    assert_eq!(open(id, None).await.unwrap_err().kind, PortErrorKind::NotFound);
    let error = KmsSigner::open(&aws("222222222222").await, &uri(&arn), None).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Denied, "{}", error.chain());
    assert!(error.chain().contains("kms:DescribeKey"), "{}", error.chain());
}

#[tokio::test]
async fn an_endpoint_in_the_uri_goes_before_the_configured_one() {
    let kms = kms("us-east-1").await;
    let arn = create(&kms, "ECC_NIST_P256", "SIGN_VERIFY").await;
    kms.create_alias().alias_name("alias/by-endpoint").target_key_id(&arn).send().await.unwrap();
    let host = cloud().endpoint.strip_prefix("http://").unwrap();
    let uri = format!("awskms://{host}/alias/by-endpoint").parse().unwrap();
    let nowhere = AwsConfig::local("http://127.0.0.1:9", OWNER).await;
    assert_eq!(KmsSigner::open(&nowhere, &uri, None).await.unwrap().key().name, arn);
}

#[tokio::test]
async fn a_text_that_is_no_uri_is_refused_and_an_alias_of_nothing_not_found() {
    let keys = KmsKeys::new(&aws(OWNER).await);
    let error = keys.public_key("awskms://alias/x").await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Refused);
    assert!(error.chain().contains("three slashes"), "{}", error.chain());
    assert_eq!(keys.public_key("awskms:///alias/of-nothing").await.unwrap_err().kind, PortErrorKind::NotFound);
}

const ARN: &str = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER_ARN: &str = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ac";

/// Opens a key at a server that answers one request after another from a list, then signs.
async fn open_and_sign(public_key_of: &str, signed_by: &str, signature: Vec<u8>) -> Result<Vec<u8>, PortError> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let spki = STANDARD.encode(LocalKey::p256(1).public().spki());
    let signature = STANDARD.encode(signature);
    let answers = [
        format!(
            r#"{{"KeyMetadata":{{"KeyId":"x","Arn":"{ARN}","KeyUsage":"SIGN_VERIFY","KeyState":"Enabled",
                "KeySpec":"ECC_NIST_P256","SigningAlgorithms":["ECDSA_SHA_256"]}}}}"#
        ),
        format!(r#"{{"KeyId":"{public_key_of}","PublicKey":"{spki}"}}"#),
        format!(r#"{{"KeyId":"{signed_by}","Signature":"{signature}"}}"#),
    ];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Each request comes whole in far less than this.
            let mut request = vec![0; 64 << 10];
            let _read = stream.read(&mut request).await.unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", answer.len());
            stream.write_all(format!("{head}{answer}").as_bytes()).await.unwrap();
        }
    });
    let signer = KmsSigner::open(&AwsConfig::local(&endpoint, OWNER).await, &uri(ARN), None).await?;
    signer.sign(PAE).await
}

#[tokio::test]
async fn an_answer_about_another_key_is_refused_and_so_is_a_signature_that_does_not_verify() {
    let good = LocalKey::p256(1).sign(&PAE.to_vec());
    assert_eq!(open_and_sign(ARN, ARN, good.clone()).await.unwrap(), good);
    for (public_key_of, signed_by, signature, why) in [
        (OTHER_ARN, ARN, good.clone(), "another key"),
        (ARN, OTHER_ARN, good.clone(), "signed by arn:aws:kms:us-east-1:123456789012:key/1234"),
        (ARN, ARN, LocalKey::p256(2).sign(&PAE.to_vec()), "does not verify"),
        (ARN, ARN, LocalKey::p256(1).sign(b"something else"), "does not verify"),
        (ARN, ARN, Vec::new(), "does not verify"),
    ] {
        let error = open_and_sign(public_key_of, signed_by, signature).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed);
        assert!(error.chain().contains(why), "{}", error.chain());
    }
}
