//! BER → DER, for what EC2 writes: lengths that are open at first, and octet strings in pieces.
//!
//! The signatures that IMDS serves are BER (X.690) as streaming signers write it, and everything that reads CMS here
//! reads DER. Nothing else of BER is let through: lengths are as short as they can be, tags are of one byte.

/// Why bytes are not one value in the BER that is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not BER: {0}")]
pub(super) struct NotBer(&'static str);

/// Values inside each other. SignedData with its certificates has 11 levels.
const DEPTH: usize = 16;

const OCTET_STRING: u8 = 0x04;
const CONSTRUCTED: u8 = 0x20;
const OCTET_STRING_IN_PIECES: u8 = OCTET_STRING | CONSTRUCTED;
const CUT: NotBer = NotBer("it is cut off");

/// Returns the one value that `ber` is, in DER.
pub(super) fn to_der(ber: &[u8]) -> Result<Vec<u8>, NotBer> {
    let mut rest = ber;
    let mut der = Vec::with_capacity(ber.len());
    value(&mut rest, DEPTH, &mut der)?;
    if rest.is_empty() { Ok(der) } else { Err(NotBer("something follows it")) }
}

fn value(rest: &mut &[u8], depth: usize, der: &mut Vec<u8>) -> Result<(), NotBer> {
    let tag = byte(rest)?;
    if tag & 0x1f == 0x1f || tag == 0 {
        return Err(NotBer("a tag that CMS does not have"));
    }
    let length = length(rest)?;
    if tag & CONSTRUCTED == 0 {
        let length = length.ok_or(NotBer("a primitive value with an open end"))?;
        return write(der, tag, take(rest, length)?);
    }
    let depth = depth.checked_sub(1).ok_or(NotBer("too many values inside each other"))?;
    let mut inside = Vec::new();
    match length {
        Some(length) => {
            let mut content = take(rest, length)?;
            while !content.is_empty() {
                part(&mut content, tag, depth, &mut inside)?;
            }
        }
        None => {
            while !rest.starts_with(&[0, 0]) {
                part(rest, tag, depth, &mut inside)?;
            }
            take(rest, 2)?;
        }
    }
    let tag = if tag == OCTET_STRING_IN_PIECES { OCTET_STRING } else { tag };
    write(der, tag, &inside)
}

/// Reads a value inside one with the tag `outer`; of an octet string in pieces, the bytes of a piece.
fn part(rest: &mut &[u8], outer: u8, depth: usize, inside: &mut Vec<u8>) -> Result<(), NotBer> {
    if outer != OCTET_STRING_IN_PIECES {
        return value(rest, depth, inside);
    }
    if byte(rest)? != OCTET_STRING {
        return Err(NotBer("an octet string with something else in it"));
    }
    let length = length(rest)?.ok_or(NotBer("a primitive value with an open end"))?;
    inside.extend_from_slice(take(rest, length)?);
    Ok(())
}

/// Reads a length; none stands for an open end.
fn length(rest: &mut &[u8]) -> Result<Option<usize>, NotBer> {
    let first = byte(rest)?;
    let (length, least) = match first {
        0..0x80 => (usize::from(first), 0),
        0x80 => return Ok(None),
        0x81 => (usize::from(byte(rest)?), 0x80),
        0x82 => (usize::from(u16::from_be_bytes([byte(rest)?, byte(rest)?])), 0x100),
        _ => return Err(NotBer("a length that CMS of this size does not have")),
    };
    if length < least { Err(NotBer("a length that could be shorter")) } else { Ok(Some(length)) }
}

fn byte(rest: &mut &[u8]) -> Result<u8, NotBer> {
    let (first, others) = rest.split_first().ok_or(CUT)?;
    *rest = others;
    Ok(*first)
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Result<&'b [u8], NotBer> {
    let (taken, others) = rest.split_at_checked(length).ok_or(CUT)?;
    *rest = others;
    Ok(taken)
}

fn write(der: &mut Vec<u8>, tag: u8, content: &[u8]) -> Result<(), NotBer> {
    // What is read here is shorter than 64 KiB, and DER is not longer than the BER that it was.
    let length = u16::try_from(content.len()).map_err(|_large| NotBer("a value that is too large"))?;
    let [high, low] = length.to_be_bytes();
    der.push(tag);
    match (high, low) {
        (0, 0..0x80) => der.push(low),
        (0, _) => der.extend([0x81, low]),
        _ => der.extend([0x82, high, low]),
    }
    der.extend_from_slice(content);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    fn refused(ber: &str) -> &'static str {
        to_der(&hex(ber)).unwrap_err().0
    }

    #[test]
    fn open_ends_are_closed_and_pieces_are_joined() {
        for (ber, der) in [
            ("02 01 05", "02 01 05"),
            ("30 03 02 01 05", "30 03 02 01 05"),
            ("30 80 02 01 05 00 00", "30 03 02 01 05"),
            ("30 80 00 00", "30 00"),
            ("30 80 30 80 05 00 00 00 00 00", "30 04 30 02 05 00"),
            ("30 07 30 80 02 01 05 00 00", "30 05 30 03 02 01 05"),
            ("24 80 04 01 61 04 02 62 63 00 00", "04 03 61 62 63"),
            ("24 07 04 01 61 04 02 62 63", "04 03 61 62 63"),
            ("24 80 00 00", "04 00"),
            ("a0 80 24 80 04 01 00 00 00 00 00", "a0 03 04 01 00"),
        ] {
            assert_eq!(to_der(&hex(ber)), Ok(hex(der)), "{ber}");
        }
    }

    #[test]
    fn what_is_der_comes_back_as_it_was_at_every_length() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x1234] {
            let mut der = Vec::new();
            write(&mut der, OCTET_STRING, &vec![7; length]).unwrap();
            let mut outer = Vec::new();
            write(&mut outer, 0x30, &der).unwrap();
            assert_eq!(to_der(&outer), Ok(outer.clone()), "{length}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for (ber, why) in [
            ("", "it is cut off"),
            ("30", "it is cut off"),
            ("30 81", "it is cut off"),
            ("30 03 02 01", "it is cut off"),
            ("30 80 02 01 05", "it is cut off"),
            ("30 80 02 01 05 00", "a tag that CMS does not have"),
            ("30 02 02 01 05", "it is cut off"),
            ("24 80 04 05 61 00 00", "it is cut off"),
            ("02 01 05 00", "something follows it"),
            ("30 80 00 00 00 00", "something follows it"),
            ("30 02 00 00", "a tag that CMS does not have"),
            ("1f 01 00", "a tag that CMS does not have"),
            ("3f 02 05 00", "a tag that CMS does not have"),
            ("04 80 61 00 00", "a primitive value with an open end"),
            ("24 80 04 80 61 00 00 00 00", "a primitive value with an open end"),
            ("24 80 02 01 05 00 00", "an octet string with something else in it"),
            ("24 80 24 03 04 01 61 00 00", "an octet string with something else in it"),
            ("30 81 03 02 01 05", "a length that could be shorter"),
            ("30 82 00 03 02 01 05", "a length that could be shorter"),
            ("30 83 00 00 03 02 01 05", "a length that CMS of this size does not have"),
            ("30 ff", "a length that CMS of this size does not have"),
        ] {
            assert_eq!(refused(ber), why, "{ber}");
        }
    }

    #[test]
    fn depth_never_stops_the_program() {
        let nested = |levels: usize| format!("{}{}", "30 80 ".repeat(levels), "00 00 ".repeat(levels));
        assert!(to_der(&hex(&nested(DEPTH))).is_ok());
        assert_eq!(refused(&nested(DEPTH + 1)), "too many values inside each other");
        assert_eq!(refused(&nested(8_000)), "too many values inside each other");
        assert_eq!(refused(&"30 80 ".repeat(8_000)), "too many values inside each other");
    }

    /// A value: in BER with open or closed ends and strings in pieces, and in DER.
    fn values() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        let wrap = |tag: u8, content: &[u8]| {
            let mut whole = Vec::new();
            write(&mut whole, tag, content).unwrap();
            whole
        };
        let close = move |tag: u8, content: &[u8], open: bool| match open {
            true => [&[tag, 0x80], content, &[0, 0]].concat(),
            false => wrap(tag, content),
        };
        let bytes = || proptest::collection::vec(proptest::num::u8::ANY, 0..150);
        let plain = (0x01..0x1f_u8, bytes()).prop_map(move |(tag, content)| (wrap(tag, &content), wrap(tag, &content)));
        let pieces = (proptest::collection::vec(bytes(), 0..4), proptest::bool::ANY).prop_map(move |(pieces, open)| {
            let parts: Vec<u8> = pieces.iter().flat_map(|piece| wrap(OCTET_STRING, piece)).collect();
            (close(0x24, &parts, open), wrap(OCTET_STRING, &pieces.concat()))
        });
        proptest::prop_oneof![plain, pieces].prop_recursive(5, 40, 4, move |inner| {
            let tag = proptest::sample::select(vec![0x30, 0x31, 0xa0, 0xa1]);
            (tag, proptest::collection::vec(inner, 0..4), proptest::bool::ANY).prop_map(move |(tag, inside, open)| {
                let (ber, der): (Vec<_>, Vec<_>) = inside.into_iter().unzip();
                (close(tag, &ber.concat(), open), wrap(tag, &der.concat()))
            })
        })
    }

    proptest::proptest! {
        #[test]
        fn a_value_has_one_form_in_der_and_it_is_not_longer((ber, der) in values()) {
            proptest::prop_assert!(der.len() <= ber.len());
            proptest::prop_assert_eq!(to_der(&ber), Ok(der.clone()));
            proptest::prop_assert_eq!(to_der(&der), Ok(der));
        }
    }
}
