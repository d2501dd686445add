//! FETCH responses (RFC 3501, section 7.4.2), item by item. A message need not be in memory: see [`Fetch::octets_head`].

use super::Writer;
use crate::imap::command::Flag;
use crate::imap::command::fetch::{Form, Octets};
use crate::mime::envelope::Envelope;
use crate::mime::part::Part;
use crate::mime::section::What;
use mail_parser::DateTime;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// The end of the year 9999: IMAP writes years with four digits.
const LAST_SECOND: i64 = 253_402_300_799;

/// A response that is not ended yet.
#[derive(Debug)]
pub struct Fetch<'a> {
    writer: &'a mut Writer,
    is_first: bool,
}

impl Writer {
    /// Begins the response for a message. [`Fetch::end`] ends it.
    pub fn fetch(&mut self, number: u32) -> Fetch<'_> {
        self.push(&format!("* {number} FETCH ("));
        Fetch { writer: self, is_first: true }
    }

    /// Goes on with a response that was begun before; nothing else may have been written since but its octets.
    pub fn fetch_again(&mut self, is_first: bool) -> Fetch<'_> {
        Fetch { writer: self, is_first }
    }
}

impl Fetch<'_> {
    pub fn end(self) {
        self.writer.push(")\r\n");
    }

    pub fn uid(&mut self, uid: u32) {
        self.item(&format!("UID {uid}"));
    }

    pub fn size(&mut self, octets: u64) {
        self.item(&format!("RFC822.SIZE {octets}"));
    }

    pub fn modseq(&mut self, modseq: u64) {
        self.item(&format!("MODSEQ ({modseq})"));
    }

    pub fn flags(&mut self, flags: &[Flag], is_recent: bool) {
        self.item("FLAGS ");
        self.writer.flag_list(flags, is_recent.then_some("\\Recent"));
    }

    /// Seconds since 1970.
    pub fn internal_date(&mut self, seconds: i64) {
        self.item(&format!("INTERNALDATE \"{}\"", date(seconds)));
    }

    pub fn envelope(&mut self, envelope: &Envelope) {
        self.item("ENVELOPE ");
        self.writer.envelope(envelope);
    }

    /// BODY.
    pub fn body(&mut self, part: &Part) {
        self.item("BODY ");
        self.writer.body(part, false);
    }

    /// BODYSTRUCTURE.
    pub fn body_structure(&mut self, part: &Part) {
        self.item("BODYSTRUCTURE ");
        self.writer.body(part, true);
    }

    /// Nothing: the message has no such section.
    pub fn octets(&mut self, wanted: &Octets, octets: Option<&[u8]>) {
        self.octets_name(wanted);
        match octets {
            Some(octets) => self.writer.literal(octets),
            None => self.writer.push("NIL"),
        }
    }

    /// As many octets are to be sent behind what was written; [`super::without_nul`] has to be asked about them. What follows
    /// goes through [`Writer::fetch_again`].
    pub fn octets_head(&mut self, wanted: &Octets, octets: u64) {
        self.octets_name(wanted);
        self.writer.literal_head(octets);
    }

    fn octets_name(&mut self, wanted: &Octets) {
        match wanted.form {
            Form::Rfc822 => return self.item("RFC822 "),
            Form::Rfc822Header => return self.item("RFC822.HEADER "),
            Form::Rfc822Text => return self.item("RFC822.TEXT "),
            Form::Body => self.item("BODY["),
        }
        let mut path: Vec<String> = wanted.section.path.iter().map(u32::to_string).collect();
        let word = match &wanted.section.what {
            What::Whole => None,
            What::Header => Some("HEADER"),
            What::Text => Some("TEXT"),
            What::Mime => Some("MIME"),
            What::Fields { is_not: false, .. } => Some("HEADER.FIELDS"),
            What::Fields { is_not: true, .. } => Some("HEADER.FIELDS.NOT"),
        };
        path.extend(word.map(str::to_owned));
        self.writer.push(&path.join("."));
        if let What::Fields { names, .. } = &wanted.section.what {
            for (at, name) in names.iter().enumerate() {
                self.writer.push(if at == 0 { " (" } else { " " });
                self.name(name);
            }
            self.writer.push(")");
        }
        self.writer.push("]");
        if let Some((from, _)) = wanted.partial {
            self.writer.push(&format!("<{from}>"));
        }
        self.writer.push(" ");
    }

    /// Clients compare it with what they said, and mostly that was an atom.
    fn name(&mut self, name: &[u8]) {
        let is_atom = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
        if !name.is_empty() && name.iter().all(is_atom) {
            self.writer.octets.extend_from_slice(name);
        } else {
            self.writer.string(name);
        }
    }

    fn item(&mut self, text: &str) {
        if !std::mem::take(&mut self.is_first) {
            self.writer.push(" ");
        }
        self.writer.push(text);
    }
}

/// `date-time` (RFC 3501, section 9), in UTC.
fn date(seconds: i64) -> String {
    let date = DateTime::from_timestamp(seconds.clamp(0, LAST_SECOND));
    let month = MONTHS[usize::from(date.month.clamp(1, 12)) - 1];
    let (day, year) = (date.day, date.year);
    format!("{day:2}-{month}-{year:04} {:02}:{:02}:{:02} +0000", date.hour, date.minute, date.second)
}
