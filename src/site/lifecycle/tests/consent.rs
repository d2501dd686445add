//! What an operator's yes includes, and what it does not.

use super::*;

/// Catches the mutants that take a spare from its work without the word for it, and that keep that word for the next
/// installation.
#[test]
fn only_with_again_a_spare_is_approved_and_an_older_image_only_once() {
    let mut story = Story::spare();
    story.then(Event::Approve(Consent { allow_older: true, ..Consent::default() })).is("spare");
    let consent = Consent { again: true, allow_older: true, ..Consent::default() };
    story.then(Event::Approve(consent)).is("approved");
    story.with_disk(DiskContent::Empty).then(hello("b7")).is("installing");
    assert!(story.installs().allow_older);
    story.then(report("b7", Status::Installed)).is("installed");
    assert!(!story.node.approval.as_ref().unwrap().allow_older, "the word was for one installation");
}
