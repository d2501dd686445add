//! The head of a request (RFC 9112), with what we look at and nothing else.
//!
//! Refuses bodies: nothing here takes one. Entry point: [`parse`].

use super::response::Status;

/// Request line and header fields together.
pub const HEAD_BYTES_MAX: usize = 8 << 10;
const HEADER_FIELDS_MAX: usize = 64;

/// A request without its body, of which there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// The path, as it stands in the request.
    pub path: String,
    /// Whether the client wants to go on with this connection.
    pub keep_alive: bool,
    pub range: Option<String>,
    pub if_range: Option<String>,
}

/// What is asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    /// One that changes something, or that we do not know.
    Other,
}

/// The request at the beginning of these bytes and the size of its head; nothing while it is not whole.
pub fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, Status> {
    let mut fields = [httparse::EMPTY_HEADER; HEADER_FIELDS_MAX];
    let mut head = httparse::Request::new(&mut fields);
    let size = match head.parse(bytes) {
        Ok(httparse::Status::Complete(size)) if size <= HEAD_BYTES_MAX => size,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES_MAX => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Status::HeadTooLarge),
        Err(_) => return Err(Status::BadRequest),
    };
    let (Some(method), Some(target), Some(minor)) = (head.method, head.path, head.version) else {
        return Err(Status::BadRequest);
    };
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        _ => Method::Other,
    };
    let is_http_11 = minor == 1;
    let fields = Fields::read(head.headers)?;
    // RFC 9112, section 3.2.
    if fields.hosts > 1 || (is_http_11 && fields.hosts == 0) {
        return Err(Status::BadRequest);
    }
    let keep_alive = if is_http_11 { !fields.close } else { fields.keep_alive };
    let path = path_of(target).to_owned();
    Ok(Some((Request { method, path, keep_alive, range: fields.range, if_range: fields.if_range }, size)))
}

#[derive(Default)]
struct Fields {
    hosts: usize,
    close: bool,
    keep_alive: bool,
    range: Option<String>,
    if_range: Option<String>,
}

impl Fields {
    fn read(headers: &[httparse::Header<'_>]) -> Result<Self, Status> {
        let mut fields = Self::default();
        for header in headers {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            let value = || std::str::from_utf8(header.value).map(str::trim).map_err(|_| Status::BadRequest);
            if is("host") {
                fields.hosts += 1;
            } else if is("connection") {
                for word in value()?.split(',').map(str::trim) {
                    fields.close |= word.eq_ignore_ascii_case("close");
                    fields.keep_alive |= word.eq_ignore_ascii_case("keep-alive");
                }
            } else if is("transfer-encoding") || (is("content-length") && value()? != "0") {
                return Err(Status::BadRequest);
            } else if is("range") {
                fields.range = Some(value()?.to_owned());
            } else if is("if-range") {
                fields.if_range = Some(value()?.to_owned());
            }
        }
        Ok(fields)
    }
}

/// Servers take the absolute form as well (RFC 9112, section 3.2.2).
fn path_of(target: &str) -> &str {
    let Some(rest) = target.strip_prefix("http://") else { return target };
    rest.find('/').map_or("/", |at| &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(text: &str) -> Result<Request, Status> {
        parse(text.as_bytes()).map(|parsed| parsed.unwrap().0)
    }

    #[test]
    fn what_clients_send_is_read() {
        let request =
            whole("GET /a HTTP/1.1\r\nHost: x\r\nrange: bytes=1-2 \r\nIf-Range: \"e\"\r\n\r\n").unwrap();
        assert_eq!(request.path, "/a");
        assert_eq!(
            (request.range.as_deref(), request.if_range.as_deref()),
            (Some("bytes=1-2"), Some("\"e\""))
        );
        for (text, method, keep_alive) in [
            ("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", Method::Head, true),
            ("GET http://x/a HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n", Method::Get, false),
            ("GET /a HTTP/1.0\r\n\r\n", Method::Get, false),
            ("GET /a HTTP/1.0\r\nConnection: te, keep-alive\r\n\r\n", Method::Get, true),
            ("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", Method::Other, true),
        ] {
            let request = whole(text).unwrap();
            assert_eq!(
                (request.method, request.path.as_str(), request.keep_alive),
                (method, "/a", keep_alive)
            );
        }
    }

    #[test]
    fn what_no_client_should_send_is_refused() {
        let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(HEAD_BYTES_MAX));
        let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "a: b\r\n".repeat(HEADER_FIELDS_MAX));
        for (text, status) in [
            ("GET / HTTP/1.1\r\n\r\n", Status::BadRequest),
            ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", Status::BadRequest),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", Status::BadRequest),
            ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", Status::BadRequest),
            ("GET / HTTP/2.0\r\n\r\n", Status::BadRequest),
            ("\u{0}\u{1}\r\n\r\n", Status::BadRequest),
            (&long, Status::HeadTooLarge),
            (&many, Status::HeadTooLarge),
        ] {
            assert_eq!(whole(text), Err(status), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
            let _ = parse(&[b"GET / HTTP/1.1\r\n", &bytes[..]].concat());
        }
    }
}
