//! Accounts of the local AWS, each a new one: images, keys, buckets, tags, calls and faults of one test, out of the way
//! of all others.

use std::{
    collections::BTreeMap,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_ebs::types::ChecksumAlgorithm;
use aws_sdk_ec2::types::{BlockDeviceMapping, EbsBlockDevice, ResourceType, Tag, TagSpecification};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::{cloud::cloud, run::Goldseal};

/// The region of everything that does not name another one.
pub const REGION: &str = "eu-west-1";
/// The size of a block of EBS.
pub const BLOCK: usize = 512 << 10;
/// Nobody listens there.
pub const NOWHERE: &str = "http://127.0.0.1:9";

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());

static SDK: LazyLock<SdkConfig> = LazyLock::new(|| {
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).endpoint_url(&cloud().endpoint);
    wait(loader.region(Region::new(REGION)).credentials_provider(credentials("testing")).load())
});

/// Waits for something that the SDK or a client does.
pub fn wait<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

fn credentials(account: &str) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new(account, "testing", None, None, "tests"))
}

/// An account in a region.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: String,
    region: String,
}

/// A KMS key.
#[derive(Debug, Clone)]
pub struct Key {
    pub arn: String,
    pub id: String,
    pub spki: Vec<u8>,
}

impl Account {
    /// Makes an account that nobody else has.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(100_000_000_001);
        Self { id: NEXT.fetch_add(1, SeqCst).to_string(), region: REGION.to_owned() }
    }

    /// Returns an account by its id: documents name one, and their words are tried as they stand.
    pub fn named(id: &str) -> Self {
        Self { id: id.to_owned(), region: REGION.to_owned() }
    }

    /// Returns the account in another region.
    pub fn in_region(&self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self.clone() }
    }

    /// Returns the executable with the credentials of this account.
    pub fn goldseal(&self) -> Goldseal {
        Goldseal::new()
            .with("AWS_ENDPOINT_URL", &cloud().endpoint)
            .with("AWS_REGION", &self.region)
            .with("AWS_ACCESS_KEY_ID", &self.id)
            .with("AWS_SECRET_ACCESS_KEY", "testing")
    }

    /// Registers an image of one device with one block, and with the tags of the fixtures' build facts.
    pub fn image(&self, name: &str) -> String {
        let root = self.snapshot(1, &[(0, name.as_bytes())]);
        self.image_of(name, &[("/dev/xvda", &root, 1)])
    }

    /// Registers an image of these devices: name, snapshot, size in GiB. The first one is the root.
    pub fn image_of(&self, name: &str, devices: &[(&str, &str, i32)]) -> String {
        let mappings = devices.iter().map(|(device, snapshot, size)| {
            let ebs = EbsBlockDevice::builder().snapshot_id(*snapshot).volume_size(*size).build();
            BlockDeviceMapping::builder().device_name(*device).ebs(ebs).build()
        });
        let tags = build_tags().into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags = TagSpecification::builder().resource_type(ResourceType::Image).set_tags(Some(tags.collect()));
        let request = self.ec2().register_image().name(name).architecture("x86_64".into()).boot_mode("uefi".into());
        let request = request.root_device_name(devices[0].0).virtualization_type("hvm");
        let request = request.set_block_device_mappings(Some(mappings.collect())).tag_specifications(tags.build());
        wait(request.send()).unwrap().image_id.unwrap()
    }

    /// Makes a snapshot through the EBS direct API; each block is a pattern, repeated.
    pub fn snapshot(&self, gib: i64, blocks: &[(i32, &[u8])]) -> String {
        let ebs = aws_sdk_ebs::Client::new(&self.sdk());
        wait(async {
            let id = ebs.start_snapshot().volume_size(gib).send().await.unwrap().snapshot_id.unwrap();
            for (index, pattern) in blocks {
                let data = block(pattern);
                let checksum = STANDARD.encode(digest(&SHA256, &data));
                let request = ebs.put_snapshot_block().snapshot_id(&id).block_index(*index).block_data(data.into());
                let request = request.data_length(524_288).checksum(checksum);
                request.checksum_algorithm(ChecksumAlgorithm::ChecksumAlgorithmSha256).send().await.unwrap();
            }
            let count = i32::try_from(blocks.len()).unwrap();
            ebs.complete_snapshot().snapshot_id(&id).changed_blocks_count(count).send().await.unwrap();
            id
        })
    }

    /// Returns an image's tags.
    pub fn tags(&self, image: &str) -> BTreeMap<String, String> {
        let answer = wait(self.ec2().describe_images().image_ids(image).send()).unwrap();
        let tags = answer.images()[0].tags().iter();
        tags.map(|tag| (tag.key().unwrap().to_owned(), tag.value().unwrap().to_owned())).collect()
    }

    /// Sets a tag of an image.
    pub fn tag(&self, image: &str, key: &str, value: &str) {
        let tag = Tag::builder().key(key).value(value).build();
        wait(self.ec2().create_tags().resources(image).tags(tag).send()).unwrap();
    }

    /// Takes a tag of an image away.
    pub fn untag(&self, image: &str, key: &str) {
        let tag = Tag::builder().key(key).build();
        wait(self.ec2().delete_tags().resources(image).tags(tag).send()).unwrap();
    }

    /// Makes a KMS key that signs.
    pub fn key(&self, spec: &str) -> Key {
        self.key_of(spec, false)
    }

    /// Makes a KMS key that signs, perhaps in several regions.
    pub fn key_of(&self, spec: &str, multi_region: bool) -> Key {
        let request = self.kms().create_key().key_spec(spec.into()).key_usage("SIGN_VERIFY".into());
        self.key_there(&wait(request.multi_region(multi_region).send()).unwrap().key_metadata.unwrap().key_id)
    }

    /// Returns a KMS key that somebody made.
    pub fn key_there(&self, id: &str) -> Key {
        let told = wait(self.kms().describe_key().key_id(id).send()).unwrap().key_metadata.unwrap();
        let spki = wait(self.kms().get_public_key().key_id(id).send()).unwrap().public_key.unwrap();
        Key { arn: told.arn.unwrap(), id: told.key_id, spki: spki.into_inner() }
    }

    /// Gives a key an alias, which may be in use for another one.
    pub fn alias(&self, name: &str, key: &Key) {
        let alias = format!("alias/{name}");
        if wait(self.kms().create_alias().alias_name(&alias).target_key_id(&key.id).send()).is_err() {
            wait(self.kms().update_alias().alias_name(&alias).target_key_id(&key.id).send()).unwrap();
        }
    }

    /// Makes a key with an alias.
    pub fn key_called(&self, alias: &str) -> Key {
        let key = self.key("ECC_NIST_P256");
        self.alias(alias, &key);
        key
    }

    /// Makes the account's bucket and returns its store.
    pub fn bucket_store(&self) -> String {
        self.bucket_called(&self.bucket())
    }

    /// Makes a bucket and returns its URL.
    pub fn bucket_called(&self, name: &str) -> String {
        let place = aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(REGION.into()).build();
        let home = self.in_region(REGION);
        wait(home.s3().create_bucket().bucket(name).create_bucket_configuration(place).send()).unwrap();
        format!("s3://{name}")
    }

    /// Returns the name of the account's bucket.
    pub fn bucket(&self) -> String {
        format!("evidence-{}", self.id)
    }

    /// Returns the evidence of an image in the account's bucket.
    pub fn evidence(&self, image: &str) -> Option<Vec<u8>> {
        let sent = wait(self.s3().get_object().bucket(self.bucket()).key(self.evidence_key(image)).send());
        match sent {
            Ok(answer) => Some(wait(answer.body.collect()).unwrap().to_vec()),
            Err(error) if error.code() == Some("NoSuchKey") => None,
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Puts evidence of an image into the account's bucket.
    pub fn put_evidence(&self, image: &str, evidence: &[u8]) {
        let request = self.s3().put_object().bucket(self.bucket()).key(self.evidence_key(image));
        wait(request.body(evidence.to_vec().into()).send()).unwrap();
    }

    /// Returns the key of an image's evidence in a bucket.
    pub fn evidence_key(&self, image: &str) -> String {
        format!("v1/aws/{}/{image}.jsonl", self.region)
    }

    /// Orders an error for calls of this account, as `Cloud::order_fault` does.
    pub fn fault(&self, mut fault: Value) {
        fault["account"] = self.id.clone().into();
        cloud().order_fault(&fault.to_string());
    }

    /// Returns the calls of this account to a service, as `(action, resource)`, oldest first.
    pub fn calls(&self, service: &str) -> Vec<(String, String)> {
        let query = format!("service={service}&account={}", self.id);
        let calls: Vec<Value> = serde_json::from_str(&cloud().calls(&query)).unwrap();
        let text = |call: &Value, name: &str| call[name].as_str().unwrap().to_owned();
        calls.iter().map(|call| (text(call, "action"), text(call, "resource"))).collect()
    }

    pub fn ec2(&self) -> aws_sdk_ec2::Client {
        aws_sdk_ec2::Client::new(&self.sdk())
    }

    pub fn autoscaling(&self) -> aws_sdk_autoscaling::Client {
        aws_sdk_autoscaling::Client::new(&self.sdk())
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk())
    }

    pub fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.sdk())
    }

    pub fn ssm(&self) -> aws_sdk_ssm::Client {
        aws_sdk_ssm::Client::new(&self.sdk())
    }

    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk()).force_path_style(true).build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// Returns the settings of its clients, for services that few tests need.
    pub fn sdk(&self) -> SdkConfig {
        let region = Region::new(self.region.clone());
        SDK.to_builder().credentials_provider(credentials(&self.id)).region(region).build()
    }
}

impl Key {
    /// Returns the public half as PEM.
    pub fn pem(&self) -> String {
        let text = STANDARD.encode(&self.spki);
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    /// Returns the SHA-256 of the public half.
    pub fn pin(&self) -> String {
        sha256(&self.spki)
    }
}

/// Returns a block that is full of a pattern.
pub fn block(pattern: &[u8]) -> Vec<u8> {
    pattern.iter().copied().cycle().take(BLOCK).collect()
}

/// Returns the SHA-256 of bytes in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the tags that the fixtures' build facts seal.
pub fn build_tags() -> BTreeMap<String, String> {
    let facts = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/build.json")).unwrap();
    let facts: Value = serde_json::from_slice(&facts).unwrap();
    serde_json::from_value(facts["tags"].clone()).unwrap()
}
