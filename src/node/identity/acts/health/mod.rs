//! Does a service serve? Asked as its clients ask, and answered within a second or not at all.

mod dns;

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use understudy_core::base::process::{Process, ProcessError};
use understudy_core::formats::service::{Argv, Health};

pub use dns::DnsFault;

/// Of one check.
const PATIENCE: Duration = Duration::from_secs(1);
/// Programs start more slowly than sockets.
const COMMAND_PATIENCE: Duration = Duration::from_secs(5);

/// Why a service does not count as healthy.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    #[error("DNS at {address} does not answer as it should")]
    Dns {
        address: SocketAddr,
        #[source]
        source: DnsFault,
    },
    #[error("nobody takes connections at {address}")]
    Connect {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("{address} sends no greeting")]
    Greeting {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("{address} greets with {said:?}, not {expected:?}")]
    OtherGreeting { address: SocketAddr, said: String, expected: String },
    #[error("its own check fails")]
    Command(#[source] ProcessError),
}

/// Asks once, at this address.
pub fn check(health: &Health, address: IpAddr) -> Result<(), HealthError> {
    match health {
        Health::Dns { port, name } => {
            let address = SocketAddr::new(address, port.get());
            dns::check(address, name, PATIENCE).map_err(|source| HealthError::Dns { address, source })
        }
        Health::Tcp { port, expect } => tcp(SocketAddr::new(address, port.get()), expect.as_deref()),
        Health::Command { argv } => command(argv),
    }
}

fn tcp(address: SocketAddr, expect: Option<&str>) -> Result<(), HealthError> {
    let deadline = Instant::now() + PATIENCE;
    let mut socket = TcpStream::connect_timeout(&address, PATIENCE)
        .map_err(|source| HealthError::Connect { address, source })?;
    let expected = expect.unwrap_or_default();
    let greeting = |source| HealthError::Greeting { address, source };
    let mut said = vec![0; expected.len()];
    let mut length = 0;
    while length < said.len() {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left)).map_err(greeting)?;
        match socket.read(&mut said[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            // By a stop of the process (signal(7)), or as a signal came.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(greeting(error)),
        }
        if Instant::now() >= deadline {
            break;
        }
    }
    if said[..length] == *expected.as_bytes() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said[..length]).into_owned();
    Err(HealthError::OtherGreeting { address, said, expected: expected.to_owned() })
}

fn command(argv: &Argv) -> Result<(), HealthError> {
    let (program, arguments) = argv.split();
    Process::new(program).args(arguments).run_within(COMMAND_PATIENCE).map(drop).map_err(HealthError::Command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;
    use understudy_core::base::causes::with_causes;

    fn tcp_health(port: u16, expect: &str) -> Health {
        let expect = (!expect.is_empty()).then(|| expect.to_owned());
        Health::Tcp { port: port.try_into().unwrap(), expect }
    }

    /// A server that says `greeting` in pieces to one client, and then `ends` or stays silent.
    fn greeted(greeting: &'static [&'static str], ends: bool, expect: &str) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            client.set_nodelay(true).unwrap();
            for part in greeting {
                client.write_all(part.as_bytes()).unwrap();
            }
            // Until the client goes away.
            if !ends {
                let _ = client.read(&mut [0]);
            }
        });
        let result = check(&tcp_health(port, expect), [127, 0, 0, 1].into());
        server.join().unwrap();
        result.map_err(|error| with_causes(&error))
    }

    /// Catches the mutants that take any connection for health and that wait for ever.
    #[test]
    fn a_greeting_is_the_expected_one_or_a_failure() {
        assert_eq!(greeted(&["220 ", "mail\r\n"], true, "220 "), Ok(()));
        assert_eq!(greeted(&["2", "2", "0", " "], false, "220 "), Ok(()));
        assert_eq!(greeted(&[], true, ""), Ok(()));
        assert!(
            greeted(&["554 no\r\n"], true, "220 ")
                .unwrap_err()
                .contains("greets with \"554 \", not \"220 \"")
        );
        assert!(greeted(&["22"], true, "220 ").unwrap_err().contains("greets with \"22\""));
        let began = Instant::now();
        assert!(greeted(&["220"], false, "220 ").unwrap_err().contains("sends no greeting"));
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_closed_port_is_a_failure() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = check(&tcp_health(port, ""), [127, 0, 0, 1].into()).unwrap_err();
        assert!(matches!(error, HealthError::Connect { .. }), "{error:?}");
    }

    #[test]
    fn a_command_is_healthy_where_it_ends_well() {
        let run = |words: &[&str]| {
            let argv: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            check(&Health::Command { argv: argv.try_into().unwrap() }, [127, 0, 0, 1].into())
        };
        assert!(run(&["true"]).is_ok());
        let error = run(&["sh", "-c", "echo no table >&2; exit 1"]).unwrap_err();
        assert!(with_causes(&error).contains("no table"), "{error:?}");
        assert!(run(&["no-such-program"]).is_err());
        assert!(with_causes(&run(&["sleep", "60"]).unwrap_err()).contains("did not end within 5 s"));
    }
}
