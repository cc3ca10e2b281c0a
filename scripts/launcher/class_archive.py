"""The archive of Java's loaded classes, one for each Java and Spark, from which the next start reads them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ARCHIVES_KEPT: Final = 4


def class_archive() -> Path | None:
    """Return the path of the archive for this Java and this Spark; None where its folder cannot be made."""
    sources = [f"{path}\n{path.stat().st_size}" for path in _archived_files()]
    key = hashlib.sha256("\n".join(sources).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "customer-segmentation"
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    return cache / f"classes-{key}.jsa"


def remove_old_archives(newest: Path) -> None:
    """Remove all but the latest archives of the folder: those of other Javas and Sparks, and unfinished ones."""
    archives = sorted(newest.parent.glob("classes-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in archives[ARCHIVES_KEPT:]:
        path.unlink()


def _archived_files() -> Iterator[Path]:
    """Yield the file of Java itself and every file of Spark's classes."""
    home = os.environ.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else shutil.which("java")
    if java:
        yield Path(java).resolve()
        yield Path(java).resolve().parent.parent / "release"
    yield from sorted(Path(os.environ["SPARK_HOME"], "jars").iterdir())
