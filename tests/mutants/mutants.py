"""Mutants of a crate: each breaks one rule in a copy of the workspace; the crate's tests must fail.

Needs nothing but cargo. A mutant whose text is not found any more is an error: the code moved, so must the mutant.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Crate:
    """A crate in a copy of the workspace; `runs` are the arguments of `cargo test`, the fastest first."""

    def __init__(self, package, tree, source, runs):
        self.package, self.tree, self.source, self.runs = package, tree, tree / source, runs
        target = os.environ.get("CARGO_TARGET_DIR") or str(ROOT / "target")
        self.environment = {**os.environ, "CARGO_TARGET_DIR": str(pathlib.Path(target) / "mutants")}

    def test(self):
        """The first run that fails, or the last."""
        for arguments in self.runs:
            command = ["cargo", "test", "--offline", "-p", self.package, *arguments]
            result = subprocess.run(
                command, cwd=self.tree, env=self.environment, capture_output=True, text=True, timeout=900
            )
            if result.returncode != 0:
                break
        return result

    def judge(self, mutant):
        """What became of a mutant, in words, and whether it was caught."""
        file, old, new = mutant
        path = self.source / file
        text = path.read_text()
        if text.count(old) != 1:
            return f"NOT FOUND ({text.count(old)} times in {file})", False
        path.write_text(text.replace(old, new))
        try:
            result = self.test()
        finally:
            path.write_text(text)
        if result.returncode == 0:
            return "SURVIVED", False
        if "error: could not compile" in result.stderr:
            return "DOES NOT COMPILE\n" + result.stderr[-2000:], False
        lines = result.stdout.splitlines()
        failed = sorted({line.split()[1] for line in lines if line.startswith("test ") and line.endswith("FAILED")})
        return f"caught by {len(failed)}: {', '.join(failed[:6])}", bool(failed)


def main(package, source, mutants, runs):
    names = sys.argv[1:] or list(mutants)
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "tree"
        ignore = shutil.ignore_patterns("target", ".git", "proptest-regressions")
        shutil.copytree(ROOT, tree, ignore=ignore, symlinks=True)
        crate = Crate(package, tree, source, runs)
        # Newer than what a run that was interrupted has left: cargo goes by times.
        for file in crate.source.rglob("*.rs"):
            file.touch()
        clean = crate.test()
        if clean.returncode != 0:
            sys.exit("the tests fail without a mutant\n" + clean.stdout[-4000:] + clean.stderr[-2000:])
        survivors = []
        for name in names:
            verdict, is_caught = crate.judge(mutants[name])
            print(f"{name}: {verdict}", flush=True)
            if not is_caught:
                survivors.append(name)
    if survivors:
        sys.exit("not caught: " + ", ".join(survivors))
