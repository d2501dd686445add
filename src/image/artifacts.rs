//! The files of a release, as the manifest describes them.

use std::io::Read;
use std::path::Path;
use understudy_core::base::fs::{self, FsError};
use understudy_core::base::sha256::Sha256;
use understudy_core::formats::manifest::{Artifact, ArtifactFile, CHUNK_BYTES};

/// Hashes every file in the image folder `folder`, the largest beside the others.
pub fn describe_all(folder: &Path) -> Result<Vec<Artifact>, FsError> {
    std::thread::scope(|scope| {
        let running: Vec<_> = ArtifactFile::ALL
            .into_iter()
            .map(|file| scope.spawn(move || describe(file, &folder.join(file.file_name()))))
            .collect();
        let described = running.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        described.collect()
    })
}

fn describe(file: ArtifactFile, path: &Path) -> Result<Artifact, FsError> {
    let (sha256, bytes) = Sha256::of_file(path)?;
    let chunks = match file {
        ArtifactFile::CompressedDisk => chunks_of(path)?,
        _ => Vec::new(),
    };
    Ok(Artifact { file, bytes, sha256, chunks })
}

fn chunks_of(path: &Path) -> Result<Vec<Sha256>, FsError> {
    let mut file = fs::open(path)?;
    let mut chunks = Vec::new();
    loop {
        let (digest, bytes) =
            Sha256::of_reader((&mut file).take(CHUNK_BYTES)).map_err(fs::fail("read", path))?;
        if bytes == 0 {
            return Ok(chunks);
        }
        chunks.push(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_has_its_digest_and_the_last_is_shorter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let content = vec![7; CHUNK_BYTES as usize * 2 + 5];
        fs::write(&path, &content).unwrap();
        let whole = Sha256::of(&content[..CHUNK_BYTES as usize]);
        assert_eq!(chunks_of(&path).unwrap(), [whole, whole, Sha256::of(&content[..5])]);
        assert!(describe(ArtifactFile::Root, &path).unwrap().chunks.is_empty());
    }
}
