use super::*;
use crate::{
    attestation::predicate::provenance,
    build::{CiSystem, base, packer_provenance},
    testing::images::{descriptor, other_facts},
};

const RUN: &str = "60fe11a8-f3db-9141-9a4d-bc97188e4d69";
const HEAD: &str = "5b1f0c9e27d84a36b0e4c7719f2ad8635c0e91d4";
const OTHER: &str = "0c9e27d84a36b0e4c7719f2ad8635c0e91d45b1f";
const BUILDER: &str = "https://github.com/acme/images/.github/workflows/golden.yml@refs/heads/main";

/// Everything that there is to know of one build, all of it in agreement.
struct World {
    image: ImageRef,
    given: BuildFacts,
    manifest: Manifest,
    packer: PackerProvenance,
    ci: Ci,
    git: Checkout,
    base: Descriptor,
    source_image: ImageRef,
    ancestry: Vec<Ancestor>,
}

impl World {
    fn new() -> Self {
        // The base image is described as an image of the test account in the same region.
        let base = other_facts().descriptor;
        let (image, source_image) = (descriptor().image(), base.image());
        let given = format!(
            r#"{{"builder":"{BUILDER}","invocation":"https://ci.example/given","packerRun":"{RUN}",
                "source":{{"repository":"https://github.com/acme/images","commit":"{HEAD}"}},
                "baseImage":{{"arn":"{}","descriptor":"{}"}},"tools":{{"packer":"1.16.0","goss":"0.4.9"}},
                "finishedOn":"2026-11-23T12:43:40Z","tags":{{"Team":"platform"}}}}"#,
            base.arn(),
            base.digest()
        );
        let manifest = format!(
            r#"{{"builds":[{{"name":"base","builder_type":"amazon-ebs","build_time":1795437819,
                "artifact_id":"{}:{}","packer_run_uuid":"{RUN}","custom_data":{{"source_ami":"{}",
                "source_ami_owner":"{}","packer_version":"1.16.0","git_commit":"{HEAD}","builder":"{BUILDER}"}}}}],
                "last_run_uuid":"{RUN}"}}"#,
            image.region,
            image.id,
            source_image.id,
            base.owner()
        );
        let ci = Ci {
            system: CiSystem::GitHub,
            builder: Some(BUILDER.to_owned()),
            invocation: Some("https://ci.example/1".to_owned()),
            repository: Some("https://github.com/acme/images".to_owned()),
            commit: Some(HEAD.to_owned()),
        };
        let git = Checkout {
            commit: HEAD.to_owned(),
            remote: Some("git@github.com:acme/images.git".to_owned()),
            dirty: false,
        };
        let created = base.identity().creation_date.parse().ok();
        let ancestry = vec![Ancestor { image: source_image.clone(), owner_alias: None, created }];
        Self {
            given: serde_json::from_str(&given).unwrap(),
            manifest: Manifest::parse(manifest.as_bytes(), None).unwrap(),
            packer: packer_provenance::tests::believed(&image, HEAD),
            image,
            ci,
            git,
            base,
            source_image,
            ancestry,
        }
    }

    fn known(&self) -> Known<'_> {
        Known {
            given: Some(&self.given),
            manifest: Some(&self.manifest),
            packer: Some(&self.packer),
            ci: Some(&self.ci),
            git: Some(&self.git),
            source_image: Some(&self.source_image),
            ancestry: &self.ancestry,
            base: Some(&self.base),
            ..Known::of(&self.image)
        }
    }

    /// Returns what is known without those whose bit is not set.
    fn some(&self, bits: u16) -> Known<'_> {
        let has = |bit: u16| bits >> bit & 1 == 1;
        let known = self.known();
        Known {
            given: known.given.filter(|_| has(0)),
            manifest: known.manifest.filter(|_| has(1)),
            packer: known.packer.filter(|_| has(2)),
            ci: known.ci.filter(|_| has(3)),
            git: known.git.filter(|_| has(4)),
            source_image: known.source_image.filter(|_| has(5)),
            ancestry: if has(6) { known.ancestry } else { &[] },
            base: known.base.filter(|_| has(7)),
            ..known
        }
    }

    fn data(&mut self, key: &str, value: &str) {
        self.manifest.images[0].data.insert(key.to_owned(), value.to_owned());
    }

    fn fault(&self) -> String {
        assemble(&self.known()).unwrap_err().to_string()
    }
}

