//! A disk in memory that loses its power: what was not synced is kept, torn or lost, as a coin falls.
//!
//! Every operation is counted. From the chosen one on, all of them fail, as for a process whose computer is off; then
//! [`SimulatedDisk::after_power_cut`] is what the next process finds. A mutant does not sync at all.

use super::{Disk, DiskFile};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

const SECTOR: usize = 512;

#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: Vec<Content>,
    /// As this process sees them.
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// The names after each change that no folder was synced for.
    unsynced_names: Vec<BTreeMap<PathBuf, usize>>,
    operations: u64,
    power_until: Option<u64>,
    room_octets: Option<u64>,
    is_sync_forgotten: bool,
}

#[derive(Clone, Debug, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, octets: Vec<u8> },
    Length(usize),
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
}

/// Numbers without meaning, the same for the same seed.
#[derive(Debug)]
pub struct Coin(pub u64);

impl Coin {
    pub fn below(&mut self, bound: usize) -> usize {
        // Xorshift64*; the upper bits are the good ones.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize) % bound.max(1)
    }
}

impl SimulatedDisk {
    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// From this operation on, nothing works.
    pub fn cut_power_at(&self, operation: u64) {
        self.lock().power_until = Some(operation);
    }

    /// Room for so many octets more; None for as many as wanted.
    pub fn set_room(&self, octets: Option<u64>) {
        self.lock().room_octets = octets;
    }

    /// The mutant: syncing does nothing.
    pub fn forget_to_sync(&self) {
        self.lock().is_sync_forgotten = true;
    }

    /// What a process finds when the power is back.
    pub fn after_power_cut(&self, coin: &mut Coin) -> Self {
        let state = self.lock();
        let kept = coin.below(state.unsynced_names.len() + 1);
        let names = match kept {
            0 => state.durable_names.clone(),
            kept => state.unsynced_names[kept - 1].clone(),
        };
        let files = state.files.iter().map(|content| content.after_power_cut(coin)).collect();
        let durable_names = names.clone();
        Self(Arc::new(Mutex::new(State { files, names, durable_names, ..State::default() })))
    }

    /// Flips a bit of what is durable.
    pub fn damage(&self, path: &Path, offset: u64) {
        let mut state = self.lock();
        let file = state.names[path];
        state.files[file].now[offset as usize] ^= 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn begin(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        state.operations += 1;
        match state.power_until {
            Some(until) if state.operations >= until => Err(io::Error::other("the power is off")),
            _ => Ok(state),
        }
    }

    fn rename_things(&self, change: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        let mut state = self.begin()?;
        change(&mut state)?;
        let names = state.names.clone();
        state.unsynced_names.push(names);
        Ok(())
    }
}

impl Content {
    fn after_power_cut(&self, coin: &mut Coin) -> Self {
        let mut left = self.durable.clone();
        for change in &self.unsynced {
            match change {
                Change::Length(length) if coin.below(2) == 0 => left.resize(*length, 0),
                Change::Write { offset, octets } => {
                    // Most cuts lose a whole write or nothing of it; some tear it sector by sector.
                    let tear = coin.below(3);
                    let is_kept = coin.below(2) == 0;
                    for (at, sector) in octets.chunks(SECTOR).enumerate() {
                        if if tear == 0 { coin.below(2) == 0 } else { is_kept } {
                            write(&mut left, offset + at * SECTOR, sector);
                        }
                    }
                }
                Change::Length(_) => {}
            }
        }
        Self { durable: left.clone(), now: left, unsynced: Vec::new() }
    }
}

fn write(content: &mut Vec<u8>, offset: usize, octets: &[u8]) {
    let end = offset + octets.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(octets);
}

fn not_found() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Disk for SimulatedDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut file = 0;
        self.rename_things(|state| {
            if state.names.contains_key(path) {
                return Err(io::Error::from(io::ErrorKind::AlreadyExists));
            }
            file = state.files.len();
            state.files.push(Content::default());
            state.names.insert(path.to_owned(), file);
            Ok(())
        })?;
        Ok(Arc::new(SimulatedFile { disk: self.clone(), file }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = *self.begin()?.names.get(path).ok_or_else(not_found)?;
        Ok(Arc::new(SimulatedFile { disk: self.clone(), file }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.begin()?;
        let below = state.names.keys().filter_map(|path| path.strip_prefix(folder).ok());
        Ok(below.filter_map(|name| name.to_str().map(str::to_owned)).collect())
    }

    fn make_folder(&self, _: &Path) -> io::Result<()> {
        self.begin().map(|_| ())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.rename_things(|state| {
            let file = state.names.remove(from).ok_or_else(not_found)?;
            state.names.insert(to.to_owned(), file);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.rename_things(|state| state.names.remove(path).map(|_| ()).ok_or_else(not_found))
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        let mut state = self.begin()?;
        if !state.is_sync_forgotten {
            state.durable_names = state.names.clone();
            state.unsynced_names.clear();
        }
        Ok(())
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        // Reading changes nothing: a cut before it is a cut before what comes next.
        let state = self.disk.lock();
        let left = state.files[self.file].now.get(offset as usize..).unwrap_or_default();
        let octets = left.len().min(buffer.len());
        buffer[..octets].copy_from_slice(&left[..octets]);
        Ok(octets)
    }

    fn write_at(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.begin()?;
        let offset = offset as usize;
        let growth = (offset + octets.len()).saturating_sub(state.files[self.file].now.len());
        let room = state.room_octets.map_or(growth, |room| growth.min(room as usize));
        // A full disk takes what fits.
        let fits = &octets[..octets.len() - (growth - room)];
        if let Some(left) = &mut state.room_octets {
            *left -= room as u64;
        }
        let file = &mut state.files[self.file];
        write(&mut file.now, offset, fits);
        file.unsynced.push(Change::Write { offset, octets: fits.to_vec() });
        if room < growth { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.lock().files[self.file].now.len() as u64)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.begin()?;
        let file = &mut state.files[self.file];
        let freed = file.now.len().saturating_sub(length as usize);
        file.now.resize(length as usize, 0);
        file.unsynced.push(Change::Length(length as usize));
        if let Some(left) = &mut state.room_octets {
            *left += freed as u64;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.begin()?;
        if !state.is_sync_forgotten {
            let file = &mut state.files[self.file];
            file.durable = file.now.clone();
            file.unsynced.clear();
        }
        Ok(())
    }
}
