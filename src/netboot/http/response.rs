//! Answers: a status, a head, and where the body comes from.

use super::files::ServedFile;
use super::range::Selection;
use super::request::Request;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::File;
use std::ops::Range;
use std::time::SystemTime;

/// The answers that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    PartialContent,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    RangeNotSatisfiable,
    HeadTooLarge,
    Unavailable,
}

impl Status {
    /// All of them, by number.
    pub const ALL: [Self; 9] = [
        Self::Ok,
        Self::PartialContent,
        Self::BadRequest,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::RangeNotSatisfiable,
        Self::HeadTooLarge,
        Self::Unavailable,
    ];

    /// Its number and phrase (RFC 9110, section 15; 431: RFC 6585).
    pub fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::PartialContent => "206 Partial Content",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::RequestTimeout => "408 Request Timeout",
            Self::RangeNotSatisfiable => "416 Range Not Satisfiable",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::Unavailable => "503 Service Unavailable",
        }
    }

    /// Its number.
    pub fn code(self) -> &'static str {
        &self.line()[..3]
    }

    /// Whether the connection cannot go on: where the next request begins is not known, or there is no room.
    fn ends_connection(self) -> bool {
        !matches!(self, Self::Ok | Self::PartialContent | Self::NotFound | Self::RangeNotSatisfiable)
    }
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    pub status: Status,
    content_type: &'static str,
    /// Whole lines.
    more_fields: String,
    pub body: Body,
}

/// Where the bytes come from.
#[derive(Debug)]
pub enum Body {
    Memory(Cow<'static, [u8]>),
    /// A part of an open file.
    File(File, Range<u64>),
}

impl Body {
    /// Its size in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, range) => range.end - range.start,
        }
    }
}

impl Response {
    /// A short text that says what is wrong, and nothing about the server.
    pub fn refusal(status: Status) -> Self {
        let mut response = Self::memory("text/plain", format!("{}\n", status.line()).into_bytes());
        response.status = status;
        response.more_fields = match status {
            Status::MethodNotAllowed => "Allow: GET, HEAD\r\n".to_owned(),
            Status::Unavailable => "Retry-After: 2\r\n".to_owned(),
            _ => String::new(),
        };
        response
    }

    /// Made for one machine at this moment.
    pub fn memory(content_type: &'static str, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        let more_fields = "Cache-Control: no-store\r\n".to_owned();
        Self { status: Status::Ok, content_type, more_fields, body: Body::Memory(bytes.into()) }
    }

    /// A file, or the part of it that was asked for.
    pub fn file(request: &Request, content_type: &'static str, served: &ServedFile, file: File) -> Self {
        let bytes = served.stamp.bytes;
        let etag = served.etag();
        let mut more_fields = "Accept-Ranges: bytes\r\n".to_owned();
        if let Some(etag) = &etag {
            more_fields.push_str(&format!("ETag: {etag}\r\n"));
        }
        // RFC 9110, section 13.1.5: a part of another file than the client has begun with is of no use.
        let is_same = request.if_range.is_none() || request.if_range == etag;
        // Section 14.2: a range means something with GET only.
        let range =
            request.range.as_deref().filter(|_| is_same && request.method == super::request::Method::Get);
        let (status, range) = match Selection::of(range, bytes) {
            Selection::Whole => (Status::Ok, 0..bytes),
            Selection::Part(range) => {
                let line = format!("Content-Range: bytes {}-{}/{bytes}\r\n", range.start, range.end - 1);
                more_fields.push_str(&line);
                (Status::PartialContent, range)
            }
            Selection::Unsatisfiable => {
                let mut response = Self::refusal(Status::RangeNotSatisfiable);
                response.more_fields = format!("Content-Range: bytes */{bytes}\r\n");
                return response;
            }
        };
        Self { status, content_type, more_fields, body: Body::File(file, range) }
    }

    /// Status line and fields, and whether the connection goes on after this answer.
    pub fn head(&self, keep_alive: bool, now: SystemTime) -> (String, bool) {
        let goes_on = keep_alive && !self.status.ends_connection();
        let mut head = format!("HTTP/1.1 {}\r\n", self.status.line());
        let connection = if goes_on { "keep-alive" } else { "close" };
        // Writing to a string does not fail.
        let _ = write!(
            head,
            "Date: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}Connection: {connection}\r\n\r\n",
            httpdate::fmt_http_date(now),
            self.content_type,
            self.body.len(),
            self.more_fields,
        );
        (head, goes_on)
    }
}
