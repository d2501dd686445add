//! What a server takes on, and where it stops.

use crate::client::Raw;
use crate::house::{House, Plan};
use mail::server::{Limits, Rate};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// Of a thousand the message is delivered; the rest is answered until the session has cost enough, and the client hears why.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_recipients_are_answered() {
    let house = House::open(Plan::default()).await;
    let mut client = Raw::open(house.address).await;
    client.send("EHLO x\r\nMAIL FROM:<a@b>\r\n").await;
    while !client.line().await.contains("Sender OK") {}
    let (read, mut write) = client.stream.into_split();
    let flood = tokio::spawn(async move {
        let commands = "RCPT TO:<c@d>\r\n".repeat(1000);
        for _ in 0..100 {
            if write.write_all(commands.as_bytes()).await.is_err() {
                break;
            }
        }
        write
    });
    let (mut lines, mut accepted, mut later) = (BufReader::new(read).lines(), 0, 0);
    let last = loop {
        let line = lines.next_line().await.unwrap().expect("it ends with a word");
        match &line[..9] {
            "250 2.1.5" => accepted += 1,
            "452 4.5.3" => later += 1,
            _ => break line,
        }
    };
    assert_eq!((accepted, later), (1000, 20_000 - 1000 - 2));
    assert_eq!(last, "421 4.7.0 Too many commands in one session");
    assert_eq!(lines.next_line().await.unwrap(), None);
    drop(flood.await.unwrap());
    house.until_empty().await;
}

async fn first_words(stream: &mut TcpStream) -> String {
    let mut words = vec![0; 200];
    let octets = stream.read(&mut words).await.unwrap();
    String::from_utf8(words[..octets].to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_are_too_many_are_told_so_and_come_in_later() {
    let rate = Rate { burst: 100, per_minute: 100 };
    let limits = Limits { sessions_max: 3, sessions_per_client_max: 2, connections_per_client: rate };
    let house = House::open(Plan { limits, ..Plan::default() }).await;
    let connect = async |from: [u8; 4]| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let mut stream = socket.connect(house.address).await.unwrap();
        let words = first_words(&mut stream).await;
        (stream, words)
    };
    let first = connect([127, 0, 0, 2]).await;
    let second = connect([127, 0, 0, 2]).await;
    assert!(first.1.starts_with("220") && second.1.starts_with("220"));
    assert_eq!(connect([127, 0, 0, 2]).await.1, "421 4.7.0 Too many sessions from your address\r\n");
    let third = connect([127, 0, 0, 3]).await;
    assert!(third.1.starts_with("220"));
    assert_eq!(connect([127, 0, 0, 4]).await.1, "421 4.3.2 Too many sessions; come again\r\n");
    assert_eq!(house.open_sessions(), 3);
    drop((first, second, third));
    house.until_empty().await;
    assert!(connect([127, 0, 0, 2]).await.1.starts_with("220"));
    assert_eq!(house.number("mail_turned_away_total{listener=\"test\",reason=\"full\"}"), 1);
    assert_eq!(connect([127, 0, 0, 66]).await.1, "421 4.7.1 Not you\r\n");
}

/// Catches the message that is cut short, or answered with 250, because there is no room for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_is_one_to_come_again_for() {
    let house = House::open(Plan { spool_octets_max: 150_000, ..Plan::default() }).await;
    let mut first = Raw::in_data(house.address, "a@b").await;
    first.send(&"x".repeat(100_000)).await;
    let mut second = Raw::in_data(house.address, "a@b").await;
    while house.spool.used() < 100_000 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    second.send(&"y".repeat(100_000)).await;
    second.send("\r\n.\r\n").await;
    assert_eq!(second.line().await, "452 4.3.1 No room for the message now; try again later\r\n");
    first.send("\r\n.\r\n").await;
    assert_eq!(first.line().await, "250 2.0.0 Delivered\r\n");
    second.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\ny\r\n.\r\nQUIT\r\n").await;
    assert!(second.rest().await.ends_with("250 2.0.0 Delivered\r\n221 2.0.0 Bye\r\n"));
    first.send("QUIT\r\n").await;
    first.rest().await;
    house.until_empty().await;
    let sizes: Vec<_> = house.got().iter().map(|got| got.content.len()).collect();
    assert_eq!(sizes, [100_002, 3]);
}
