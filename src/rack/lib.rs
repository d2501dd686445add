//! The rack agent.

pub mod redfish;
