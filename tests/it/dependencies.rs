//! A new crate in the trust kernel is a visible diff: `tests/core-dependencies.txt` holds the list.

use std::{collections::BTreeSet, env, fs, process::Command};

const GOLDEN: &str = "tests/core-dependencies.txt";

#[test]
fn the_core_depends_on_what_the_list_says() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "-p", "goldseal-core", "-e", "normal", "--prefix", "none"])
        .args(["--format", "{p}", "--target", "x86_64-unknown-linux-gnu"])
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    // Names without versions: an update of the lock file is no news, a new crate is.
    let names: BTreeSet<String> = String::from_utf8(tree.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "goldseal-core")
        .map(str::to_owned)
        .collect();
    let found: String = names.iter().map(|name| format!("{name}\n")).collect();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(GOLDEN, &found).unwrap();
    }
    let golden = fs::read_to_string(GOLDEN).unwrap_or_default();
    assert_eq!(
        found, golden,
        "UPDATE_DOCS=1 rewrites {GOLDEN}; say in the commit why the trust kernel needs the crate"
    );
    for stranger in ["tokio", "hyper", "reqwest", "rustls", "aws-config", "oci-client", "clap"] {
        assert!(!names.contains(stranger), "the core decides, it does not do: {stranger}");
    }
}
