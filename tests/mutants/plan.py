"""Mutants of the takeover core: each breaks one rule in a copy of the workspace; its tests must fail.

    python3 tests/mutants/plan.py [NAME ...]

Needs nothing but cargo. A mutant whose text is not found any more is an error: the code moved, so must the mutant.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# name: (file, text, replacement, times that the text is replaced)
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
    "no-veto": ("suspect.rs", "true => return Corroboration::Alive(format!(\"node {peer} reaches it\")),", "true => {}"),
    "address-moves-without-proof": ("grant.rs", "        withheld.push(fence.clone());\n", "        let _ = fence;\n"),
    "last-spare-for-anybody": ("grant.rs", "spares.retain(|(_, id)| !is_kept(step, declaration, id));", ""),
    "no-hour-between": ("limits.rs", "(!is_acknowledged).then(|| {\n        let minutes", "(false && !is_acknowledged).then(|| {\n        let minutes"),
    "old-power-reading-counts": ("bmc.rs", ".filter(|reading| reading.asked >= from)", ".filter(|reading| reading.asked >= from || true)"),
    "stall-makes-boots-look-new": ("observe.rs", "    step.state.view.started += gap;\n", ""),
    "stall-counts-as-silence": ("observe.rs", "    if gap <= step.timings().stall {", "    if gap <= step.timings().stall * 100_000 {"),
}


def run(tree, environment, *arguments):
    command = ["cargo", "test", "--offline", "-p", "understudy-plan", "--test", "takeover", "--", *arguments]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=900)


def copy(target):
    ignore = shutil.ignore_patterns("target", ".git", "proptest-regressions")
    shutil.copytree(ROOT, target, ignore=ignore, symlinks=True)


def judge(name, tree, environment):
    file, old, new = MUTANTS[name]
    path = tree / "src" / "plan" / file
    text = path.read_text()
    if text.count(old) != 1:
        return f"NOT FOUND ({text.count(old)} times in {file})", False
    path.write_text(text.replace(old, new))
    try:
        # The tables first: they take seconds.
        result = run(tree, environment, "--skip", "model::", "--skip", "histories::")
        if result.returncode == 0:
            result = run(tree, environment)
    finally:
        path.write_text(text)
    if result.returncode == 0:
        return "SURVIVED", False
    if "error: could not compile" in result.stderr:
        return "DOES NOT COMPILE\n" + result.stderr[-2000:], False
    lines = result.stdout.splitlines()
    failed = sorted({line.split()[1] for line in lines if line.startswith("test ") and line.endswith("FAILED")})
    return f"caught by {len(failed)}: {', '.join(failed[:6])}", bool(failed)


def main():
    names = sys.argv[1:] or list(MUTANTS)
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "tree"
        copy(tree)
        target = os.environ.get("CARGO_TARGET_DIR") or str(ROOT / "target")
        environment = {**os.environ, "CARGO_TARGET_DIR": str(pathlib.Path(target) / "mutants")}
        clean = run(tree, environment)
        if clean.returncode != 0:
            sys.exit("the tests fail without a mutant\n" + clean.stdout[-4000:] + clean.stderr[-2000:])
        survivors = []
        for name in names:
            verdict, is_caught = judge(name, tree, environment)
            print(f"{name}: {verdict}", flush=True)
            if not is_caught:
                survivors.append(name)
    if survivors:
        sys.exit("not caught: " + ", ".join(survivors))


if __name__ == "__main__":
    main()
