use super::*;

fn spool(memory_octets_max: usize, octets_max: u64) -> (tempfile::TempDir, Arc<Spool>) {
    let folder = tempfile::tempdir().unwrap();
    let config = SpoolConfig { folder: folder.path().to_owned(), memory_octets_max, octets_max };
    (folder, Spool::new(config))
}

async fn spooled(spool: &Arc<Spool>, octets: &[u8], size: usize) -> Result<Content, SpoolError> {
    let mut writer = spool.begin();
    for piece in octets.chunks(size) {
        writer.write(piece).await;
    }
    writer.finish().await
}

fn numbers(octets: usize) -> Vec<u8> {
    (0..octets).map(|number| (number % 251) as u8).collect()
}

#[tokio::test]
async fn what_goes_in_comes_out_of_memory_and_of_files_and_their_room_comes_back() {
    let (folder, spool) = spool(1000, 1 << 20);
    for octets in [0, 1, 999, 1000, 1001, 70_000, 200_000] {
        let body = numbers(octets);
        let content = spooled(&spool, &body, 777).await.unwrap();
        assert_eq!((content.octets(), spool.used()), (octets as u64, octets as u64));
        let clone = content.clone();
        let (one, other) = tokio::join!(content.all(), clone.all());
        drop(clone);
        assert_eq!((one.unwrap(), other.unwrap()), (body.clone().into(), body.clone().into()));
        let fronted = content.with_front("Received: x\r\n");
        drop(content);
        assert_eq!(fronted.all().await.unwrap(), [b"Received: x\r\n", &body[..]].concat());
        assert_eq!(fronted.start(5).await.unwrap(), "Recei");
        drop(fronted);
        assert_eq!(spool.used(), 0, "{octets}");
    }
    // The files have no names that anybody would have to tidy up.
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn a_range_is_cut_out_wherever_it_lies() {
    let (_folder, spool) = spool(4, 1000);
    let content = spooled(&spool, b"0123456789", 3).await.unwrap().with_front("abc");
    let whole = b"abc0123456789";
    for start in 0..=whole.len() {
        for end in start..=whole.len() {
            let expected = [&whole[..start], &whole[end..]].concat();
            let without = content.without(&(start as u64..end as u64));
            assert_eq!(without.octets(), expected.len() as u64);
            assert_eq!(without.all().await.unwrap(), expected, "{start}..{end}");
            assert_eq!(without.without(&(0..1)).all().await.unwrap(), expected.get(1..).unwrap_or_default());
        }
    }
}

/// Catches the spool that forgets what a refused message held, or lets one message take all of the others' room.
#[tokio::test]
async fn a_full_spool_refuses_and_has_room_again_when_others_are_gone() {
    let (_folder, spool) = spool(100, 1000);
    let first = spooled(&spool, &numbers(600), 100).await.unwrap();
    assert!(matches!(spooled(&spool, &numbers(600), 100).await, Err(SpoolError::Full)));
    assert_eq!(spool.used(), 600);
    drop(first);
    assert_eq!(spool.used(), 0);
    assert!(spooled(&spool, &numbers(1000), 100).await.is_ok());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_to_is_told_at_the_end() {
    let config = SpoolConfig { folder: "/nowhere/at/all".into(), memory_octets_max: 10, octets_max: 1000 };
    let spool = Spool::new(config);
    assert!(spooled(&spool, b"small", 5).await.is_ok());
    let error = spooled(&spool, &numbers(11), 5).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot keep a message in /nowhere/at/all");
}
