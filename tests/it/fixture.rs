//! The image that all tests share, and the sources that it is built from.

use crate::command::{run_understudy, text, tool};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use understudy_core::base::fs;
use understudy_core::base::sha256::Sha256;

/// Archives drop old versions, so that a lock of yesterday may be none today.
const LOCK_AGE_MAX: Duration = Duration::from_secs(12 * 3600);

/// What `images/mail/image.toml` says, and one before it.
pub const VERSION: &str = "0.1.0";
pub const OLDER: &str = "0.0.9";

/// A built image with everything around it.
pub struct Fixture {
    /// The image folder.
    pub image: PathBuf,
    pub lock: PathBuf,
    pub key: PathBuf,
    pub public_key: PathBuf,
    /// Packages and layers; safe to share, as it is addressed by content.
    pub cache: PathBuf,
}

/// The static node agent that `make test` built.
pub fn node() -> PathBuf {
    std::env::var_os("UNDERSTUDY_NODE")
        .map(PathBuf::from)
        .expect("UNDERSTUDY_NODE is not set: run `make test`")
}

/// What the image's services bring, which cargo puts beside the command.
pub fn programs() -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_BIN_EXE_understudy"));
    ["access", "inbound", "mailctl", "mailstore"].map(|name| beside.with_file_name(name)).to_vec()
}

/// The checkout.
pub fn tree() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The shared image, built by whichever test comes first.
pub fn fixture() -> Fixture {
    let folder = tree().join("target/test");
    fs::create_dir_all(&folder).unwrap();
    let turn = File::create(folder.join("turn")).unwrap();
    turn.lock().unwrap();
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap();
    let caches = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
    let fixture = Fixture {
        image: folder.join("image"),
        lock: folder.join("image.lock"),
        key: folder.join("signing.key"),
        public_key: folder.join("signing.key.pub"),
        cache: caches.join("understudy"),
    };
    fixture.make(&folder.join("made-from"));
    fixture
}

impl Fixture {
    fn make(&self, stamp: &Path) {
        if !self.key.exists() {
            run_understudy(["key", "new", text(&self.key)]).expect_success();
        }
        let images = tree().join("images/mail");
        if !is_fresh(&self.lock) {
            let arguments = ["image", "lock", text(&images), "--output", text(&self.lock)];
            run_understudy(arguments).expect_success();
        }
        let inputs = self.inputs();
        if fs::read_text(stamp).is_ok_and(|made_from| made_from == inputs) {
            return;
        }
        self.build(tree(), &self.image).expect_success();
        fs::write(stamp, inputs.as_bytes()).unwrap();
    }

    /// The digests of all that the image was made from.
    pub fn made_from(&self) -> String {
        fs::read_text(&tree().join("target/test/made-from")).unwrap()
    }

    /// The same image one version back, signed with the same key.
    pub fn older(&self) -> PathBuf {
        let folder = tree().join("target/test");
        let turn = File::create(folder.join("turn")).unwrap();
        turn.lock().unwrap();
        let (older, stamp, inputs) = (folder.join("older"), folder.join("older-made-from"), self.inputs());
        if !fs::read_text(&stamp).is_ok_and(|made_from| made_from == inputs) {
            let checkout = checkout();
            let (now, before) = (format!("version = \"{VERSION}\""), format!("version = \"{OLDER}\""));
            edit(checkout.path(), "images/mail/image.toml", &now, &before);
            self.build(checkout.path(), &older).expect_success();
            fs::write(&stamp, inputs.as_bytes()).unwrap();
        }
        older
    }

    /// The digests of all that the image is made from.
    fn inputs(&self) -> String {
        let mut files = vec![PathBuf::from(env!("CARGO_BIN_EXE_understudy")), node(), self.lock.clone()];
        files.extend(programs());
        for folder in ["images", "services", "templates"] {
            collect(&tree().join(folder), &mut files);
        }
        files
            .iter()
            .map(|file| format!("{} {}\n", Sha256::of_file(file).unwrap().0, file.display()))
            .collect()
    }

    /// Builds the image of a checkout with the shared cache.
    pub fn build(&self, checkout: &Path, output: &Path) -> crate::command::Ended {
        run_understudy(self.build_arguments(checkout, output, &self.cache))
    }

