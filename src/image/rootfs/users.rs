//! Users that services declare, behind those of the packages. Nobody logs in as one: they have no password and no shell.

use crate::definition::Definition;
use understudy_core::formats::service::SystemUid;
use understudy_core::model::name::Name;

/// What is added to a file of the packages.
pub(super) fn lines(path: &str, definition: &Definition) -> Option<String> {
    let line: fn(&Name, &SystemUid) -> String = match path {
        "etc/passwd" => |name, uid| format!("{name}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin\n"),
        "etc/group" => |name, uid| format!("{name}:x:{uid}:\n"),
        _ => return None,
    };
    Some(users(definition).map(|(name, uid)| line(name, uid)).collect())
}

/// What the root depends on.
pub(super) fn all(definition: &Definition) -> String {
    users(definition).map(|(name, uid)| format!("{name} {uid}\n")).collect()
}

fn users(definition: &Definition) -> impl Iterator<Item = (&Name, &SystemUid)> {
    definition.services.iter().flat_map(|folder| &folder.service.users)
}
