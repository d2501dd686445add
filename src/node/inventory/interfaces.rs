//! Wired interfaces, their links and their neighbours, and what of it the site has not heard yet.

use crate::network::{Neighbours, Wired, has_link, megabits_per_second, wired};
use understudy_core::protocol::inventory::Interface;

/// All of them, as they are now.
pub fn interfaces(neighbours: &Neighbours) -> Vec<Interface> {
    let describe = |wired: Wired| Interface {
        link_up: has_link(&wired.name),
        megabits_per_second: megabits_per_second(&wired.name),
        neighbour: neighbours.of(&wired).cloned(),
        mac: wired.mac,
        name: wired.name,
    };
    wired().into_iter().map(describe).collect()
}

/// What changes at a machine that stays on: cables are moved, and a switch says who it is every half minute.
pub struct InterfaceNews {
    neighbours: Neighbours,
    told: Vec<Interface>,
}

impl InterfaceNews {
    /// From what the site has heard in this boot's hello.
    pub fn since(neighbours: Neighbours, told: &[Interface]) -> Self {
        Self { neighbours, told: told.to_vec() }
    }

    /// All interfaces.
    pub fn now(&mut self) -> Vec<Interface> {
        self.neighbours.hear();
        interfaces(&self.neighbours)
    }

    /// All interfaces, if anything about them is new.
    pub fn news(&mut self) -> Option<Vec<Interface>> {
        Some(self.now()).filter(|now| *now != self.told)
    }

    /// The site has heard this.
    pub fn told(&mut self, interfaces: Option<Vec<Interface>>) {
        if let Some(interfaces) = interfaces {
            self.told = interfaces;
        }
    }
}
