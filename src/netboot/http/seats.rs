//! Room for connections: how many there may be, together and from one address.

use super::Limits;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections that are just being told that there is no room; more than these are closed without a word.
const REFUSALS_MAX: usize = 64;

/// All seats.
#[derive(Debug)]
pub struct Seats {
    connections_max: usize,
    connections_per_client_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    clients: HashMap<IpAddr, usize>,
    connections: usize,
    refusals: usize,
}

/// What a new connection gets.
#[derive(Debug)]
pub enum Admission {
    Seat(Seat),
    /// A 503, while this seat is held.
    Refuse(Seat),
    Drop,
}

/// One connection's place; free again when dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    /// `None` for a refusal.
    client: Option<IpAddr>,
}

impl Seats {
    /// None taken.
    pub fn new(limits: &Limits) -> Self {
        let (connections_max, connections_per_client_max) =
            (limits.connections_max, limits.connections_per_client_max);
        Self { connections_max, connections_per_client_max, taken: Mutex::default() }
    }

    /// Finds a seat.
    pub fn admit(self: &Arc<Self>, client: IpAddr) -> Admission {
        let client = client.to_canonical();
        let mut taken = self.lock();
        let mine = taken.clients.get(&client).copied().unwrap_or(0);
        if taken.connections < self.connections_max && mine < self.connections_per_client_max {
            taken.connections += 1;
            taken.clients.insert(client, mine + 1);
            Admission::Seat(Seat { seats: self.clone(), client: Some(client) })
        } else if taken.refusals < REFUSALS_MAX {
            taken.refusals += 1;
            Admission::Refuse(Seat { seats: self.clone(), client: None })
        } else {
            Admission::Drop
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Nothing that holds the lock can panic half-way.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        let Some(client) = self.client else {
            taken.refusals -= 1;
            return;
        };
        taken.connections -= 1;
        match taken.clients.get_mut(&client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.clients.remove(&client)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n20_one_client_and_all_of_them_are_bounded() {
        let limits = Limits { connections_max: 3, connections_per_client_max: 2, ..Limits::default() };
        let seats = Arc::new(Seats::new(&limits));
        let admit = |last| seats.admit(IpAddr::from([10, 0, 0, last]));
        let (first, second) = (admit(1), admit(1));
        assert!(matches!((&first, &second), (Admission::Seat(_), Admission::Seat(_))));
        assert!(matches!(admit(1), Admission::Refuse(_)));
        let third = admit(2);
        assert!(matches!(third, Admission::Seat(_)));
        let refusals: Vec<Admission> = (0..REFUSALS_MAX).map(|_| admit(3)).collect();
        assert!(refusals.iter().all(|admission| matches!(admission, Admission::Refuse(_))));
        assert!(matches!(admit(3), Admission::Drop));
        drop((first, refusals));
        assert!(matches!(admit(3), Admission::Seat(_)));
        drop((second, third));
        let left = seats.lock();
        assert_eq!((left.connections, left.refusals, left.clients.len()), (0, 0, 0));
    }
}
