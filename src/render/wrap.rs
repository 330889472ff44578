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
}
