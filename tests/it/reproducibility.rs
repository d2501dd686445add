//! The same image, byte for byte, for another user in another folder.

use crate::command::{run, text};
use crate::fixture::{fixture, node, programs, tree};
use std::path::Path;
use understudy_core::base::fs;
use understudy_core::base::process::Process;
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::manifest::ArtifactFile;

/// Runs the rest of its arguments as a user of this machine who has a umask of his own and ids to build with.
/// The accounts are changed in a mount namespace only.
const AS_ANOTHER_USER: &str = r#"
home=$1; shift
for file in passwd group subuid subgid; do
    touch "/etc/$file"; cp "/etc/$file" "$home/etc-$file"
done
echo "builder:x:4711:4711::$home:/bin/sh" >> "$home/etc-passwd"
echo "builder:x:4711:" >> "$home/etc-group"
echo "builder:300000:65536" >> "$home/etc-subuid"
echo "builder:300000:65536" >> "$home/etc-subgid"
for file in passwd group subuid subgid; do mount --bind "$home/etc-$file" "/etc/$file"; done
chown -R 4711:4711 "$home"
cd "$home"
umask 077
exec setpriv --reuid 4711 --regid 4711 --clear-groups --reset-env env "PATH=$PATH" "HOME=$home" "$@"
"#;

fn digest(image: &Path, file: ArtifactFile) -> Sha256 {
    Sha256::of_file(&image.join(file.file_name())).unwrap().0
}

/// As root: a second build by somebody who is not. As an ordinary user: a second build in another folder.
#[test]
fn another_user_in_another_folder_builds_the_same_bytes() {
    let fixture = fixture();
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for part in ["images", "services", "templates"] {
        crate::command::tool("cp", ["-r", text(&tree().join(part)), text(home.path())]);
    }
    let packages = fixture.packages();
    crate::command::tool("cp", ["-rL", text(packages.path()), text(&at("packages"))]);
    for (from, to) in [
        (Path::new(env!("CARGO_BIN_EXE_understudy")), "understudy"),
        (&node(), "node"),
        (&fixture.lock, "image.lock"),
        (&fixture.key, "signing.key"),
    ] {
        fs::copy(from, &at(to)).unwrap();
    }
    for program in programs() {
        fs::copy(&program, &home.path().join(program.file_name().unwrap())).unwrap();
    }
    let (program, images) = (at("understudy"), at("images/mail"));
    let options = [
        ("--lock", "image.lock"),
        ("--key", "signing.key"),
        ("--node", "node"),
        ("--packages-from", "packages"),
        ("--cache", "cache"),
        ("--output", "out"),
    ];
    let mut words =
        vec![text(&program).to_owned(), "image".to_owned(), "build".to_owned(), text(&images).to_owned()];
    words
        .extend(options.iter().flat_map(|(option, name)| [(*option).to_owned(), text(&at(name)).to_owned()]));
    let build = if nix::unistd::geteuid().is_root() {
        let unshare = Process::new("unshare").args(["--mount", "--propagation", "private", "sh", "-ec"]);
        unshare.args([AS_ANOTHER_USER, "sh", text(home.path())]).args(&words)
    } else {
        Process::new(&words[0]).args(&words[1..])
    };
    run(build).expect_success();
    for file in ArtifactFile::ALL {
        assert_eq!(digest(&fixture.image, file), digest(&at("out"), file), "{}", file.file_name());
    }
}
