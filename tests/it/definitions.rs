//! Mistakes in `image.toml`: exit code 2, with file, line and key.

use crate::command::{Ended, run_understudy, text};
use crate::fixture::{checkout, edit, line_of, tree};
use std::path::Path;

const IMAGE: &str = "images/mail/image.toml";

fn build(checkout: &Path) -> Ended {
    run_understudy(["image", "build", text(&checkout.join("images/mail"))])
}

/// Changes the definition, builds, and expects a complaint about the line that now holds `culprit`.
#[track_caller]
fn refuses(from: &str, to: &str, culprit: &str, texts: &[&str]) {
    let checkout = checkout();
    edit(checkout.path(), IMAGE, from, to);
    let ended = build(checkout.path());
    let place = format!("image.toml:{}: ", line_of(checkout.path(), IMAGE, culprit));
    ended.expect_failure(2, &[&place, "hint: edit "]);
    ended.expect_failure(2, texts);
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    refuses("valid_days", "valid_day", "valid_day ", &["`valid_day`"]);
    refuses("tries = 3", "trys = 3", "trys = 3", &["`trys`"]);
    refuses("exclusivity = \"soft\"", "exclusive = \"soft\"", "exclusive = ", &["`exclusive`"]);
}

#[test]
fn a_role_without_a_service_is_named_with_its_line() {
    let role = "[roles.dns]\nservices = [\"unbound\"]";
    let other = "[roles.dns]\nservices = [\"bind\"]";
    refuses(role, other, "services = [\"bind\"]", &["role `dns`", "service `bind`"]);
    refuses(role, "[roles.dns]\nservices = []", "[roles.dns]", &["role `dns` has no service"]);
}

#[test]
fn a_duplicate_role_is_named_with_its_line() {
    let twice = "[roles.dns]\nservices = [\"unbound\"]\ncluster = \"balanced\"\nexclusivity = \"soft\"\n\n[roles.dns] # again";
    refuses("[roles.dns]", twice, "[roles.dns] # again", &["duplicate key `dns`"]);
}

#[test]
fn a_volume_wants_a_strict_role_and_room() {
    let soft = "exclusivity = \"soft\"";
    let with_volume = "exclusivity = \"soft\"\nvolume = true";
    refuses(soft, with_volume, "volume = true", &["role `dns` has a volume", "\"strict\""]);
    refuses(soft, "exclusivity = \"soft\"\nvolume = 1", "volume = 1", &["expected a boolean"]);
    let state = "state_max = \"4GiB\"";
    let small = "state_max = \"4GiB\"\nvolume_max = \"1MiB\"";
    refuses(state, small, "volume_max = ", &["`volume_max` is 1.0 MiB", "at least 64.0 MiB"]);
}

#[test]
fn a_value_that_makes_no_sense_is_named_with_its_line() {
    refuses("esp = \"288MiB\"", "esp = \"64MiB\"", "esp = ", &["FAT32 needs at least 260.0 MiB"]);
    refuses("root = \"384MiB\"", "root = \"big\"", "root = \"big\"", &["`big` is not a size"]);
    refuses("version = \"0.1.0\"", "version = \"one\"", "version = \"one\"", &["version"]);
    refuses("name = \"mail\"", "name = \"../mail\"", "name = ", &["`../mail` is not a name"]);
    refuses("\"etc/*-\"", "\"etc/[\"", "etc/[", &["`etc/[` is not a pattern"]);
}

#[test]
fn a_service_that_is_not_whole_is_named() {
    refuses(
        "services = [\"unbound\", ",
        "services = [\"bind\", ",
        "services = [\"bind\", ",
        &["service `bind`"],
    );
    for (file, from, to, expected) in [
        ("services/unbound/service.toml", "name = \"unbound\"", "name = \"bind\"", "its name is `bind`"),
        (
            "services/unbound/service.toml",
            "/run/understudy/unbound/unbound.conf",
            "/etc/unbound.conf",
            "not under /run",
        ),
        (
            "services/unbound/service.toml",
            "unbound.service",
            "other.service",
            "other.service, which is not there",
        ),
        ("services/unbound/service.toml", "description", "descripton", "`descripton`"),
        ("services/unbound/service.toml", "udp/53", "upd/53", "service.toml:5: `upd/53` is not a port"),
        ("services/unbound/service.toml", "kind = \"dns\"", "kind = \"dsn\"", "`dsn`"),
        (
            "services/unbound/service.toml",
            "networks = \"networks\"",
            "network = \"networks\"",
            "template unbound/unbound.conf.tera does not render",
        ),
        ("templates/unbound/unbound.conf.tera", "{{ epoch }}", "{{ epcoh }}", "Variable `epcoh` not found"),
        (
            "templates/unbound/unbound.conf.tera",
            "{%- endfor %}",
            "{%- endfr %}",
            "template unbound/unbound.conf.tera",
        ),
    ] {
        let checkout = checkout();
        edit(checkout.path(), file, from, to);
        build(checkout.path()).expect_failure(2, &["service `unbound` cannot be used", expected]);
    }
}

#[test]
fn an_unknown_package_is_named_with_its_line() {
    let checkout = checkout();
    edit(checkout.path(), IMAGE, "\"chrony\"", "\"chroni\"");
    let lock = checkout.path().join("image.lock");
    let images = checkout.path().join("images/mail");
    let ended = run_understudy(["image", "lock", text(&images), "--output", text(&lock)]);
    let line = line_of(checkout.path(), IMAGE, "\"chroni\"");
    ended.expect_failure(2, &[&format!("image.toml:{line}: package `chroni` is not in the archive")]);
    assert!(!lock.exists(), "no lock is left behind");
}

#[test]
fn a_folder_without_a_definition_is_a_clear_error() {
    run_understudy(["image", "build", text(&tree().join("src"))])
        .expect_failure(2, &["src/image.toml", "hint: "]);
}
