"""The structure holds: import-linter's contracts, and what STYLE.md keeps off the row path."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path for folder in ("segmentation", "jobs") for path in (ROOT / folder).rglob("*.py"))
ROW_PATH_PYTHON = {"udf", "pandas_udf", "toPandas", "mapInPandas", "applyInPandas", "mapPartitions", "toLocalIterator"}
RDD_USERS = {"segmentation/clustering/kmeans.py"}  # Spark ML takes initial centres only through its Java RDD model
MATPLOTLIB_USERS = "segmentation/report/charts/"


def attributes(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def packages(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    found |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return {name.partition(".")[0] for name in found}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_rooms_import_downwards_and_without_circles():
    lint = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([lint, ".importlinter", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_keeps_python_off_the_row_path(path: Path):
    used = attributes(path)
    assert used & ROW_PATH_PYTHON == set()
    assert "inferSchema" not in path.read_text(encoding="utf-8")
    assert ("rdd" in used) == (name_of(path) in RDD_USERS)
    assert "master" not in used
    assert ("getOrCreate" in used) == (name_of(path) == "segmentation/session.py")
    assert ("percentile" in used) == (name_of(path) == "segmentation/session.py")
    assert ("matplotlib" in packages(path)) <= name_of(path).startswith(MATPLOTLIB_USERS)
