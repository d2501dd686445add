//! iPXE scripts, for the iPXE of 2019 that Debian has: no `imgverify`, and under UEFI a kernel finds its initrd
//! only by `initrd=NAME`.
//!
//! No script loops: attempts are written out one after the other, and the last line of each script goes to the
//! machine's disk.

use super::BootImage;
use std::fmt;
use std::str::FromStr;
use understudy_core::formats::manifest::ArtifactFile;

/// Seconds before each attempt: a server that restarts is back within a few.
const PAUSES_S: [u32; 4] = [0, 2, 5, 15];
/// Tells `/init` that its root comes over the network.
const NETWORK_BOOT: &str = "understudy.network=1";
/// Of every script (iPXE, `src/image/script.c`).
const MAGIC: &str = "#!ipxe\n";
/// BIOS takes `sanboot` of its first disk. UEFI goes to its next boot option after `exit 1`, while a plain
/// `exit` ends in its menu; a BIOS without that disk goes on after `exit 1` too.
///
/// A BIOS numbers its disks from 0x80; the one with our image need not be the first, and one that boots nothing is
/// passed over.
const TO_DISK: &str = "iseq ${platform} pcbios && sanboot --no-describe --drive 0x80 ||\n\
    iseq ${platform} pcbios && sanboot --no-describe --drive 0x81 ||\n\
    iseq ${platform} pcbios && sanboot --no-describe --drive 0x82 ||\n\
    iseq ${platform} pcbios && sanboot --no-describe --drive 0x83 ||\nexit 1\n";

/// One word of a script that iPXE's shell takes as it stands: no quote, no space, no expansion, no operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptWord(String);

/// The text cannot be a word.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot stand in a boot script; words there have letters, digits and -_.,:=/+%@[]~", .0.escape_debug())]
pub struct ScriptWordError(String);

impl FromStr for ScriptWord {
    type Err = ScriptWordError;

    fn from_str(text: &str) -> Result<Self, ScriptWordError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.,:=/+%@[]~".contains(&byte);
        if !text.is_empty() && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ScriptWordError(text.to_owned()))
        }
    }
}

impl fmt::Display for ScriptWord {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Boots an image whose files stand below `base`, and after a few attempts the disk.
pub(super) fn network(base: &str, image: &BootImage) -> String {
    let folder = format!("{base}/images/{image}");
    let (kernel, initrd) = (ArtifactFile::Kernel.file_name(), ArtifactFile::Initrd.file_name());
    let words: String = image.command_line.iter().map(|word| format!("{word} ")).collect();
    let attempt = format!(
        "kernel {folder}/{kernel} initrd={initrd} {words}{NETWORK_BOOT} && initrd {folder}/{initrd} && boot ||\n"
    );
    let mut script = MAGIC.to_owned();
    for pause in PAUSES_S {
        if pause > 0 {
            // What a failed attempt fetched would be one more initrd of the next.
            script.push_str(&format!("imgfree ||\nsleep {pause} ||\n"));
        }
        script.push_str(&attempt);
    }
    script + TO_DISK
}

/// Boots the disk.
pub(super) fn disk() -> String {
    format!("{MAGIC}{TO_DISK}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scripts() -> [String; 2] {
        let image = BootImage::new("mail".parse().unwrap(), semver::Version::new(1, 0, 0), "quiet").unwrap();
        [network("http://10.0.0.1", &image), disk()]
    }

    /// Catches the mutant that tries again from a label: a machine would never come to its disk.
    #[test]
    fn every_script_ends_at_the_disk_and_none_goes_back() {
        for script in scripts() {
            assert!(script.starts_with("#!ipxe\n") && script.ends_with("\nexit 1\n"), "{script}");
            assert!(!script.contains("goto") && !script.contains("chain"), "{script}");
        }
        assert_eq!(scripts()[0].matches("boot ||\n").count(), PAUSES_S.len());
    }

    /// A line that fails without `||` ends the script before it comes to the disk.
    #[test]
    fn no_line_before_the_last_ends_the_script() {
        for script in scripts() {
            let lines: Vec<&str> = script.lines().collect();
            let inner = &lines[1..lines.len() - 1];
            assert!(inner.iter().all(|line| line.ends_with("||")), "{script}");
        }
    }

    #[test]
    fn the_only_expansion_is_our_own() {
        let [network, _] = scripts();
        assert_eq!(network.matches('$').count(), network.matches("${platform}").count(), "{network}");
    }

    #[test]
    fn nothing_that_a_shell_reads_is_a_word() {
        for text in ["console=ttyS0,115200n8", "http://[fd00::1]:80/a-b_c", "a=%20+~@"] {
            assert_eq!(text.parse::<ScriptWord>().unwrap().to_string(), text);
        }
        for text in
            ["", " ", "a b", "\"", "'", "\\", "$x", "${x}", "a\nb", "||", "&&", ";", "#", "`", "\u{e9}"]
        {
            assert!(text.parse::<ScriptWord>().is_err(), "{text}");
        }
    }
}