fn bytes(facts: &BuildFacts) -> Vec<u8> {
    serde_json::to_vec(&provenance(&descriptor(), facts.clone(), &[], &[])).unwrap()
}

#[test]
fn all_together_say_it_all() {
    let world = World::new();
    let Assembled { facts, missing } = assemble(&world.known()).unwrap();
    assert_eq!(missing, []);
    assert_eq!((facts.builder.as_str(), facts.packer_run.as_deref()), (BUILDER, Some(RUN)));
    assert_eq!(facts.invocation.as_deref(), Some("https://ci.example/given"));
    let source = facts.source.as_ref().unwrap();
    assert_eq!((source.repository.as_deref(), source.commit.as_str()), (Some("https://github.com/acme/images"), HEAD));
    let base = facts.base_image.as_ref().unwrap();
    assert_eq!((base.arn.as_str(), base.owner.as_ref()), (world.base.arn().as_str(), Some(world.base.owner())));
    assert_eq!(base.descriptor, Some(world.base.digest()));
    assert_eq!(base.created.unwrap().to_string(), "2026-11-01T10:00:00Z");
    assert_eq!(facts.ancestry, world.ancestry);
    assert_eq!(facts.tools["goss"], "0.4.9");
    let tags: Vec<String> = facts.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        tags,
        [
            format!("Builder={BUILDER}"),
            "BuiltAt=2026-11-23T12:43:40Z".to_owned(),
            format!("GitCommit={HEAD}"),
            "PackerVersion=1.16.0".to_owned(),
            "SourceAMI=ami-0fedcba9876543210".to_owned(),
            "Team=platform".to_owned(),
        ]
    );
}

#[test]
fn every_combination_of_absent_inputs_leaves_out_what_they_say_and_lists_it() {
    let world = World::new();
    let whole = assemble(&world.known()).unwrap().facts;
    for bits in 0..1_u16 << 8 {
        let known = world.some(bits);
        let made = assemble(&known);
        if known.given.is_none() && known.manifest.is_none() && known.ci.is_none() {
            assert_eq!(made, Err(FactsFault::NoBuilder), "{bits:b}");
            continue;
        }
        let Assembled { facts, missing } = made.unwrap_or_else(|fault| panic!("{bits:b}: {fault}"));
        assert_eq!(facts.builder, whole.builder);
        let misses = |one: Missing| missing.contains(&one);
        for (there, one) in [
            (facts.invocation.is_some(), Missing::Invocation),
            (facts.packer_run.is_some(), Missing::PackerRun),
            (facts.tools.contains_key("packer"), Missing::PackerVersion),
            (facts.source.as_ref().is_some_and(|source| source.repository.is_some()), Missing::Repository),
            (facts.source.is_some(), Missing::Commit),
            (facts.base_image.is_some(), Missing::BaseImage),
            (facts.ancestry.iter().any(|ancestor| ancestor.created.is_some()), Missing::Ancestry),
            (facts.finished_on.is_some(), Missing::FinishedOn),
        ] {
            assert_eq!(misses(one.clone()), !there, "{bits:b}: {one:?}");
        }
        let base = facts.base_image.as_ref();
        assert_eq!(misses(Missing::BaseOwner), base.is_some_and(|base| base.owner.is_none()), "{bits:b}");
        assert_eq!(misses(Missing::BaseDescriptor), base.is_some_and(|base| base.descriptor.is_none()), "{bits:b}");

        // What is said is what all together say; nothing is made up.
        let source = facts.source.as_ref();
        assert!(source.is_none_or(|source| source.commit == HEAD));
        assert_eq!(
            source.is_some(),
            known.given.is_some()
                || known.manifest.is_some()
                || known.packer.is_some()
                || known.ci.is_some()
                || known.git.is_some()
        );
        assert!(
            source
                .and_then(|source| source.repository.as_ref())
                .is_none_or(|url| url == "https://github.com/acme/images")
        );
        assert!(facts.packer_run.as_deref().is_none_or(|run| run == RUN));
        let named = base.map(|base| image_of_arn(&base.arn).unwrap().0);
        assert!(named.is_none_or(|image| image == world.source_image), "{bits:b}");
        assert!(base.and_then(|base| base.owner.as_ref()).is_none_or(|owner| owner == world.base.owner()));
        assert_eq!(facts.ancestry.is_empty(), known.source_image.is_none() && known.ancestry.is_empty());
        assert_eq!(facts.tags.len(), tags(&facts).len());
        assert_eq!(facts.tags.contains_key("SourceAMI"), base.is_some());
        assert_eq!(facts.tags.contains_key("BuiltAt"), facts.finished_on.is_some());
        assert_eq!(bytes(&facts), bytes(&assemble(&world.some(bits)).unwrap().facts));
        let again: BuildFacts = serde_json::from_slice(&serde_json::to_vec(&facts).unwrap()).unwrap();
        assert_eq!(again, facts, "what is assembled can be given as a file");
    }
}

