//! `goldseal describe`: an image → its descriptor, and with `--content` the digest of what is on it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use goldseal_core::{
    flow::device_contents,
    ids::{AmiId, ImageRef, Region},
    image::{DescribedImage, Descriptor, DeviceContent, ImageFacts, Tags, images_from_json},
    ports::ImageCatalog as _,
    report::DescribeReport,
};

use super::{
    exit::{Code, Failure},
    image::ImageArg,
    session::Session,
};
use crate::{
    adapters::aws::{Ebs, Ec2},
    files,
    render::{self, Bar, Format},
};

/// A saved describe-images answer, or a descriptor.
const LARGEST_IMAGE_FILE: usize = 16 << 20;
const IMAGES: &[u8] = b"\"Images\"";

const AFTER: &str = "\
Examples:
  goldseal describe ami-0123456789abcdef0
  goldseal describe eu-west-1:ami-0123456789abcdef0 --descriptor image.json
  aws ec2 describe-images --image-ids ami-0123456789abcdef0 > saved.json
  goldseal describe ami-0123456789abcdef0 --image saved.json --region eu-west-1";

/// Arguments of `describe`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Describe {
    /// The image: ami-ID, REGION:ami-ID or its ARN
    ami: ImageArg,
    /// Read a saved `aws ec2 describe-images` answer, or a descriptor, instead of asking EC2
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Write the descriptor's canonical bytes to a file (`-`: standard output, and nothing else)
    #[arg(long, value_name = "FILE")]
    descriptor: Option<PathBuf>,
    /// Also read every EBS device through the EBS direct API and print its content digest
    #[arg(long)]
    content: bool,
    #[command(flatten)]
    reading: Reading,
}

/// How snapshots are read.
#[derive(Debug, clap::Args)]
pub struct Reading {
    /// How many blocks of 512 KiB to read at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub parallel_blocks: u16,
}

impl Describe {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let descriptor = self.facts(session).await?.descriptor;
        self.ami.check_owner(Some(descriptor.owner()))?;
        let content = if self.content { Some(content(session, &descriptor, &self.reading).await?) } else { None };
        if let Some(path) = &self.descriptor {
            files::write(path, descriptor.bytes()).map_err(anyhow::Error::from)?;
            if path.as_os_str() == "-" {
                return Ok(Code::Good);
            }
        }
        render::describe(format, &DescribeReport::new(&descriptor, content))?;
        Ok(Code::Good)
    }

    async fn facts(&self, session: &Session) -> Result<ImageFacts, Failure> {
        let saved = self.image.as_deref().map(Saved::read).transpose()?;
        let named = self.ami.region().or(session.settings.region.as_ref());
        let saved = match (saved, named) {
            (Some(saved), None) if saved.says_its_region() => return Ok(saved.facts(Some(self.ami.id()), None)?),
            (saved, _) => saved,
        };
        let image = session.images(std::slice::from_ref(&self.ami)).await?.remove(0);
        match saved {
            Some(saved) => Ok(saved.facts(Some(&image.id), Some(&image.region))?),
            None => described(session, &image).await,
        }
    }
}

/// Asks EC2, or a file, for the facts of an image.
pub async fn facts(session: &Session, image: &ImageRef, file: Option<&Path>) -> Result<ImageFacts, Failure> {
    match file {
        Some(path) => Ok(facts_of_file(path, Some(&image.id), Some(&image.region))?),
        None => described(session, image).await,
    }
}

async fn described(session: &Session, image: &ImageRef) -> Result<ImageFacts, Failure> {
    let described = Ec2::new(session.aws().await).describe(image).await;
    let described = described.with_context(|| format!("describing {image}"))?;
    let described = described.ok_or_else(|| not_found(image))?;
    Ok(ImageFacts::from_described(image, described).with_context(|| format!("describing {image}"))?)
}

/// Reads the facts of an image from a descriptor, or from a saved answer, which does not say its region. Without an id
/// the file must hold one image.
pub fn facts_of_file(path: &Path, id: Option<&AmiId>, region: Option<&Region>) -> Result<ImageFacts> {
    Saved::read(path)?.facts(id, region)
}

/// A file with the facts of images.
struct Saved<'p> {
    path: &'p Path,
    content: Content,
}

enum Content {
    Descriptor(Box<Descriptor>),
    Answer(Vec<DescribedImage>),
}

impl<'p> Saved<'p> {
    fn read(path: &'p Path) -> Result<Self> {
        let bytes = files::read(path, LARGEST_IMAGE_FILE)?;
        let content = match Descriptor::parse(&bytes) {
            Ok(descriptor) => Ok(Content::Descriptor(Box::new(descriptor))),
            // A saved answer has Images at its top: what the file looks like says whose fault to tell.
            Err(_) if bytes.windows(IMAGES.len()).any(|part| part == IMAGES) => {
                images_from_json(&bytes).map(Content::Answer).map_err(anyhow::Error::from)
            }
            Err(fault) => Err(fault.into()),
        };
        Ok(Self { path, content: content.with_context(|| reading(path))? })
    }

    const fn says_its_region(&self) -> bool {
        matches!(self.content, Content::Descriptor(_))
    }

    fn facts(self, id: Option<&AmiId>, region: Option<&Region>) -> Result<ImageFacts> {
        let path = self.path;
        let mut saved = match self.content {
            Content::Descriptor(descriptor) => {
                let found = descriptor.image();
                let (named, there) = (id.unwrap_or(&found.id), region.unwrap_or(&found.region));
                if (named, there) != (&found.id, &found.region) {
                    bail!(
                        "{} describes {found}, which is not the image that was named, {named} in {there}",
                        path.display()
                    );
                }
                return Ok(ImageFacts { descriptor: *descriptor, state: None, tags: Tags::default() });
            }
            Content::Answer(saved) => saved,
        };
        if let Some(id) = id {
            saved.retain(|one| one.image_id.as_deref() == Some(id.as_str()));
        }
        let described = match (saved.pop(), saved.pop(), id) {
            (Some(only), None, _) => only,
            (None, _, Some(id)) => bail!("{} does not describe {id}", path.display()),
            _ => bail!("{} does not describe exactly one image; name the one", path.display()),
        };
        let region = region.context("a saved answer does not say its region; give --region, or REGION:ami-ID")?;
        ImageFacts::in_region(region, described).with_context(|| reading(path))
    }
}

fn reading(path: &Path) -> String {
    format!("reading the image from {}", path.display())
}

/// Takes the content digests, with a progress bar on a terminal.
pub async fn content(session: &Session, image: &Descriptor, reading: &Reading) -> Result<Vec<DeviceContent>> {
    let bar = Bar::blocks("reading blocks");
    let ebs = Ebs::new(session.aws().await);
    let contents = device_contents(image, &ebs, usize::from(reading.parallel_blocks), &bar).await;
    bar.finish();
    contents.with_context(|| format!("taking the content digest of {}", image.image()))
}

fn not_found(image: &ImageRef) -> Failure {
    let message = format!("EC2 shows no image {image}");
    let hint = "the id may be of another region or account, deregistered, not shared with this account, or hidden by \
                its Allowed AMIs setting; give --region, or REGION:ami-ID";
    Failure::new(Code::No, message).hint(hint)
}
