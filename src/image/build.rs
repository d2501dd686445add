//! The build, stage by stage: packages -> layers -> root -> verity tree -> initrd -> UKI -> disk -> manifest.

use crate::artifacts;
use crate::cache::Cache;
use crate::deb::{self, DebError};
use crate::definition::Definition;
use crate::disk::{self, DiskError, Plan};
use crate::esp::{self, EspError, Place};
use crate::grub::{self, GrubError};
use crate::initrd::{self, BootPair, InitrdError};
use crate::layer::{self, LayerError};
use crate::lock::{Lock, Part};
use crate::packages::{self, Origin, PackagesError};
use crate::progress::{Outcome, Progress, StageReport, Stages, sized};
use crate::release::{Staging, StagingError};
use crate::rootfs::{self, RootError};
use crate::signing::{SigningError, SigningKey};
use crate::uki::{self, UkiError};
use crate::verity;
use std::path::{Path, PathBuf};
use std::time::Duration;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::command_line::{BootSettings, NETWORK};
use understudy_core::formats::disk_layout::{BIOS_BOOT, ESP, SECTOR_BYTES, Slot};
use understudy_core::formats::manifest::{ArtifactFile, MANIFEST_FORMAT, Manifest};

/// What the kernel calls the only architecture that is built so far.
const ARCHITECTURE: &str = "x86_64";

/// Everything that a build needs to know.
pub struct Request<'a> {
    pub definition: &'a Definition,
    pub lock: &'a Lock,
    pub origin: Origin,
    /// The static `understudy-node`.
    pub node: &'a Path,
    /// The folder with the programs that services bring.
    pub programs: &'a Path,
    pub key: &'a SigningKey,
    /// The image folder to make or replace.
    pub out: &'a Path,
    pub cache: &'a Cache,
    /// The moment of signing.
    pub now: jiff::Timestamp,
}

