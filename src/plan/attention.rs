//! What a person should look at, told once each time that it changes.

use crate::effect::{Note, NoteKind};
use crate::state::Step;
use understudy_core::model::name::Name;

/// Asks for a person. The text must not change while the matter is the same.
pub(crate) fn attend(step: &mut Step, name: &Name, kind: NoteKind, text: String) {
    let durable = &step.state.durable;
    let (epoch, node) = (durable.epoch(name), durable.identity(name).and_then(|identity| identity.node()));
    let note = Note::of_identity(kind, name, epoch, node, text);
    if step.found.iter().all(|(other, _)| other != name) {
        step.found.push((name.clone(), note));
    }
}

/// Tells what is new. What was not found again is over, if the whole site was looked at.
pub(crate) fn tell(step: &mut Step, is_whole: bool) {
    let found = std::mem::take(&mut step.found);
    if is_whole {
        step.state.view.attention.retain(|name, _| found.iter().any(|(other, _)| other == name));
    }
    for (name, note) in found {
        if step.state.view.attention.get(&name) != Some(&note.text) {
            step.state.view.attention.insert(name, note.text.clone());
            step.page(note);
        }
    }
}
