//! Every block of every document is run, printed or read by a test. Shell blocks are typed by a `Reader`; `shell.rs` says which
//! are not, and why. Of all of them, what stands there is really to be had: the commands of goldseal are parsed by its own
//! command line (`src/cli/documented.rs`), the others are looked up here.

pub mod blocks;
pub mod five_minutes;
mod guarding;
mod letting_pass;
mod looking;
mod pipeline;
pub mod reader;
mod shell;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use goldseal_core::policy::{compile, referenced_files};

use self::{blocks::Block, shell::PLAYED};
use crate::{aws::sha256, cloud::python, run::Goldseal};

/// What holds a block that is not of a shell. Where another test does, the number of blocks is said, so that one more is noticed.
enum Held {
    /// By a test elsewhere: what it prints or runs is compared or run there.
    Elsewhere(&'static str),
    /// A drawing; there is nothing in it to be run.
    Drawing,
    /// It parses as JSON; what `{…}` leaves out is nothing.
    Json,
    /// The settings file, which the launch hook reads.
    Settings,
    /// A part of a policy, with which this example compiles in place of its own.
    PartOfPolicy(&'static str),
    /// Canonical JSON on several lines, and its digest below.
    Digested,
    /// The time line of a drill: numbers differ, the rest is what a drill says.
    Drill,
    /// A program of a few lines: it runs, and prints the digests in its comments.
    Python,
    /// How something was made once, by what no test installs: it compiles.
    Recipe,
    /// Settings of another program: it is YAML.
    Yaml,
    /// A unit: its lines are keys in sections, and its command is parsed like those of a shell.
    Unit,
}

use Held::*;

const HELD: &[(&str, &str, usize, Held)] = &[
    ("ARCHITECTURE.md", "text", 2, Drawing),
    ("README.md", "text", 1, Drawing),
    ("README.md", "text", 1, Elsewhere("the_transcript_in_the_readme_is_what_the_demo_prints")),
    ("docs/audit.md", "json", 3, Json),
    ("docs/audit.md", "sql", 1, Elsewhere("the_table_in_the_documents_is_of_the_events_that_are_written")),
    ("docs/boot.md", "json", 1, Json),
    ("docs/boot.md", "toml", 1, Settings),
    ("docs/deploy.md", "hcl", 1, Elsewhere("the_variables_of_the_terraform_example_are_those_that_it_has")),
    ("docs/formats.md", "json", 6, Json),
    ("docs/formats.md", "python", 1, Python),
    ("docs/formats.md", "text", 4, Digested),
    ("docs/gate.md", "toml", 1, Elsewhere("every_exceptions_file_in_the_documents_compiles")),
    ("docs/hook.md", "json", 9, Json),
    ("docs/hook.md", "toml", 1, Settings),
    ("docs/hook.md", "yaml", 1, Yaml),
    ("docs/keys.md", "toml", 1, Elsewhere("every_policy_in_the_documents_compiles")),
    ("docs/keys.md", "toml", 1, PartOfPolicy("minimal")),
    ("docs/operations.md", "json", 1, Json),
    ("docs/operations.md", "text", 7, Drill),
    ("docs/operations.md", "toml", 2, Settings),
    ("docs/override.md", "toml", 1, PartOfPolicy("override")),
    ("docs/policy.md", "toml", 2, Elsewhere("every_policy_in_the_documents_compiles")),
    ("docs/policy.md", "toml", 1, PartOfPolicy("launch")),
    ("docs/receipts.md", "toml", 1, PartOfPolicy("minimal")),
    ("docs/revocation.md", "ini", 1, Unit),
    ("docs/revocation.md", "toml", 1, PartOfPolicy("override")),
    ("docs/threat-model.md", "text", 1, Drawing),
    ("docs/trace.md", "text", 1, Elsewhere("it_is_one_screen_and_docs_trace_shows_it")),
    ("docs/what-if.md", "text", 1, Elsewhere("what_runs_is_judged_by_the_policy_in_force_and_by_the_candidate")),
    ("tests/vectors/kms/README.md", "python", 1, Recipe),
];

/// Made whole by `docs::docs_cli_is_what_help_says`.
const MADE: &str = "docs/cli.md";

#[test]
fn every_block_is_held_by_something() {
    let mut blocks: BTreeMap<(String, String), Vec<Block>> = BTreeMap::new();
    for block in blocks::all().into_iter().filter(|block| block.document != MADE && block.kind != "sh") {
        blocks.entry((block.document.clone(), block.kind.clone())).or_default().push(block);
    }
    let tests: String = files_in("tests/it", "rs").map(|file| fs::read_to_string(file).unwrap()).collect();
    for (document, kind, count, held) in HELD {
        let name = format!("{document}, {kind}");
        let there =
            blocks.get_mut(&((*document).to_owned(), (*kind).to_owned())).unwrap_or_else(|| panic!("{name}: none"));
        let is_part = |block: &Block| !block.text.starts_with("version = 1");
        let fits: Vec<Block> = match held {
            Drawing => there.extract_if(.., |block| block.text.contains(['─', '▶'])).take(*count).collect(),
            PartOfPolicy(_) => there.extract_if(.., |block| is_part(block)).take(*count).collect(),
            Elsewhere(test) => {
                assert!(tests.contains(&format!("#[test]\nfn {test}()")), "{name}: there is no test {test}");
                let whole = |block: &mut Block| *kind != "toml" || !is_part(block) || *document == "docs/gate.md";
                there.extract_if(.., whole).take(*count).collect()
            }
            Json | Settings | Digested | Drill | Python | Recipe | Yaml | Unit => std::mem::take(there),
        };
        assert_eq!(fits.len(), *count, "{name}");
        hold(held, &fits);
    }
    let left: Vec<String> = blocks.into_values().flatten().map(|block| place(&block)).collect();
    assert!(left.is_empty(), "nothing holds {left:?}: run it, compare it, or say in HELD what it is");
}

fn place(block: &Block) -> String {
    format!("{}:{} ({})", block.document, block.line, block.kind)
}

fn hold(held: &Held, blocks: &[Block]) {
    match held {
        Elsewhere(_) | Drawing => {}
        Digested => blocks.chunks(2).for_each(|pair| {
            assert_eq!(sha256(pair[0].text.replace('\n', "").as_bytes()), pair[1].text.trim(), "{}", place(&pair[0]));
        }),
        Json => blocks.iter().for_each(|block| {
            let parsed = serde_json::from_str::<serde_json::Value>(&block.text.replace("{…}", "{}"));
            parsed.unwrap_or_else(|error| panic!("{}: {error}", place(block)));
        }),
        Settings => blocks.iter().for_each(are_settings),
        PartOfPolicy(example) => blocks.iter().for_each(|block| is_part_of_policy(block, example)),
        Drill => blocks.iter().for_each(is_told_by_a_drill),
        Python => blocks.iter().for_each(|block| {
            let program =
                format!("from hashlib import sha256\nblocks, gib = {{}}, 1\n{}print(zero.hex(), digest)", block.text);
            let printed = by_python(&["-c", &program], "");
            let digests = block.text.split_whitespace().filter(|word| word.len() == 63 || word.len() == 64);
            assert!(printed.split_whitespace().eq(digests), "{}: it prints {printed}", place(block));
        }),
        Recipe => blocks.iter().for_each(|block| {
            by_python(&["-c", "import sys; compile(sys.stdin.read(), 'recipe', 'exec')"], &block.text);
        }),
        Yaml => blocks.iter().for_each(|block| {
            let read = by_python(&["-c", "import sys, yaml; print(len(yaml.safe_load(sys.stdin)))"], &block.text);
            assert_ne!(read.trim(), "0", "{}", place(block));
        }),
        Unit => blocks.iter().for_each(|block| {
            let lines = block.text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            let strange: Vec<&str> = lines.filter(|line| !line.contains('=') && !line.starts_with('[')).collect();
            assert!(block.text.contains("ExecStart=/usr/bin/goldseal ") && strange.is_empty(), "{strange:?}");
        }),
    }
}

fn are_settings(block: &Block) {
    let goldseal = Goldseal::new();
    goldseal.write("goldseal.toml", &block.text);
    let policy = fs::canonicalize("docs/examples/launch.toml").unwrap();
    let queue =
        "--queue https://sqs.eu-west-1.amazonaws.com/123456789012/goldseal --guard-group web --guard-hook goldseal";
    let line =
        format!("hook --check --config goldseal.toml --policy {} --state file:///var/lib/goldseal", policy.display());
    goldseal.run(&format!("{line} {queue} --region eu-west-1")).exits(0);
}

fn is_part_of_policy(block: &Block, example: &str) {
    let whole = fs::read_to_string(format!("docs/examples/{example}.toml")).unwrap();
    let heading = block.text.lines().next().unwrap();
    let without = match whole.split_once(&format!("\n{heading}\n")) {
        Some((before, after)) if !heading.starts_with("[[") => {
            before.to_owned() + after.find("\n[").map_or("", |next| &after[next..])
        }
        _ => whole.clone(),
    };
    // A key that the example does not have: alice's.
    let other = fs::read_to_string("docs/examples/override.toml").unwrap();
    let key = other.split("\"\"\"").nth(5).unwrap().trim_start().to_owned();
    let part: Vec<String> = block.text.split('"').map(|word| blocks::filled("", word)).collect();
    let policy = format!("{without}\n{}", part.join("\""));
    let files = referenced_files(&policy).into_iter().map(|file| (file, Ok(key.clone()))).collect();
    compile(&place(block), &policy, &files).unwrap_or_else(|problems| panic!("{problems}"));
}

fn is_told_by_a_drill(block: &Block) {
    let drills: String = files_in("tests/drills", "py").map(|file| fs::read_to_string(file).unwrap()).collect();
    for line in block.text.lines() {
        let (_, told) = line.split_once(" s ").filter(|_| line.starts_with("t+")).unwrap_or_else(|| panic!("{line}"));
        let parts = told.trim().split(|c: char| c.is_ascii_digit()).filter(|part| !part.is_empty());
        parts.for_each(|part| assert!(drills.contains(part), "{}: no drill says {part:?}", place(block)));
    }
}

/// Programs of others that documents name and every Debian has; those that it has not are in `PLAYED`.
const OTHERS: &str = ". base64 cat cd cp cut echo for mkdir openssl output pin pip printf python3 sed sha256sum";

#[test]
fn every_command_in_a_shell_block_is_one_that_there_is() {
    for block in blocks::all().into_iter().filter(|block| block.kind == "sh") {
        let told = fed(Command::new("bash").arg("-n"), &block.text);
        assert!(told.is_ok(), "{}: {told:?}", place(&block));
    }
    let targets = fs::read_to_string("Makefile").unwrap();
    let (mut aws, mut unknown) = (Vec::new(), Vec::new());
    for blocks::Command { place, words, .. } in blocks::commands() {
        let folder = Path::new(place.split(':').next().unwrap()).parent().unwrap();
        let known = match words[0].as_str() {
            // src/cli/documented.rs
            "goldseal" => true,
            "aws" => {
                aws.push(serde_json::json!([place, words[1..]]).to_string());
                true
            }
            "make" => words[1..].iter().all(|word| word.contains('=') || targets.contains(&format!("\n{word}:"))),
            // What `$(…)` printed.
            "placeholder" => true,
            "cargo" => ["test", "build", "install"].contains(&&*words[1]),
            // The example of the core that CONTRIBUTING.md has just built.
            "conformance" => Path::new("src/core/examples/conformance.rs").exists(),
            path if path.contains('/') => Path::new(path).exists() || folder.join(path).exists(),
            other => {
                OTHERS.split(' ').chain(PLAYED.iter().map(|(program, ..)| *program)).any(|program| program == other)
            }
        };
        if !known {
            unknown.push(format!("{place}: {}", words.join(" ")));
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert!(aws.len() > 40, "{}", aws.len());
    let told = by_python(&["-B", "tests/deploy/known.py"], &aws.join("\n"));
    assert_eq!(told, "", "the AWS CLI would not take these");
}

fn files_in(folder: &str, end: &str) -> impl Iterator<Item = std::path::PathBuf> {
    crate::run::files_under(Path::new(folder))
        .into_iter()
        .filter(move |path| path.extension().is_some_and(|is| is == end))
}

/// What the Python of the local AWS prints.
fn by_python(arguments: &[&str], input: &str) -> String {
    fed(python().args(arguments), input).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

fn fed(command: &mut Command, input: &str) -> Result<String, String> {
    use std::io::Write as _;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let [said, complained] = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    if done.status.success() { Ok(said) } else { Err(complained) }
}
