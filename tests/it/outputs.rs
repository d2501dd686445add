//! What a build leaves: files that other people's tools accept, and no secret.

use crate::command::{run, run_understudy, text, tool};
use crate::fixture::{checkout, edit, fixture};
use serde_json::{Value, json};
use std::path::Path;
use tera::{Context, Tera};
use understudy_core::base::fs;
use understudy_core::base::process::Process;

/// The command line inside the unified kernel image, as objcopy takes it out.
fn command_line(uki: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("cmdline");
    tool("objcopy", ["-O", "binary", "--only-section=.cmdline", text(uki), text(&out)]);
    fs::read_text(&out).unwrap()
}

#[test]
fn veritysetup_accepts_root_and_tree_with_the_hash_from_the_uki() {
    let fixture = fixture();
    let line = command_line(&fixture.image.join("image.efi"));
    let root_hash = line.split("understudy.roothash=").nth(1).unwrap().split(' ').next().unwrap();
    let (root, tree) = (fixture.image.join("root.squashfs"), fixture.image.join("root.verity"));
    tool("veritysetup", ["verify", text(&root), text(&tree), root_hash]);
}

#[test]
fn sfdisk_finds_no_fault_in_the_disk() {
    let fixture = fixture();
    let disk = fixture.image.join("disk.raw");
    let said = tool("sfdisk", ["--verify", text(&disk)]);
    assert!(said.contains("No errors detected"), "{said}");
    let table: Value = serde_json::from_str(&tool("sfdisk", ["--json", text(&disk)])).unwrap();
    let partitions = table["partitiontable"]["partitions"].as_array().unwrap();
    let names: Vec<&str> = partitions.iter().map(|partition| partition["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bios-boot", "esp", "root-a", "verity-a", "root-b", "verity-b", "state"]);
}

#[test]
fn fsck_finds_no_fault_in_the_esp() {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let esp = folder.path().join("esp");
    let disk = fixture.image.join("disk.raw");
    let (from, to) = (format!("if={}", text(&disk)), format!("of={}", text(&esp)));
    tool("dd", [&from, &to, "bs=1M", "skip=2", "count=288", "conv=sparse", "status=none"]);
    tool("fsck.vfat", ["-n", text(&esp)]);
}

#[test]
fn show_and_ls_tell_what_the_manifest_says() {
    let fixture = fixture();
    let key = text(&fixture.public_key);
    let shown = run_understudy(["image", "show", text(&fixture.image), "--key", key]).expect_success().stdout;
    for expected in
        ["mail 0.1.0 for x86_64", "role          dns: unbound", "root.squashfs", "understudy.roothash="]
    {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let listed =
        run_understudy(["image", "ls", text(fixture.image.parent().unwrap()), "--json"]).expect_success();
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["version"]), (&json!("mail"), &json!("0.1.0")));
}

