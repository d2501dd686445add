//! `.deb` archives: the members of the `ar` container (deb(5)) and the tar stream of the payload.

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use understudy_core::base::fs;

const AR_MAGIC: &[u8; 8] = b"!<arch>\n";

/// Why a package cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DebError {
    #[error("cannot read a package")]
    Open(#[source] fs::FsError),
    #[error("package {} is not a .deb archive", .0.display())]
    Format(PathBuf),
    #[error("package {} is cut short or damaged", path.display())]
    Damaged {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("package {} is compressed in a way that is not known here: {member}", path.display())]
    Compression { path: PathBuf, member: String },
    #[error("package {} has no file {file}", package.display())]
    NoFile { package: PathBuf, file: String },
}

/// The payload of a package, as a tar stream.
pub type Payload = tar::Archive<Box<dyn Read>>;

/// Opens the payload (`data.tar.*`) of the package at `path`.
pub fn payload(path: &Path) -> Result<Payload, DebError> {
    let mut file = BufReader::with_capacity(1 << 16, fs::open(path).map_err(DebError::Open)?);
    let damaged = |source| DebError::Damaged { path: path.to_owned(), source };
    let mut magic = [0; 8];
    file.read_exact(&mut magic).map_err(damaged)?;
    if &magic != AR_MAGIC {
        return Err(DebError::Format(path.to_owned()));
    }
    loop {
        let mut header = [0; 60];
        file.read_exact(&mut header).map_err(damaged)?;
        let (member, size) = ar_header(&header).ok_or_else(|| DebError::Format(path.to_owned()))?;
        if member.starts_with("data.tar") {
            let compressed = file.take(size);
            return decompress(path, &member, compressed);
        }
        // Members are padded to even offsets.
        let skip = size + size % 2;
        let skipped = io::copy(&mut (&mut file).take(skip), &mut io::sink()).map_err(damaged)?;
        if skipped != skip {
            return Err(damaged(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

fn ar_header(header: &[u8; 60]) -> Option<(String, u64)> {
    let member = std::str::from_utf8(&header[..16]).ok()?.trim_end().trim_end_matches('/');
    let size = std::str::from_utf8(&header[48..58]).ok()?.trim_end().parse().ok()?;
    (&header[58..] == b"`\n").then(|| (member.to_owned(), size))
}

fn decompress(path: &Path, member: &str, data: impl Read + 'static) -> Result<Payload, DebError> {
    let stream: Box<dyn Read> = match member {
        "data.tar.xz" => Box::new(liblzma::read::XzDecoder::new(data)),
        "data.tar.gz" => Box::new(flate2::read::GzDecoder::new(data)),
        "data.tar.zst" => Box::new(
            zstd::Decoder::new(data).map_err(|source| DebError::Damaged { path: path.to_owned(), source })?,
        ),
        "data.tar" => Box::new(data),
        _ => return Err(DebError::Compression { path: path.to_owned(), member: member.to_owned() }),
    };
    Ok(tar::Archive::new(stream))
}

/// Reads the files for which `wanted` says so; paths are without a leading `./`.
pub fn read_files(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<(String, Vec<u8>)>, DebError> {
    let damaged = |source| DebError::Damaged { path: path.to_owned(), source };
    let mut found = Vec::new();
    for entry in payload(path)?.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.to_string_lossy().trim_start_matches("./").to_owned();
        if entry.header().entry_type().is_file() && wanted(&name) {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(damaged)?;
            found.push((name, content));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deb(members: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
        let mut bytes = AR_MAGIC.to_vec();
        for (name, content) in members {
            bytes.extend(
                format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100644, content.len()).bytes(),
            );
            bytes.extend_from_slice(content);
            bytes.extend(std::iter::repeat_n(b'\n', content.len() % 2));
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &bytes).unwrap();
        file
    }

    fn tar_of(name: &str, content: &[u8]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, name, content).unwrap();
        archive.into_inner().unwrap()
    }

    #[test]
    fn a_file_is_read_from_behind_an_odd_sized_member() {
        let data = zstd::encode_all(&tar_of("./usr/bin/tool", b"content")[..], 1).unwrap();
        let package = deb(&[("debian-binary", b"2.0"), ("data.tar.zst", &data)]);
        let files = read_files(package.path(), |name| name == "usr/bin/tool").unwrap();
        assert_eq!(files, [("usr/bin/tool".to_owned(), b"content".to_vec())]);
    }

    #[test]
    fn damage_is_named_as_such() {
        let short = deb(&[("debian-binary", b"2.0\n")]);
        assert!(matches!(payload(short.path()), Err(DebError::Damaged { .. })));
        let other = deb(&[("data.tar.br", b"....")]);
        assert!(matches!(payload(other.path()), Err(DebError::Compression { .. })));
        let text = tempfile::NamedTempFile::new().unwrap();
        fs::write(text.path(), b"not an archive").unwrap();
        assert!(matches!(payload(text.path()), Err(DebError::Format(_))));
    }
}
