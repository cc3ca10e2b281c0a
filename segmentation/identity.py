"""What makes a run the same run: its input, its configuration, its code."""

import hashlib
import json
import pkgutil
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

from segmentation import __version__
from segmentation.config import RunConfig
from segmentation.errors import ConfigError
from segmentation.storage import StoredFile

LONGEST_RUN_ID = 100
RUN_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_RUN_ID - 1}}}")
SHORT = 12


@dataclass(frozen=True)
class Identity:
    """Hexadecimal SHA-256 of the input's paths, sizes and modification times, and of all that a run depends on."""

    input_fingerprint: str
    run: str

    @property
    def default_run_id(self) -> str:
        """Equal for equal runs, so that the same run finds itself published."""
        return self.run[:SHORT]


def identify(files: Sequence[StoredFile], config: RunConfig, as_of: date | None) -> Identity:
    """The identity of a run over `files`; `as_of` is the day asked for, None for the default."""
    fingerprint = _digest([[file.path, file.size, file.modified_ms] for file in files])
    return Identity(fingerprint, _digest([fingerprint, config.canonical(), str(as_of), code_version()]))


def is_run_id(run_id: str) -> bool:
    """Whether it can be the name of one folder everywhere."""
    return RUN_ID.fullmatch(run_id) is not None


def require_run_id(run_id: str) -> str:
    """`run_id` unchanged; ConfigError where it could not be the name of one folder everywhere."""
    if not is_run_id(run_id):
        raise ConfigError(
            f"--run-id {run_id!r}: may have letters, digits, '.', '_' and '-', beginning with a letter or digit, "
            f"at most {LONGEST_RUN_ID} characters"
        )
    return run_id


@cache
def code_version() -> str:
    """The package's version with a digest of its source and templates, so that changed code makes another run."""
    package = resources.files("segmentation")
    modules = sorted(module.name for module in pkgutil.iter_modules([str(package)]))
    sources = [[name, (package / f"{name}.py").read_text(encoding="utf-8")] for name in modules]
    templates = sorted((package / "report_template").iterdir(), key=lambda file: file.name)
    sources += [[file.name, file.read_text(encoding="utf-8")] for file in templates if file.is_file()]
    return f"{__version__}+{_digest(sources)[:SHORT]}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode()).hexdigest()
