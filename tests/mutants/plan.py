"""Mutants of the takeover core; its tests must catch each.

    python3 tests/mutants/plan.py [NAME ...]
"""

import mutants

# name: (file, text, replacement)
MUTANTS = {
    "accepted-is-proof": (
        "bmc.rs",
        "BmcAnswer::Accepted => bmc.was_accepted = true,",
        "BmcAnswer::Accepted => { bmc.was_accepted = true;"
        " if let Some(reading) = &mut bmc.reading { reading.power = Power::Off; reading.asked = now; } }",
    ),
    "moves-before-the-fence": (
        "fence.rs",
        "    if let Some(word) = &fence.word {",
        "    if fence.word.is_none() { return Some(Evidence::Released); }\n    if let Some(word) = &fence.word {",
    ),
    "acts-before-it-is-stored": (
        "ledger.rs",
        "    step.state.view.pending = Some(Pending {",
        "    step.state.durable.stored(&intent.writes, u64::MAX);\n    crate::fence::act(step);\n"
        "    step.state.view.pending = Some(Pending {",
    ),
    "epoch-is-used-again": (
        "grant.rs",
        "let epoch = durable.epoch(name).next()?;",
        "let epoch = durable.epoch(name).max(understudy_core::model::epoch::Epoch::new(1));",
    ),
    "renews-while-fencing": (
        "answer.rs",
        "IdentityState::Fencing { .. } => Order::Release { identity: identity_name, epoch },",
        "IdentityState::Fencing { .. } => Order::Hold { identity: identity_name, epoch },",
    ),
    "no-uuid-check": ("bmc.rs", "Some(other) if *other != uuid =>", "Some(other) if false && *other != uuid =>"),
    "no-allowance": ("limits.rs", "used >= policy.fences_max", "used >= 1000 + policy.fences_max"),
    "ignores-being-cut-off": (
        "cut_off.rs",
        "pub(crate) fn objection(step: &Step, rack: &Name) -> Option<String> {",
        "pub(crate) fn objection(step: &Step, rack: &Name) -> Option<String> {\n    if rack.as_str() != \"\" { return None; }",
    ),
    "half-is-a-majority": ("cut_off.rs", "heard * 2 > members.len()", "heard * 2 >= members.len()"),
    "no-doubt": ("suspect.rs", " || cut_off::is_in_doubt(step, &rack)", ""),
    "old-lie-counts-again": ("bmc.rs", "= (Some(now), None, 0);", "= (None, bmc.reading.take(), bmc.beats_while_off);"),
    "acts-on-a-stale-read": (
        "ledger.rs",
        "view.reach.ledger && view.reread.is_none() && view.halted.is_none()",
        "view.reach.ledger && view.halted.is_none()",
    ),
    "returning-node-resumes": (
        "answer.rs",
        "if identity.holder().is_none_or(|holder| holder.boot != boot) {",
        "if identity.holder().is_none() {",
    ),
    "believes-a-liar": ("bmc.rs", "const BEATS_WHILE_OFF_MAX: u32 = 2;", "const BEATS_WHILE_OFF_MAX: u32 = u32::MAX;"),
    "no-storm-rule": ("storm.rs", "is_frozen.then(||", "(is_frozen && rack.as_str() == \"\").then(||"),
    "one-witness-is-enough": ("suspect.rs", "const WITNESSES_MIN: usize = 2;", "const WITNESSES_MIN: usize = 1;"),
    "no-veto": ("suspect.rs", 'return Corroboration::Alive("another node reaches it");', "continue;"),
    "one-lost-echo-ends-the-veto": (
        "view.rs",
        "            self.found = self.found.max(Some(at));\n        }",
        "            self.found = self.found.max(Some(at));\n        } else {\n            self.found = None;\n        }",
    ),
    "fences-without-a-spare": ("begin.rs", ".or_else(|| no_spare(step, begin))", ""),
    "many-in-flight": (
        "limits.rs",
        "    let here = others.iter().find(",
        "    if step.now.elapsed.as_nanos() > 0 { return None; }\n    let here = others.iter().find(",
    ),
    "death-of-a-new-holder-is-ignored": (
        "suspect.rs",
        "Some((name.clone(), identity.clone(), holder.clone()))",
        "matches!(identity.state, IdentityState::Held { .. }).then(|| (name.clone(), identity.clone(), holder.clone()))",
    ),
    "address-moves-without-proof": ("grant.rs", "        withheld.push(fence.clone());\n", "        let _ = fence;\n"),
    "last-spare-for-anybody": ("grant.rs", "spares.retain(|(_, id)| !is_kept(step, name, declaration, id));", ""),
    "no-hour-between": ("limits.rs", "(!is_acknowledged).then(|| {\n        let minutes", "(false && !is_acknowledged).then(|| {\n        let minutes"),
    "old-power-reading-counts": ("bmc.rs", ".filter(|reading| reading.asked >= from)", ".filter(|reading| reading.asked >= from || true)"),
    "volume-is-forgotten": ("volume.rs", "Some(volume) if !volume.served => {", "Some(volume) if volume.served => {"),
    "any-spare-will-do": (
        "volume.rs",
        "step.state.durable.volume(name).filter(|volume| volume.served)",
        "step.state.durable.volume(name).filter(|volume| volume.served && name.as_str().is_empty())",
    ),
    "born-again": ("volume.rs", "Some(volume) if volume.served => draft", "Some(volume) if volume.born == epoch => draft"),
    "force-moves-a-volume": ("command.rs", ".or_else(|| begin::no_spare(step, &begin)),", ","),
    "drain-moves-a-volume": (
        "command.rs",
        "if let Some(why) = volume::why_it_stays(step, node) {",
        "if let Some(why) = volume::why_it_stays(step, node).filter(String::is_empty) {",
    ),
    "data-is-in-the-way": ("grant.rs", "        .filter(|(id, _)| volume::objection(step, name, id).is_none())\n", ""),
    "waits-in-everybodys-way": (
        "begin.rs",
        "            close_while_it_waits(step, &begin)\n",
        "            close_while_it_waits(step, &begin).filter(|draft| draft.writes.is_empty())\n",
    ),
    "keeps-a-spare-for-nobody": ("grant.rs", " && volume::with_data(step, other).is_none()\n", "\n"),
    "hurries-a-node-with-data": ("suspect.rs", "(has_waited && !is_bound)", "(has_waited && (true || is_bound))"),
    "stall-makes-boots-look-new": ("observe.rs", "    step.state.view.started += gap;\n", ""),
    "stall-counts-as-silence": ("observe.rs", "    if gap <= step.timings().stall {", "    if gap <= step.timings().stall * 100_000 {"),
}

# The tables first: they take seconds.
TAKEOVER = ["--test", "takeover", "--"]
RUNS = [[*TAKEOVER, "--skip", "model::", "--skip", "histories::"], TAKEOVER]

if __name__ == "__main__":
    mutants.main("understudy-plan", "src/plan", MUTANTS, RUNS)
