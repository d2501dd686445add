//! What the journal needs of a file system, so that tests can put one below it that loses power.
//!
//! The promise that everything rests on: what was written before [`DiskFile::sync`] returned is there after a power cut, and a name
//! that was there before [`Disk::sync_folder`] returned as well. Of everything else, any part may be.

mod real;
#[cfg(test)]
pub mod simulated;

pub use real::RealDisk;

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub trait Disk: Debug + Send + Sync {
    /// A new file to read and write; it must not be there.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// A file that is there, to read and write.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Names in a folder, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// The folder and those above it, durable, unless they are there.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

pub trait DiskFile: Debug + Send + Sync {
    /// Fewer octets than asked for only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// All of it, or an error that leaves any part of it.
    fn write_at(&self, octets: &[u8], offset: u64) -> io::Result<()>;
    fn length(&self) -> io::Result<u64>;
    fn set_len(&self, length: u64) -> io::Result<()>;
    /// Content and length, as by fdatasync.
    fn sync(&self) -> io::Result<()>;
}
