//! Whether something is a program for this architecture, and whether it runs without anything beside it, as `/init` has to.

/// `Elf64_Ehdr` (elf(5)): where the program headers are, how large each is, how many.
const PROGRAM_HEADERS: usize = 0x20;
const HEADER_BYTES: usize = 0x36;
const HEADER_COUNT: usize = 0x38;
/// EM_X86_64
const X86_64: u16 = 62;
/// PT_INTERP: the dynamic loader that a program asks for.
const INTERPRETER: u32 = 3;

/// Whether this is an x86-64 ELF program.
pub fn is_program(program: &[u8]) -> bool {
    program.starts_with(b"\x7fELF\x02") && number::<2>(program, 18) == Some(u64::from(X86_64))
}

/// Whether `program` is an x86-64 ELF program that asks for no dynamic loader.
pub fn is_static(program: &[u8]) -> bool {
    static_program(program).unwrap_or(false)
}

/// `None` if it is cut short.
fn static_program(program: &[u8]) -> Option<bool> {
    if !is_program(program) {
        return Some(false);
    }
    let start = usize::try_from(number::<8>(program, PROGRAM_HEADERS)?).ok()?;
    let (bytes, count) = (number::<2>(program, HEADER_BYTES)?, number::<2>(program, HEADER_COUNT)?);
    for at in 0..count {
        let header = start.checked_add(usize::try_from(at * bytes).ok()?)?;
        if number::<4>(program, header)? == u64::from(INTERPRETER) {
            return Some(false);
        }
    }
    Some(true)
}

/// A little-endian number of `BYTES` bytes.
fn number<const BYTES: usize>(program: &[u8], at: usize) -> Option<u64> {
    let bytes = program.get(at..at.checked_add(BYTES)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(kinds: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..5].copy_from_slice(b"\x7fELF\x02");
        bytes[18] = 62;
        bytes[PROGRAM_HEADERS] = 64;
        bytes[HEADER_BYTES] = 56;
        bytes[HEADER_COUNT] = kinds.len() as u8;
        for kind in kinds {
            bytes.extend(kind.to_le_bytes());
            bytes.resize(bytes.len() + 52, 0);
        }
        bytes
    }

    #[test]
    fn only_a_whole_program_without_a_loader_is_static() {
        assert!(is_static(&program(&[1, 2, 1])));
        assert!(!is_static(&program(&[1, 3])));
        assert!(!is_static(&program(&[1, 2])[..100]));
        assert!(is_program(&program(&[1, 3])) && !is_program(b"#!/bin/sh\n"));
        assert!(!is_static(b"#!/bin/sh\n"));
        assert!(!is_static(&[]));
    }
}
