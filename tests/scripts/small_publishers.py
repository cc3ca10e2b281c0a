"""Small programs that publish a run, made elsewhere, in a lake: one correctly, three not.

python small_publishers.py NAME LAKE RUN
"""

import json
import shutil
import sys
import time
from pathlib import Path

# Long enough for a kill or a read to come between two files, short enough for a test.
PAUSE_SECONDS = 0.02


def publish_well(lake: Path, made: Path) -> None:
    target, staged = lake / "runs" / made.name, lake / "_staging" / made.name
    shutil.rmtree(lake / "_staging", ignore_errors=True)
    if not target.exists():
        copy_file_by_file(made, staged)
        target.parent.mkdir(exist_ok=True)
        staged.rename(target)
    time.sleep(PAUSE_SECONDS)
    name_latest(lake, made)


def overwrite_in_place(lake: Path, made: Path) -> None:
    shutil.rmtree(lake / "runs" / made.name, ignore_errors=True)
    copy_file_by_file(made, lake / "runs" / made.name)
    name_latest(lake, made)


def name_before_publishing(lake: Path, made: Path) -> None:
    name_latest(lake, made)
    publish_well(lake, made)


def change_after_publishing(lake: Path, made: Path) -> None:
    """Whole at every moment, yet changed under its readers."""
    publish_well(lake, made)
    time.sleep(10 * PAUSE_SECONDS)
    content = json.loads((made / "manifest.json").read_text()) | {"published_at": time.time_ns()}
    temporary = lake / "_staging" / "manifest.json"
    temporary.write_text(json.dumps(content))
    temporary.replace(lake / "runs" / made.name / "manifest.json")


def copy_file_by_file(made: Path, target: Path) -> None:
    for path in sorted(made.rglob("*.*")):
        (target / path.relative_to(made)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / path.relative_to(made))
        time.sleep(PAUSE_SECONDS)


def name_latest(lake: Path, made: Path) -> None:
    """Replace latest.json in one step, by way of `_staging/`, so that a kill leaves nothing else in the lake."""
    manifest = json.loads((made / "manifest.json").read_text())
    content = {"run_id": manifest["run_id"], "path": f"runs/{made.name}", "as_of": manifest["as_of"]}
    temporary = lake / "_staging" / "latest.json"
    temporary.parent.mkdir(parents=True, exist_ok=True)
    temporary.write_text(json.dumps(content))
    temporary.replace(lake / "latest.json")


BROKEN = (overwrite_in_place, name_before_publishing, change_after_publishing)
PUBLISHERS = {publish.__name__: publish for publish in (publish_well, *BROKEN)}

if __name__ == "__main__":
    name, *folders = sys.argv[1:]
    PUBLISHERS[name](*map(Path, folders))
