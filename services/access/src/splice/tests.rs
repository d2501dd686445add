use super::*;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};

const TIMES: Times = Times { idle: Duration::from_secs(2100), half_closed: Duration::from_secs(60) };

/// Both ends of a session, and its task.
struct Both {
    client: DuplexStream,
    pair: DuplexStream,
    hurry: CancellationToken,
    task: tokio::task::JoinHandle<(Ended, [u64; 2])>,
}

/// With buffers of so many octets in the network.
fn spliced(octets: usize, to_client: &str, to_backend: &str) -> Both {
    let (client, mut inner_client) = duplex(octets);
    let (pair, mut inner_pair) = duplex(octets);
    let hurry = CancellationToken::new();
    let mut splice = Splice::new(to_client.into(), to_backend.into(), TIMES);
    let token = hurry.clone();
    let task = tokio::spawn(async move {
        let ended = splice.run(&mut inner_client, &mut inner_pair, &token, Farewell::Bye).await;
        (ended, splice.octets())
    });
    Both { client, pair, hurry, task }
}

async fn hear(stream: &mut DuplexStream, expected: &str) {
    let mut heard = vec![0; expected.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), expected);
}

async fn hear_all(stream: &mut DuplexStream) -> String {
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    heard
}

#[tokio::test(start_paused = true)]
async fn what_came_too_early_is_passed_on_first_and_in_order() {
    let mut both = spliced(64, "a OK in\r\n", "b NOOP\r\n");
    hear(&mut both.client, "a OK in\r\n").await;
    both.client.write_all(b"c NOOP\r\n").await.unwrap();
    hear(&mut both.pair, "b NOOP\r\nc NOOP\r\n").await;
    both.pair.write_all(b"b OK\r\n").await.unwrap();
    hear(&mut both.client, "b OK\r\n").await;
    drop(both.pair);
    assert_eq!(hear_all(&mut both.client).await, "");
    let (ended, octets) = both.task.await.unwrap();
    assert!(matches!(ended, Ended::BackendLeft), "{ended:?}");
    assert_eq!(octets, [16, 15]);
}

/// Catches a splice that loses what the other side does not take at once.
#[tokio::test(start_paused = true)]
async fn much_passes_through_little() {
    let both = spliced(7, "", "");
    let much: Vec<u8> = (0..200_000_u32).map(|number| (number % 251) as u8).collect();
    let (mut read_up, mut write_up) = (vec![0; much.len()], both.client);
    let (mut read_down, mut write_down) = (vec![0; much.len()], both.pair);
    let (mut client_in, mut client_out) = tokio::io::split(&mut write_up);
    let (mut pair_in, mut pair_out) = tokio::io::split(&mut write_down);
    let all = tokio::join!(
        client_out.write_all(&much),
        pair_in.read_exact(&mut read_up),
        pair_out.write_all(&much),
        client_in.read_exact(&mut read_down),
    );
    assert!(all.0.is_ok() && all.1.is_ok() && all.2.is_ok() && all.3.is_ok());
    assert!(read_up == much && read_down == much);
    drop((write_up, write_down));
    both.hurry.cancel();
    assert_eq!(both.task.await.unwrap().1, [200_000, 200_000]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closed_its_half_hears_the_answer() {
    let mut both = spliced(64, "", "");
    both.client.write_all(b"QUIT\r\n").await.unwrap();
    both.client.shutdown().await.unwrap();
    assert_eq!(hear_all(&mut both.pair).await, "QUIT\r\n");
    tokio::time::sleep(TIMES.half_closed / 2).await;
    both.pair.write_all(b"+OK\r\n").await.unwrap();
    both.pair.shutdown().await.unwrap();
    assert_eq!(hear_all(&mut both.client).await, "+OK\r\n");
    assert!(matches!(both.task.await.unwrap().0, Ended::ClientLeft));
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_never_answers_a_client_that_left_is_left_too() {
    let mut both = spliced(64, "", "");
    both.client.shutdown().await.unwrap();
    let start = Instant::now();
    assert!(matches!(both.task.await.unwrap().0, Ended::ClientLeft));
    assert_eq!(start.elapsed().as_secs(), TIMES.half_closed.as_secs());
    assert_eq!(hear_all(&mut both.pair).await, "");
}

/// Catches a splice that ends a client in IDLE, which says something every 29 minutes.
#[tokio::test(start_paused = true)]
async fn silence_of_half_an_hour_is_no_end_and_of_more_is_one() {
    let mut both = spliced(64, "", "");
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(30 * 60)).await;
        both.pair.write_all(b"* OK here\r\n").await.unwrap();
        hear(&mut both.client, "* OK here\r\n").await;
    }
    let start = Instant::now();
    assert!(matches!(both.task.await.unwrap().0, Ended::Idle));
    assert_eq!(start.elapsed().as_secs(), TIMES.idle.as_secs());
}

/// Catches a front end that says BYE into a message.
#[tokio::test(start_paused = true)]
async fn the_last_word_comes_behind_the_response_that_has_begun() {
    let mut both = spliced(64, "", "");
    both.pair.write_all(b"* 1 FETCH (BODY[] {6}\r\n").await.unwrap();
    hear(&mut both.client, "* 1 FETCH (BODY[] {6}\r\n").await;
    both.hurry.cancel();
    tokio::time::sleep(Duration::from_secs(1)).await;
    both.pair.write_all(b"a\r\nb\r\n)\r\n").await.unwrap();
    let bye = std::str::from_utf8(BYE).unwrap();
    assert_eq!(hear_all(&mut both.client).await, format!("a\r\nb\r\n)\r\n{bye}"));
    assert!(matches!(both.task.await.unwrap().0, Ended::CutOff));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_does_not_end_is_cut_off_without_a_word() {
    let mut both = spliced(64, "", "");
    both.pair.write_all(b"* 1 FET").await.unwrap();
    hear(&mut both.client, "* 1 FET").await;
    both.hurry.cancel();
    assert_eq!(hear_all(&mut both.client).await, "");
    assert!(matches!(both.task.await.unwrap().0, Ended::CutOff));
}
