//! ENVELOPE, BODY and BODYSTRUCTURE (RFC 3501, section 7.4.2).

use super::Writer;
use crate::mime::address::Address;
use crate::mime::content::{Content, Parameters};
use crate::mime::envelope::Envelope;
use crate::mime::part::{Kind, Part};

impl Writer {
    pub(super) fn envelope(&mut self, envelope: &Envelope) {
        self.push("(");
        self.nstring(envelope.date.as_deref());
        self.push(" ");
        self.nstring(envelope.subject.as_deref());
        let lists =
            [&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc];
        for list in lists {
            self.push(" ");
            self.addresses(list);
        }
        self.push(" ");
        self.nstring(envelope.in_reply_to.as_deref());
        self.push(" ");
        self.nstring(envelope.message_id.as_deref());
        self.push(")");
    }

    fn addresses(&mut self, addresses: &[Address]) {
        if addresses.is_empty() {
            return self.push("NIL");
        }
        self.push("(");
        for Address { name, route, mailbox, host } in addresses {
            self.push("(");
            for (at, part) in [name, route, mailbox, host].into_iter().enumerate() {
                self.push(if at == 0 { "" } else { " " });
                self.nstring(part.as_deref());
            }
            self.push(")");
        }
        self.push(")");
    }

    /// As deep as [`crate::mime::part::DEPTH_MAX`]. BODYSTRUCTURE is extended, BODY is not.
    pub(super) fn body(&mut self, part: &Part, is_extended: bool) {
        let content = &part.content;
        self.push("(");
        if let Kind::Multipart(parts) = &part.kind {
            for part in parts {
                self.body(part, is_extended);
            }
            self.push(" ");
            self.string(&content.subtype);
            if is_extended {
                self.push(" ");
                self.parameters(&content.parameters);
                self.disposition(content);
            }
            return self.push(")");
        }
        self.basic(part);
        match &part.kind {
            Kind::Message { envelope, message } => {
                self.push(" ");
                self.envelope(envelope);
                self.push(" ");
                self.body(message, is_extended);
                self.push(&format!(" {}", part.lines));
            }
            _ if content.is_kind("text") => self.push(&format!(" {}", part.lines)),
            _ => {}
        }
        if is_extended {
            self.push(" ");
            self.nstring(content.md5.as_deref());
            self.disposition(content);
        }
        self.push(")");
    }

    /// What each part without parts has.
    fn basic(&mut self, part: &Part) {
        let content = &part.content;
        self.string(&content.kind);
        self.push(" ");
        self.string(&content.subtype);
        self.push(" ");
        self.parameters(&content.parameters);
        self.push(" ");
        self.nstring(content.id.as_deref());
        self.push(" ");
        self.nstring(content.description.as_deref());
        self.push(" ");
        self.string(&content.encoding);
        self.push(&format!(" {}", part.body.len()));
    }

    /// With language and location, which come behind it.
    fn disposition(&mut self, content: &Content) {
        match &content.disposition {
            None => self.push(" NIL"),
            Some(disposition) => {
                self.push(" (");
                self.string(&disposition.kind);
                self.push(" ");
                self.parameters(&disposition.parameters);
                self.push(")");
            }
        }
        match content.languages.as_slice() {
            [] => self.push(" NIL"),
            languages => {
                for (at, language) in languages.iter().enumerate() {
                    self.push(if at == 0 { " (" } else { " " });
                    self.string(language);
                }
                self.push(")");
            }
        }
        self.push(" ");
        self.nstring(content.location.as_deref());
    }

    fn parameters(&mut self, parameters: &Parameters) {
        if parameters.is_empty() {
            return self.push("NIL");
        }
        for (at, (name, value)) in parameters.iter().enumerate() {
            self.push(if at == 0 { "(" } else { " " });
            self.string(name);
            self.push(" ");
            self.string(value);
        }
        self.push(")");
    }
}
