//! Every seed of the fuzz targets, and every input that once broke one, given to its target: what `fuzz/` asks of parsers is
//! asked by every run of the tests, without a fuzzer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "tests read files, and what a target holds it asserts; it stands outside of this package"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;
#[path = "seeds/made.rs"]
mod made;

fn corpus(target: &str, seed: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target).join(seed)
}

fn names(folder: &str, end: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().strip_suffix(end).map(str::to_owned);
    entries.filter_map(|entry| name(entry.unwrap())).collect()
}

#[test]
fn what_the_builders_make_is_in_the_corpus() {
    for (target, seed, bytes) in made::seeds() {
        let path = corpus(target, seed);
        if std::env::var_os("UPDATE_SEEDS").is_some() && !path.exists() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
        }
        assert!(path.exists(), "{}: write it with UPDATE_SEEDS=1", path.display());
    }
}

#[test]
fn every_target_has_its_program_and_its_seeds_and_there_are_no_others() {
    let targets: BTreeSet<String> = fuzz::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(targets.len(), fuzz::TARGETS.len());
    assert_eq!(names("targets", ".rs"), targets);
    assert_eq!(names("corpus", ""), targets);
    for name in &targets {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fuzz/targets/{name}.rs"));
        let program = fs::read_to_string(path).unwrap();
        assert!(program.contains(&format!("::{name}(bytes)")), "{name} runs its own target");
    }
}

#[test]
fn what_every_target_holds_it_holds_of_its_seeds() {
    let mut unread: Vec<&str> = Vec::new();
    for (target, hold) in fuzz::TARGETS {
        let seeds = names(&format!("corpus/{target}"), "");
        let mut taken = false;
        for seed in seeds {
            let bytes = fs::read(corpus(target, &seed)).unwrap();
            match std::panic::catch_unwind(|| hold(&bytes)) {
                Ok(took) => taken |= took,
                Err(_) => panic!("fuzz/corpus/{target}/{seed} breaks its target"),
            }
        }
        unread.extend((!taken).then_some(*target));
    }
    assert!(unread.is_empty(), "no seed of these is what they read: {unread:?}");
}

/// Whatever comes of a seed that was cut, or of which a byte is another one, is held as well.
#[test]
fn what_every_target_holds_it_holds_of_seeds_that_were_damaged() {
    for (target, hold) in fuzz::TARGETS {
        for seed in names(&format!("corpus/{target}"), "").iter().take(3) {
            let bytes = fs::read(corpus(target, seed)).unwrap();
            for at in (0..bytes.len()).step_by(bytes.len() / 16 + 1) {
                let _taken = hold(&bytes[..at]);
                let mut other = bytes.clone();
                other[at] ^= 1 << (at % 8);
                let _taken = hold(&other);
            }
        }
    }
}
