//! The blocks of the documents between their fences, and the commands in those that a shell would read.
#![allow(dead_code, reason = "each of its users needs another part")]

use std::{
    collections::BTreeMap,
    fs,
    iter::Peekable,
    mem,
    path::{Path, PathBuf},
    str::Chars,
};

/// A block of a document.
pub struct Block {
    pub document: String,
    pub line: usize,
    /// What stands behind the fence that opens it.
    pub kind: String,
    /// Without the indentation that it has in a list.
    pub text: String,
}

/// A command of a block.
pub struct Command {
    /// The document and the line where its block begins.
    pub place: String,
    /// Its words; of what only a shell could know, a placeholder.
    pub words: Vec<String>,
    /// Whether `…` stands for words that the reader knows.
    pub elided: bool,
}

/// Returns every block of every document of the tree.
pub fn all() -> Vec<Block> {
    let mut documents: Vec<PathBuf> = Vec::new();
    for folder in [".", "docs", "docs/adr", "fuzz", "packaging", "tests", ".github"] {
        // What stands at the top, and in every folder below those that hold what is ours.
        find(Path::new(folder), folder == "packaging" || folder == "tests", &mut documents);
    }
    documents.sort();
    documents.iter().flat_map(|document| of(document.strip_prefix(".").unwrap_or(document).to_str().unwrap())).collect()
}

fn find(folder: &Path, deep: bool, documents: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && deep {
            find(&path, deep, documents);
        } else if path.extension().is_some_and(|end| end == "md") {
            documents.push(path);
        }
    }
}

/// Returns the blocks of a document.
pub fn of(document: &str) -> Vec<Block> {
    let (text, mut found) = (fs::read_to_string(document).unwrap(), Vec::new());
    let mut lines = text.lines().zip(1..);
    while let Some((opening, line)) = lines.next() {
        let Some((indentation, kind)) = opening.split_once("```").filter(|(before, _)| before.trim().is_empty()) else {
            continue;
        };
        let inside = lines.by_ref().map(|(line, _)| line).take_while(|line| line.trim() != "```");
        let inside: Vec<&str> = inside.map(|line| line.strip_prefix(indentation).unwrap_or(line)).collect();
        let (document, kind, text) = (document.to_owned(), kind.to_owned(), inside.join("\n") + "\n");
        found.push(Block { document, line, kind, text });
    }
    found
}

/// Returns every command of every block of every document.
pub fn commands() -> Vec<Command> {
    let (mut found, mut variables, mut last) = (Vec::new(), BTreeMap::new(), String::new());
    for block in all() {
        // What a block sets, the later ones of its document know.
        if mem::replace(&mut last, block.document.clone()) != block.document {
            variables = ["HOME", "PWD", "USER", "PACKER_RUN_UUID", "AWS_ENDPOINT_URL"]
                .map(|name| (name.to_owned(), format!("/{name}")))
                .into();
        }
        let text = match block.kind.as_str() {
            "sh" => block.text,
            "ini" => started(&block.text, "ExecStart=/usr/bin/"),
            // Examples stand in the help of each command.
            "text" if block.document == "docs/cli.md" => started(&block.text, "  "),
            _ => continue,
        };
        let place = format!("{}:{}", block.document, block.line);
        for words in commands_of(&text, &mut variables) {
            // Behind a flag it stands for a value; elsewhere for words.
            let before = [String::new()].into_iter().chain(words.clone());
            let left = before.zip(&words).filter(|(before, word)| *word != "…" || before.starts_with("--"));
            let left: Vec<String> = left.map(|(before, word)| filled(&before, word)).collect();
            found.push(Command { place: place.clone(), elided: left.len() < words.len(), words: left });
        }
    }
    found
}

/// Returns a word whole, where `…` stands for a key, or for the rest of a digest or of a key's id.
pub fn filled(before: &str, word: &str) -> String {
    match word.strip_suffix('…') {
        Some("") if before == "--key" => "awskms:///alias/image-signing".to_owned(),
        None | Some("") => word.to_owned(),
        Some(digest) if digest.chars().all(|c| c.is_ascii_hexdigit()) => format!("{digest:0<64}"),
        Some(id) => format!("{id}1234abcd-12ab-34cd-56ef-1234567890ab"),
    }
}

/// Returns the commands of goldseal that stand behind something, with the lines that they go on in.
fn started(text: &str, behind: &str) -> String {
    let (mut found, mut goes_on) = (String::new(), false);
    for line in text.lines() {
        let begins = line.strip_prefix(behind).filter(|rest| rest.starts_with("goldseal "));
        if let Some(line) = begins.or(goes_on.then_some(line)) {
            found += line;
            found.push('\n');
            goes_on = line.ends_with('\\');
        }
    }
    found
}

