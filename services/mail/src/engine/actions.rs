//! The actions of one step, in order; replies and content that follow each other become one.

use super::event::{Action, Question};
use crate::reply::Reply;

#[derive(Default)]
pub(super) struct Actions(Vec<Action>);

impl Actions {
    pub(super) fn send(&mut self, reply: &Reply) {
        if !matches!(self.0.last(), Some(Action::Send(_))) {
            self.0.push(Action::Send(Vec::new()));
        }
        if let Some(Action::Send(octets)) = self.0.last_mut() {
            reply.write(octets);
        }
    }

    pub(super) fn content(&mut self, content: Vec<u8>) {
        match self.0.last_mut() {
            _ if content.is_empty() => {}
            Some(Action::Content(before)) => before.extend_from_slice(&content),
            _ => self.0.push(Action::Content(content)),
        }
    }

    pub(super) fn ask(&mut self, question: Question) {
        self.0.push(Action::Ask(question));
    }

    pub(super) fn abandon(&mut self) {
        self.0.push(Action::Abandon);
    }

    pub(super) fn begin_tls(&mut self) {
        self.0.push(Action::BeginTls);
    }

    pub(super) fn close(&mut self) {
        self.0.push(Action::Close);
    }

    pub(super) fn all(self) -> Vec<Action> {
        self.0
    }
}
