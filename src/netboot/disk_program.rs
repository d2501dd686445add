//! The EFI program that sends UEFI firmware to its next boot option: it says "not found" and ends.
//!
//! A machine that boots by HTTP and should start from its disk gets this; a 404 would cost it a minute of
//! other protocols. Under Secure Boot firmware refuses it, as it is not signed, and goes on just the same.
//!
//! Numbers are from Microsoft's PE format specification and the UEFI specification 2.10. Entry point:
//! [`DISK_PROGRAM`].

/// The whole file, a PE32+ program for x86-64.
pub static DISK_PROGRAM: [u8; FILE_BYTES] = assemble();

/// One unit each for the headers, `.text` and `.reloc`.
const FILE_BYTES: usize = 3 * FILE_ALIGNMENT;
const FILE_ALIGNMENT: usize = 0x200;
/// A page, so that firmware can protect code and data apart (UEFI 2.10, section 2.3.4).
const SECTION_ALIGNMENT: usize = 0x1000;

const PE_SIGNATURE: usize = 0x40;
const COFF_HEADER: usize = PE_SIGNATURE + 4;
const OPTIONAL_HEADER: usize = COFF_HEADER + 20;
const OPTIONAL_HEADER_BYTES: u16 = 112 + 16 * 8;
const SECTION_TABLE: usize = OPTIONAL_HEADER + OPTIONAL_HEADER_BYTES as usize;
const SECTION_HEADER_BYTES: usize = 40;

const TEXT: Section = Section { name: *b".text\0\0\0", page: 1, bytes: CODE.len(), flags: 0x6000_0020 };
const RELOC: Section =
    Section { name: *b".reloc\0\0", page: 2, bytes: RELOCATIONS.len(), flags: 0x4200_0040 };

/// `mov rax, EFI_NOT_FOUND` (14 with the error bit: UEFI 2.10, appendix D); `ret`.
const CODE: [u8; 11] = [0x48, 0xb8, 0x0e, 0, 0, 0, 0, 0, 0, 0x80, 0xc3];
/// One block for the page of `.text` with two entries of type 0, which are padding: some firmware refuses a
/// program without relocations, and this one needs none.
const RELOCATIONS: [u8; 12] = [0x00, 0x10, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0];

struct Section {
    name: [u8; 8],
    /// Its place, in pages in memory and in file units in the file.
    page: usize,
    bytes: usize,
    /// IMAGE_SCN_*: content, discardable (`.reloc`), executable (`.text`), readable.
    flags: u32,
}

const fn assemble() -> [u8; FILE_BYTES] {
    let image = [0; FILE_BYTES];
    let image = put(image, 0, b"MZ");
    let image = put(image, 0x3c, &(PE_SIGNATURE as u32).to_le_bytes());
    let image = put(image, PE_SIGNATURE, b"PE\0\0");
    let image = optional_header(coff_header(image));
    let image = section(image, 0, &TEXT, &CODE);
    section(image, 1, &RELOC, &RELOCATIONS)
}

const fn coff_header(image: [u8; FILE_BYTES]) -> [u8; FILE_BYTES] {
    // IMAGE_FILE_MACHINE_AMD64.
    let image = put(image, COFF_HEADER, &0x8664u16.to_le_bytes());
    let image = put(image, COFF_HEADER + 2, &2u16.to_le_bytes());
    let image = put(image, COFF_HEADER + 16, &OPTIONAL_HEADER_BYTES.to_le_bytes());
    // IMAGE_FILE_EXECUTABLE_IMAGE and IMAGE_FILE_LARGE_ADDRESS_AWARE.
    put(image, COFF_HEADER + 18, &0x0022u16.to_le_bytes())
}

