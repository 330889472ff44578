//! Against programs that we did not write: Packer, Syft, Grype, Goss, cosign, registries, npm's verifier. `make e2e`
//! runs these; elsewhere they are passed over, because the tools are not there.

mod blobs;
mod five_minutes;
mod images;
mod overrides;
mod packer;
mod pipeline;
mod receipts;
mod scanners;
mod tools;
