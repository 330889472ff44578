//! What becomes of the shell blocks of the documents: which are run, what is played in them, and what is only parsed, and why.

use std::collections::BTreeMap;

use super::{blocks, files_in};

/// What becomes of shell blocks.
enum Shell {
    /// A reader types them, one after the other, in this test.
    Typed(&'static str),
    /// This test runs them as one script.
    Ran(&'static str),
    /// They are parsed like all others, and not run: why.
    Parsed(&'static str),
}

use Shell::*;

/// Every document with shell blocks, and how many.
const SHELL: &[(&str, usize, Shell)] = &[
    ("CONTRIBUTING.md", 1, Parsed("builds and suites of minutes to hours, one of which runs this")),
    ("CONTRIBUTING.md", 1, Parsed("a program that is not built along with these tests")),
    ("README.md", 1, Parsed("the demo and the suite that runs this; .ci/run runs both")),
    ("README.md", 2, Ran("the_first_image_is_sealed_by_what_the_readme_says")),
    ("docs/audit.md", 7, Typed("a_fleet_is_audited_as_its_document_says")),
    ("docs/deploy.md", 13, Ran("the_first_group_is_guarded_by_what_the_document_says")),
    ("docs/gate.md", 7, Typed("the_gate_is_passed_and_its_risks_approved_as_its_document_says")),
    ("docs/hook.md", 17, Typed("a_group_is_guarded_by_hand_as_the_document_of_the_hook_says")),
    ("docs/install.md", 8, Typed("a_package_is_checked_and_named_as_its_document_says")),
    ("docs/keys.md", 2, Typed("a_key_is_kept_and_images_move_to_the_next_as_the_document_of_keys_says")),
    ("docs/operations.md", 8, Typed("images_are_sealed_published_and_verified_as_the_operations_document_says")),
    ("docs/override.md", 4, Typed("an_override_is_granted_countersigned_and_ended_as_its_document_says")),
    ("docs/receipts.md", 3, Typed("receipts_are_written_listed_and_verified_as_their_document_says")),
    ("docs/revocation.md", 3, Typed("a_list_is_begun_added_to_and_verified_as_its_document_says")),
    ("docs/sbom-query.md", 1, Typed("packages_are_asked_for_as_their_document_says")),
    ("docs/trace.md", 1, Typed("an_instance_and_an_image_are_traced_as_their_document_says")),
    ("docs/what-if.md", 2, Typed("what_a_policy_would_change_is_asked_as_its_document_says")),
    ("fuzz/README.md", 1, Parsed("hours; it needs a nightly compiler")),
    ("packaging/iam/README.md", 1, Ran("the_readers_names_go_into_a_document_as_the_readme_says")),
    ("tests/boot/README.md", 1, Parsed("virtual machines; it needs root")),
    ("tests/cloud/README.md", 2, Parsed("the server that these tests start for themselves, and its own tests")),
    ("tests/mutants/README.md", 1, Parsed("hours of builds")),
];

/// Programs that cannot do here what they do, why, and what is done in their place.
pub const PLAYED: &[(&str, &str, &str)] = &[
    ("apt-get", "it changes the machine", TOLD),
    ("cargo", "a build of minutes", ""),
    ("cosign", "make e2e runs it; here a few lines of Python verify the same", COSIGN),
    ("curl", "nobody listens on that port of the machine", ""),
    ("dnf", "it changes the machine", TOLD),
    ("goss", "it looks at the machine", "cat \"$HOME/fixture.goss.json\""),
    ("grype", "make e2e runs it; here it finds what the fixture has", "cp \"$HOME/golden.grype.json\" grype.json"),
    ("install", "it changes the machine; here a root below the folder", BELOW),
    ("journalctl", "there is no journal", ""),
    ("jq", "not every machine has it; here a line of Python that puts a file into an object", QUOTED),
    ("make", "a build of minutes", ""),
    ("node_exporter", "it does not end", ""),
    ("syft", "it looks at the machine", "cp \"$HOME/golden.spdx.json\" sbom.spdx.json"),
    ("systemctl", "there is no systemd; here its units must be among ours", UNITS),
    ("systemd-sysusers", "it changes the machine", ""),
    (
        "trivy",
        "make e2e runs it; here it finds what the fixture has",
        "[ $1 = sbom ] && cp \"$HOME/fixture.trivy.json\" trivy.json || cat \"$HOME/fixture.version.json\"",
    ),
    ("zip", "not every machine has it; here its files must be there", "test -s \"$2\" && test -s \"$3\""),
];

/// What was asked for is for the test to look at.
const TOLD: &str = "echo \"${0##*/} $*\" >>\"$HOME/played.log\"";

const UNITS: &str = "for word; do\n\
     case $word in\n\
     -* | daemon-reload | enable) ;;\n\
     *.*) test -f \"$TESTS/../../../systemd/$word\" ;;\n\
     *) test -f \"$TESTS/../../../systemd/$word.service\" ;;\n\
     esac\n\
     done";

const QUOTED: &str =
    "exec \"$PYTHON\" -c 'import json, sys; print(json.dumps({\"Policy\": open(sys.argv[4]).read()}))' \"$@\"";

const COSIGN: &str = "exec \"$PYTHON\" -B \"$TESTS/cosign.py\" \"$@\"";

const BELOW: &str = "for word; do\n\
     shift\n\
     case $word in /*) word=$HOME/root$word ;; esac\n\
     set -- \"$@\" \"$word\"\n\
     done\n\
     exec /usr/bin/install \"$@\"";

#[test]
fn every_shell_block_is_run_or_it_is_said_why_not() {
    let shell = || blocks::all().into_iter().filter(|block| block.kind == "sh");
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    shell().for_each(|block| *left.entry(block.document).or_default() += 1);
    let tests: String = files_in("tests/it", "rs").map(|file| std::fs::read_to_string(file).unwrap()).collect();
    for (document, count, shell) in SHELL {
        let there = left.get_mut(*document).filter(|there| **there >= *count);
        *there.unwrap_or_else(|| panic!("{document} has not {count} shell blocks")) -= count;
        let test = match shell {
            Typed(test) | Ran(test) => test,
            Parsed(why) => {
                assert!(!why.is_empty(), "{document}");
                continue;
            }
        };
        assert!(tests.contains(&format!("#[test]\nfn {test}()")), "{document}: there is no test {test}");
        let typed = tests.contains(&format!("Reader::of(\"{document}\")"));
        assert_eq!(typed, matches!(shell, Typed(_)), "{document}: does a reader type it?");
    }
    left.retain(|_, count| *count > 0);
    assert!(
        left.is_empty(),
        "nothing runs so many shell blocks: {left:?}; let a Reader type them, or say why not in SHELL"
    );
    // What is played is there.
    let typed: Vec<&str> = SHELL.iter().filter(|(.., shell)| matches!(shell, Typed(_))).map(|(of, ..)| *of).collect();
    let commands = blocks::commands();
    let used = |program: &str| {
        commands.iter().any(|one| one.words[0] == program && typed.iter().any(|of| one.place.starts_with(of)))
    };
    let idle = PLAYED.iter().map(|(program, ..)| *program).filter(|program| !used(program));
    assert_eq!(idle.collect::<Vec<_>>(), [""; 0], "no document names them");
}
