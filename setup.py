"""Packaging of the segmentation library: what `pip install .` installs, and the ranges it is known to work with.

The exact versions are in `.requirements.lock` (the job) and `.requirements-test.lock` (what its tests and benchmark
need besides); `.requirements-oldest-spark.lock` has the oldest Spark, for one test, and `.requirements-mutation.lock`
what scripts/mutants needs besides. `scripts/lock` makes the files from the ranges below.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent


def version() -> str:
    """Return the version that `segmentation/__init__.py` declares, without importing the package."""
    source = (ROOT / "segmentation" / "__init__.py").read_text(encoding="utf-8")
    declared = re.search(r"""^__version__(?:\s*:\s*\w+)?\s*=\s*["']([^"']+)["']""", source, flags=re.MULTILINE)
    if declared is None:
        raise RuntimeError('segmentation/__init__.py has no line __version__ = "X.Y.Z"')
    return declared.group(1)


def long_description() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


RUNTIME = [
    "pyspark>=4.0,<4.4",
    "numpy>=2.0,<3",
    "PyYAML>=6.0,<7",
    "pydantic>=2.12,<3",
    "fastexcel>=0.16,<1",
    "pyarrow>=18,<27",
    "matplotlib>=3.10,<4",
    "rich>=13.7,<16",
    "Jinja2>=3.1,<4",
]

# The tests and the benchmark, in one list: both measure against the same libraries.
TEST = [
    "pytest>=8.2,<10",
    "pytest-xdist>=3.6,<4",  # several test files at a time
    "chispa>=0.11,<1",
    "hypothesis>=6.100,<7",
    "ruff>=0.14,<1",
    "mypy>=1.15,<3",
    "types-PyYAML>=6.0,<7",
    "import-linter>=2.3,<3",
    # The README's snippets that read a published run, and the benchmark's peers.
    "pandas>=2.3,<3",  # Spark 4.3 warns of pandas 3
    "polars>=1.30,<3",
    "duckdb>=1.3,<3",
    "ibis-framework[duckdb]>=10,<13",
    "scikit-learn>=1.6,<2",  # the reference for Spark's clusterings
    "openpyxl>=3.1,<4",  # pandas reads workbooks by it
    # The report in a real browser, which scripts/test installs, and its accessibility.
    "playwright>=1.50,<2",
    "axe-playwright-python>=0.1.5,<1",
    # Makes small workbooks for the tests of XLSX reading.
    "XlsxWriter>=3.2,<4",
]

# scripts/mutants alone; no part of the tests.
MUTATION = ["cosmic-ray>=8.4,<9"]

setup(
    name="customer-segmentation",
    version=version(),
    description="Customer segments from retail transactions: a Spark job for a data lake",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["segmentation", "segmentation.*"]),
    package_data={"segmentation": ["*"], "segmentation.report": ["template/*"]},
    python_requires=">=3.11",
    install_requires=RUNTIME,
    extras_require={"test": TEST, "mutation": MUTATION},
    classifiers=[
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: Scientific/Engineering :: Information Analysis",
    ],
)
