//! Room for transfers: how many there may be, and who goes when it is full.
//!
//! A transfer that its client has answered is never ended for another. One that was only asked for (anybody can
//! write any sender on a request) gives its seat to the next one that asks.

use super::packet::Request;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Transfers at a time; each has a socket.
pub const TRANSFERS_MAX: usize = 512;
/// Of one client's address. Firmware has one; a second is there while the first is being forgotten.
pub const TRANSFERS_PER_CLIENT_MAX: usize = 8;

/// All seats.
#[derive(Debug, Default)]
pub struct Seats {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    seats: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    client: SocketAddr,
    request: Request,
    established: Arc<AtomicBool>,
    stop: CancellationToken,
}

/// What a request gets.
#[derive(Debug)]
pub enum Admission {
    /// A seat; and whether somebody else lost theirs for it.
    Seat { seat: Seat, evicted: bool },
    /// This very request is being served already: a packet that came twice.
    Again,
    /// All seats are taken by transfers that go on.
    Full,
}

/// One transfer's place; free again when dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    number: u64,
    established: Arc<AtomicBool>,
    /// Cancelled when the transfer has to go.
    pub stop: CancellationToken,
}

impl Seat {
    /// The client has answered.
    pub fn establish(&self) {
        self.established.store(true, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.lock().seats.remove(&self.number);
    }
}

impl Seats {
    /// Finds a seat; `stop` ends all of them.
    pub fn admit(
        self: &Arc<Self>,
        client: SocketAddr,
        request: &Request,
        stop: &CancellationToken,
    ) -> Admission {
        let mut taken = self.lock();
        if taken.seats.values().any(|entry| entry.client == client && entry.request == *request) {
            return Admission::Again;
        }
        let mine = taken.seats.values().filter(|entry| entry.client.ip() == client.ip()).count();
        let of = if mine >= TRANSFERS_PER_CLIENT_MAX {
            Some(Some(client.ip()))
        } else {
            (taken.seats.len() >= TRANSFERS_MAX).then_some(None)
        };
        if let Some(of) = of
            && !taken.evict(of)
        {
            return Admission::Full;
        }
        let number = taken.next;
        taken.next += 1;
        let (established, stop) = (Arc::new(AtomicBool::new(false)), stop.child_token());
        let entry =
            Entry { client, request: request.clone(), established: established.clone(), stop: stop.clone() };
        taken.seats.insert(number, entry);
        let seat = Seat { seats: self.clone(), number, established, stop };
        Admission::Seat { seat, evicted: of.is_some() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Taken> {
        // Nothing that holds the lock can panic half-way.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Ends the oldest transfer that was never answered, of one client or of all.
    fn evict(&mut self, of: Option<IpAddr>) -> bool {
        let half_open = |entry: &Entry| {
            !entry.established.load(Ordering::Relaxed) && of.is_none_or(|client| entry.client.ip() == client)
        };
        let oldest = self.seats.iter().filter(|(_, entry)| half_open(entry)).map(|(number, _)| *number).min();
        let entry = oldest.and_then(|number| self.seats.remove(&number));
        if let Some(entry) = &entry {
            entry.stop.cancel();
        }
        entry.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(file: &str) -> Request {
        Request { file: file.to_owned(), mode: "octet".to_owned(), options: Vec::new() }
    }

    fn client(number: usize, port: u16) -> SocketAddr {
        let [_, _, high, low] = u32::try_from(number).unwrap().to_be_bytes();
        SocketAddr::from(([10, 0, high, low], port))
    }

    fn admit(seats: &Arc<Seats>, client: SocketAddr) -> Option<(Seat, bool)> {
        match seats.admit(client, &request("a"), &CancellationToken::new()) {
            Admission::Seat { seat, evicted } => Some((seat, evicted)),
            Admission::Again | Admission::Full => None,
        }
    }

    #[test]
    fn a_packet_that_came_twice_is_served_once() {
        let seats = Arc::new(Seats::default());
        let stop = CancellationToken::new();
        let first = seats.admit(client(1, 1000), &request("a"), &stop);
        assert!(matches!(seats.admit(client(1, 1000), &request("a"), &stop), Admission::Again));
        assert!(matches!(seats.admit(client(1, 1000), &request("b"), &stop), Admission::Seat { .. }));
        drop(first);
        assert!(matches!(seats.admit(client(1, 1000), &request("a"), &stop), Admission::Seat { .. }));
    }

    /// Catches the mutant that evicts by age alone: a flood of requests would end transfers that go on.
    #[test]
    fn n20_only_a_transfer_that_was_never_answered_loses_its_seat() {
        let seats = Arc::new(Seats::default());
        let mut mine: Vec<Seat> = Vec::new();
        for port in 0..TRANSFERS_PER_CLIENT_MAX {
            let (seat, evicted) = admit(&seats, client(1, 1000 + u16::try_from(port).unwrap())).unwrap();
            assert!(!evicted);
            mine.push(seat);
        }
        mine[0].establish();
        let (next, evicted) = admit(&seats, client(1, 2000)).unwrap();
        assert!(evicted && !mine[0].stop.is_cancelled() && mine[1].stop.is_cancelled());
        for seat in mine.iter().chain([&next]) {
            seat.establish();
        }
        assert!(admit(&seats, client(1, 3000)).is_none(), "all of them go on");
        assert!(admit(&seats, client(2, 1000)).is_some(), "another client has room");
    }

    #[test]
    fn n20_the_number_of_all_transfers_is_bounded() {
        let seats = Arc::new(Seats::default());
        let mut all: Vec<Seat> = (0..TRANSFERS_MAX)
            .filter_map(|number| admit(&seats, client(number, 1)))
            .map(|(seat, _)| seat)
            .collect();
        assert_eq!(all.len(), TRANSFERS_MAX);
        all.iter().skip(1).for_each(Seat::establish);
        let (seat, evicted) = admit(&seats, client(TRANSFERS_MAX, 1)).unwrap();
        assert!(evicted && all[0].stop.is_cancelled());
        seat.establish();
        all.push(seat);
        assert!(admit(&seats, client(TRANSFERS_MAX + 1, 1)).is_none());
    }
}
