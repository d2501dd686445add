"""Mutants of the mail library: each breaks one rule of reception in a copy of the workspace; its tests must fail.

    python3 tests/mutants/mail.py [NAME ...]
"""

import mutants

# name: (file, text, replacement)
MUTANTS = {
    "bare-lf-ends-data": (
        "data/dots.rs",
        "(State::DotCr, b'\\n') => State::Ended,",
        "(State::DotCr | State::Dot, b'\\n') => State::Ended,",
    ),
    "cr-cr-lf-ends-data": (
        "data/dots.rs",
        "(State::DotCr, b'\\n') => State::Ended,",
        "(State::DotCr, b'\\n') => State::Ended,\n            (State::DotCr, b'\\r') => State::DotCr,",
    ),
    "bare-lf-is-content": ("data/dots.rs", "self.tally.fail(Fault::BareLf);", "self.tally.text(b\"\\n\", out);"),
    "bare-cr-is-content": (
        "data/dots.rs",
        "self.tally.fail(Fault::BareCr);",
        "self.tally.text(b\"\\r\", out);",
    ),
    "first-line-is-not-unstuffed": ("data/dots.rs", "Self { state: State::LineStart, tally", "Self { state: State::Text, tally"),
    "bare-cr-in-a-chunk": ("data/chunks.rs", "        if self.after_cr {\n            self.tally.fail(Fault::BareCr);", "        if self.after_cr {"),
    "size-has-no-bound": (
        "data/tally.rs",
        "let room = self.limits.octets_max - self.octets;",
        "let room = u64::MAX - self.octets;",
    ),
    "lf-ends-a-line": ("line.rs", "b'\\n' => return Some(Err(LineError::BareLf)),", "b'\\n' => return Some(self.end()),"),
    "a-line-has-no-bound": ("line.rs", "self.skipped > GARBAGE_OCTETS_MAX", "self.skipped == usize::MAX"),
    "reply-takes-any-text": ("reply.rs", "let letters = text.chars().map(|letter| if is_fine(letter) { letter } else { '?' });", "let _ = is_fine; let letters = text.chars();"),
    "quotes-are-lost": (
        "address/local.rs",
        "        if is_dot_string(&self.0) {\n            return out.write_str(&self.0);",
        "        if !self.0.is_empty() {\n            return out.write_str(&self.0);",
    ),
    "quote-is-not-escaped": ("address/local.rs", "if matches!(letter, '\"' | '\\\\') {", "if letter == '\\\\' {"),
    "plaintext-survives-starttls": (
        "engine/mod.rs",
        "                Phase::Handshake | Phase::Closed => *input = &[],",
        "                Phase::Handshake => return,\n                Phase::Closed => *input = &[],",
    ),
    "hello-survives-starttls": ("engine/commands.rs", "        self.hello = None;\n", ""),
    "bad-chunk-goes-on": (
        "engine/commands.rs",
        "Ok(Err(error @ CommandError::Chunk)) => self.close_with(&error.refusal(), out),",
        "Ok(Err(error @ CommandError::Chunk)) => self.fail(&error.refusal(), out),",
    ),
    "refused-chunk-is-obeyed": (
        "engine/commands.rs",
        "(Some(refusal), Command::Bdat(chunk)) => self.begin_skip(chunk.octets, refusal, out),",
        "",
    ),
    "unknown-outcome-is-success": (
        "engine/transaction.rs",
        "outcomes.get(number).cloned().unwrap_or(Err(replies::UNKNOWN_OUTCOME))",
        "outcomes.get(number).cloned().unwrap_or(Ok(Text::fixed(\"fine\")))",
    ),
    "one-success-is-enough": (
        "engine/transaction.rs",
        "told.find(Result::is_err).filter(|_| first.is_ok()).unwrap_or(first)",
        "first",
    ),
    "421-takes-answers-along": (
        "engine/transaction.rs",
        "            out.send(answer);\n",
        "            out.send(answer);\n            if answer.code() == replies::CLOSING { break; }\n",
    ),
    "recipients-without-end": (
        "engine/transaction.rs",
        "transaction.recipients.len() >= self.config.limits.recipients_max",
        "transaction.recipients.len() == usize::MAX",
    ),
    "input-without-end": ("engine/mod.rs", "(octets.len() > self.room())", "(octets.len() > usize::MAX - self.room())"),
    "errors-without-end": ("engine/counters.rs", "(*counter > max).then_some(end)", "(*counter == 0 && max == 0).then_some(end)"),
}

if __name__ == "__main__":
    mutants.main("mail", "services/mail/src", MUTANTS, [[]])