#[test]
fn two_that_contradict_each_other_are_both_named() {
    type Change = fn(&mut World);
    let changes: [(Change, &str, &str, &str); 17] = [
        (|w| w.ci.commit = Some(OTHER.into()), "commit", FILE, "GitHub Actions"),
        (|w| w.git.commit = OTHER.into(), "commit", FILE, "git"),
        (|w| w.data("git_commit", OTHER), "commit", FILE, "custom_data.git_commit"),
        (|w| w.data("git_commit", "0c9e27d"), "commit", FILE, "custom_data.git_commit"),
        (|w| w.packer.commit = Some(OTHER.into()), "commit", FILE, PACKER),
        (|w| w.ci.repository = Some("https://github.com/acme/other".into()), "repository", FILE, "GitHub Actions"),
        (|w| w.git.remote = Some("git@github.com:fork/images".into()), "repository", FILE, "git"),
        (|w| w.packer.repository = Some("https://x.example/y".into()), "repository", FILE, PACKER),
        (|w| w.ci.builder = Some("https://ci.example".into()), "builder", FILE, "GitHub Actions"),
        (|w| w.data("builder", "laptop"), "builder", FILE, "custom_data.builder"),
        (|w| w.given.packer_run = Some("x".into()), "run of Packer", FILE, "the Packer manifest"),
        (|w| w.data("packer_version", "1.15.0"), "version of Packer", FILE, "custom_data.packer_version"),
        (|w| w.packer.packer = Some("1.15.0".into()), "version of Packer", FILE, PACKER),
        (|w| w.packer.build = Some("web".into()), "name of the build", "the Packer manifest", PACKER),
        (
            |w| w.data("source_ami_owner", "210987654321"),
            "owner of the base image",
            "the ARN in the file",
            "custom_data.source_ami_owner",
        ),
        (
            |w| w.given.base_image.as_mut().unwrap().owner = Some("210987654321".parse().unwrap()),
            "owner of the base image",
            FILE,
            "the ARN in the file",
        ),
        (
            |w| w.given.base_image.as_mut().unwrap().descriptor = Some(descriptor().digest()),
            "descriptor of the base image",
            FILE,
            "EC2",
        ),
    ];
    for (change, fact, one, other) in changes {
        let mut world = World::new();
        change(&mut world);
        let text = world.fault();
        assert!(text.starts_with(&format!("the {fact}: {one}")), "{text}");
        assert!(text.contains(&format!(", {other}")), "{text}");
    }
}

#[test]
fn ci_and_git_and_the_manifest_contradict_without_a_file_too() {
    let mut world = World::new();
    world.git.commit = OTHER.to_owned();
    let known = Known { ci: Some(&world.ci), git: Some(&world.git), ..Known::of(&world.image) };
    assert_eq!(
        assemble(&known).unwrap_err().to_string(),
        format!(
            "the commit: GitHub Actions says \"{HEAD}\", git says \"{OTHER}\"; \
             leave out what is not of this build, or mend it"
        )
    );
    let known = Known { manifest: Some(&world.manifest), git: Some(&world.git), ..Known::of(&world.image) };
    let text = assemble(&known).unwrap_err().to_string();
    assert!(text.starts_with("the commit: custom_data.git_commit of the Packer manifest says"), "{text}");
}

#[test]
fn words_for_people_do_not_contradict() {
    let mut world = World::new();
    world.ci.invocation = Some("https://ci.example/other".to_owned());
    world.manifest.images[0].built = None;
    assert!(assemble(&world.known()).is_ok());
    let without_file = Known { given: None, ..world.known() };
    let facts = assemble(&without_file).unwrap().facts;
    assert_eq!((facts.invocation, facts.finished_on), (world.ci.invocation.clone(), None));
}

#[test]
fn the_full_commit_stays_where_the_template_writes_a_short_one() {
    let mut world = World::new();
    world.data("git_commit", &HEAD[..7]);
    world.given.source = None;
    assert_eq!(assemble(&world.known()).unwrap().facts.source.unwrap().commit, HEAD);
}

