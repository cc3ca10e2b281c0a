"""Make the job's tables and two charts by another library, for comparison; started by scripts/benchmark."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="scripts/benchmarking/peers", description=__doc__)
    parser.add_argument("peer", choices=("pandas", "polars", "duckdb"))
    parser.add_argument("input", help="a file, or a folder of Parquet files, with the columns of Online Retail")
    parser.add_argument("output", type=Path, help="a new folder")
    options = parser.parse_args(arguments)
    # Each process loads one peer's library alone: loading is part of what is measured.
    importlib.import_module(f"scripts.benchmarking.peers.by_{options.peer}").main(options.input, options.output)


if __name__ == "__main__":
    main(sys.argv[1:])
