//! Serves one folder over HTTP and one file over TFTP on loopback, for the benchmark beside other servers.
//!
//! `serve-files FOLDER TFTP_FILE` prints one line `http=PORT tftp=PORT` and serves until its standard input ends.
//! The folder's files have the names that an image has; it is `/images/bench-1.0.0/`.

#![expect(clippy::print_stdout, reason = "its one line is for the benchmark")]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use understudy_core::base::fs;
use understudy_core::model::mac::MacAddress;
use understudy_netboot::decision::BootWish;
use understudy_netboot::http::{self, BootDirectory, ServedFile, ShelfFile};
use understudy_netboot::tftp;

struct Folder(Vec<(ShelfFile, ServedFile)>);

impl BootDirectory for Folder {
    fn wish(&self, _: MacAddress) -> BootWish {
        BootWish::Nothing
    }

    fn file(&self, image: &str, file: ShelfFile) -> Option<ServedFile> {
        let (_, served) = self.0.iter().find(|(known, _)| *known == file)?;
        (image == "bench-1.0.0").then(|| served.clone())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, tftp_file] = &arguments[..] else {
        return Err("usage: serve-files FOLDER TFTP_FILE".into());
    };
    let loopback = vec!["127.0.0.1:0".parse()?];
    let directory = Arc::new(Folder(shelf(folder)?));
    let limits = http::Limits::default();
    let http = http::build(http::Config { listen: loopback.clone(), limits }, directory)?;
    let name = tftp_file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = tftp::Files::from([(name, fs::read(tftp_file)?.into())]);
    let tftp = tftp::build(tftp::Config { listen: loopback, files })?;
    println!("http={} tftp={}", http.addresses()[0].port(), tftp.addresses()[0].port());

    let stop = CancellationToken::new();
    let at_end = stop.clone();
    std::thread::spawn(move || {
        // The benchmark holds the other end.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        at_end.cancel();
    });
    let (http, tftp) = tokio::join!(http.run(stop.clone()), tftp.run(stop));
    http?;
    Ok(tftp?)
}

fn shelf(folder: &Path) -> Result<Vec<(ShelfFile, ServedFile)>, fs::FsError> {
    let there = ShelfFile::all().map(|file| (file, folder.join(file.file_name())));
    there
        .filter(|(_, path)| path.exists())
        .map(|(file, path)| Ok((file, ServedFile::examine(&path)?)))
        .collect()
}
