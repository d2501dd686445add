//! What a machine boots, and the files for it: answered from memory.

use crate::definition::WantedImage;
use crate::registry::{Wish, Wishes};
use crate::shelf::Shelf;
use std::sync::Arc;
use tokio::sync::watch;
use understudy_core::model::mac::MacAddress;
use understudy_netboot::decision::BootWish;
use understudy_netboot::http::{BootDirectory, ServedFile, ShelfFile};

/// The registry's wishes and the shelf's files.
pub struct Directory {
    wishes: Wishes,
    shelf: watch::Receiver<Arc<Shelf>>,
    image: WantedImage,
}

impl Directory {
    pub fn new(wishes: Wishes, shelf: watch::Receiver<Arc<Shelf>>, image: WantedImage) -> Self {
        Self { wishes, shelf, image }
    }
}

impl BootDirectory for Directory {
    fn wish(&self, mac: MacAddress) -> BootWish {
        match self.wishes.of(mac) {
            Wish::Disk => BootWish::Disk,
            Wish::Nothing => BootWish::Nothing,
            // Without an image there is nothing to boot: the machine goes on to its disk.
            Wish::Network => {
                let shelf = self.shelf.borrow();
                shelf
                    .wanted(&self.image)
                    .map_or(BootWish::Nothing, |image| BootWish::Network(image.boot.clone()))
            }
        }
    }

    fn file(&self, image: &str, file: ShelfFile) -> Option<ServedFile> {
        let shelf = self.shelf.borrow();
        let found = shelf.images.iter().find(|known| known.boot.folder() == image)?;
        found.files.get(&file).cloned()
    }
}
