//! The unified kernel image: systemd's stub with kernel, initrd and command line as PE sections.
//!
//! Sections are those of the UAPI group's UKI specification; offsets are from Microsoft's PE format
//! specification. The stub stays as it is but for its section table.

const COFF_HEADER_BYTES: usize = 24;
const SECTION_HEADER_BYTES: usize = 40;
/// Sections start on their own page, as the stub maps them in place.
const PAGE_BYTES: u32 = 4096;
/// IMAGE_SCN_CNT_INITIALIZED_DATA and IMAGE_SCN_MEM_READ.
const READ_ONLY_DATA: u32 = 0x4000_0040;

/// Why the stub cannot be extended.
#[derive(Debug, thiserror::Error)]
pub enum UkiError {
    #[error("the UEFI stub is not a PE32+ program")]
    NotPe,
    #[error("the UEFI stub's header has no room for {0} more sections")]
    NoRoom(usize),
    #[error("the unified kernel image would be larger than 4 GiB")]
    TooLarge,
}

/// Appends `sections` (name of at most 8 bytes, content) to the PE program `stub`.
pub fn append(stub: &[u8], sections: &[(&str, &[u8])]) -> Result<Vec<u8>, UkiError> {
    let mut image = Pe::parse(stub)?;
    for (name, content) in sections {
        image.add(name, content, sections.len())?;
    }
    Ok(image.finish())
}

struct Pe {
    bytes: Vec<u8>,
    /// Offset of the PE signature.
    header: usize,
    /// Offset of the section table.
    table: usize,
    sections: u16,
    file_alignment: u32,
    section_alignment: u32,
    /// Where in memory the next section may start.
    next_address: u32,
}

impl Pe {
    fn parse(stub: &[u8]) -> Result<Self, UkiError> {
        let header = u32_at(stub, 0x3c).ok_or(UkiError::NotPe)? as usize;
        let optional = header + COFF_HEADER_BYTES;
        let is_pe = stub.get(..2) == Some(b"MZ") && stub.get(header..header + 4) == Some(b"PE\0\0");
        let is_64_bit = u16_at(stub, optional) == Some(0x20b);
        if !(is_pe && is_64_bit) {
            return Err(UkiError::NotPe);
        }
        let read = |offset| u32_at(stub, offset).ok_or(UkiError::NotPe);
        let sections = u16_at(stub, header + 6).ok_or(UkiError::NotPe)?;
        let optional_bytes = u16_at(stub, header + 20).ok_or(UkiError::NotPe)?;
        let (file_alignment, section_alignment) = (read(optional + 36)?, read(optional + 32)?);
        if !(file_alignment.is_power_of_two() && section_alignment.is_power_of_two()) {
            return Err(UkiError::NotPe);
        }
        Ok(Self {
            header,
            table: optional + usize::from(optional_bytes),
            sections,
            file_alignment,
            section_alignment,
            next_address: read(optional + 56)?,
            bytes: stub.to_vec(),
        })
    }

    fn add(&mut self, name: &str, content: &[u8], count: usize) -> Result<(), UkiError> {
        let entry = self.table + usize::from(self.sections) * SECTION_HEADER_BYTES;
        let headers_end = u32_at(&self.bytes, self.header + COFF_HEADER_BYTES + 60).ok_or(UkiError::NotPe)?;
        if entry + SECTION_HEADER_BYTES > headers_end as usize {
            return Err(UkiError::NoRoom(count));
        }
        let too_large = |_| UkiError::TooLarge;
        let size = u32::try_from(content.len()).map_err(too_large)?;
        let address = self.next_address.checked_next_multiple_of(PAGE_BYTES).ok_or(UkiError::TooLarge)?;
        self.pad_file();
        let offset = u32::try_from(self.bytes.len()).map_err(too_large)?;
        self.bytes.extend_from_slice(content);
        self.pad_file();
        let raw_size = u32::try_from(self.bytes.len()).map_err(too_large)? - offset;

        let mut row = [0; SECTION_HEADER_BYTES];
        row[..name.len()].copy_from_slice(name.as_bytes());
        for (at, value) in [(8, size), (12, address), (16, raw_size), (20, offset), (36, READ_ONLY_DATA)] {
            row[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        self.bytes[entry..entry + SECTION_HEADER_BYTES].copy_from_slice(&row);
        self.sections += 1;
        self.next_address = address.checked_add(size).ok_or(UkiError::TooLarge)?;
        Ok(())
    }

    fn pad_file(&mut self) {
        let length = self.bytes.len().next_multiple_of(self.file_alignment as usize);
        self.bytes.resize(length, 0);
    }

    fn finish(mut self) -> Vec<u8> {
        let optional = self.header + COFF_HEADER_BYTES;
        let image_bytes = self.next_address.next_multiple_of(self.section_alignment);
        self.bytes[self.header + 6..self.header + 8].copy_from_slice(&self.sections.to_le_bytes());
        self.bytes[optional + 56..optional + 60].copy_from_slice(&image_bytes.to_le_bytes());
        // A checksum of zero means none; firmware does not look at it.
        self.bytes[optional + 64..optional + 68].fill(0);
        self.bytes
    }
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..offset + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..offset + 4)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PE32+ header with one section and room for `room` more.
    fn stub(room: usize) -> Vec<u8> {
        let mut bytes = vec![0; 0x400];
        bytes[..2].copy_from_slice(b"MZ");
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0x3c, &0x80u32.to_le_bytes());
        put(0x80, b"PE\0\0");
        put(0x86, &1u16.to_le_bytes());
        put(0x94, &240u16.to_le_bytes());
        put(0x98, &0x20bu16.to_le_bytes());
        put(0x98 + 32, &512u32.to_le_bytes());
        put(0x98 + 36, &512u32.to_le_bytes());
        put(0x98 + 56, &0x2345u32.to_le_bytes());
        let table = 0x98 + 240;
        put(0x98 + 60, &((table + (1 + room) * SECTION_HEADER_BYTES) as u32).to_le_bytes());
        bytes
    }

    #[test]
    fn sections_land_on_pages_and_hold_their_content() {
        let image = append(&stub(2), &[(".cmdline", b"quiet"), (".linux", &[7; 5000])]).unwrap();
        let second = 0x98 + 240 + 2 * SECTION_HEADER_BYTES;
        assert_eq!(u16_at(&image, 0x86), Some(3));
        assert_eq!(&image[second..second + 6], b".linux");
        assert_eq!(u32_at(&image, second + 8), Some(5000));
        assert_eq!(u32_at(&image, second + 12), Some(0x4000));
        let offset = u32_at(&image, second + 20).unwrap() as usize;
        assert_eq!(image[offset..offset + 5000], [7; 5000]);
        assert_eq!(u32_at(&image, 0x98 + 56), Some((0x4000u32 + 5000).next_multiple_of(512)));
    }

    #[test]
    fn a_full_header_and_a_foreign_file_are_refused() {
        assert!(matches!(append(&stub(0), &[(".linux", b"x")]), Err(UkiError::NoRoom(1))));
        assert!(matches!(append(b"#!/bin/sh", &[]), Err(UkiError::NotPe)));
        assert!(matches!(append(&stub(1)[..0x90], &[]), Err(UkiError::NotPe)));
    }
}
