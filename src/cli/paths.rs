//! Where things are when no option says so, by the XDG Base Directory Specification.

use super::failure::Failure;
use std::path::PathBuf;

/// Packages and layers that can all be made again.
pub fn cache() -> Result<PathBuf, Failure> {
    base("XDG_CACHE_HOME", ".cache")
}

/// The user's signing key.
pub fn signing_key() -> Result<PathBuf, Failure> {
    Ok(base("XDG_CONFIG_HOME", ".config")?.join("signing.key"))
}

fn base(variable: &str, below_home: &str) -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set(variable).or_else(|| Some(set("HOME")?.join(below_home)));
    let folder = folder.ok_or_else(|| {
        Failure::input(anyhow::anyhow!("neither {variable} nor HOME is set")).hint(format!("set {variable}"))
    })?;
    Ok(folder.join("understudy"))
}
