//! `goldseal sbom query`: which instances have a package, from the SBOMs in verified evidence.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use goldseal_core::{
    attestation::EVIDENCE_LIMITS,
    flow::{Asked, Auditing, Offline, Querying, audit, query_evidence, query_images, query_running, query_sbom},
    gate::Period,
    ids::ImageRef,
    image::DescribedImage,
    policy::Policy,
    ports::{ImageCatalog, PortError},
    query::Query,
    report::{AuditReport, SbomQueryReport},
};
use jiff::Timestamp;

use super::{
    describe::facts_of_file,
    exit::{Code, Failure},
    fleet::FleetArgs,
    image::ImageArg,
    policy,
    session::Session,
    trace::saved,
    wait,
};
use crate::{
    adapters::aws::Ec2,
    files,
    render::{self, Bar, Format},
    settings::DEADLINE,
};

const AFTER: &str = "\
A package is named by NAME, TYPE:NAME or a package URL; <, <=, =, !=, >= and > compare its version, and a comma joins \
comparisons that must all hold. What runs is looked at as by `goldseal audit`, unless a saved audit or images are named. \
docs/sbom-query.md says how versions are compared, and what is not searched.

Examples:
  goldseal sbom query 'openssl<3.0.14'
  goldseal sbom query 'deb:openssl>=3.0,<3.0.14' --organization --role goldseal/audit
  goldseal sbom query 'pkg:golang/golang.org/x/net<0.17' --from audit.json --output json
  goldseal sbom query 'log4j-core' ami-0123456789abcdef0
  goldseal sbom query 'xz-utils>=5.6.0,<=5.6.1' --sbom sbom.spdx.json

Exit codes: 0 nothing has it, and all was searched, 1 something has it, 3 nothing that was searched has it, and something \
was not searched or could not be compared.";

/// Questions to the SBOMs of images.
#[derive(Debug, clap::Subcommand)]
pub enum Sbom {
    /// Say which instances have a package
    Query(Box<Ask>),
}

/// Arguments of `sbom query`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Ask {
    /// What is asked for, such as 'openssl<3.0.14'
    #[arg(value_name = "QUERY")]
    query: Query,
    /// Search these images, whatever runs them: ami-ID, REGION:ami-ID or ARN
    #[arg(value_name = "AMI", conflicts_with_all = ["FleetArgs", "AccountArgs"])]
    amis: Vec<ImageArg>,
    /// Search what ran when this audit was saved, by `goldseal audit --output json`; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["amis", "FleetArgs", "AccountArgs"])]
    from: Option<PathBuf>,
    /// Read the image from a saved `aws ec2 describe-images` answer or a descriptor; with --evidence, no network
    #[arg(long, value_name = "FILE", requires = "evidence", conflicts_with_all = ["from", "FleetArgs", "AccountArgs"])]
    image: Option<PathBuf>,
    /// Read its evidence from a file
    #[arg(long, value_name = "FILE", requires = "image")]
    evidence: Option<PathBuf>,
    /// Search a bare SBOM, SPDX 2 or CycloneDX in JSON, which nobody verifies
    #[arg(long, value_name = "FILE", conflicts_with_all = ["amis", "from", "image", "at", "FleetArgs", "AccountArgs"])]
    sbom: Option<PathBuf>,
    /// Verify evidence at this instant instead of now, such as 2027-12-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    fleet: FleetArgs,
    /// Look at instances that are stopped too
    #[arg(long, conflicts_with_all = ["amis", "from", "image", "sbom"])]
    stopped: bool,
}

impl Sbom {
    pub fn run(self, session: impl FnOnce() -> Result<Session>, format: Format) -> Result<Code, Failure> {
        let Self::Query(ask) = self;
        let report = match &ask.sbom {
            Some(file) => ask.bare(file)?,
            None => {
                let session = session()?;
                let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
                wait(ask.verified(&session, &policy))??
            }
        };
        let code = Code::from(report.answer);
        // An answer that could not be printed is one all the same.
        render::sbom_query(format, &report).or_else(|error| if code == Code::Good { Err(error) } else { Ok(()) })?;
        Ok(code)
    }
}

impl Ask {
    fn bare(&self, file: &Path) -> Result<SbomQueryReport> {
        let name = file.display().to_string();
        let opened = files::open(file)?;
        query_sbom(&self.query, opened, &name).with_context(|| format!("reading the SBOM {name}"))
    }

    async fn verified(&self, session: &Session, policy: &Policy) -> Result<SbomQueryReport> {
        let now = Timestamp::now();
        let querying = Querying { query: &self.query, policy, at: self.at.unwrap_or(now) };
        if let (Some(image), Some(evidence)) = (&self.image, &self.evidence) {
            return self.files(session, querying, image, evidence).await;
        }
        let audit = match &self.from {
            Some(file) => Some(saved(file)?),
            None if self.amis.is_empty() => Some(self.look(session, policy, now).await?),
            None => None,
        };
        let store = session.store().await?;
        let asked = Asked { catalog: &Catalog(session), store: &store };
        let bar = Bar::calls("searching images");
        let report = match &audit {
            Some(audit) => query_running(querying, audit, &asked, &session.keys(), &bar).await,
            None => {
                let images = session.images(&self.amis).await?;
                query_images(querying, &images, &asked, &session.keys(), &bar).await
            }
        };
        bar.finish();
        Ok(report)
    }

    async fn look(&self, session: &Session, policy: &Policy, now: Timestamp) -> Result<AuditReport> {
        let auditing = Auditing {
            policy,
            at: self.at.unwrap_or(now),
            soon: Period::days(0),
            stopped: self.stopped,
            // Doors are not asked for.
            hooks: Vec::new(),
            queue: None,
            deadline: DEADLINE,
        };
        let (fleet, store) = (self.fleet.fleet(session).await?, session.store().await?);
        let bar = Bar::calls("looking at accounts, regions and images");
        let report = audit(&auditing, &fleet, &store, &session.keys(), &bar, now).await;
        bar.finish();
        report.context("finding the accounts of the fleet")
    }

    async fn files(
        &self,
        session: &Session,
        querying: Querying<'_>,
        image: &Path,
        evidence: &Path,
    ) -> Result<SbomQueryReport> {
        let default = session.settings.region.as_ref();
        let facts = match self.amis.as_slice() {
            [] => facts_of_file(image, None, default)?,
            [one] => facts_of_file(image, Some(one.id()), one.region().or(default))?,
            _ => anyhow::bail!("--evidence holds the evidence of one image; name one"),
        };
        // One byte over the limit is read, so that the report can say that it is too large.
        let bytes = files::read_up_to(evidence, EVIDENCE_LIMITS.bytes)?;
        let place = evidence.display().to_string();
        let offline = Offline { facts: &facts, evidence: &bytes, place: &place };
        Ok(query_evidence(querying, &offline, &session.keys()).await)
    }
}

/// EC2, connected at the first question: most policies ask none.
struct Catalog<'s>(&'s Session);

impl ImageCatalog for Catalog<'_> {
    async fn describe(&self, image: &ImageRef) -> Result<Option<DescribedImage>, PortError> {
        Ec2::new(self.0.aws().await).describe(image).await
    }
}
