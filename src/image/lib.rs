//! The builder: Debian packages and our own node agent become a signed image that boots.
//!
//! Entry points: [`build::build`] makes an image folder, [`lock::write_lock`] pins packages,
//! [`release::Release::open`] reads an image folder back and checks it.
//!
//! The same inputs give the same bytes, on any machine, in any folder, under any user. Nothing here opens a
//! socket: packages come through the host's apt. Nothing half built is ever seen under the output's name.

pub mod apt;
pub mod artifacts;
pub mod build;
pub mod cache;
pub mod deb;
pub mod definition;
pub mod disk;
pub mod elf;
pub mod esp;
pub mod grub;
pub mod initrd;
pub mod layer;
pub mod lock;
pub mod modules;
pub mod namespace;
pub mod packages;
pub mod progress;
pub mod release;
pub mod rootfs;
pub mod secrets;
pub mod signing;
pub mod stage;
pub mod tree;
pub mod uki;
pub mod verity;
