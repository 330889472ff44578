//! A reader of a document, who types its shell blocks command by command, as they stand there: each by the real executable
//! on the local AWS, with the names of a scene in place of the example's.

use std::collections::{BTreeMap, VecDeque};

use super::{
    blocks::{commands_of, of},
    shell::PLAYED,
};
use crate::{
    cloud::python_path,
    run::{Goldseal, Run},
    walkthrough::with_programs,
};

/// What is typed as it is: every Debian has it, and it changes nothing but the folder (pip: see `at_work`).
const PLAIN: &[&str] =
    &[".", "base64", "goldseal", "aws", "cp", "openssl", "pip", "printf", "python3", "sed", "sha256sum"];

/// Runs a command line on a terminal: the program for it.
pub const TERMINAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/documents/terminal.py");

/// Who reads a document and types what it says.
pub struct Reader {
    document: &'static str,
    /// The line of a block and one of its commands, for each that is not typed yet.
    left: VecDeque<(usize, String)>,
    /// What commands set for those that follow.
    set: String,
    variables: BTreeMap<String, String>,
    /// What stands for what, and whether it came up.
    names: Vec<(String, String, bool)>,
}

/// Puts the programs that are played into a folder, and `aws`, which is real on the local AWS.
pub fn at_work(goldseal: Goldseal) -> Goldseal {
    let scripts: Vec<(&str, String)> = PLAYED.iter().map(|(name, ..)| (*name, plays(name))).collect();
    let scripts: Vec<(&str, &str)> = scripts.iter().map(|(name, script)| (*name, script.as_str())).collect();
    with_programs(goldseal, &scripts).with("PIP_REQUIRE_VIRTUALENV", "true")
}

/// Returns the script that plays a program.
pub fn plays(program: &str) -> String {
    let (.., does) = PLAYED.iter().find(|(name, ..)| *name == program).unwrap();
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/documents");
    format!("set -eu\nPYTHON='{}' TESTS='{tests}'\n{does}", python_path())
}

impl Reader {
    /// Opens a document at its first block.
    pub fn of(document: &'static str) -> Self {
        let blocks = of(document).into_iter().filter(|block| block.kind == "sh");
        let left =
            blocks.flat_map(|block| lines_of(&block.text).into_iter().map(move |text| (block.line, text))).collect();
        Self { document, left, set: String::new(), variables: BTreeMap::new(), names: Vec::new() }
    }

    /// Says what stands here for a name of the document, from the next command on.
    pub fn name(&mut self, from: &str, to: impl Into<String>) {
        self.names.insert(0, (from.to_owned(), to.into(), false));
    }

    /// Types the next command, which begins so.
    #[track_caller]
    pub fn types(&mut self, goldseal: &Goldseal, begins: &str) -> Run {
        self.next(goldseal, &[], begins)
    }

    /// Types the next command on a terminal, and there what it asks for.
    #[track_caller]
    pub fn agrees(&mut self, goldseal: &Goldseal, begins: &str) -> Run {
        self.next(goldseal, &["python3", TERMINAL], begins)
    }

    #[track_caller]
    fn next(&mut self, goldseal: &Goldseal, wrapper: &[&str], begins: &str) -> Run {
        loop {
            let (line, text) = self.left.pop_front().unwrap_or_else(|| panic!("{} has no {begins}", self.document));
            let place = format!("{}:{line}", self.document);
            let text = self.named(text);
            let commands = commands_of(&text, &mut self.variables);
            if commands.is_empty() {
                self.set += &text;
                self.set.push('\n');
                continue;
            }
            assert!(text.starts_with(begins), "{place}: {begins} is not next, but\n{text}");
            assert!(!text.contains('…'), "{place}: nobody said what is left out of\n{text}");
            for words in commands {
                let program = words[0].as_str();
                let known = PLAIN.contains(&program) || PLAYED.iter().any(|(name, ..)| *name == program);
                assert!(known, "{place}: {program} would really run here: say in PLAYED what is done in its place");
            }
            return goldseal.script(wrapper, &format!("set -eu\n{}{text}\n", self.set));
        }
    }

    fn named(&mut self, mut text: String) -> String {
        for (from, to, used) in &mut self.names {
            *used |= text.contains(from.as_str());
            text = text.replace(from.as_str(), to);
        }
        text
    }
}

/// Whoever closes a document has typed everything.
impl Drop for Reader {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        assert!(self.left.is_empty(), "{} goes on: {:?}", self.document, self.left);
        let idle: Vec<&String> = self.names.iter().filter(|(_, _, used)| !used).map(|(from, ..)| from).collect();
        assert!(idle.is_empty(), "{} does not name {idle:?}", self.document);
    }
}

/// Returns the commands of a block, each with the lines that it goes on in.
fn lines_of(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match found.last_mut().filter(|_| goes_on) {
            Some(last) => *last += &format!("\n{line}"),
            None => found.push(line.to_owned()),
        }
        goes_on = ["\\", "|", "&&"].iter().any(|end| line.ends_with(end));
    }
    found
}

#[test]
#[should_panic(expected = "CONTRIBUTING.md goes on: [(5, \"cargo test")]
fn what_was_not_typed_is_noticed() {
    drop(Reader::of("CONTRIBUTING.md"));
}

#[test]
#[should_panic(expected = "CONTRIBUTING.md does not name [\"nowhere\"]")]
fn a_name_that_never_comes_up_is_noticed() {
    let mut reader = Reader::of("CONTRIBUTING.md");
    reader.left.clear();
    reader.name("nowhere", "anywhere");
}

#[test]
#[should_panic(expected = "goldseal is not next, but\ncargo test -p goldseal-core")]
fn another_command_than_the_test_expects_is_not_run() {
    Reader::of("CONTRIBUTING.md").types(&Goldseal::new(), "goldseal");
}

#[test]
#[should_panic(expected = "tests/root.sh would really run here")]
fn a_program_that_nobody_knows_is_not_run() {
    let mut reader = Reader::of("CONTRIBUTING.md");
    reader.left.retain(|(_, text)| text.starts_with("tests/root.sh"));
    reader.types(&Goldseal::new(), "tests/root.sh make test");
}

#[test]
fn commands_are_taken_with_the_lines_that_they_go_on_in() {
    let text = "A=1\n\naws x \\\n  --y | base64 -d |\n  openssl\nlast   # of all\n";
    assert_eq!(lines_of(text), ["A=1", "aws x \\\n  --y | base64 -d |\n  openssl", "last   # of all"]);
}
