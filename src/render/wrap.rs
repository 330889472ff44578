//! Text for people in lines that are not too wide.

use unicode_width::UnicodeWidthStr as _;

/// Writes a text behind a lead, in lines of so many columns. Words that are wider stay whole: they are copied.
pub(super) fn wrapped(lead: &str, text: &str, columns: usize) -> String {
    let mut lines = String::new();
    let mut written = String::from(lead);
    let indent = lead.width();
    let mut width = indent;
    for word in text.split(' ') {
        if width > indent && width + 1 + word.width() > columns {
            lines.push_str(written.trim_end());
            lines.push('\n');
            written = " ".repeat(indent);
            width = indent;
        } else if width > indent {
            written.push(' ');
            width += 1;
        }
        written.push_str(word);
        width += word.width();
    }
    lines.push_str(written.trim_end());
    lines.push('\n');
    lines
}

/// Wraps lines of which each goes on where its fact begins: behind its blanks, and behind a label if it has one. Those with
/// colours are headings, and stay whole; without columns all do.
pub(super) fn lines(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns.map(|columns| columns.max(NARROWEST)) else { return text.to_owned() };
    text.lines()
        .map(|line| match line.split_at_checked(lead(line)).filter(|_| !line.contains('\u{1b}')) {
            Some((lead, fact)) => wrapped(lead, fact, columns),
            None => format!("{line}\n"),
        })
        .collect()
}

/// Nothing can be read in less.
const NARROWEST: usize = 40;

/// A label in a column ends with two blanks; one that is wider is no label.
const LABEL: usize = 16;

fn lead(line: &str) -> usize {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let behind = line.get(indent..).unwrap_or_default();
    let label = behind.find("  ").filter(|at| *at < LABEL && indent > 0);
    let fact = label.map(|at| behind.len() - behind.get(at..).unwrap_or_default().trim_start_matches(' ').len());
    indent + fact.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_between_words_and_words_never() {
        assert_eq!(wrapped("  a  ", "one two three", 12), "  a  one two\n     three\n");
        assert_eq!(wrapped("  a  ", "one", 1), "  a  one\n");
        assert_eq!(wrapped("", "0123456789 x", 4), "0123456789\nx\n");
        assert_eq!(wrapped("  a  ", "", 40), "  a\n");
    }

    #[test]
    fn a_line_goes_on_under_its_fact_and_only_where_there_is_a_terminal() {
        let text = "  because   sbom-not-required: the policy asks for no SBOM at all\nnote: a sentence that goes on beyond it, far\n";
        assert_eq!(lines(text, None), text);
        let expected = "  because   sbom-not-required: the\n            policy asks for no SBOM at\n            all\n\
                        note: a sentence that goes on beyond it,\nfar\n";
        assert_eq!(lines(text, Some(1)), expected);
        let deep = "    deep: words that are too many for one line\n";
        assert_eq!(lines(deep, Some(40)), "    deep: words that are too many for\n    one line\n");
        assert_eq!(lines("\n  a\n", Some(40)), "\n  a\n");
        let heading = format!("\u{1b}[1mFOUND\u{1b}[0m  {}\n", "image ".repeat(20));
        assert_eq!(lines(&heading, Some(40)), heading);
    }
}
