//! KMS keys → public keys with their state, and signatures.
//!
//! An alias is resolved once, when a key is opened; every later call names the key's ARN, and an answer about another
//! key is refused: `kms:UpdateAlias` moves an alias without a trace in what is signed. A message is hashed here and
//! signed as a digest, or as μ for ML-DSA, since KMS takes 4,096 bytes of a message at most. A signature is verified
//! before it leaves.

use aws_sdk_kms::{
    primitives::Blob,
    types::{KeyMetadata, KeySpec, KeyState, KeyUsageType, MessageType, SigningAlgorithmSpec},
};
use goldseal_core::{
    attestation::Pae,
    ports::{KeyCatalog, PortError, PortErrorKind, Signer, SigningKey},
    trust::{KeyAnswer, KeyUri, NotAKeyUri, PublicKey, Scheme},
};

use super::{AwsConfig, external_mu::external_mu, fault};

const DESCRIBE: &str = "kms:DescribeKey";
const PUBLIC_KEY: &str = "kms:GetPublicKey";
const SIGN: &str = "kms:Sign";

/// A KMS key that signs.
#[derive(Debug)]
pub struct KmsSigner {
    kms: aws_sdk_kms::Client,
    arn: String,
    algorithm: SigningAlgorithmSpec,
    key: SigningKey,
}

impl KmsSigner {
    /// Looks a key up and checks that it can sign with the scheme, or with the usual one of its kind: ECDSA with the
    /// hash of the curve's size, PKCS #1 with SHA-256 for RSA (what cosign expects), ML-DSA.
    ///
    /// # Errors
    /// [`PortErrorKind::Refused`] when the key, its state or the scheme does not fit; else what the calls fail with.
    pub async fn open(aws: &AwsConfig, uri: &KeyUri, scheme: Option<Scheme>) -> Result<Self, PortError> {
        let refuse = |why: String| PortError::new(PortErrorKind::Refused, DESCRIBE, uri).because(why);
        let kms = connect(aws, uri).await?;
        let (arn, metadata) = describe(&kms, uri).await?;
        if metadata.key_usage() != Some(&KeyUsageType::SignVerify) {
            let usage = metadata.key_usage().map_or("unknown", KeyUsageType::as_str);
            return Err(refuse(format!("{arn} is for {usage}, and only a key for SIGN_VERIFY signs")));
        }
        if let Some(state) = withdrawn(&metadata) {
            return Err(refuse(format!("{arn} is in the state {state}")));
        }
        let spec = metadata.key_spec().ok_or_else(|| refuse(format!("{arn} has no key spec")))?;
        let scheme = choose(spec, scheme).map_err(refuse)?;
        let algorithm = algorithm_of(scheme).ok_or_else(|| refuse(format!("KMS does not sign {scheme}")))?;
        if !metadata.signing_algorithms().contains(&algorithm) {
            return Err(refuse(format!("{arn} does not offer {algorithm}")));
        }
        let spki = public_key(&kms, &arn).await?;
        let public = PublicKey::from_spki(&spki, Some(scheme))
            .map_err(|error| PortError::new(PortErrorKind::Malformed, PUBLIC_KEY, &arn).because(error))?;
        let key = SigningKey { public, name: arn.clone(), dangerous_local: false };
        Ok(Self { kms, arn, algorithm, key })
    }
}

impl Signer for KmsSigner {
    fn key(&self) -> &SigningKey {
        &self.key
    }

    async fn sign(&self, pae: Pae<'_>) -> Result<Vec<u8>, PortError> {
        let malformed = |why: String| PortError::new(PortErrorKind::Malformed, SIGN, &self.arn).because(why);
        let public = &self.key.public;
        let (kind, message) = match public.scheme().hash() {
            Some(hash) => (MessageType::Digest, pae.digest(hash)),
            // Ed25519 has no hash either, and never gets here: `choose` refuses it.
            None => (MessageType::ExternalMu, external_mu(public.raw(), &pae.to_vec()).to_vec()),
        };
        let request = self.kms.sign().key_id(&self.arn).message(Blob::new(message)).message_type(kind);
        let answer = request.signing_algorithm(self.algorithm.clone()).send().await;
        let answer = answer.map_err(|error| fault::port_error(&error, SIGN, &self.arn))?;
        if answer.key_id() != Some(self.arn.as_str()) {
            return Err(malformed(format!("signed by {}", answer.key_id().unwrap_or("no key"))));
        }
        let signature = answer.signature.unwrap_or_else(|| Blob::new([])).into_inner();
        if !public.signed(&pae, &signature) {
            return Err(malformed("the signature does not verify with the public key".to_owned()));
        }
        Ok(signature)
    }
}

/// KMS as the place where public keys are asked for.
#[derive(Debug, Clone)]
pub struct KmsKeys {
    aws: AwsConfig,
}

impl KmsKeys {
    /// Asks KMS with these settings, in the region of each key's ARN or in the default one.
    pub fn new(aws: &AwsConfig) -> Self {
        Self { aws: aws.clone() }
    }
}

impl KeyCatalog for KmsKeys {
    async fn public_key(&self, uri: &str) -> Result<KeyAnswer, PortError> {
        let uri: KeyUri = uri
            .parse()
            .map_err(|error: NotAKeyUri| PortError::new(PortErrorKind::Refused, DESCRIBE, uri).because(error))?;
        let kms = connect(&self.aws, &uri).await?;
        let (arn, metadata) = describe(&kms, &uri).await?;
        match withdrawn(&metadata) {
            Some(state) => Ok(KeyAnswer::Withdrawn { state }),
            None => Ok(KeyAnswer::Enabled { spki: public_key(&kms, &arn).await? }),
        }
    }
}

