//! Volumes: an identity that was ever served from one goes to no node without a copy of it, whoever asks, and a node with a
//! copy is kept for it.

use crate::durable::{Object, Volume};
use crate::grant;
use crate::key::Key;
use crate::ledger::Draft;
use crate::state::Step;
use understudy_core::model::epoch::Epoch;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// The volume of an identity, if it has something to lose.
pub(crate) fn with_data<'a>(step: &'a Step, name: &Name) -> Option<&'a Volume> {
    step.state.durable.volume(name).filter(|volume| volume.served)
}

/// The node with a copy that gets the identity, or why there is none. Neither its rack nor its size matters: the data is there.
pub(crate) fn choose(step: &Step, name: &Name, volume: &Volume) -> Result<NodeId, String> {
    let node = volume.copies.iter().find(|node| grant::is_spare(step, node));
    node.cloned().ok_or_else(|| nowhere(step, name, volume))
}

/// Why no node may have it, and the way on.
fn nowhere(step: &Step, name: &Name, volume: &Volume) -> String {
    let alone = if volume.copies.len() == 1 { " alone" } else { "" };
    let place = |node| format!("on node {node}{alone}, which {}", why_not(step, name, node));
    let places: Vec<String> = volume.copies.iter().map(place).collect();
    format!("its volume is {}", places.join(", and "))
}

fn why_not(step: &Step, name: &Name, node: &NodeId) -> String {
    let durable = &step.state.durable;
    if !step.state.config.nodes.contains_key(node) {
        return "is not approved any more".to_owned();
    }
    if is_starting(step, name, node) {
        return "has started again and is not ready yet".to_owned();
    }
    if step.silence(node) >= step.timings().suspect_after {
        return "is silent; it goes on there when that node is back, so look at its power and its cables"
            .to_owned();
    }
    if let Some(drain) = durable.drain(node) {
        return format!("was drained by {}; to let it serve again: understudy drain --undo {node}", drain.by);
    }
    match durable.identity_of(node) {
        Some((other, _)) if other == name => {
            "has to go on with it; if it cannot, start that node again: it gets it back".to_owned()
        }
        Some((other, _)) => {
            format!(
                "is the place of identity {other}; to move that one: understudy replace {other} --reason TEXT"
            )
        }
        None if durable.open_fence(node).is_some() => {
            "was fenced, and has not come back in a new boot; start it again".to_owned()
        }
        None => grant::why_no_spare(step, node).unwrap_or_else(|| "may have it".to_owned()),
    }
}

/// Whether a newer boot than the one that holds the identity is on its way.
fn is_starting(step: &Step, name: &Name, node: &NodeId) -> bool {
    let holder = step.state.durable.identity(name).and_then(|identity| identity.holder());
    let (Some(holder), Some(seen)) = (holder, step.state.view.node(node)) else { return false };
    let is_newer = seen.boot.as_ref().is_some_and(|boot| *boot != holder.boot);
    holder.node == *node && is_newer && !seen.is_ready
}

/// Why this node must not get this identity: it has no copy of its volume, or one of another's, and is kept for that.
pub(crate) fn objection(step: &Step, name: &Name, node: &NodeId) -> Option<String> {
    if let Some(volume) = with_data(step, name).filter(|volume| !volume.copies.contains(node)) {
        let places: Vec<&str> = volume.copies.iter().map(NodeId::as_str).collect();
        let places = places.join(", ");
        return Some(format!("has no copy of the volume of identity {name}, which is on node {places}"));
    }
    let mut others = step.state.durable.volumes().filter(|(other, _)| *other != name);
    let (other, _) = others.find(|(other, volume)| {
        let is_declared = step.state.config.identities.contains_key(*other);
        is_declared && volume.served && volume.copies.contains(node)
    })?;
    Some(format!("is kept for identity {other}, whose volume it has"))
}

/// Why a node must go on with what it holds: no other has the data.
pub(crate) fn why_it_stays(step: &Step, node: &NodeId) -> Option<String> {
    let (name, _) = step.state.durable.identity_of(node)?;
    let volume = with_data(step, name).filter(|volume| volume.is_last_copy(node))?;
    Some(format!("identity {name} stays on node {node}: {}", nowhere(step, name, volume)))
}

/// What a grant means for the volume. One that was never served is born again, wherever it is to be; any other stays what it
/// is, and the grant counts only while it does.
pub(crate) fn granted(step: &Step, draft: Draft, name: &Name, node: &NodeId, epoch: Epoch) -> Draft {
    let key = Key::Volume(name.clone());
    let declared = step.state.config.identities.get(name);
    let is_wanted = declared.is_some_and(|declaration| declaration.has_volume);
    match step.state.durable.volume(name) {
        Some(volume) if volume.served => draft.guard([key]),
        None if !is_wanted => draft,
        Some(_) | None => draft.put(key, Object::Volume(Volume::newborn(epoch, node.clone()))),
    }
}

/// From the first word of a holder that serves, there is something to lose.
pub(crate) fn served(step: &Step, draft: Draft, name: &Name) -> Draft {
    match step.state.durable.volume(name) {
        Some(volume) if !volume.served => {
            let volume = Volume { served: true, ..volume.clone() };
            draft.put(Key::Volume(name.clone()), Object::Volume(volume))
        }
        _ => draft,
    }
}
