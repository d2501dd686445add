//! Where a BMC is.

use hyper::Uri;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const PORT_HTTP: u16 = 80;
const PORT_HTTPS: u16 = 443;

/// `https://10.0.0.5` or `http://10.77.0.201:8000`: scheme, host and port, nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BmcUrl {
    is_https: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
}

/// The text says no place of a BMC.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the URL of a BMC; write https://10.0.0.5 or http://10.0.0.5:8000")]
pub struct BmcUrlError(String);

impl BmcUrl {
    /// Whether TLS is spoken there.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// The name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// For the Host header (RFC 9110, section 7.2).
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{host}:{}", self.port)
    }
}

impl FromStr for BmcUrl {
    type Err = BmcUrlError;

    fn from_str(text: &str) -> Result<Self, BmcUrlError> {
        let refuse = || BmcUrlError(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| refuse())?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refuse()),
        };
        let authority = uri.authority().ok_or_else(refuse)?;
        let is_bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if !is_bare || host.is_empty() {
            return Err(refuse());
        }
        let port = authority.port_u16().unwrap_or(if is_https { PORT_HTTPS } else { PORT_HTTP });
        Ok(Self { is_https, host: host.to_owned(), port })
    }
}

impl TryFrom<String> for BmcUrl {
    type Error = BmcUrlError;

    fn try_from(text: String) -> Result<Self, BmcUrlError> {
        text.parse()
    }
}

impl From<BmcUrl> for String {
    fn from(url: BmcUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for BmcUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}", if self.is_https { "https" } else { "http" }, self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_scheme_a_host_and_a_port() {
        for (text, shown) in [
            ("http://10.77.0.201:8000", "http://10.77.0.201:8000"),
            ("https://bmc-7.example.org/", "https://bmc-7.example.org:443"),
            ("http://[fd00::7]", "http://[fd00::7]:80"),
        ] {
            assert_eq!(text.parse::<BmcUrl>().unwrap().to_string(), shown);
        }
        for text in
            ["", "10.0.0.5", "ftp://a", "http://", "http://u:p@a", "http://a/redfish", "http://a/?b", "/a"]
        {
            assert!(text.parse::<BmcUrl>().is_err(), "{text}");
        }
    }
}
