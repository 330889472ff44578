//! Against programs that we did not write: cosign, registries, npm's verifier. `make e2e` runs these; elsewhere they
//! are passed over, because the tools are not there.

mod blobs;
mod images;
mod tools;
