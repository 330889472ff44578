//! What an admitted boot costs. It is printed, and bounds are in `make bench`, which measures a release build.

use std::path::Path;

use serde_json::Value;

use super::{
    admitted,
    instance::{Instance, possible},
};

/// A debug build has most of its code in memory; evidence that piles up would still be seen.
const MOST_MIB: f64 = 100.0;

#[test]
fn what_an_admitted_boot_takes_is_printed() {
    if !possible() {
        return;
    }
    let instance = Instance::new();
    let cost = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boot/cost.py");
    let boot = format!("python3 -IS {} cost.json $GOLDSEAL boot --enforce --output json", cost.display());
    admitted(&instance, instance.runs(&boot));
    let cost: Value = serde_json::from_slice(&instance.goldseal.read("cost.json")).unwrap();
    let [wall, cpu, kib] = ["wall", "cpu", "peak_kib"].map(|name| cost[name].as_f64().unwrap());
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    println!(
        "boot: an admitted boot: {cpu:.0} ms of CPU in {wall:.0} ms, fake IMDS and store included, peak {:.1} MB ({build} \
         build)",
        kib * 1024.0 / 1e6
    );
    assert!(cpu > 0.0 && wall > 0.0 && kib > 0.0);
    assert!(kib / 1024.0 <= MOST_MIB, "{kib} KiB");
}
