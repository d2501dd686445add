//! What can be asked for. A path is compared with what there is, never looked up in a folder.

use super::files::ShelfFile;
use crate::decision::BootKind;
use understudy_core::model::mac::MacAddress;

const MAC_DIGITS: usize = 12;

/// A path that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `/boot/MAC/ipxe` and `/boot/MAC/x64.efi`.
    Boot { mac: MacAddress, kind: BootKind },
    /// `/images/NAME-VERSION/FILE`.
    File { image: &'a str, file: ShelfFile },
}

impl<'a> Route<'a> {
    /// Nothing for any other path.
    pub fn of(path: &'a str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let route = (parts.next()?, parts.next()?, parts.next()?, parts.next());
        match route {
            ("boot", mac, file, None) => {
                let is_digits = mac.len() == MAC_DIGITS && !mac.bytes().any(|byte| byte.is_ascii_uppercase());
                let mac = is_digits.then(|| mac.parse().ok())??;
                let kind = match file {
                    "ipxe" => BootKind::Ipxe,
                    "x64.efi" => BootKind::UefiHttp,
                    _ => return None,
                };
                Some(Self::Boot { mac, kind })
            }
            ("images", image, file, None) => Some(Self::File { image, file: ShelfFile::of_name(file)? }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_paths_of_the_contract_mean_something() {
        let mac = MacAddress::new([0x52, 0x54, 0, 0xab, 0xcd, 0xef]);
        let boot = |kind| Some(Route::Boot { mac, kind });
        assert_eq!(Route::of("/boot/525400abcdef/ipxe"), boot(BootKind::Ipxe));
        assert_eq!(Route::of("/boot/525400abcdef/x64.efi"), boot(BootKind::UefiHttp));
        for file in ShelfFile::all() {
            let path = format!("/images/mail-1.4.0/{}", file.file_name());
            assert_eq!(Route::of(&path), Some(Route::File { image: "mail-1.4.0", file }), "{path}");
        }
        for path in [
            "",
            "/",
            "boot/525400abcdef/ipxe",
            "/boot/525400ABCDEF/ipxe",
            "/boot/52:54:00:ab:cd:ef/ipxe",
            "/boot/525400abcde/ipxe",
            "/boot/525400abcdef/arm64.efi",
            "/boot/525400abcdef/ipxe/",
            "/images/mail-1.4.0",
            "/images/mail-1.4.0/",
            "/images/mail-1.4.0/../../etc/passwd",
            "/images/mail-1.4.0/signing.key",
            "//images/mail-1.4.0/vmlinuz",
            "/images/mail-1.4.0/vmlinuz?x",
        ] {
            assert_eq!(Route::of(path), None, "{path}");
        }
    }
}