#[test]
fn a_build_prints_one_json_object_and_plain_lines() {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("image");
    let checkout = checkout();
    let mut arguments = fixture.build_arguments(checkout.path(), &output, &fixture.cache);
    arguments.push("--json".into());
    let ended = run_understudy(arguments).expect_success();
    let built: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(built["dir"], json!(output));
    assert_eq!(built["artifacts"].as_array().unwrap().len(), 8);
    let stages = built["stages"].as_array().unwrap();
    assert!(
        stages.iter().all(|stage| stage["seconds"].is_number() && stage["name"].is_string()),
        "{stages:?}"
    );
    assert!(ended.stderr.contains("package layer") && !ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
}

/// The unbound of the image itself reads what its template makes.
#[test]
fn the_images_unbound_accepts_its_template() {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let wanted = ["usr/sbin/unbound-checkconf", "usr/share/dns/root.key", "usr/lib/x86_64-linux-gnu/*.so*"];
    let state = root.join("usr/share/dns");
    let image = fixture.image.join("root.squashfs");
    tool(
        "unsquashfs",
        [&["-no-progress", "-no-xattrs", "-d", text(&root), text(&image)], &wanted[..]].concat(),
    );

    let template =
        fs::read_text(&crate::fixture::tree().join("templates/unbound/unbound.conf.tera")).unwrap();
    let mut context = Context::new();
    context.insert("identity", "dns1");
    context.insert("epoch", &7);
    context.insert("host_name", "dns1.example");
    context.insert("listen", &["192.0.2.53", "2001:db8::53"]);
    for forwarders in [&[][..], &["198.51.100.1", "198.51.100.2"][..]] {
        let settings = json!({
            "networks": ["192.0.2.0/24", "2001:db8::/64"],
            "forwarders": forwarders,
            "local_data": ["a.example. 60 IN A 192.0.2.1"],
        });
        context.insert("settings", &settings);
        let text_of = Tera::one_off(&template, &context, false).unwrap();
        // The user and the folders are the image's, not this machine's.
        let here = text_of
            .replace("username: \"unbound\"", "username: \"\"")
            .replace("/var/lib/unbound", text(&state));
        let path = folder.path().join("unbound.conf");
        fs::write(&path, here.as_bytes()).unwrap();
        let libraries = root.join("usr/lib/x86_64-linux-gnu");
        let checked = Process::new(libraries.join("ld-linux-x86-64.so.2"))
            .args(["--library-path", text(&libraries)])
            .args([&root.join("usr/sbin/unbound-checkconf"), &path]);
        let checked = run(checked).expect_success();
        assert!(checked.stdout.contains("no errors in"), "{checked:?}");
    }
}

#[test]
fn a_secret_in_the_overlay_stops_the_build_and_is_named() {
    let fixture = fixture();
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n";
    let cases = [
        ("etc/ssh/ssh_host_ed25519_key", "x", "the SSH host key /etc/ssh/ssh_host_ed25519_key"),
        ("etc/machine-id", "0123456789abcdef0123456789abcdef\n", "a machine id in /etc/machine-id"),
        ("etc/shadow", "root:$y$j9T$abc:19000::::::\n", "a password for `root` in /etc/shadow"),
        ("srv/deploy", key, "a private key in /srv/deploy"),
    ];
    for (file, content, expected) in cases {
        let checkout = checkout();
        let path = checkout.path().join("images/mail/overlay").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content.as_bytes()).unwrap();
        let output = checkout.path().join("out");
        fixture.build(checkout.path(), &output).expect_failure(1, &["the image would ship", expected]);
        assert!(!output.exists(), "{file}: nothing is left at the output");
    }
}

#[test]
fn a_root_larger_than_its_partition_is_refused_with_the_key_to_change() {
    let fixture = fixture();
    let checkout = checkout();
    edit(checkout.path(), "images/mail/image.toml", "root = \"384MiB\"", "root = \"64MiB\"");
    let ended = fixture.build(checkout.path(), &checkout.path().join("out"));
    ended.expect_failure(2, &["the root file system takes", "[disk] root is 64.0 MiB", "hint: enlarge it"]);
}

#[test]
fn a_folder_that_is_no_image_is_not_replaced() {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let precious = folder.path().join("precious");
    fs::write(&precious, b"data").unwrap();
    let ended = fixture.build(crate::fixture::tree(), folder.path());
    ended.expect_failure(2, &["holds something other than an image", "hint: "]);
    assert_eq!(fs::read(&precious).unwrap(), b"data");
}

#[test]
fn programs_that_are_missing_or_none_are_named_before_anything_is_built() {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let mut arguments =
        fixture.build_arguments(crate::fixture::tree(), &folder.path().join("out"), &fixture.cache);
    arguments.extend(["--programs".into(), folder.path().to_owned()]);
    let inbound = folder.path().join("inbound");
    run_understudy(&arguments).expect_failure(2, &[text(&inbound), "hint: make build"]);
    fs::write(&inbound, b"#!/bin/sh\n").unwrap();
    run_understudy(&arguments).expect_failure(2, &["inbound is not a program", "hint: make build"]);
}

#[test]
fn a_node_agent_that_is_not_static_is_refused() {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let mut arguments = fixture.build_arguments(crate::fixture::tree(), &output, &fixture.cache);
    let node = arguments.iter().position(|argument| argument == Path::new("--node")).unwrap();
    arguments[node + 1] = "/bin/true".into();
    run_understudy(&arguments).expect_failure(2, &["/bin/true", "static", "hint: make build"]);
    arguments[node + 1] = "/etc/hostname".into();
    run_understudy(&arguments).expect_failure(2, &["/etc/hostname", "hint: make build"]);
}
