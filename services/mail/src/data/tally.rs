//! What of a message was seen: octets, the line so far, the first fault.
//!
//! It gives out text up to the very octet that breaks a limit, so that the same comes out wherever the network cuts.

use super::{Fault, LINE_OCTETS_MAX, Limits, LongLines};

const CRLF: &[u8] = b"\r\n";

#[derive(Clone, Debug)]
pub(super) struct Tally {
    limits: Limits,
    octets: u64,
    /// Of the line that has not ended yet.
    line: u64,
    fault: Option<Fault>,
}

impl Tally {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, octets: 0, line: 0, fault: None }
    }

    /// Text without any CR or LF.
    pub(super) fn text(&mut self, text: &[u8], out: &mut Vec<u8>) {
        if self.fault.is_some() {
            return;
        }
        let line_room = match self.limits.long_lines {
            LongLines::Refuse => LINE_OCTETS_MAX - self.line,
            LongLines::Accept => u64::MAX,
        };
        let room = self.limits.octets_max - self.octets;
        let wanted = text.len() as u64;
        if room.min(line_room) < wanted {
            self.fault = Some(if room <= line_room { Fault::TooBig } else { Fault::LongLine });
        }
        let taken = wanted.min(room).min(line_room);
        self.octets += taken;
        self.line += taken;
        out.extend_from_slice(&text[..usize::try_from(taken).expect("no more than the text has")]);
    }

    /// An end of line.
    pub(super) fn line_end(&mut self, out: &mut Vec<u8>) {
        if self.fault.is_some() {
            return;
        }
        if self.limits.octets_max - self.octets < CRLF.len() as u64 {
            self.fault = Some(Fault::TooBig);
            return;
        }
        self.octets += CRLF.len() as u64;
        self.line = 0;
        out.extend_from_slice(CRLF);
    }

    /// Only the first fault is told.
    pub(super) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Whether text came behind the last end of line.
    pub(super) fn is_inside_line(&self) -> bool {
        self.line > 0
    }

    /// Octets of the content, or why it is refused.
    pub(super) fn result(&self) -> Result<u64, Fault> {
        self.fault.map_or(Ok(self.octets), Err)
    }
}
