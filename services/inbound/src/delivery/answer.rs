//! One answer for all recipients, as SMTP has no other.
//!
//! - Everybody has the message: 250.
//! - Somebody is to have it later: that refusal for now (4yz) goes first, whatever else there is. The client comes again with the message for
//!   everybody; those who have it do not get it twice, as their mailstores know it again.
//! - Nobody is to have it later, and somebody never (5yz): that refusal, and a word about those who have it. The client tells the
//!   sender, who then knows of a failure that we could not tell of ourselves; those who have it keep it. Nothing is lost without a
//!   word, and nobody comes again for ever. It is rare: a mailstore that refuses says so at RCPT already, where each recipient has an answer.
//!
//! Of a recipient with many mailboxes (an alias) the same goes: the sender hears of the one that failed.
//!
//! A message without Message-ID or Date is never known again (`mailstore::delivery_key`): those who have it get it again as
//! often as its client comes again for the others. Nothing better can be done without a queue.
//!
//! Pure. Entry points: [`of_recipient`], [`together`].

use crate::replies;
use mail::address::ForwardPath;
use mail::reply::{Refusal, Status, Text};

/// What became of a message for one recipient, by what became of it for the mailboxes.
pub fn of_recipient(mailboxes: Vec<Result<(), Refusal>>) -> Result<Text, Refusal> {
    let refusals: Vec<_> = mailboxes.into_iter().filter_map(Result::err).collect();
    first(&refusals).cloned().map_or(Ok(replies::DELIVERED), Err)
}

/// What the engine is told: it passes on the first refusal.
pub fn together(
    recipients: &[ForwardPath],
    outcomes: Vec<Result<Text, Refusal>>,
) -> Vec<Result<Text, Refusal>> {
    let refusals: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).cloned().collect();
    let Some(refusal) = first(&refusals) else { return outcomes };
    let delivered = outcomes.len() - refusals.len();
    let told = match outcomes.iter().position(|outcome| outcome.as_ref().err() == Some(refusal)) {
        Some(number) if delivered > 0 && refusal.is_permanent() => {
            partly(refusal, &recipients[number], delivered, outcomes.len())
        }
        _ => refusal.clone(),
    };
    outcomes.into_iter().map(|outcome| outcome.map_err(|_| told.clone())).collect()
}

/// For now before for good.
fn first(refusals: &[Refusal]) -> Option<&Refusal> {
    refusals.iter().find(|refusal| !refusal.is_permanent()).or(refusals.first())
}

fn partly(refusal: &Refusal, recipient: &ForwardPath, delivered: usize, all: usize) -> Refusal {
    let reply = refusal.reply();
    let text =
        format!("Delivered to {delivered} of {all}, but not to {recipient}: {}", reply.text().as_str());
    let status = reply.status().unwrap_or(Status::new(0, 0));
    Refusal::new(reply.code(), status, &text).unwrap_or_else(|_| refusal.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: u16, text: &str) -> Refusal {
        Refusal::new(code, Status::new(2, 2), text).unwrap()
    }

    fn line(outcome: &Result<Text, Refusal>) -> String {
        match outcome {
            Ok(text) => text.as_str().to_owned(),
            Err(refusal) => refusal.reply().to_string().trim_end().to_owned(),
        }
    }

    /// What the client hears, as the engine has it.
    fn told(codes: &[u16]) -> String {
        let recipients: Vec<_> =
            (0..codes.len()).map(|number| format!("<{number}@d>").parse().unwrap()).collect();
        let outcome = |&code: &u16| match code {
            250 => Ok(replies::DELIVERED),
            code => Err(refusal(code, "Full")),
        };
        let outcomes = together(&recipients, codes.iter().map(outcome).collect());
        for (outcome, code) in outcomes.iter().zip(codes) {
            assert_eq!(outcome.is_ok(), *code == 250, "each keeps what became of it");
        }
        line(outcomes.iter().find(|outcome| outcome.is_err()).unwrap_or(&outcomes[0]))
    }

    /// Catches the answer that loses a recipient: "for good" to a client that is to come again, or "fine" over a failure.
    #[test]
    fn for_now_goes_before_for_good_and_both_before_success() {
        for (codes, expected) in [
            (&[250, 250][..], "Delivered"),
            (&[250, 452], "452 4.2.2 Full"),
            (&[552, 250, 451], "451 4.2.2 Full"),
            (&[552, 552], "552 5.2.2 Full"),
            (&[550], "550 5.2.2 Full"),
            (&[250, 552, 250], "552 5.2.2 Delivered to 2 of 3, but not to <1@d>: Full"),
        ] {
            assert_eq!(told(codes), expected, "{codes:?}");
        }
    }

    #[test]
    fn a_recipient_has_it_when_all_its_mailboxes_have() {
        let of = |codes: &[u16]| {
            let mailbox = |&code: &u16| if code == 250 { Ok(()) } else { Err(refusal(code, "x")) };
            line(&of_recipient(codes.iter().map(mailbox).collect()))
        };
        assert_eq!(of(&[250, 250]), "Delivered");
        assert_eq!(of(&[250, 550, 452]), "452 4.2.2 x");
        assert_eq!(of(&[550, 250]), "550 5.2.2 x");
    }
}
