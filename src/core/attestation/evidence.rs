//! The evidence of one image: JSON Lines, one Sigstore bundle a line.
//!
//! Splitting looks at nothing but sizes and line ends. An empty line is an error, not a gap: a file that was cut or
//! joined badly should be seen.

use std::{io::BufRead as _, mem};

use super::Defect;

/// What one evidence file may hold at most.
#[derive(Debug, Clone, Copy)]
pub struct EvidenceLimits {
    /// Bytes of the whole file. Readers stop one byte after it.
    pub bytes: usize,
    /// Bytes of one line.
    pub line: usize,
    /// Lines.
    pub lines: usize,
}

/// The limits in force: an inlined SBOM has at most 16 MiB, which base64 makes 22 MiB.
pub const EVIDENCE_LIMITS: EvidenceLimits = EvidenceLimits { bytes: 96 << 20, line: 32 << 20, lines: 256 };

/// A line of evidence, counted from 1.
type Line<'e> = (usize, &'e [u8]);

/// Splits evidence into its lines, counted from 1.
///
/// # Errors
/// [`Defect::TooLarge`] when a limit is passed; line 0 stands for the file.
pub fn lines(evidence: &[u8]) -> Result<Vec<Line<'_>>, (usize, Defect)> {
    let EvidenceLimits { bytes, line: longest, lines: most } = EVIDENCE_LIMITS;
    if evidence.len() > bytes {
        return Err((
            0,
            Defect::TooLarge(format!("{} bytes of evidence, more than the {bytes} allowed", evidence.len())),
        ));
    }
    let body = evidence.strip_suffix(b"\n").unwrap_or(evidence);
    let mut found = Vec::new();
    if evidence.is_empty() {
        return Ok(found);
    }
    let mut rest = Some(body);
    while let Some(text) = rest {
        let (line, after) = first_line(text);
        rest = after;
        let number = found.len() + 1;
        if number > most {
            return Err((0, Defect::TooLarge(format!("more than {most} lines of evidence"))));
        }
        if line.len() > longest {
            return Err((number, Defect::TooLarge(format!("{} bytes, more than the {longest} allowed", line.len()))));
        }
        found.push((number, line));
    }
    Ok(found)
}

/// Splits off the first line. `slice::split` would look at one byte after the other, and lines are megabytes long.
fn first_line(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut after = text;
    let read = after.skip_until(b'\n').unwrap_or(text.len());
    match text.get(..read).and_then(|line| line.strip_suffix(b"\n")) {
        Some(line) => (line, Some(after)),
        None => (text, None),
    }
}

/// Evidence that is let go of line by line, the last one first: all of it and half of it are never in memory together.
#[derive(Debug)]
pub struct Unrolled {
    rest: Vec<u8>,
    /// Where each line begins that is still in `rest`.
    starts: Vec<usize>,
}

/// Splits evidence into its lines, counted from 1, and gives the last one first.
///
/// # Errors
/// Those of [`lines`].
pub fn unroll(evidence: Vec<u8>) -> Result<Unrolled, (usize, Defect)> {
    let mut next = 0;
    let begins = |(_, line): Line<'_>| {
        let after = next + line.len() + 1;
        mem::replace(&mut next, after)
    };
    let starts = lines(&evidence)?.into_iter().map(begins).collect();
    let mut rest = evidence;
    if rest.ends_with(b"\n") {
        rest.pop();
    }
    Ok(Unrolled { rest, starts })
}

impl Iterator for Unrolled {
    type Item = (usize, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.starts.pop()?;
        let before = start.saturating_sub(1);
        // The smaller part is the one that moves.
        let line = if self.rest.len().saturating_sub(start) > start {
            let before = self.rest.get(..before).unwrap_or_default().to_vec();
            let mut line = mem::replace(&mut self.rest, before);
            line.drain(..start);
            line
        } else {
            let line = self.rest.split_off(start);
            self.rest.truncate(before);
            self.rest.shrink_to_fit();
            line
        };
        Some((self.starts.len() + 1, line))
    }
}

/// Joins bundles to an evidence file.
pub fn join<'b>(bundles: impl IntoIterator<Item = &'b [u8]>) -> Vec<u8> {
    let mut evidence = Vec::new();
    for bundle in bundles {
        evidence.extend_from_slice(bundle);
        evidence.push(b'\n');
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one_and_the_last_end_is_optional() {
        let expected: Vec<(usize, &[u8])> = vec![(1, b"a"), (2, b"b")];
        assert_eq!(lines(b"a\nb\n").unwrap(), expected);
        assert_eq!(lines(b"a\nb").unwrap(), expected);
        assert_eq!(join([b"a".as_slice(), b"b"]), b"a\nb\n");
        assert!(lines(b"").unwrap().is_empty());
    }

    #[test]
    fn empty_lines_are_kept_to_be_refused() {
        assert_eq!(lines(b"\n").unwrap(), [(1, b"".as_slice())]);
        assert_eq!(lines(b"a\n\nb\n").unwrap().len(), 3);
        assert_eq!(lines(b"a\n\n").unwrap().len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn what_is_unrolled_is_every_line_from_the_end(text in "[ab\n]{0,12}") {
            let mut expected: Vec<_> = lines(text.as_bytes()).unwrap().into_iter().map(|(n, line)| (n, line.to_vec())).collect();
            expected.reverse();
            proptest::prop_assert_eq!(unroll(text.into_bytes()).unwrap().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_long_last_line_stays_where_it_is() {
        let evidence = join([b"short".as_slice(), &[b'x'; 40]]);
        let place = evidence.as_ptr();
        let (number, line) = unroll(evidence).unwrap().next().unwrap();
        assert_eq!((number, line.as_ptr()), (2, place), "the smaller part is the one that moves");
    }

    #[test]
    fn a_file_has_256_lines_at_most() {
        assert_eq!(lines(&b"x\n".repeat(256)).unwrap().len(), 256);
        assert_eq!(lines(&b"x\n".repeat(257)).unwrap_err().0, 0);
    }

    #[test]
    fn a_line_and_a_file_may_be_as_long_as_their_limits_and_no_longer() {
        let EvidenceLimits { bytes, line, .. } = EVIDENCE_LIMITS;
        let whole = join(std::iter::repeat_n(vec![b'x'; line - 1].as_slice(), 3));
        assert_eq!((whole.len(), lines(&whole).unwrap().len()), (bytes, 3));
        let longer = [whole.as_slice(), b"x"].concat();
        assert!(lines(&longer).unwrap_err().1.to_string().contains("bytes of evidence"));
        assert_eq!(lines(&longer[..line - 1]).unwrap().len(), 1);
        let mut long = vec![b'x'; line + 1];
        assert_eq!(lines(&long).unwrap_err().0, 1);
        long.pop();
        assert_eq!(lines(&long).unwrap().len(), 1);
    }
}
