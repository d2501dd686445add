//! A journal on a disk that loses its power, gets damaged or is full.

use super::opening::{self, Opened, Opening};
use super::{Position, Record, VolumeId};
use crate::disk::Disk;
use crate::disk::simulated::{Coin, SimulatedDisk};
use crate::error::StoreError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const VOLUME: VolumeId = VolumeId([5; 16]);

fn open(disk: &SimulatedDisk, known: Option<Position>) -> Result<(Opened, Vec<Record>), StoreError> {
    let mut records = Vec::new();
    let opening = Opening {
        disk: Arc::new(disk.clone()),
        folder: PathBuf::from("/journal"),
        segment_octets_max: 2000,
        known: known.map(|position| (VOLUME, position)),
        new_volume: VOLUME,
    };
    let opened = opening::open(opening, &mut |record, _| {
        records.push(record.clone());
        Ok(())
    })?;
    Ok((opened, records))
}

/// What the n-th record says: of a length that tears in many ways.
fn body(number: u64) -> Vec<u8> {
    let length = 1 + (number * 397 % 1300) as usize;
    number.to_le_bytes().into_iter().cycle().take(length).collect()
}

/// Appends batches of one to three records until the power is off. Returns how many records were said to be durable.
fn write_until_dark(disk: &SimulatedDisk, batches: u64) -> u64 {
    let Ok((Opened { mut journal, .. }, known)) = open(disk, None) else { return 0 };
    let mut durable = known.len() as u64;
    for batch in 0..batches {
        for _ in 0..=batch % 3 {
            let number = journal.next_sequence();
            let (fields, content) = (&body(number)[..1], &body(number)[1..]);
            if journal.append(number as u32, fields, content).is_err() {
                return durable;
            }
        }
        match journal.sync() {
            Ok(position) => durable = position.next_sequence - 1,
            Err(_) => return durable,
        }
    }
    durable
}

/// Everything that was durable is there, in order and unchanged; returns whether it is.
fn holds(disk: &SimulatedDisk, durable: u64) -> Result<(), String> {
    let (_, records) = open(disk, None).map_err(|error| error.to_string())?;
    if (records.len() as u64) < durable {
        return Err(format!("{} records of {durable}", records.len()));
    }
    for (record, number) in records.iter().zip(1..) {
        let is_right =
            record.sequence == number && record.kind == number as u32 && record.body == body(number);
        if !is_right {
            return Err(format!("record {number} is another"));
        }
    }
    Ok(())
}

