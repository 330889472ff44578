//! What is known of a build → the facts that its provenance states: from Packer's manifest and its own signed
//! provenance, CI, git and EC2. What is not known is left out and listed; what contradicts is an error.

mod artifact;
mod base;
mod boot_check;
mod ci;
mod facts;
mod goss;
mod manifest;
mod missing;
mod packer_provenance;
mod said;

pub use base::{base, source_image};
pub use boot_check::{BootCheckFault, boot_guard};
pub use ci::{Ci, CiSystem, ci};
pub use facts::{Assembled, Checkout, Known, assemble, tags};
pub use goss::{GossFault, test_result};
pub use manifest::{BuiltImage, Manifest, ManifestFault};
pub use missing::Missing;
pub use packer_provenance::{PackerProvenance, PackerProvenanceFault, packer_invocation, verify};
pub use said::FactsFault;
