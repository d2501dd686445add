//! Files and layouts that outlive the process that wrote them.

pub mod boot_facts;
pub mod command_line;
pub mod disk_layout;
pub mod host_interface;
pub mod image_facts;
pub mod lldp;
pub mod manifest;
pub mod service;
pub mod smbios;
pub mod template_context;
pub mod verity;