/// Cuts the power at every operation. Returns what did not hold.
fn cut_everywhere(is_sync_forgotten: bool) -> Vec<String> {
    let whole = SimulatedDisk::default();
    assert_eq!(write_until_dark(&whole, 24), 48);
    let mut failures = Vec::new();
    for cut in 1..=whole.operations() + 1 {
        for seed in 1..=8 {
            let disk = SimulatedDisk::default();
            disk.cut_power_at(cut);
            if is_sync_forgotten {
                disk.forget_to_sync();
            }
            let durable = write_until_dark(&disk, 24);
            let mut coin = Coin(cut * 1000 + seed);
            let after = disk.after_power_cut(&mut coin);
            // The power may go again while the tail is being cut.
            after.cut_power_at(3 + coin.below(4) as u64);
            let _ = open(&after, None);
            let after = after.after_power_cut(&mut coin);
            let more = holds(&after, durable).and_then(|()| {
                let durable = write_until_dark(&after, 3);
                holds(&after.after_power_cut(&mut coin), durable)
            });
            failures.extend(more.err().map(|what| format!("cut {cut}, seed {seed}: {what}")));
        }
    }
    failures
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_that_was_durable() {
    let failures = cut_everywhere(false);
    assert!(failures.is_empty(), "{} of them: {:?}", failures.len(), &failures[..failures.len().min(5)]);
}

/// The mutant that shows that the test above can fail.
#[test]
fn a_journal_that_does_not_sync_is_found_out_by_power_cuts() {
    let failures = cut_everywhere(true);
    assert!(failures.len() > 50, "only {failures:?}");
}

fn segment(number: u64) -> PathBuf {
    super::SegmentName { number, generation: 0 }.path(Path::new("/journal"))
}

#[test]
fn a_flipped_bit_in_what_was_durable_is_an_error_with_file_and_offset() {
    let disk = SimulatedDisk::default();
    assert_eq!(write_until_dark(&disk, 9), 18);
    let (Opened { segments, journal, .. }, records) = open(&disk, None).unwrap();
    assert!(segments.len() > 3);
    for damaged in &records[..records.len() - 3] {
        for offset in [damaged.offset, damaged.offset + 5, damaged.offset + 20, damaged.end() - 1] {
            disk.damage(&segment(damaged.segment), offset);
            match open(&disk, None) {
                Err(StoreError::Damaged { path, offset, .. }) => {
                    assert_eq!((path, offset), (segment(damaged.segment), damaged.offset));
                }
                other => panic!("{damaged:?}: {other:?}"),
            }
            disk.damage(&segment(damaged.segment), offset);
        }
    }
    // Nothing but the index knows that the last batch was durable.
    let last = records.last().unwrap();
    disk.damage(&segment(last.segment), last.offset + 3);
    let error = open(&disk, Some(journal.durable())).map(|_| ());
    assert!(error.is_ok(), "what is known is not read again: {error:?}");
    let known = Position { offset: last.offset, next_sequence: last.sequence, ..journal.durable() };
    assert_eq!(open(&disk, Some(known)).unwrap().0.cut_octets, last.end() - last.offset);
}

#[test]
fn a_missing_segment_and_a_journal_that_is_shorter_than_the_index_are_errors() {
    let disk = SimulatedDisk::default();
    write_until_dark(&disk, 9);
    let (Opened { journal, segments, .. }, _) = open(&disk, None).unwrap();
    let known = journal.durable();
    let last = *segments.last_key_value().unwrap().0;
    for gone in [1, 2, last] {
        let other = disk.after_power_cut(&mut Coin(1));
        other.remove(&segment(gone)).unwrap();
        let error = open(&other, Some(known)).map(|_| ()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    }
    let shorter = disk.after_power_cut(&mut Coin(1));
    shorter.open(&segment(last)).unwrap().set_len(known.offset - 1).unwrap();
    assert!(open(&shorter, Some(known)).unwrap_err().to_string().contains("mail was lost"));
}

#[test]
fn a_caller_learns_only_what_it_does_not_know() {
    let disk = SimulatedDisk::default();
    write_until_dark(&disk, 2);
    let known = open(&disk, None).unwrap().0.journal.durable();
    write_until_dark(&disk, 6);
    let (_, records) = open(&disk, Some(known)).unwrap();
    let sequences: Vec<_> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, (known.next_sequence..=15).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_takes_back_what_did_not_fit_and_goes_on_when_there_is_room() {
    for room in 0..3000 {
        let disk = SimulatedDisk::default();
        write_until_dark(&disk, 2);
        let (Opened { mut journal, .. }, known) = open(&disk, None).unwrap();
        disk.set_room(Some(room));
        let mut durable = known.len() as u64;
        let error = loop {
            let octets = body(journal.next_sequence());
            let kind = journal.next_sequence() as u32;
            match journal.append(kind, &[], &octets).and_then(|_| journal.sync()) {
                Ok(_) => durable += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::Full(_)), "{error:?}");
        journal.cut_back().unwrap();
        holds(&disk.after_power_cut(&mut Coin(room + 1)), durable).unwrap();
        disk.set_room(None);
        let octets = body(journal.next_sequence());
        journal.append(journal.next_sequence() as u32, &[], &octets).unwrap();
        journal.sync().unwrap();
        holds(&disk, durable + 1).unwrap();
    }
}