    /// Arguments of a build with the shared lock and key.
    pub fn build_arguments(&self, checkout: &Path, output: &Path, cache: &Path) -> Vec<PathBuf> {
        let images = checkout.join("images/mail");
        let node = node();
        let options: [(&str, &Path); 5] = [
            ("--output", output),
            ("--lock", &self.lock),
            ("--key", &self.key),
            ("--node", &node),
            ("--cache", cache),
        ];
        let mut arguments: Vec<PathBuf> = ["image", "build"].map(PathBuf::from).to_vec();
        arguments.push(images);
        arguments.extend(options.iter().flat_map(|(option, value)| [option.into(), value.to_path_buf()]));
        arguments
    }

    /// A folder with every package under the name that apt gives it.
    pub fn packages(&self) -> TempDir {
        let folder = tempfile::tempdir_in(tree().join("target/test")).unwrap();
        for (file, cached) in self.package_files() {
            hard_link_or_copy(&cached, &folder.path().join(file));
        }
        folder
    }

    /// Every package: apt's name for its file, and where the cache has it.
    pub fn package_files(&self) -> Vec<(String, PathBuf)> {
        let lock: toml::Table = toml::from_str(&fs::read_text(&self.lock).unwrap()).unwrap();
        let field = |pin: &toml::Value, name: &str| pin[name].as_str().unwrap().to_owned();
        let name = |pin: &toml::Value| {
            let version = field(pin, "version").replace(':', "%3a");
            format!("{}_{version}_{}.deb", field(pin, "name"), field(pin, "architecture"))
        };
        let cached = |pin| self.cache.join("packages").join(format!("{}.deb", field(pin, "sha256")));
        lock["packages"].as_array().unwrap().iter().map(|pin| (name(pin), cached(pin))).collect()
    }

    /// A cache of one's own with the shared packages (and layers, if asked for) in it.
    pub fn copy_of_cache(&self, parts: &[&str]) -> TempDir {
        let folder = tempfile::tempdir_in(tree().join("target/test")).unwrap();
        for part in parts {
            fs::create_dir_all(&folder.path().join(part)).unwrap();
            for file in fs::list(&self.cache.join(part)).unwrap() {
                hard_link_or_copy(&file, &folder.path().join(part).join(file.file_name().unwrap()));
            }
        }
        folder
    }
}

/// Caches may stand on another disk than the checkout.
fn hard_link_or_copy(from: &Path, to: &Path) {
    if std::fs::hard_link(from, to).is_err() {
        fs::copy(from, to).unwrap();
    }
}

fn is_fresh(lock: &Path) -> bool {
    let age = std::fs::metadata(lock).and_then(|metadata| metadata.modified()).map(|time| time.elapsed());
    let images = tree().join("images/mail");
    let arguments = ["image", "build", text(&images), "--lock", text(lock), "--key", "/nonexistent"];
    // With a lock that fits, the missing key is what is complained about.
    matches!(age, Ok(Ok(age)) if age < LOCK_AGE_MAX)
        && run_understudy(arguments).stderr.contains("/nonexistent")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in fs::list(folder).unwrap() {
        if path.symlink_metadata().unwrap().is_dir() {
            collect(&path, files);
        } else if path.is_file() {
            files.push(path);
        }
    }
}

/// A copy of what an image is built from, to be changed.
pub fn checkout() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["images", "services", "templates"] {
        tool("cp", ["-r", text(&tree().join(part)), text(folder.path())]);
    }
    folder
}

/// Replaces text in a file of a checkout; the text must be there.
#[track_caller]
pub fn edit(checkout: &Path, file: &str, from: &str, to: &str) {
    let path = checkout.join(file);
    let content = fs::read_text(&path).unwrap();
    assert!(content.contains(from), "{from} is not in {file}");
    fs::write(&path, content.replacen(from, to, 1).as_bytes()).unwrap();
}

/// The line, from 1, of the first line of a file that contains a text.
pub fn line_of(checkout: &Path, file: &str, text: &str) -> usize {
    let content = fs::read_text(&checkout.join(file)).unwrap();
    content.lines().position(|line| line.contains(text)).unwrap() + 1
}
