//! What clients meet: listeners, TLS, sizes, limits.

use mail::config::{Octets, Problem};
use mail::listen::Rate;
use mail::tls::Files;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Of `delivery.whole`: together with the checks before it, it is less than the ten minutes of a client.
pub(super) const DELIVERY_MAX: Duration = Duration::from_secs(480);
pub(super) const ASK_MAX: Duration = Duration::from_secs(60);
/// RFC 5321, section 4.5.3.1.8.
const RECIPIENTS_MIN: usize = 100;
/// Section 4.5.3.1.7.
const MESSAGE_OCTETS_MIN: u64 = 64 * 1024;
/// Section 6.3: at least so many are no loop.
const HOPS_MIN: usize = 100;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    pub listen: Vec<SocketAddr>,
    /// Of a message; offered as SIZE.
    #[serde(default = "fifty_mebioctets")]
    pub message_octets_max: Octets,
    /// Of all messages on their way together.
    #[serde(default = "four_gibioctets")]
    pub octets_max: Octets,
    /// Of one message.
    #[serde(default = "one_thousand")]
    pub recipients_max: usize,
    /// Received fields; a message with more of them loops.
    #[serde(default = "one_hundred")]
    pub hops_max: usize,
}

/// Certificate and key in PEM; without this table there is no STARTTLS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    pub certificates: PathBuf,
    pub key: PathBuf,
}

/// A client is an IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub sessions_max: usize,
    pub sessions_per_client_max: u32,
    pub connections: RateSettings,
    pub messages: RateSettings,
    pub recipients: RateSettings,
    /// Whose messages and recipients are not counted, and who is neither listed nor greylisted; such as our own networks.
    pub exempt: Vec<crate::network::Network>,
}

/// So many at once, and so many in a minute.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateSettings {
    pub burst: u32,
    pub per_minute: u32,
}

fn fifty_mebioctets() -> Octets {
    Octets(50 << 20)
}

fn four_gibioctets() -> Octets {
    Octets(4 << 30)
}

fn one_thousand() -> usize {
    1000
}

fn one_hundred() -> usize {
    HOPS_MIN
}

impl Default for Limits {
    fn default() -> Self {
        let rate = |burst, per_minute| RateSettings { burst, per_minute };
        Self {
            sessions_max: 1000,
            sessions_per_client_max: 50,
            connections: rate(200, 600),
            messages: rate(500, 1000),
            recipients: rate(2000, 5000),
            exempt: Vec::new(),
        }
    }
}

impl From<RateSettings> for Rate {
    fn from(settings: RateSettings) -> Self {
        Self { burst: settings.burst, per_minute: settings.per_minute }
    }
}

impl From<Tls> for Files {
    fn from(tls: Tls) -> Self {
        Self { certificates: tls.certificates, key: tls.key }
    }
}

impl Smtp {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |name: &str, what: &str, hint: &str| {
            problems.push(Problem::new(&format!("smtp.{name}"), what, hint));
        };
        if self.listen.is_empty() {
            problem("listen", "nobody could send", "name an address with its port, such as [::]:25");
        }
        if self.message_octets_max.0 < MESSAGE_OCTETS_MIN {
            problem("message_octets_max", "every server takes 64KiB", "write 64KiB or more, such as 50MiB");
        }
        if self.octets_max.0 < self.message_octets_max.0 {
            problem("octets_max", "one message may be larger", "write as much as some messages may have");
        }
        if self.recipients_max < RECIPIENTS_MIN {
            problem("recipients_max", "every server takes 100", "write 100 or more");
        }
        if self.hops_max < HOPS_MIN {
            problem("hops_max", "so few are no loop", "write 100 or more");
        }
        problems
    }
}

impl Limits {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |name: &str| {
            let hint = "write 1 or more";
            problems.push(Problem::new(&format!("limits.{name}"), "nobody could send", hint));
        };
        if self.sessions_max == 0 {
            problem("sessions_max");
        }
        if self.sessions_per_client_max == 0 {
            problem("sessions_per_client_max");
        }
        for (name, rate) in
            [("connections", self.connections), ("messages", self.messages), ("recipients", self.recipients)]
        {
            if rate.burst == 0 || rate.per_minute == 0 {
                problem(name);
            }
        }
        problems
    }
}
