//! What asks: firmware or loader, from the options that it sends. Pure; says nothing about what it gets.

use super::options::{Options, code};
use understudy_core::protocol::VENDOR_CLASS;

/// What a client is able to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// A PXE ROM in real mode.
    BiosPxe,
    /// UEFI on x86-64, over TFTP.
    UefiPxe,
    /// UEFI on x86-64, over HTTP.
    UefiHttp,
    /// iPXE, on whatever it runs.
    Ipxe,
    /// Our own /init.
    Node,
    /// Boots from the network, and we have nothing for it; with the architectures that it names.
    Unserved(Vec<u16>),
    /// Does not ask to be booted.
    None,
}

const PXE_CLASS: &[u8] = b"PXEClient";
const HTTP_CLASS: &[u8] = b"HTTPClient";
const IPXE_CLASS: &[u8] = b"iPXE";
/// IANA, "Processor Architecture Types" (RFC 5970); what boards send for x86-64 UEFI is 7 as well as 9
/// (RFC 4578, erratum 4624).
const X86_BIOS: u16 = 0;
const X86_64_UEFI: [u16; 2] = [7, 9];
const X86_64_UEFI_HTTP: u16 = 16;

impl Firmware {
    /// Reads options 60, 77, 93 and 175.
    pub fn of(options: &Options) -> Self {
        let class = options.get(code::VENDOR_CLASS).unwrap_or_default();
        if class == VENDOR_CLASS.as_bytes() {
            return Self::Node;
        }
        if is_ipxe(options) {
            return Self::Ipxe;
        }
        let architectures = architectures(options, class);
        let has_uefi = architectures.iter().any(|kind| X86_64_UEFI.contains(kind));
        if class.starts_with(HTTP_CLASS) {
            // Only UEFI knows this class, so 0 is a board that does not say; ARM and RISC-V boards do.
            let says_nothing = architectures.iter().all(|kind| *kind == X86_BIOS);
            if architectures.contains(&X86_64_UEFI_HTTP) || has_uefi || says_nothing {
                return Self::UefiHttp;
            }
            return Self::Unserved(architectures);
        }
        if !class.starts_with(PXE_CLASS) {
            return Self::None;
        }
        match architectures {
            _ if has_uefi => Self::UefiPxe,
            known if known.is_empty() || known.contains(&X86_BIOS) => Self::BiosPxe,
            other => Self::Unserved(other),
        }
    }

    /// Whether a boot file may be expected.
    pub fn wants_boot(&self) -> bool {
        *self != Self::None
    }
}

/// User class 77, raw or as RFC 3004 has it, or option 175; some ROMs forward only one of them.
fn is_ipxe(options: &Options) -> bool {
    let class = options.get(code::USER_CLASS).unwrap_or_default();
    class == IPXE_CLASS
        || user_classes(class).any(|class| class == IPXE_CLASS)
        || options.get(code::IPXE).is_some()
}

/// RFC 3004, section 4: each class with its length before it.
fn user_classes(mut value: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&length, rest) = value.split_first()?;
        let class = rest.get(..length.into())?;
        value = &rest[class.len()..];
        Some(class)
    })
}

