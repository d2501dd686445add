//! A disk that gives back other octets than it was given: nobody takes them for a message.

use crate::client::Raw;
use crate::house::{House, Plan, message};
use mailstore::Flags;
use std::io::{Read, Seek, SeekFrom, Write};

/// Changes one octet behind these, wherever they are in the journal.
fn damage(house: &House, behind: &str) {
    for entry in fs_err::read_dir(house.folder.path().join("store/journal")).unwrap() {
        let mut file = fs_err::File::options().read(true).write(true).open(entry.unwrap().path()).unwrap();
        let mut octets = Vec::new();
        file.read_to_end(&mut octets).unwrap();
        if let Some(at) = memchr::memmem::find(&octets, behind.as_bytes()) {
            file.seek(SeekFrom::Start((at + behind.len()) as u64)).unwrap();
            file.write_all(b"!").unwrap();
            return;
        }
    }
    panic!("{behind} is nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_message_is_not_told_as_whole() {
    let house = House::open(Plan::default()).await;
    house.put("INBOX", Flags::default(), message(1, "small one here")).await;
    house.put("INBOX", Flags::default(), message(2, "a good one")).await;
    let filler = "0123456789abcdef\r\n".repeat(20_000);
    house.put("INBOX", Flags::default(), message(3, &format!("{filler}large one here{filler}"))).await;
    damage(&house, "small one");
    damage(&house, "large one");
    let mut client = Raw::selected(house.address, "INBOX").await;
    let said = client.ask("FETCH 1:2 BODY.PEEK[]").await;
    assert!(said[0].starts_with("* 2 FETCH (BODY[] {"), "{said:?}");
    assert_eq!(said.last().unwrap(), "NO [SERVERBUG] A message is damaged");
    assert_eq!(client.answer("FETCH 3 BODYSTRUCTURE").await, "NO [SERVERBUG] A message is damaged");
    // What is long has begun to be told: the session ends in its middle.
    client.send("a FETCH 3 BODY.PEEK[]\r\n").await;
    let rest = client.rest().await;
    assert!(rest.len() > filler.len() && !rest.contains("a OK") && !rest.ends_with(")\r\n"));
}
