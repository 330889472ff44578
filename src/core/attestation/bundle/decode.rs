//! Base64 as DSSE and ProtoJSON allow it, decoded beside its text or in its place.

use std::ops::Range;

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurposeConfig, Simd},
};

use super::super::Defect;

pub(super) const PAYLOAD: &str = "the payload";

/// How much text is decoded in one step where it stands: whole groups of four characters.
pub(super) const STEP: usize = 4 << 10;

const PADDED_OR_NOT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// DSSE: "Standard and URL-safe base64 MUST both be accepted". Padding may be left out, as ProtoJSON allows, but not half
/// of it; bits that stand for nothing must be zero.
pub(super) fn decode(text: &str, field: &'static str) -> Result<Vec<u8>, Defect> {
    if text.ends_with('=') && !text.len().is_multiple_of(4) {
        return Err(Defect::Base64 { field });
    }
    // Text of the other alphabet fails at its first `-` or `_`, and text of both fails twice.
    let decoded =
        Simd::standard(PADDED_OR_NOT).decode(text).or_else(|_place| Simd::url_safe(PADDED_OR_NOT).decode(text));
    decoded.map_err(|_place| Defect::Base64 { field })
}

/// Decodes the payload that stands at a place of a buffer, as [`decode`] does, and leaves it alone in the buffer.
pub(super) fn decode_in_place(mut buffer: Vec<u8>, text: Range<usize>, step: usize) -> Result<Vec<u8>, Defect> {
    const MIDDLE: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone);
    let defect = || Defect::Base64 { field: PAYLOAD };
    let whole = buffer.get(text.clone()).ok_or_else(defect)?;
    if whole.ends_with(b"=") && !whole.len().is_multiple_of(4) {
        return Err(defect());
    }
    let (middle, last) = match whole.iter().any(|byte| matches!(byte, b'-' | b'_')) {
        true => (Simd::url_safe(MIDDLE), Simd::url_safe(PADDED_OR_NOT)),
        false => (Simd::standard(MIDDLE), Simd::standard(PADDED_OR_NOT)),
    };
    let (mut read, mut written) = (text.start, 0_usize);
    let mut decoded = [0; STEP];
    while read < text.end {
        let end = text.end.min(read.saturating_add(step));
        let part = buffer.get(read..end).ok_or_else(defect)?;
        // Padding ends a text, and nothing else.
        let engine = if end < text.end { &middle } else { &last };
        let length = engine.decode_slice(part, &mut decoded).map_err(|_place| defect())?;
        // It is shorter than what it was made of, so it never reaches what is still to be read.
        let place = buffer.get_mut(written..written.saturating_add(length)).ok_or_else(defect)?;
        place.copy_from_slice(decoded.get(..length).ok_or_else(defect)?);
        (read, written) = (end, written.saturating_add(length));
    }
    buffer.truncate(written);
    buffer.shrink_to_fit();
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_base64_alphabets_are_read_but_not_mixed() {
        for (text, same) in [
            ("-_8=", Some("+/8=")),
            ("-_8", Some("+/8=")),
            ("-/8=", None),
            ("+/9=", None),
            ("+/8==", None),
            ("+w=", None),
        ] {
            let decoded = decode(text, "x");
            assert_eq!(decoded.is_ok(), same.is_some(), "{text}");
            assert!(same.is_none_or(|same| decoded == decode(same, "x")), "{text}");
        }
    }

    #[test]
    fn padding_ends_a_text_and_not_a_step_of_it() {
        for text in ["Qg==QUJD", "QUI=QUJD", "QUJDQg==QUJD"] {
            assert_eq!(decode(text, PAYLOAD), Err(Defect::Base64 { field: PAYLOAD }), "{text}");
            assert_eq!(decode_in_place(text.into(), 0..text.len(), 4), decode(text, PAYLOAD), "{text}");
        }
        assert_eq!(decode_in_place("QUJDQg==".into(), 0..8, 4), Ok(b"ABCB".to_vec()));
    }

    proptest::proptest! {
        #[test]
        fn what_is_decoded_in_place_is_what_is_decoded(
            text in "[AQgw09+/]{0,9}|[AQgw09_=-]{0,9}|[AQgw+/_= !-]{0,12}|([AQgw]{4}){0,3}[AQgw]{0,3}={0,3}",
            before in "\"{0,9}",
        ) {
            let place = before.len()..before.len() + text.len();
            for step in [4, 8, STEP] {
                let buffer = format!("{before}{text}\"}}").into_bytes();
                proptest::prop_assert_eq!(decode_in_place(buffer, place.clone(), step), decode(&text, PAYLOAD), "{}", step);
            }
        }
    }
}
