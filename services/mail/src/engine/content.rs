//! The content of a message: behind DATA, and in chunks.

use super::actions::Actions;
use super::config::Protocol;
use super::{Engine, Phase, replies};
use crate::command::Chunk;
use crate::data::Fault;
use crate::data::chunks::Chunks;
use crate::data::dots::Decoder;
use crate::reply::Refusal;

impl Engine {
    pub(super) fn begin_data(&mut self, out: &mut Actions) {
        out.send(&replies::START_MAIL);
        self.phase = Phase::Data(Box::new(Decoder::new(self.config.content_limits())));
    }

    pub(super) fn read_data(&mut self, input: &mut &[u8], out: &mut Actions) {
        let Phase::Data(decoder) = &mut self.phase else { return };
        let mut content = Vec::with_capacity(if decoder.fault().is_none() { input.len() } else { 0 });
        let end = decoder.decode(input, &mut content);
        out.content(content);
        if let Some(result) = end {
            self.end_message(result, out);
        }
    }

    pub(super) fn begin_chunk(&mut self, chunk: Chunk, out: &mut Actions) {
        let limits = self.config.content_limits();
        let transaction = self.transaction.as_mut().expect("BDAT is out of place without one");
        transaction.chunks.get_or_insert_with(|| Chunks::new(limits)).begin(chunk.octets);
        self.phase = Phase::Chunk { is_last: chunk.is_last };
        // An empty one is over before anything comes.
        self.read_chunk(&mut &[][..], out);
    }

    pub(super) fn read_chunk(&mut self, input: &mut &[u8], out: &mut Actions) {
        let (Phase::Chunk { is_last }, Some(transaction)) = (&self.phase, &mut self.transaction) else {
            return;
        };
        let chunks = transaction.chunks.as_mut().expect("made before the chunk began");
        let mut content = Vec::new();
        let is_whole = chunks.take(input, &mut content);
        let fault = chunks.fault();
        match (is_whole, *is_last, fault) {
            (false, ..) => out.content(content),
            (true, true, _) => {
                let chunks = transaction.chunks.take().expect("still there");
                let result = chunks.finish(&mut content);
                out.content(content);
                self.end_message(result, out);
            }
            (true, false, None) => {
                out.content(content);
                out.send(&replies::CHUNK_OK);
                self.phase = Phase::Commands;
            }
            (true, false, Some(fault)) => {
                out.content(content);
                self.abandon(out);
                self.phase = Phase::Commands;
                self.refuse(&replies::fault(fault), out);
            }
        }
    }

    /// A chunk that is refused is still on its way (RFC 3030, section 2).
    pub(super) fn begin_skip(&mut self, octets: u64, refusal: Refusal, out: &mut Actions) {
        self.phase = Phase::Skip { left: octets, refusal: Box::new(refusal) };
        self.skip_chunk(&mut &[][..], out);
    }

    pub(super) fn skip_chunk(&mut self, input: &mut &[u8], out: &mut Actions) {
        let Phase::Skip { left, refusal } = &mut self.phase else { return };
        let here = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
        *left -= here as u64;
        *input = &input[here..];
        if *left == 0 {
            let refusal = refusal.clone();
            self.phase = Phase::Commands;
            self.fail(&refusal, out);
        }
    }

    /// All of the message has come, or all of one that is refused.
    fn end_message(&mut self, result: Result<u64, Fault>, out: &mut Actions) {
        self.phase = Phase::Commands;
        let Some(transaction) = self.transaction.take() else { return };
        match result {
            Ok(octets) => self.ask_for_delivery(transaction, octets, out),
            Err(fault) => {
                out.abandon();
                // LMTP answers for each recipient, whatever the answer is (RFC 2033, section 4.2).
                let answers = match self.config.protocol {
                    Protocol::Smtp => 1,
                    Protocol::Lmtp => transaction.recipients.len(),
                };
                let answer = replies::fault(fault).into();
                self.answer_message(&vec![answer; answers], out);
            }
        }
    }
}