/// All that option 93 lists, then what the class of `PXEClient:Arch:00007:UNDI:003016` says: boards exist that
/// send 0 in one of them.
fn architectures(options: &Options, class: &[u8]) -> Vec<u16> {
    let listed = options.get(code::ARCHITECTURES).unwrap_or_default().chunks_exact(2);
    let mut all: Vec<u16> = listed.map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let text = std::str::from_utf8(class).unwrap_or_default();
    let named: Option<u16> =
        text.split(':').skip_while(|word| *word != "Arch").nth(1).and_then(|word| word.parse().ok());
    all.extend(named);
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firmware(class: &str, architectures: &[u16], more: &[(u8, &[u8])]) -> Firmware {
        let mut options = Options::default();
        if !class.is_empty() {
            options.push(code::VENDOR_CLASS, class.as_bytes());
        }
        if !architectures.is_empty() {
            let list: Vec<u8> = architectures.iter().flat_map(|kind| kind.to_be_bytes()).collect();
            options.push(code::ARCHITECTURES, &list);
        }
        more.iter().for_each(|(code, value)| options.push(*code, value));
        Firmware::of(&options)
    }

    #[test]
    fn n01_option_93_is_a_list_and_x86_64_has_several_numbers() {
        use Firmware::{BiosPxe, UefiHttp, UefiPxe, Unserved};
        for (class, architectures, expected) in [
            ("PXEClient:Arch:00000:UNDI:002001", &[0_u16][..], BiosPxe),
            ("PXEClient", &[], BiosPxe),
            ("PXEClient:Arch:00007:UNDI:003016", &[7], UefiPxe),
            ("PXEClient:Arch:00009:UNDI:003016", &[9], UefiPxe),
            ("PXEClient", &[6, 7], UefiPxe),
            ("PXEClient", &[0, 9], UefiPxe),
            // Some boards send 0, and say what they are in the class only.
            ("PXEClient:Arch:00007:UNDI:003016", &[0], UefiPxe),
            ("PXEClient:Arch:00007:UNDI:003016", &[], UefiPxe),
            ("PXEClient:Arch:00011:UNDI:003000", &[11], Unserved(vec![11])),
            ("PXEClient:Arch:00006:UNDI:003000", &[6], Unserved(vec![6])),
            ("HTTPClient:Arch:00016:UNDI:003001", &[16], UefiHttp),
            ("HTTPClient", &[15, 16], UefiHttp),
            ("HTTPClient", &[0], UefiHttp),
            ("HTTPClient", &[], UefiHttp),
            ("HTTPClient:Arch:00015:UNDI:003001", &[15], Unserved(vec![15])),
            ("HTTPClient:Arch:00018:UNDI:003001", &[18], Unserved(vec![18])),
            ("HTTPClient:Arch:00019:UNDI:003001", &[19], Unserved(vec![19])),
            ("HTTPClient:Arch:00020:UNDI:003001", &[20], Unserved(vec![20])),
            ("MSFT 5.0", &[], Firmware::None),
            ("", &[7], Firmware::None),
        ] {
            assert_eq!(firmware(class, architectures, &[]), expected, "{class} {architectures:?}");
        }
    }

    #[test]
    fn n01_half_an_architecture_is_none() {
        let mut options = Options::default();
        options.push(code::VENDOR_CLASS, b"PXEClient");
        options.push(code::ARCHITECTURES, &[0, 7, 0]);
        assert_eq!(Firmware::of(&options), Firmware::UefiPxe);
    }

    #[test]
    fn n08_ipxe_is_known_by_its_user_class_or_by_option_175() {
        let pxe = "PXEClient:Arch:00000:UNDI:002001";
        for more in [
            (code::USER_CLASS, b"iPXE".as_slice()),
            (code::USER_CLASS, b"\x04iPXE"),
            (code::USER_CLASS, b"\x02ab\x04iPXE"),
            (code::IPXE, b"\xb1\x05\x01\x80\x86\x10\x0e"),
            (code::IPXE, b""),
        ] {
            assert_eq!(firmware(pxe, &[0], &[more]), Firmware::Ipxe, "{more:?}");
        }
        for class in [b"iPXE2".as_slice(), b"\x05iPXE", b"other", b""] {
            assert_eq!(firmware(pxe, &[0], &[(code::USER_CLASS, class)]), Firmware::BiosPxe, "{class:?}");
        }
    }

    #[test]
    fn our_own_init_is_known_by_its_class() {
        assert_eq!(firmware(VENDOR_CLASS, &[], &[]), Firmware::Node);
        assert_eq!(firmware("understudy-node2", &[], &[]), Firmware::None);
    }
}