async fn connect(aws: &AwsConfig, uri: &KeyUri) -> Result<aws_sdk_kms::Client, PortError> {
    let region = match uri.region() {
        Some(region) => region.clone(),
        None => aws.region().await?,
    };
    Ok(aws.kms(&region, uri.endpoint().as_deref()))
}

/// Returns the key's ARN and what KMS says of it.
async fn describe(kms: &aws_sdk_kms::Client, uri: &KeyUri) -> Result<(String, KeyMetadata), PortError> {
    let answer = kms.describe_key().key_id(uri.key()).send().await;
    let answer = answer.map_err(|error| fault::port_error(&error, DESCRIBE, uri))?;
    let metadata = answer.key_metadata.filter(|metadata| metadata.arn.is_some());
    let metadata = metadata.ok_or_else(|| {
        PortError::new(PortErrorKind::Malformed, DESCRIBE, uri).because("an answer without the key's ARN")
    })?;
    Ok((metadata.arn.clone().unwrap_or_default(), metadata))
}

/// Returns the SubjectPublicKeyInfo.
async fn public_key(kms: &aws_sdk_kms::Client, arn: &str) -> Result<Vec<u8>, PortError> {
    let malformed = |why: &'static str| PortError::new(PortErrorKind::Malformed, PUBLIC_KEY, arn).because(why);
    let answer = kms.get_public_key().key_id(arn).send().await;
    let answer = answer.map_err(|error| fault::port_error(&error, PUBLIC_KEY, arn))?;
    if answer.key_id() != Some(arn) {
        return Err(malformed("an answer about another key"));
    }
    answer.public_key.map(Blob::into_inner).ok_or_else(|| malformed("an answer without a public key"))
}

/// Returns KMS's word for the state of a key that it would not sign with.
fn withdrawn(metadata: &KeyMetadata) -> Option<String> {
    match metadata.key_state() {
        // A key whose primary Region is being moved signs all the while.
        Some(KeyState::Enabled | KeyState::Updating) => None,
        Some(other) => Some(other.as_str().to_owned()),
        None => Some("unknown".to_owned()),
    }
}

/// Returns the scheme to sign with, or why there is none.
fn choose(spec: &KeySpec, asked: Option<Scheme>) -> Result<Scheme, String> {
    let offered = schemes_of(spec)?;
    let usual = offered.first().copied().ok_or_else(|| format!("{spec} keys sign nothing"))?;
    match asked {
        None => Ok(usual),
        Some(asked) if offered.contains(&asked) => Ok(asked),
        Some(asked) => {
            let offered: Vec<&str> = offered.iter().map(|scheme| scheme.as_str()).collect();
            Err(format!("{spec} keys do not sign {asked} but {}", offered.join(", ")))
        }
    }
}

/// Returns the schemes that goldseal signs with for a kind of key, the usual one first.
fn schemes_of(spec: &KeySpec) -> Result<&'static [Scheme], String> {
    let why = match spec.as_str() {
        "ECC_NIST_P256" => return Ok(&[Scheme::EcdsaP256Sha256]),
        "ECC_NIST_P384" => return Ok(&[Scheme::EcdsaP384Sha384]),
        "RSA_2048" | "RSA_3072" | "RSA_4096" => {
            return Ok(&[
                Scheme::RsaPkcs1Sha256,
                Scheme::RsaPkcs1Sha384,
                Scheme::RsaPkcs1Sha512,
                Scheme::RsaPssSha256,
                Scheme::RsaPssSha384,
                Scheme::RsaPssSha512,
            ]);
        }
        "ML_DSA_44" => return Ok(&[Scheme::MlDsa44]),
        "ML_DSA_65" => return Ok(&[Scheme::MlDsa65]),
        "ML_DSA_87" => return Ok(&[Scheme::MlDsa87]),
        "ECC_NIST_EDWARDS25519" => {
            "KMS signs at most 4,096 bytes with them and a statement is longer; its prehashed Ed25519ph is hashed \
             twice and no Sigstore tool verifies it"
        }
        "ECC_NIST_P521" | "ECC_SECG_P256K1" | "SM2" => "the verifiers that goldseal builds on do not know them",
        _ => "they do not sign",
    };
    Err(format!("{spec} keys are not supported: {why}; use ECC_NIST_P256, ECC_NIST_P384, RSA_3072 or ML_DSA_65"))
}

fn algorithm_of(scheme: Scheme) -> Option<SigningAlgorithmSpec> {
    Some(match scheme {
        Scheme::EcdsaP256Sha256 => SigningAlgorithmSpec::EcdsaSha256,
        Scheme::EcdsaP384Sha384 => SigningAlgorithmSpec::EcdsaSha384,
        Scheme::RsaPkcs1Sha256 => SigningAlgorithmSpec::RsassaPkcs1V15Sha256,
        Scheme::RsaPkcs1Sha384 => SigningAlgorithmSpec::RsassaPkcs1V15Sha384,
        Scheme::RsaPkcs1Sha512 => SigningAlgorithmSpec::RsassaPkcs1V15Sha512,
        Scheme::RsaPssSha256 => SigningAlgorithmSpec::RsassaPssSha256,
        Scheme::RsaPssSha384 => SigningAlgorithmSpec::RsassaPssSha384,
        Scheme::RsaPssSha512 => SigningAlgorithmSpec::RsassaPssSha512,
        Scheme::MlDsa44 | Scheme::MlDsa65 | Scheme::MlDsa87 => SigningAlgorithmSpec::MlDsaShake256,
        Scheme::Ed25519 => return None,
    })
}

#[cfg(test)]
mod tests;