const fn optional_header(image: [u8; FILE_BYTES]) -> [u8; FILE_BYTES] {
    let at = OPTIONAL_HEADER;
    // PE32+.
    let image = put(image, at, &0x020bu16.to_le_bytes());
    // SizeOfCode and SizeOfInitializedData.
    let image = put(image, at + 4, &(FILE_ALIGNMENT as u32).to_le_bytes());
    let image = put(image, at + 8, &(FILE_ALIGNMENT as u32).to_le_bytes());
    // AddressOfEntryPoint and BaseOfCode.
    let image = put(image, at + 16, &(SECTION_ALIGNMENT as u32).to_le_bytes());
    let image = put(image, at + 20, &(SECTION_ALIGNMENT as u32).to_le_bytes());
    let image = put(image, at + 32, &(SECTION_ALIGNMENT as u32).to_le_bytes());
    let image = put(image, at + 36, &(FILE_ALIGNMENT as u32).to_le_bytes());
    // SizeOfImage and SizeOfHeaders.
    let image = put(image, at + 56, &(3 * SECTION_ALIGNMENT as u32).to_le_bytes());
    let image = put(image, at + 60, &(FILE_ALIGNMENT as u32).to_le_bytes());
    // IMAGE_SUBSYSTEM_EFI_APPLICATION.
    let image = put(image, at + 68, &10u16.to_le_bytes());
    // IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE and _NX_COMPAT.
    let image = put(image, at + 70, &0x0140u16.to_le_bytes());
    // NumberOfRvaAndSizes; entry 5 is the base relocation table.
    let image = put(image, at + 108, &16u32.to_le_bytes());
    let image = put(image, at + 112 + 5 * 8, &((RELOC.page * SECTION_ALIGNMENT) as u32).to_le_bytes());
    put(image, at + 112 + 5 * 8 + 4, &(RELOC.bytes as u32).to_le_bytes())
}

const fn section(
    image: [u8; FILE_BYTES],
    index: usize,
    section: &Section,
    content: &[u8],
) -> [u8; FILE_BYTES] {
    let row = SECTION_TABLE + index * SECTION_HEADER_BYTES;
    let image = put(image, row, &section.name);
    let image = put(image, row + 8, &(section.bytes as u32).to_le_bytes());
    let image = put(image, row + 12, &((section.page * SECTION_ALIGNMENT) as u32).to_le_bytes());
    let image = put(image, row + 16, &(FILE_ALIGNMENT as u32).to_le_bytes());
    let image = put(image, row + 20, &((section.page * FILE_ALIGNMENT) as u32).to_le_bytes());
    let image = put(image, row + 36, &section.flags.to_le_bytes());
    put(image, section.page * FILE_ALIGNMENT, content)
}

const fn put(mut image: [u8; FILE_BYTES], at: usize, bytes: &[u8]) -> [u8; FILE_BYTES] {
    let mut index = 0;
    while index < bytes.len() {
        image[at + index] = bytes[index];
        index += 1;
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::pe;
    use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, PeFile64};
    use object::{Object, ObjectSection};

    #[test]
    fn an_independent_reader_finds_a_program_for_uefi() {
        let file = PeFile64::parse(&DISK_PROGRAM[..]).unwrap();
        let header = file.nt_headers().optional_header();
        assert_eq!(file.architecture(), object::Architecture::X86_64);
        assert_eq!(header.subsystem(), pe::IMAGE_SUBSYSTEM_EFI_APPLICATION);
        let text = file.section_by_name(".text").unwrap();
        assert_eq!(file.entry(), text.address());
        assert_eq!(text.data().unwrap(), CODE);
    }

    #[test]
    fn its_relocations_are_there_and_change_nothing() {
        let file = PeFile64::parse(&DISK_PROGRAM[..]).unwrap();
        let sections = file.section_table();
        let mut blocks =
            file.data_directories().relocation_blocks(&DISK_PROGRAM[..], &sections).unwrap().unwrap();
        let block = blocks.next().unwrap().unwrap();
        assert_eq!(block.virtual_address() as usize, SECTION_ALIGNMENT);
        assert!(block.into_iter().all(|relocation| relocation.typ == pe::IMAGE_REL_BASED_ABSOLUTE));
        assert!(blocks.next().unwrap().is_none());
    }
}
