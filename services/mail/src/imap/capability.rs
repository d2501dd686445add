//! What a server says it can do (RFC 3501, section 7.2.1).
//!
//! Passwords are not taken in the clear: before TLS there is STARTTLS, and no mechanism (section 11.1). Entry point: [`list`].

/// Whether what is said can be read on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// With TLS to be begun.
    Clear,
    /// On the machine itself, or behind a front end that has TLS: passwords are taken.
    Trusted,
    Tls,
}

/// Until it is known who the client is.
const BEFORE: &[&str] = &["IMAP4rev1", "LITERAL+", "SASL-IR", "ID", "ENABLE", "IDLE"];
/// Each is described in [`super`].
const AFTER: &[&str] = &[
    "IMAP4rev1",
    "LITERAL+",
    "ID",
    "ENABLE",
    "IDLE",
    "NAMESPACE",
    "UNSELECT",
    "UIDPLUS",
    "MOVE",
    "CONDSTORE",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "CHILDREN",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "ESEARCH",
    "SORT",
    "QUOTA",
    "STATUS=SIZE",
];

/// The words behind `CAPABILITY`.
pub fn list(is_known: bool, channel: Channel, append_octets_max: u32) -> String {
    let words = if is_known { AFTER } else { BEFORE };
    let more = match (is_known, channel) {
        (true, _) => format!(" APPENDLIMIT={append_octets_max}"),
        (false, Channel::Clear) => " STARTTLS LOGINDISABLED".to_owned(),
        (false, Channel::Trusted | Channel::Tls) => " AUTH=PLAIN".to_owned(),
    };
    words.join(" ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_asked_for_in_the_clear() {
        assert!(list(false, Channel::Clear, 1).ends_with("IDLE STARTTLS LOGINDISABLED"));
        for channel in [Channel::Trusted, Channel::Tls] {
            let said = list(false, channel, 1);
            assert!(said.contains("AUTH=PLAIN") && !said.contains("STARTTLS"), "{said}");
        }
        assert!(list(true, Channel::Tls, 7).ends_with("STATUS=SIZE APPENDLIMIT=7"));
    }
}
