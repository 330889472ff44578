//! What the documents and the help tell a reader to type is what this program takes.

#[path = "../../tests/it/documents/blocks.rs"]
mod blocks;

use clap::{Parser as _, error::ErrorKind};

use super::Cli;

#[test]
fn every_command_line_of_the_documents_is_taken() {
    let (mut whole, mut parts, mut refused) = (0, 0, Vec::new());
    for blocks::Command { place, mut words, elided } in blocks::commands() {
        if words[0] != "goldseal" {
            continue;
        }
        // What the reader has to fill in is missing; the flags and values that stand there are read before the help is.
        words.extend(elided.then(|| "--help".to_owned()));
        match Cli::try_parse_from(&words) {
            Ok(_) => whole += 1,
            Err(error) if elided && error.kind() == ErrorKind::DisplayHelp => parts += 1,
            Err(error) => refused.push(format!("{place}: {}\n{error}", words.join(" "))),
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(whole > 150 && parts < 20, "{whole} whole ones, {parts} with something left out");
}

#[test]
fn what_this_program_does_not_take_is_noticed() {
    let mut variables = [("AMI".to_owned(), "ami-0123456789abcdef0".to_owned())].into();
    let script =
        "x=$(goldseal verify $AMI) || goldseal verify \"$AMI\" --no-such-flag >out 2>&1 # --at\ngoldseal no-such";
    let taken = blocks::commands_of(script, &mut variables);
    let taken: Vec<bool> = taken.into_iter().map(|words| Cli::try_parse_from(words).is_ok()).collect();
    assert_eq!(taken, [true, false, false]);
}
