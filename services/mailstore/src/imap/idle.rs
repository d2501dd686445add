//! IDLE (RFC 2177): changes are told as they happen, until the client says DONE.

use super::failure::Failure;
use super::news::News;
use super::session::{Answer, Done, Session};
use super::wire::{Ended, Heard};

/// What woke a session.
enum Woken {
    Heard(Result<Heard, Ended>),
    Changed,
    /// The mailbox is gone.
    Gone,
}

impl Session {
    pub(super) async fn idle(&mut self) -> Answer {
        self.wire.out.go_on("Idling");
        self.wire.expect_line();
        self.wire.rest();
        loop {
            // What happens while this is told wakes us again.
            if let Some(selected) = &mut self.selected {
                selected.changes.mark_unchanged();
            }
            self.tell(News::All).await?;
            self.wire.flush().await.map_err(Failure::Ended)?;
            match self.wait().await {
                Woken::Heard(Err(ended)) => return Err(Failure::Ended(ended)),
                Woken::Heard(Ok(Heard::Line(line))) if line.eq_ignore_ascii_case(b"DONE") => {
                    return Ok(Done::new("Idled"));
                }
                Woken::Heard(Ok(_)) => return Err(Failure::NoAnswer),
                Woken::Changed => {}
                Woken::Gone => return Err(Failure::Ended(Ended::MailboxGone)),
            }
        }
    }

    /// Dropping [`super::wire::Wire::hear`] loses nothing here: no literal can be asked for.
    async fn wait(&mut self) -> Woken {
        let Some(selected) = &mut self.selected else {
            return Woken::Heard(self.wire.hear().await);
        };
        tokio::select! {
            biased;
            heard = self.wire.hear() => Woken::Heard(heard),
            changed = selected.changes.changed() => match changed {
                Ok(()) => Woken::Changed,
                Err(_) => Woken::Gone,
            },
        }
    }
}
