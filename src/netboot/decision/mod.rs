//! The boot decision at HTTP time: what one machine gets for one request.
//!
//! Entry point: [`decide`]. It is pure and total: whatever is wished for, a machine gets something that ends at
//! its own disk, because a machine that nobody has plans for must not be stopped by its network.

mod script;

pub use script::{ScriptWord, ScriptWordError};

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use understudy_core::model::mac::MacAddress;
use understudy_core::model::name::Name;

/// RFC 9110, section 4.2.1.
const HTTP_PORT: u16 = 80;

/// A machine asks what to boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootRequest {
    pub mac: MacAddress,
    pub kind: BootKind,
    /// The address and port that were asked, which the machine can therefore reach.
    pub server: SocketAddr,
}

/// Who asks, and so which form the answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootKind {
    /// iPXE, which runs scripts.
    Ipxe,
    /// UEFI HTTP boot (UEFI 2.10, section 24.7), which runs PE programs.
    UefiHttp,
}

/// What the site wants a machine to boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootWish {
    /// This image, over the network.
    Network(BootImage),
    /// Its own disk.
    Disk,
    /// Nothing of ours: the machine is unknown, retired or refused.
    Nothing,
}

impl fmt::Display for BootWish {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(image) => write!(out, "{image} over the network"),
            Self::Disk => out.write_str("its disk"),
            Self::Nothing => out.write_str("nothing of ours"),
        }
    }
}

/// An image of the shelf that can be booted over the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootImage {
    name: Name,
    version: semver::Version,
    command_line: Vec<ScriptWord>,
}

impl BootImage {
    /// With the command line of its manifest; refuses one that a boot script could not hold.
    pub fn new(name: Name, version: semver::Version, command_line: &str) -> Result<Self, ScriptWordError> {
        let command_line =
            command_line.split_ascii_whitespace().map(str::parse).collect::<Result<_, ScriptWordError>>()?;
        Ok(Self { name, version, command_line })
    }

    /// The image's folder on the shelf, such as `mail-1.4.0`.
    pub fn folder(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for BootImage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.name, self.version)
    }
}

/// What goes to the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootAnswer {
    /// An iPXE script.
    Script(String),
    /// The unified kernel image of this image.
    Uki(BootImage),
    /// [`crate::disk_program`].
    DiskProgram,
}

/// The decision.
pub fn decide(request: &BootRequest, wish: &BootWish) -> BootAnswer {
    match (request.kind, wish) {
        (BootKind::Ipxe, BootWish::Network(image)) => {
            BootAnswer::Script(script::network(&base_url(request.server), image))
        }
        (BootKind::Ipxe, BootWish::Disk | BootWish::Nothing) => BootAnswer::Script(script::disk()),
        (BootKind::UefiHttp, BootWish::Network(image)) => BootAnswer::Uki(image.clone()),
        (BootKind::UefiHttp, BootWish::Disk | BootWish::Nothing) => BootAnswer::DiskProgram,
    }
}

/// `http://ADDRESS`, with the port where it is not HTTP's own.
fn base_url(server: SocketAddr) -> String {
    let host = match server.ip().to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    match server.port() {
        HTTP_PORT => format!("http://{host}"),
        port => format!("http://{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(command_line: &str) -> Result<BootImage, ScriptWordError> {
        BootImage::new("mail".parse().unwrap(), semver::Version::new(1, 4, 0), command_line)
    }

    fn request(kind: BootKind) -> BootRequest {
        let mac = MacAddress::new([0x52, 0x54, 0, 0, 0, 1]);
        BootRequest { mac, kind, server: "10.77.0.1:80".parse().unwrap() }
    }

    #[test]
    fn each_firmware_gets_the_answer_that_it_understands() {
        let network = BootWish::Network(image("quiet console=ttyS0").unwrap());
        let (ipxe, uefi) = (request(BootKind::Ipxe), request(BootKind::UefiHttp));
        let is_network =
            |answer: BootAnswer| matches!(answer, BootAnswer::Script(text) if text.contains("kernel "));
        let is_disk = |answer: BootAnswer| answer == BootAnswer::Script(script::disk());
        assert!(is_network(decide(&ipxe, &network)));
        assert!(is_disk(decide(&ipxe, &BootWish::Disk)));
        assert!(is_disk(decide(&ipxe, &BootWish::Nothing)));
        assert_eq!(decide(&uefi, &network), BootAnswer::Uki(image("quiet console=ttyS0").unwrap()));
        assert_eq!(decide(&uefi, &BootWish::Disk), BootAnswer::DiskProgram);
        assert_eq!(decide(&uefi, &BootWish::Nothing), BootAnswer::DiskProgram);
    }

    #[test]
    fn a_network_script_names_the_address_that_was_asked() {
        for (server, base) in [
            ("10.77.0.1:80", "http://10.77.0.1/"),
            ("10.77.0.1:8080", "http://10.77.0.1:8080/"),
            ("[::ffff:10.77.0.1]:80", "http://10.77.0.1/"),
            ("[fd00::1]:80", "http://[fd00::1]/"),
        ] {
            let request = BootRequest { server: server.parse().unwrap(), ..request(BootKind::Ipxe) };
            let BootAnswer::Script(script) = decide(&request, &BootWish::Network(image("quiet").unwrap()))
            else {
                panic!("iPXE gets a script")
            };
            let kernel = format!(
                "kernel {base}images/mail-1.4.0/vmlinuz initrd=initrd.zst quiet understudy.network=1 && \
                 initrd {base}images/mail-1.4.0/initrd.zst && boot ||\n"
            );
            assert!(script.contains(&kernel), "{script}");
        }
    }

    #[test]
    fn a_command_line_that_could_leave_its_script_makes_no_image() {
        for line in ["quiet\"", "a=${net0/mac}", "a || shell", "a;b", "x\u{0}y", "caf\u{e9}", "a\\"] {
            assert!(image(line).is_err(), "{line}");
        }
    }
}