#[test]
fn a_dirty_tree_is_a_fact() {
    let mut world = World::new();
    assert!(!assemble(&world.known()).unwrap().facts.source.unwrap().dirty);
    world.git.dirty = true;
    assert!(assemble(&world.known()).unwrap().facts.source.unwrap().dirty);
    world.git.dirty = false;
    world.given.source.as_mut().unwrap().dirty = true;
    assert!(assemble(&world.known()).unwrap().facts.source.unwrap().dirty);
}

#[test]
fn a_manifest_of_another_build_is_refused() {
    let world = World::new();
    let image = ImageRef { region: "us-east-1".parse().unwrap(), ..world.image.clone() };
    let fault = assemble(&Known { image: &image, ..world.known() }).unwrap_err();
    assert_eq!(
        fault.to_string(),
        format!("{image} was not built by run {RUN} of the Packer manifest, which built {}", world.image)
    );
    assert!(matches!(base(&Known { image: &image, ..world.known() }), Err(FactsFault::NotBuilt { .. })));
}

#[test]
fn our_own_keys_must_have_their_form_and_empty_ones_are_absent() {
    for (key, value, problem) in
        [("source_ami", "debian-12", "not an AMI id"), ("source_ami_owner", "amazon", "not an account id")]
    {
        let mut world = World::new();
        world.data(key, value);
        let text = world.fault();
        assert!(text.starts_with(&format!("custom_data.{key} of build \"base\"")) && text.contains(problem), "{text}");
    }
    let mut world = World::new();
    for key in ["source_ami", "source_ami_owner", "packer_version", "git_commit", "builder"] {
        world.data(key, " ");
    }
    let known = Known { manifest: Some(&world.manifest), ..Known::of(&world.image) };
    assert_eq!(assemble(&known), Err(FactsFault::NoBuilder));
    let facts = assemble(&Known { ci: Some(&world.ci), ..known }).unwrap();
    assert!(facts.missing.contains(&Missing::PackerVersion) && facts.missing.contains(&Missing::BaseImage));
}

#[test]
fn what_is_described_must_be_the_base_image() {
    let world = World::new();
    let another = descriptor();
    let fault = assemble(&Known { base: Some(&another), ..world.known() }).unwrap_err();
    assert!(fault.to_string().starts_with("the base image: the build says"), "{fault}");
}

#[test]
fn tags_that_the_facts_name_themselves_are_kept_and_those_that_no_image_can_bear_left_out() {
    let mut world = World::new();
    for name in ["SourceAMI", "GitCommit", "PackerVersion", "BuiltAt", "Builder"] {
        world.given.tags.insert(name.to_owned(), "own".to_owned());
    }
    let facts = assemble(&world.known()).unwrap().facts;
    assert!(facts.tags.iter().all(|(name, value)| value == "own" || name == "Team"), "{:?}", facts.tags);
    assert_eq!((facts.tags.len(), tags(&facts)), (6, facts.tags.clone()));
    let long = BuildFacts { builder: "b".repeat(257), tags: BTreeMap::new(), ..facts };
    assert_eq!(tags(&long).get("Builder"), None);
    let longest = BuildFacts { builder: "b".repeat(256), ..long };
    assert_eq!(tags(&longest)["Builder"].len(), 256);
}

#[test]
fn a_source_of_which_only_the_commit_is_known_is_a_source() {
    let world = World::new();
    let git = Checkout { remote: Some("/srv/git/images".to_owned()), ..world.git.clone() };
    let known = Known { manifest: Some(&world.manifest), git: Some(&git), ..Known::of(&world.image) };
    let made = assemble(&known).unwrap();
    assert_eq!(made.facts.source.unwrap(), Source { repository: None, commit: HEAD.into(), dirty: false });
    assert!(made.missing.contains(&Missing::Repository) && !made.missing.contains(&Missing::Commit));
}

#[test]
fn codes_are_stable_and_no_two_are_the_same() {
    let all = [
        Missing::Invocation,
        Missing::PackerRun,
        Missing::PackerVersion,
        Missing::Repository,
        Missing::Commit,
        Missing::BaseImage,
        Missing::BaseOwner,
        Missing::BaseDescriptor,
        Missing::Ancestry,
        Missing::FinishedOn,
        Missing::Lineage(descriptor().image()),
    ];
    let codes: std::collections::BTreeSet<&str> = all.iter().map(Missing::code).collect();
    assert_eq!(codes.len(), all.len());
    assert!(all.iter().all(|one| !one.to_string().is_empty()));
}
