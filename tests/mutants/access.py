"""Mutants of the front end: each breaks one rule in a copy of the workspace; its tests must fail.

    python3 tests/mutants/access.py [NAME ...]
"""

import mutants

# name: (file, text, replacement)
MUTANTS = {
    "plaintext-survives-starttls": (
        "front/imap.rs",
        "if matches!(self.phase, Phase::Commands | Phase::Sasl(..) | Phase::LoggingIn(..)) {",
        "if !matches!(self.phase, Phase::Over) {",
    ),
    "plaintext-survives-stls": (
        "front/pop3.rs",
        "if matches!(self.phase, Phase::Commands | Phase::Sasl(_) | Phase::LoggingIn(_)) {",
        "if !matches!(self.phase, Phase::Over) {",
    ),
    "name-survives-stls": (
        "front/pop3.rs",
        "                self.name = None;\n                say(\"+OK begin TLS now\", out);",
        "                say(\"+OK begin TLS now\", out);",
    ),
    "imap-password-in-the-clear": (
        "front/imap.rs",
        "Body::Login { .. } | Body::Authenticate { .. } if !self.channel.takes_passwords() => {",
        "Body::Login { .. } | Body::Authenticate { .. } if false => {",
    ),
    "pop3-password-in-the-clear": (
        "front/pop3.rs",
        "Command::User(_) | Command::Pass(_) | Command::Auth { .. } if !self.channel.takes_passwords() => {",
        "Command::User(_) | Command::Pass(_) | Command::Auth { .. } if false => {",
    ),
    "dead-pair-is-a-wrong-password": (
        "front/event.rs",
        "matches!(self, Self::Wrong | Self::TooMany)",
        "matches!(self, Self::Wrong | Self::TooMany | Self::NoBackend)",
    ),
    "guesses-without-end": (
        "front/patience.rs",
        "self.refused() == Verdict::Enough || self.wrong >= WRONG_MAX",
        "self.refused() == Verdict::Enough",
    ),
    "attempts-without-end": ("front/patience.rs", "verdict(self.attempts < ATTEMPTS_MAX)", "verdict(self.attempts > 0)"),
    "input-without-end": ("front/patience.rs", "verdict(self.octets <= INPUT_OCTETS_MAX)", "verdict(self.octets > 0)"),
    "errors-without-end": ("front/patience.rs", "verdict(self.errors < ERRORS_MAX)", "verdict(self.errors > 0)"),
    "pipelined-commands-are-lost": (
        "front/imap.rs",
        "Action::HandOver { to_client, to_backend: std::mem::take(&mut self.waiting) }",
        "Action::HandOver { to_client, to_backend: Vec::new() }",
    ),
    "answers-without-end": (
        "backend/dialogue.rs",
        "line.len() > LINE_OCTETS_MAX || self.lines > LINES_MAX",
        "line.len() > LINE_OCTETS_MAX",
    ),
    "octets-that-are-not-taken-are-lost": (
        "splice/pump.rs",
        "self.kept = read[octets..].to_vec();",
        "self.kept = Vec::new();",
    ),
    "bye-in-a-message": ("splice/boundary.rs", "        self.is_between\n", "        true\n"),
    "literal-is-lines": ("splice/boundary.rs", "self.literal_left = literal.unwrap_or_default();", "self.literal_left = 0;"),
    "half-closed-for-ever": (
        "splice/mod.rs",
        "let patience = if self.up.is_done() { self.times.half_closed } else { self.times.idle };",
        "let patience = self.times.idle;",
    ),
}

if __name__ == "__main__":
    mutants.main("access", "services/access/src", MUTANTS, [["--lib"]])
