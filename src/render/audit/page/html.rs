//! Pieces of HTML: escaped text, numbers, times, bars.

use std::fmt::{self, Write as _};

use goldseal_core::report::Class;
use jiff::Timestamp;

use crate::render::human::plain;

/// Writing into a string does not fail; the macro keeps the lines of the other files readable.
macro_rules! html {
    ($text:expr, $($arg:tt)*) => {{ let _ = write!($text, $($arg)*); }};
}
pub(super) use html;

/// A text from outside, as text or as the value of an attribute in double quotes.
pub(super) struct Esc<'t>(pub &'t str);

impl fmt::Display for Esc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        plain(self.0).chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => f.write_char(c),
        })
    }
}

/// A number, with a comma at every thousand.
pub(super) struct Number(pub u64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let lead = digits.len() % 3;
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && index % 3 == lead {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

/// How many there are of something: `1 image`, `20 images`.
pub(super) struct Count(pub u64, pub &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", Number(self.0), self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// A day and a minute in UTC.
pub(super) fn minute(time: Timestamp) -> String {
    format!("<time datetime=\"{time:.0}\">{}</time>", time.strftime("%Y-%m-%d %H:%M UTC"))
}

/// A day.
pub(super) fn day(time: Timestamp) -> String {
    format!("<time datetime=\"{time:.0}\">{}</time>", time.strftime("%Y-%m-%d"))
}

/// A class with its colour.
pub(super) fn chip(class: Class) -> String {
    format!("<span class=\"chip {0}\">{0}</span>", class.as_str())
}

/// How many of each class, as parts of a bar; as long as `whole` is of it. What is there is seen, however little it is.
pub(super) fn bar(counts: impl Iterator<Item = (Class, u64)>, whole: u64) -> String {
    let mut rects = String::new();
    let mut left = 0;
    for (class, count) in counts.filter(|(_, count)| *count > 0) {
        let width = (count.saturating_mul(1000) / whole.max(1)).max(4);
        html!(rects, "<rect class=\"c {}\" x=\"{left}\" y=\"0\" width=\"{width}\" height=\"10\"/>", class.as_str());
        left += width + 1;
    }
    let length = left.max(1000);
    format!("<svg viewBox=\"0 0 {length} 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{rects}</svg>")
}

/// A part of the page, with its place in the list of parts.
pub(super) struct Section {
    pub id: &'static str,
    pub title: &'static str,
    /// How many there are in it, where that says something.
    pub count: Option<u64>,
    pub body: String,
}

impl Section {
    pub(super) fn link(&self) -> String {
        let count = self.count.map(|count| format!("<span class=\"n\">{}</span>", Number(count))).unwrap_or_default();
        format!("<li><a href=\"#{}\">{}{count}</a></li>", self.id, self.title)
    }

    pub(super) fn whole(&self) -> String {
        let Self { id, title, body, .. } = self;
        format!(
            "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n{body}\n</section>\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_once() {
        for (number, expected) in
            [(0, "0"), (12, "12"), (999, "999"), (1000, "1,000"), (12345, "12,345"), (1_234_567, "1,234,567")]
        {
            assert_eq!(Number(number).to_string(), expected);
        }
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(Esc("<b a='1' b=\"2\">&\n").to_string(), "&lt;b a=&#39;1&#39; b=&quot;2&quot;&gt;&amp;\\n");
    }
}
