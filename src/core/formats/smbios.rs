//! The structures of an SMBIOS table (DMTF DSP0134, section 6.1), one after another.
//!
//! The table is firmware's, so it may say anything: nothing is read past its end, and a damaged structure ends it
//! with an error. Entry point: [`structures`].

/// Type, length and handle (DSP0134, section 6.1.2).
const HEADER_BYTES: usize = 4;
/// Of the structure behind which nothing counts (DSP0134, section 7.46).
const END_OF_TABLE: u8 = 127;

/// One structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structure<'a> {
    pub kind: u8,
    pub handle: u16,
    /// The formatted area, header included: offsets are those of the specification.
    pub formatted: &'a [u8],
}

/// The table is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmbiosError {
    #[error("the structure at byte {at} of the SMBIOS table is cut short")]
    Short { at: usize },
    #[error("the strings of the structure at byte {at} of the SMBIOS table do not end")]
    Strings { at: usize },
}

/// Walks a table to its end, or to its first damage.
pub fn structures(table: &[u8]) -> impl Iterator<Item = Result<Structure<'_>, SmbiosError>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= table.len() {
            return None;
        }
        let next = structure(table, at);
        at = match &next {
            Ok((found, end)) if found.kind != END_OF_TABLE => *end,
            _ => table.len(),
        };
        Some(next.map(|(found, _)| found)).filter(|found| !is_end(found))
    })
}

fn is_end(found: &Result<Structure<'_>, SmbiosError>) -> bool {
    found.is_ok_and(|structure| structure.kind == END_OF_TABLE)
}

/// The structure that begins here, and where the next one does.
fn structure(table: &[u8], at: usize) -> Result<(Structure<'_>, usize), SmbiosError> {
    let short = SmbiosError::Short { at };
    let &[kind, length, low, high] = table.get(at..at + HEADER_BYTES).ok_or(short)? else {
        return Err(short);
    };
    let length = usize::from(length);
    let formatted = table.get(at..at + length).filter(|bytes| bytes.len() >= HEADER_BYTES).ok_or(short)?;
    // Strings, each with its zero, and one more; without strings both zeros are there as well (section 6.1.3).
    let strings = &table[at + length..];
    let end = strings.windows(2).position(|pair| pair == [0, 0]).ok_or(SmbiosError::Strings { at })?;
    let handle = u16::from_le_bytes([low, high]);
    Ok((Structure { kind, handle, formatted }, at + length + end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(table: &[u8]) -> Vec<Result<u8, SmbiosError>> {
        structures(table).map(|found| found.map(|structure| structure.kind)).collect()
    }

    /// Two structures, the first with strings, and the end.
    const TABLE: &[u8] =
        b"\x01\x06\x10\x00\x01\x02Maker\0Product\0\0\x26\x04\x11\x00\0\0\x7f\x04\x12\x00\0\0junk";

    #[test]
    fn a_table_is_walked_to_its_end_and_no_further() {
        assert_eq!(kinds(TABLE), [Ok(1), Ok(38)]);
        let first = structures(TABLE).next().unwrap().unwrap();
        assert_eq!((first.handle, first.formatted), (0x10, &TABLE[..6]));
        assert_eq!(kinds(&[]), []);
    }

    #[test]
    fn damage_is_told_where_it_is() {
        assert_eq!(kinds(&TABLE[..3]), [Err(SmbiosError::Short { at: 0 })]);
        assert_eq!(kinds(&TABLE[..20]), [Err(SmbiosError::Strings { at: 0 })]);
        assert_eq!(kinds(&TABLE[..24]), [Ok(1), Err(SmbiosError::Short { at: 21 })]);
        assert_eq!(
            kinds(&[1, 3, 0, 0, 0, 0]),
            [Err(SmbiosError::Short { at: 0 })],
            "shorter than its header"
        );
    }

    proptest! {
        #[test]
        fn hostile_tables_end(table in prop::collection::vec(prop_oneof![Just(0), Just(4), any::<u8>()], 0..400)) {
            let found: Vec<_> = structures(&table).collect();
            prop_assert!(found.len() <= table.len() / 6 + 1);
            prop_assert!(found.iter().rev().skip(1).all(Result::is_ok), "nothing follows damage");
        }
    }
}
