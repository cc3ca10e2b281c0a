"""Change single expressions of the library and see whether its tests notice; run by scripts/mutants, see --help."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.arguments import positive
from scripts.mutation.rooms import ROOMS

ROOT: Final = Path(__file__).resolve().parents[2]
# A mutant may slow its tests down. One that takes so many times as long as they do has no end.
PATIENCE: Final = 4
NOT_COPIED: Final = (".git", ".venv", ".cache", ".demo", ".cluster", "__pycache__", ".mypy_cache", ".ruff_cache")

DESCRIPTION: Final = """\
Draw changes of single expressions at random, the same ones for a seed: an operator, a number, a condition, a Spark
function, a call, an argument or a lock. Each change is made in a copy of the checkout, where the tests of the changed
module must fail. A mutant that all of them pass is alive: either nothing can tell it from the original, or a test is
missing."""

EPILOG: Final = f"""\
rooms
  {", ".join(ROOMS)}

exit codes
  0 the share of mutants alive is below --most-alive; 1 it is not, or tests fail without a change; 2 bad arguments

examples
  scripts/mutants
  scripts/mutants --room rollups "choosing k" --per-room 10 --json rollups.json
"""


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=DESCRIPTION, epilog=EPILOG)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--room", nargs="+", choices=list(ROOMS), default=list(ROOMS), help="default: all")
    parser.add_argument("--per-room", type=positive, default=25, metavar="N", help="mutants of each room; default: 25")
    parser.add_argument("--seed", type=int, default=17, metavar="S", help="equal seeds, equal mutants; default: 17")
    parser.add_argument("--most-alive", type=float, default=0.1, metavar="SHARE", help="default: 0.1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every mutant and its outcome there as well")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    sys.path.append(str(installed_tool()))
    from scripts.mutation.draw import draw
    from scripts.mutation.warm import WarmTests

    rooms = {room: ROOMS[room] for room in options.room}
    mutants = draw(ROOT, rooms, options.per_room, options.seed)
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        copy = Path(scratch).resolve() / "checkout"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
        warm = WarmTests(copy)
        limits: dict[Sequence[str], float] = {}
        results = []
        for number, mutant in enumerate(mutants, start=1):
            tests = tuple(f"tests/segmentation/{name}" for name in ROOMS[mutant.room][mutant.module])
            module = copy / "segmentation" / mutant.module
            original = module.read_text(encoding="utf-8")
            if tests not in limits:
                unchanged = warm.run(tests, 1800)
                if unchanged.is_killed:
                    print(f"{warm.log.read_text()}\nmutants: {unchanged.by} without any change", file=sys.stderr)
                    return 1
                limits[tests] = 30 + PATIENCE * unchanged.seconds
            module.write_text(mutant.code, encoding="utf-8")
            try:
                outcome = warm.run(tests, limits[tests])
            finally:
                module.write_text(original, encoding="utf-8")
            facts: dict[str, object] = {
                "room": mutant.room,
                "module": mutant.module,
                "line": mutant.line,
                "operator": mutant.operator,
                "difference": mutant.difference(original),
                "alive": not outcome.is_killed,
                "by": outcome.by,
                "seconds": round(outcome.seconds, 1),
            }
            results.append(facts)
            state = "killed" if outcome.is_killed else "ALIVE"
            print(f"{number}/{len(mutants)} {state} {outcome.seconds:.1f} s {mutant.module}:{mutant.line}", flush=True)
            if not outcome.is_killed:
                print(facts["difference"], flush=True)
            if options.json:
                options.json.write_text(json.dumps(results, indent=1, ensure_ascii=False), encoding="utf-8")
    return report(results, options.most_alive)


def installed_tool() -> Path:
    """Return the folder with cosmic-ray and what it needs, after installing them where they are not."""
    lock = ROOT / ".requirements-mutation.lock"
    folder = ROOT / ".cache" / "mutation" / hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    if not folder.is_dir():
        print(f"mutants: installing cosmic-ray into {folder.relative_to(ROOT)}", file=sys.stderr)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
            pip += ["--no-deps", "--target", f"{unfinished}/installed", "--require-hashes", "--requirement", str(lock)]
            # A person's own settings of pip (user = true, a prefix) must not apply here.
            subprocess.run(pip, env={**os.environ, "PIP_USER": "0", "PIP_PREFIX": ""}, check=True)
            Path(unfinished, "installed").rename(folder)
    return folder


def report(results: Sequence[dict[str, object]], most_alive: float) -> int:
    """Print the figures by room."""
    print("\n| room | mutants | alive |\n|---|---:|---:|")
    for room in dict.fromkeys(str(result["room"]) for result in results):
        own = [result for result in results if result["room"] == room]
        print(f"| {room} | {len(own)} | {sum(bool(result['alive']) for result in own)} |")
    alive = sum(bool(result["alive"]) for result in results)
    print(f"| all | {len(results)} | {alive}, {alive / max(len(results), 1):.0%} |")
    return 0 if alive < most_alive * len(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