/// A finished image.
#[derive(Debug)]
pub struct Built {
    pub dir: PathBuf,
    pub manifest: Manifest,
    pub stages: Vec<StageReport>,
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error(transparent)]
    Packages(#[from] PackagesError),
    #[error(transparent)]
    Layer(#[from] LayerError),
    #[error(transparent)]
    Root(#[from] RootError),
    #[error("cannot make the initrd")]
    Initrd(#[from] InitrdError),
    #[error("{}:{line}: the kernel has no module `{module}`", path.display())]
    UnknownModule { path: PathBuf, line: usize, module: String },
    #[error("cannot make the unified kernel image")]
    Uki(#[from] UkiError),
    #[error("cannot read the boot loaders")]
    BootLoader(#[from] DebError),
    #[error("[boot] packages of {} bring no {file}", path.display())]
    NoBootLoader { path: PathBuf, file: &'static str },
    #[error("cannot make the BIOS boot loader")]
    Grub(#[from] GrubError),
    #[error("cannot make the EFI system partition")]
    Esp(#[from] EspError),
    #[error("cannot make the disk")]
    Disk(#[from] DiskError),
    #[error("cannot sign the image")]
    Sign(#[from] SigningError),
    #[error("cannot write the manifest")]
    Manifest(#[source] serde_json::Error),
    #[error("the expiry is beyond the calendar")]
    Expiry(#[source] jiff::Error),
    #[error("cannot begin an image folder")]
    Staging(#[from] StagingError),
}

/// Builds the image. Nothing is seen at `request.out` before it is whole and signed.
pub fn build(request: &Request<'_>, progress: &dyn Progress) -> Result<Built, BuildError> {
    let mut stages = Stages::new(progress);
    let work = request.cache.work_folder()?;
    let staging = Staging::beside(request.out)?;
    let job = Job { request, work: work.path(), staging: &staging };
    let root_hash = job.root(&mut stages)?;
    let command_line = job.command_line(root_hash);
    let pair = job.boot_pair(&mut stages)?;
    let uki = job.uki(&mut stages, &pair, &command_line)?;
    job.disk(&mut stages, &pair, &uki, &command_line)?;
    job.compressed_disk(&mut stages)?;
    let manifest = job.manifest(&mut stages, root_hash, command_line)?;
    staging.publish()?;
    Ok(Built { dir: request.out.to_owned(), manifest, stages: stages.finish() })
}

struct Job<'a> {
    request: &'a Request<'a>,
    work: &'a Path,
    staging: &'a Staging,
}

impl Job<'_> {
    /// The name of this release, from which fixed numbers (salt, GUIDs) are derived.
    fn label(&self) -> String {
        format!("{} {}", self.request.definition.name, self.request.definition.version)
    }

    fn date(&self) -> u64 {
        u64::try_from(self.request.lock.date.as_second()).unwrap_or(0)
    }

    fn path(&self, file: ArtifactFile) -> PathBuf {
        self.staging.path().join(file.file_name())
    }

    fn root(&self, stages: &mut Stages<'_>) -> Result<Sha256, BuildError> {
        let Request { definition, lock, origin, cache, node, programs, .. } = self.request;
        stages.run("packages", |progress| {
            let work = self.work.join("apt");
            packages::fetch(lock, origin, &definition.suite, cache, &work, progress)
        })?;
        let base = stages
            .run("package layer", |progress| layer::packages_layer(lock, cache, self.work, progress))?;
        let kernel = stages.run("kernel layer", |_| self.kernel_layer())?;
        stages.run("root", |_| -> Result<_, BuildError> {
            let additions = rootfs::additions(definition, node, programs)?;
            let made = rootfs::build(definition, [&base, &kernel], &additions, self.date(), cache)?;
            fs::copy(&made.value, &self.path(ArtifactFile::Root))?;
            let size = fs::size(&made.value)?;
            disk::check_room("the root file system", "root", size, definition.disk.root)?;
            Ok(made)
        })?;
        stages.run("verity", |_| {
            let out = self.path(ArtifactFile::Verity);
            let root_hash = verity::write_tree(&self.path(ArtifactFile::Root), &self.label(), &out)?;
            disk::check_room("the verity tree", "verity", fs::size(&out)?, definition.disk.verity)?;
            Ok(Outcome::made(root_hash, format!("root hash {root_hash}")))
        })
    }

    fn kernel_layer(&self) -> Result<Outcome<layer::Layer>, LayerError> {
        let Request { definition, lock, cache, .. } = self.request;
        layer::kernel_layer(lock, &definition.kernel.exclude, cache, self.work)
    }

    fn command_line(&self, root_hash: Sha256) -> String {
        let definition = self.request.definition;
        let settings = BootSettings {
            root_hash,
            on_failure: definition.boot.on_failure,
            tries: definition.boot.tries,
            disk_wait: Duration::from_secs(definition.boot.disk_wait_s.into()),
            state_mebibytes_max: definition.disk.state_max.get() >> 20,
        };
        format!("{} {}", definition.boot.arguments, settings.to_words())
    }

    fn boot_pair(&self, stages: &mut Stages<'_>) -> Result<BootPair, BuildError> {
        let definition = self.request.definition;
        stages.run("initrd", |_| {
            let layer = self.kernel_layer()?.value;
            let pair = initrd::build(&layer, &definition.kernel, self.request.node, self.request.key)
                .map_err(|error| match error {
                    InitrdError::Module(unknown) => BuildError::UnknownModule {
                        path: definition.path.clone(),
                        line: definition.line(&unknown.span),
                        module: unknown.name,
                    },
                    error => error.into(),
                })?;
            fs::write(&self.path(ArtifactFile::Kernel), &pair.kernel)?;
            fs::write(&self.path(ArtifactFile::Initrd), &pair.initrd)?;
            let result = format!("{}, kernel {}", sized(pair.initrd.len() as u64), pair.release);
            Ok(Outcome::made(pair, result))
        })
    }

    fn uki(
        &self,
        stages: &mut Stages<'_>,
        pair: &BootPair,
        command_line: &str,
    ) -> Result<Vec<u8>, BuildError> {
        stages.run("uki", |_| {
            let stub = self.boot_file(esp::STUB)?;
            let uki = self.one_uki(&stub, pair, command_line)?;
            fs::write(&self.path(ArtifactFile::Uki), &uki)?;
            let from_network = self.one_uki(&stub, pair, &format!("{command_line} {NETWORK}"))?;
            fs::write(&self.path(ArtifactFile::NetbootUki), &from_network)?;
            let result = sized(uki.len() as u64);
            Ok(Outcome::made(uki, result))
        })
    }

    fn one_uki(&self, stub: &[u8], pair: &BootPair, command_line: &str) -> Result<Vec<u8>, UkiError> {
        let (label, version) = (self.label(), &self.request.definition.version);
        let os_release = format!(
            "ID=understudy\nNAME=Understudy\nVERSION_ID={version}\nPRETTY_NAME=\"Understudy {label}\"\n"
        );
        let sections = [
            (".osrel", os_release.as_bytes()),
            (".cmdline", command_line.as_bytes()),
            (".uname", pair.release.as_bytes()),
            (".linux", &pair.kernel[..]),
            (".initrd", &pair.initrd[..]),
        ];
        uki::append(stub, &sections)
    }

    /// A file of the `[boot]` packages.
    fn boot_file(&self, file: &'static str) -> Result<Vec<u8>, BuildError> {
        let found = self.boot_files(|path| path == file)?.pop();
        let path = || self.request.definition.path.clone();
        found.map(|(_, content)| content).ok_or_else(|| BuildError::NoBootLoader { path: path(), file })
    }

    fn boot_files(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<(String, Vec<u8>)>, BuildError> {
        let mut files = Vec::new();
        for pin in self.request.lock.part(Part::Boot) {
            packages::recheck([pin].into_iter(), self.request.cache)?;
            files.extend(deb::read_files(&self.request.cache.package(&pin.sha256), &wanted)?);
        }
        Ok(files)
    }

    fn disk(
        &self,
        stages: &mut Stages<'_>,
        pair: &BootPair,
        uki: &[u8],
        command_line: &str,
    ) -> Result<(), BuildError> {
        stages.run("disk", |_| {
            let definition = self.request.definition;
            let path = self.path(ArtifactFile::Disk);
            let plan = Plan::new(&definition.disk);
            let mut file = plan.create(&path, &self.label())?;

            let bios_boot = plan.partition(BIOS_BOOT);
            let grub_files = self.boot_files(|path| path.starts_with(grub::MODULES))?;
            let grub = grub::build(&grub_files, bios_boot.first_sector, self.work)?;
            disk::check_room("GRUB", "bios-boot", grub.core.len() as u64, crate::disk::BIOS_BOOT_BYTES)?;
            disk::write_at(&mut file, 0, &grub.boot_code, &path)?;
            disk::write_at(&mut file, bios_boot.first_sector * SECTOR_BYTES, &grub.core, &path)?;

            self.esp(&plan, &path, pair, uki, command_line)?;
            disk::fill(&mut file, plan.partition(Slot::A.root()), &self.path(ArtifactFile::Root))?;
            disk::fill(&mut file, plan.partition(Slot::A.verity()), &self.path(ArtifactFile::Verity))?;
            file.sync_all().map_err(fs::fail("write", &path))?;
            Ok(Outcome::made((), sized(plan.bytes)))
        })
    }

    fn compressed_disk(&self, stages: &mut Stages<'_>) -> Result<(), BuildError> {
        stages.run("compress", |_| {
            let out = self.path(ArtifactFile::CompressedDisk);
            disk::compress(&self.path(ArtifactFile::Disk), &out)?;
            Ok(Outcome::made((), sized(fs::size(&out)?)))
        })
    }

    fn esp(
        &self,
        plan: &Plan,
        disk: &Path,
        pair: &BootPair,
        uki: &[u8],
        command_line: &str,
    ) -> Result<(), BuildError> {
        let definition = self.request.definition;
        let loader = self.boot_file(esp::BOOT_LOADER)?;
        let configuration = grub::configuration("/bios/vmlinuz", "/bios/initrd", command_line);
        let bios = [
            ("bios/grub.cfg".to_owned(), configuration.as_bytes()),
            ("bios/vmlinuz".to_owned(), &pair.kernel[..]),
            ("bios/initrd".to_owned(), &pair.initrd[..]),
        ];
        let uki_name = format!("{}_{}", definition.name, definition.version);
        let files = esp::files(&uki_name, &loader, uki, bios);
        let partition = plan.partition(ESP);
        let place = Place { disk, first_sector: partition.first_sector, bytes: partition.bytes };
        Ok(esp::write(place, &files, self.date(), self.work)?)
    }

    fn manifest(
        &self,
        stages: &mut Stages<'_>,
        root_hash: Sha256,
        command_line: String,
    ) -> Result<Manifest, BuildError> {
        let Request { definition, key, now, .. } = self.request;
        stages.run("manifest", |_| {
            let lifetime = jiff::SignedDuration::from_hours(24 * i64::from(definition.valid_days));
            let expires = now.checked_add(lifetime).map_err(BuildError::Expiry)?;
            let manifest = Manifest {
                format: MANIFEST_FORMAT,
                name: definition.name.clone(),
                version: definition.version.clone(),
                architecture: ARCHITECTURE.to_owned(),
                expires: jiff::Timestamp::from_second(expires.as_second()).map_err(BuildError::Expiry)?,
                key_id: key.id().to_string(),
                root_hash,
                command_line,
                roles: definition.roles.clone(),
                artifacts: artifacts::describe_all(self.staging.path())?,
            };
            let text = serde_json::to_vec_pretty(&manifest).map_err(BuildError::Manifest)?;
            self.staging.write_manifest(&text, &key.sign(&text, &self.label())?)?;
            let result = format!("signed by {}, valid until {}", key.id(), manifest.expires);
            Ok(Outcome::made(manifest, result))
        })
    }
}
