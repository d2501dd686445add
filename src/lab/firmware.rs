//! What a machine starts with before any byte of its disk.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use understudy_core::base::fs;

/// Debian's UEFI firmware and an empty store for its variables, from the package ovmf.
const OVMF_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
const OVMF_VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/// The kinds of firmware that servers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// SeaBIOS.
    Bios,
    /// OVMF, without Secure Boot.
    Uefi,
}

/// The text is not a kind of firmware.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a firmware; there are bios and uefi")]
pub struct FirmwareError(String);

impl FromStr for Firmware {
    type Err = FirmwareError;

    fn from_str(text: &str) -> Result<Self, FirmwareError> {
        match text {
            "bios" => Ok(Self::Bios),
            "uefi" => Ok(Self::Uefi),
            _ => Err(FirmwareError(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Firmware {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Bios => "bios",
            Self::Uefi => "uefi",
        })
    }
}

impl Firmware {
    /// qemu's arguments; `folder` keeps the machine's own variables from one start to the next.
    pub(crate) fn arguments(self, folder: &Path) -> fs::Result<Vec<String>> {
        if self == Self::Bios {
            return Ok(Vec::new());
        }
        let variables: PathBuf = folder.join("variables.fd");
        if !variables.exists() {
            fs::copy(Path::new(OVMF_VARIABLES), &variables)?;
        }
        let flash = |options: &str, file: &Path| {
            ["-drive".to_owned(), format!("if=pflash,format=raw,{options}file={}", file.display())]
        };
        Ok([flash("readonly=on,", Path::new(OVMF_CODE)), flash("", &variables)].concat())
    }
}
