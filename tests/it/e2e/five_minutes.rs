//! What the README says of stock cosign.

use super::tools::tool;
use crate::{aws::Account, documents::five_minutes::follow};

#[test]
fn cosign_checks_the_seal_as_the_readme_says() {
    let Some(cosign) = tool("GOLDSEAL_COSIGN") else { return };
    let (_, run) = follow(&Account::new(), &format!("exec {} \"$@\"", cosign.display()));
    run.exits(0).says("Verified OK");
}
