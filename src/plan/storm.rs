//! The storm rule: when more than max(2, 20 %) of a rack's nodes fall silent within a minute, something else than nodes has
//! died. The rack is frozen until it has been calm for a while.

use crate::cut_off;
use crate::effect::{Effect, Metric, Note, NoteKind};
use crate::state::Step;
use understudy_core::model::id::NodeId;
use understudy_core::model::name::Name;

/// So many nodes may fall silent together without being a storm, whatever the rack's size.
const CALM_MIN: usize = 2;
/// Above that, one in so many.
const CALM_SHARE: usize = 5;

pub(crate) fn look(step: &mut Step) {
    let racks: Vec<Name> = step.state.view.racks.keys().cloned().collect();
    for rack in racks {
        let members = cut_off::members(step, &rack);
        count(step, &rack, &members);
        judge(step, &rack, members.len());
    }
}

/// Notes when each node fell silent.
fn count(step: &mut Step, rack: &Name, members: &[NodeId]) {
    let now = step.now.elapsed;
    let (late_after, window) = (step.timings().late_after, step.timings().storm_window);
    let late = members.iter().filter(|id| step.silence(id) >= late_after);
    let onsets: Vec<_> =
        late.map(|id| (id.clone(), (now + late_after).saturating_sub(step.silence(id)))).collect();
    let Some(view) = step.state.view.racks.get_mut(rack) else { return };
    view.onsets.retain(|_, at| now.saturating_sub(*at) < window);
    if view.has_settled {
        view.onsets.extend(onsets.into_iter().filter(|(_, at)| now.saturating_sub(*at) < window));
    }
}

fn judge(step: &mut Step, rack: &Name, members: usize) {
    let (now, cool_down) = (step.now.elapsed, step.timings().cool_down);
    let Some(view) = step.state.view.racks.get_mut(rack) else { return };
    let is_storm = view.onsets.len() > CALM_MIN.max(members / CALM_SHARE);
    let newest = view.onsets.values().max().copied().unwrap_or(now);
    let was_frozen = view.frozen_until.is_some();
    if is_storm {
        view.frozen_until = view.frozen_until.max(Some(newest + cool_down));
    } else if view.frozen_until.is_some_and(|until| now >= until) {
        view.frozen_until = None;
    }
    let (silent, is_frozen) = (view.onsets.len(), view.frozen_until.is_some());
    if is_frozen && !was_frozen {
        let text = format!(
            "{silent} of {members} nodes of rack {rack} fell silent within {} s: that is a storm, and nothing is fenced or moved \
             there until it has been calm for {} s",
            step.timings().storm_window.as_secs(),
            cool_down.as_secs()
        );
        step.effects.push(Effect::Measure(Metric::Storm));
        step.page(Note::of_site(NoteKind::Storm, text));
    } else if was_frozen && !is_frozen {
        let text = format!(
            "rack {rack} has been calm for {} s; what is silent is looked at again",
            cool_down.as_secs()
        );
        step.record(Note::of_site(NoteKind::StormOver, text));
    }
}

/// Why nothing may begin in this rack.
pub(crate) fn objection(step: &Step, rack: &Name) -> Option<String> {
    let is_frozen = step.state.view.racks.get(rack).is_some_and(|rack| rack.frozen_until.is_some());
    is_frozen.then(|| format!("rack {rack} is frozen by the storm rule"))
}
