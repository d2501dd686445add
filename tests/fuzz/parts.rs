//! Several messages in one input.

/// Between two of them.
pub const SEPARATOR: &[u8] = b"NEXT";

/// The messages, in order; none is left out for being empty.
pub fn of(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(input);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let end = bytes.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
        rest = end.map(|end| &bytes[end + SEPARATOR.len()..]);
        Some(&bytes[..end.unwrap_or(bytes.len())])
    })
}