/// Returns the words of every command of a script, also of those in `$(…)`.
pub fn commands_of(script: &str, variables: &mut BTreeMap<String, String>) -> Vec<Vec<String>> {
    let script = without_here_documents(script).replace("\\\n", " ");
    let mut shell = Shell { rest: script.chars().peekable(), variables, found: Vec::new() };
    while shell.rest.peek().is_some() {
        shell.list();
    }
    shell.found
}

fn without_here_documents(script: &str) -> String {
    let (mut left, mut lines) = (String::new(), script.lines());
    while let Some(line) = lines.next() {
        left += line;
        left.push('\n');
        if let Some((_, mark)) = line.split_once("<<") {
            let mark = mark.trim_start_matches('-').trim_matches('\'');
            lines.by_ref().find(|line| line.trim() == mark);
        }
    }
    left
}

/// As much of a shell as documents need.
struct Shell<'a> {
    rest: Peekable<Chars<'a>>,
    variables: &'a mut BTreeMap<String, String>,
    found: Vec<Vec<String>>,
}

impl Shell<'_> {
    /// Reads commands up to the parenthesis that ends them.
    fn list(&mut self) {
        let (mut words, mut word, mut redirects) = (Vec::new(), None::<String>, false);
        while let Some(next) = self.rest.next() {
            match next {
                '\'' => word.get_or_insert_default().push_str(&self.up_to('\'')),
                '"' => {
                    let quoted = self.quoted();
                    word.get_or_insert_default().push_str(&quoted);
                }
                '$' => {
                    let value = self.value();
                    word.get_or_insert_default().push_str(&value);
                }
                '\\' => word.get_or_insert_default().extend(self.rest.next()),
                '#' if word.is_none() => while self.rest.next_if(|next| *next != '\n').is_some() {},
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => {
                    // The number before `>` is no argument, and what is behind it is a file.
                    let word = word.take().filter(|word| next != '>' || word.parse::<u8>().is_err());
                    words.extend(word.filter(|_| !mem::take(&mut redirects)));
                    match next {
                        ' ' | '\t' => {}
                        '<' | '>' => {
                            redirects = true;
                            while self.rest.next_if(|next| matches!(next, '<' | '>' | '&' | ' ')).is_some() {}
                        }
                        '(' if self.rest.next_if_eq(&')').is_some() => words.clear(),
                        '(' => self.list(),
                        _ => self.command(mem::take(&mut words)),
                    }
                    if next == ')' {
                        return;
                    }
                }
                other => word.get_or_insert_default().push(other),
            }
        }
        words.extend(word.filter(|_| !redirects));
        self.command(words);
    }

    fn up_to(&mut self, end: char) -> String {
        self.rest.by_ref().take_while(|next| *next != end).collect()
    }

    fn quoted(&mut self) -> String {
        let mut text = String::new();
        while let Some(next) = self.rest.next().filter(|next| *next != '"') {
            match next {
                '$' => text += &self.value(),
                '\\' => text.extend(self.rest.next()),
                other => text.push(other),
            }
        }
        text
    }

    /// Reads what is behind a `$`.
    fn value(&mut self) -> String {
        if self.rest.next_if_eq(&'(').is_some() {
            if self.rest.next_if_eq(&'(').is_some() {
                self.up_to(')');
                self.rest.next();
                // Some number.
                return "1".to_owned();
            }
            self.list();
            return "placeholder".to_owned();
        }
        let mut name = String::new();
        if self.rest.next_if_eq(&'{').is_some() {
            name = self.up_to('}');
        } else {
            while let Some(next) = self.rest.next_if(|next| next.is_ascii_alphanumeric() || *next == '_') {
                name.push(next);
            }
        }
        if name.is_empty() {
            self.rest.next();
        }
        // What nobody set is left for whoever looks at the command.
        self.variables.get(&name).cloned().unwrap_or_else(|| format!("${name}"))
    }

    fn command(&mut self, words: Vec<String>) {
        let mut words: Vec<String> = words
            .into_iter()
            .skip_while(|word| ["do", "then", "else", "if", "while", "!", "{"].contains(&&**word))
            .collect();
        if let [first, name, _, value, ..] = words.as_slice()
            && first == "for"
        {
            self.variables.insert(name.clone(), value.clone());
            words.clear();
        }
        let exports = words.first().is_some_and(|word| word == "export");
        words.drain(..usize::from(exports));
        let assigned = words.iter().take_while(|word| self.assigns(word)).count();
        words.drain(..assigned);
        if !words.is_empty() && !["done", "fi", "}"].contains(&&*words[0]) {
            self.found.push(words);
        }
    }

    fn assigns(&mut self, word: &str) -> bool {
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let Some((name, value)) = word.split_once('=').filter(|(name, _)| is_name(name)) else { return false };
        self.variables.insert(name.to_owned(), value.to_owned());
        true
    }
}
