"""Mutants of how a node holds an identity and its volume; its tests must catch each.

    python3 tests/mutants/node.py [NAME ...]
"""

import mutants

# name: (file, text, replacement)
MUTANTS = {
    "older-epoch-is-taken": (
        "identity/epochs.rs",
        "if asked < newest.epoch {",
        "if asked > newest.epoch && asked < newest.epoch {",
    ),
    "given-up-epoch-is-taken-again": (
        "identity/epochs.rs",
        "if asked == newest.epoch && newest.is_given_up {",
        "if asked != newest.epoch && newest.is_given_up {",
    ),
    "old-release-counts": (
        "identity/decide.rs",
        "        Some(held) if epoch < held.epoch => Decision::GoOn,\n",
        "",
    ),
    "release-of-another-counts": (
        "identity/decide.rs",
        "        Some(held) if held.identity != *identity => Decision::GoOn,\n",
        "",
    ),
    "announces-without-the-sites-word": (
        "identity/tenant.rs",
        "left > 0 && now >= due && is_confirmed(now)",
        "left > 0 && now >= due && (is_confirmed(now) || true)",
    ),
    "takes-an-address-without-the-sites-word": (
        "identity/activation.rs",
        "if self.step == Step::TakeAddress && !is_confirmed(machine.now()) {",
        "if self.step == Step::TakeAddress && !is_confirmed(machine.now()) && false {",
    ),
    "heals-an-address-without-the-sites-word": (
        "identity/tenant.rs",
        "if let (Some(address), true) = (place.address, is_confirmed) {",
        "if let (Some(address), _) = (place.address, is_confirmed) {",
    ),
    "any-bundle-will-do": (
        "identity/activation.rs",
        "if bundle.identity != *identity || bundle.epoch != epoch {",
        "if false {",
    ),
    "place-is-not-written-down": (
        "identity/activation.rs",
        "            machine.keep_tenure(Some(tenure))?;\n",
        "",
    ),
    "epoch-is-written-down-after-the-tenure": (
        "identity/tenant.rs",
        "        self.machine.keep_epochs(&newer)?;\n        *epochs = newer;\n        self.machine.keep_tenure(Some(tenure))\n",
        "        self.machine.keep_tenure(Some(tenure))?;\n        self.machine.keep_epochs(&newer)?;\n"
        "        *epochs = newer;\n        Ok(())\n",
    ),
    "released-before-all-is-gone": (
        "identity/tenant.rs",
        "if !self.sweep() || !is_remembered {",
        "if !self.sweep() && !is_remembered {",
    ),
    "released-before-it-is-written-down": (
        "identity/tenant.rs",
        "if !self.sweep() || !is_remembered {",
        "if !self.sweep() || (!is_remembered && false) {",
    ),
    "renounces-before-it-is-written-down": (
        "identity/tenant.rs",
        "        if let Err(error) = self.forbid(&identity, epoch) {\n            self.tell_failure(Err(error));\n"
        "            return CHECK_EVERY;\n        }\n",
        "        let _ = self.forbid(&identity, epoch);\n",
    ),
    "believes-that-nothing-was-left": ("identity/tenant.rs", "is_clean: tenure.is_some(),", "is_clean: true,"),
    "gives-up-when-it-starts-again": ("identity/tenant.rs", "is_clean: tenure.is_some(),", "is_clean: false,"),
    "gives-up-when-the-site-is-not-sure": (
        "identity/decide.rs",
        "Order::Keep => Decision::GoOn,",
        "Order::Keep if tenure.is_some_and(|held| !held.is_over()) => Decision::GiveUp,\n        Order::Keep => Decision::GoOn,",
    ),
    "never-heals": ("identity/healing.rs", "        Verdict::Restart\n    }", "        Verdict::Watch\n    }"),
    "heals-for-ever": (
        "identity/healing.rs",
        "if self.restarts.len() >= RESTARTS_MAX {",
        "if self.restarts.len() > RESTARTS_MAX * 1000 {",
    ),
    "watchdog-is-fed-while-a-loop-hangs": (
        "agent/board.rs",
        "elapsed() < which.turn_max()",
        "elapsed() < which.turn_max() * 1000",
    ),
    "empty-in-the-place-of-a-lost-volume": (
        "identity/acts/volume.rs",
        "            None if self.is_newborn() => Ok(Todo::Add),\n            None => Err(self.lost()),\n",
        "            None if self.is_newborn() || found.is_none() => Ok(Todo::Add),\n            None => Err(self.lost()),\n",
    ),
    "any-volume-will-do": (
        "identity/acts/volume.rs",
        "            Some(born) if born == self.born => Ok(Todo::Nothing),\n",
        "            Some(born) if born <= self.born => Ok(Todo::Nothing),\n",
    ),
    "volume-of-another": ("identity/acts/volume.rs", "if uuid != volume_id(self.identity) {", "if uuid == [0; 16] {"),
    "volume-is-half-made-later": ("disk/volume_partition.rs", "        attribute_bits: HALF_MADE,\n", "        attribute_bits: 0,\n"),
    "volume-by-its-name": (
        "disk/volume_partition.rs",
        "entry.unique_partition_guid == volume_id(identity)",
        "entry.partition_name.as_str() == volume_name(identity)",
    ),
    "released-with-a-volume": ("identity/tenant.rs", "M::stop_roles, M::drop_volumes,", "M::stop_roles,"),
    "image-goes-over-a-volume": (
        "install/mod.rs",
        "DiskContent::Image { volumes, .. } if !volumes.is_empty() => {",
        "DiskContent::Image { volumes, .. } if !volumes.is_empty() && !wipe => {",
    ),
    "deactivating-is-stopped": (
        "identity/acts/units.rs",
        'const STOPPED: [&str; 2] = ["inactive", "failed"];',
        'const STOPPED: [&str; 3] = ["inactive", "failed", "deactivating"];',
    ),
}

RUNS = [["--lib", "identity::"], ["--lib", "disk::"], ["--lib", "install::"], ["--lib", "agent::"]]

if __name__ == "__main__":
    mutants.main("understudy-node", "src/node", MUTANTS, RUNS)
