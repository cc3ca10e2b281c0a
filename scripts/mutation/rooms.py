"""The rooms that are mutated: their modules, and of each module the tests that are to hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

# Of each room modules of segmentation/, and test files of tests/segmentation/, those that fail soonest first.
ROOMS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "publishing": {
        "lake/staging.py": (
            "lake/test_durability.py",
            "lake/test_staging.py",
            "lake/test_latest.py",
            "lake/test_runs.py",
        ),
        "lake/writes.py": ("lake/test_writes.py",),
        "stopping.py": ("lake/test_stopped_publishing.py", "cli/test_job.py"),
    },
    "manifest": {"lake/manifest.py": ("lake/test_manifest.py", "lake/test_staging.py")},
    "gates": {"lake/gates.py": ("lake/test_gates.py",)},
    "expiry": {"lake/expiry.py": ("lake/test_expiry.py", "lake/test_durability.py")},
    "runs": {
        "lake/runs.py": ("lake/test_durability.py", "lake/test_staging.py", "lake/test_latest.py", "lake/test_runs.py")
    },
    "disk": {
        "filesystem/local.py": ("lake/test_durability.py", "lake/test_expiry.py", "filesystem", "lake/test_staging.py")
    },
    "choosing k": {"clustering/choose_k.py": ("clustering/test_choose_k.py",)},
    "naming": {
        "clustering/naming.py": ("clustering/test_naming.py",),
        "clustering/kept_names.py": ("clustering/test_kept_names.py",),
        "clustering/levels.py": ("clustering/test_levels.py",),
        "clustering/statements.py": ("clustering/test_statements.py", "clustering/test_naming.py"),
    },
    "rollups": {"rollups.py": ("test_rollups.py",)},
    "features": {"features.py": ("test_features.py",)},
    "returns": {"returns.py": ("test_returns.py",)},
    "cleaning": {
        "cleaning/rules.py": ("cleaning/test_rules.py",),
        "cleaning/duplicates.py": ("cleaning/test_duplicates.py",),
        "cleaning/ledger.py": ("cleaning/test_ledger.py",),
    },
}
