"""Download the UCI data set Online Retail and write it as `Online Retail.xlsx`, verified by its lines.

A file that is already there and verified is left as it is. D. Chen, Online Retail, UCI Machine Learning Repository,
2015, licence CC BY 4.0, https://doi.org/10.24432/C5BW33
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
import urllib.request
import zipfile
import zlib
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from segmentation.config.files import load_config
from segmentation.errors import InputError
from segmentation.ingest.xlsx import read_workbook

ROOT: Final = Path(__file__).resolve().parents[1]
ARCHIVE_URL: Final = "https://archive.ics.uci.edu/static/public/352/online+retail.zip"
PAGE_URL: Final = "https://archive.ics.uci.edu/dataset/352/online+retail"
WORKBOOK: Final = "Online Retail.xlsx"
# The workbook is verified by its content: the same lines zipped again or saved by another program are other bytes.
CONFIG: Final = ROOT / "conf" / "online_retail.yaml"
LINES: Final = 541_909

TIMEOUT_SECONDS: Final = 60
# Raised by zipfile for a damaged or foreign file.
BAD_ARCHIVE: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class DownloadError(Exception):
    """The archive could not be fetched, or is not the data set."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/download_online_retail", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help=f"folder to write {WORKBOOK} to")
    parser.add_argument("--url", default=ARCHIVE_URL, help="the archive, if not %(default)s")
    parser.add_argument("--sha256", metavar="HEX", help="refuse an archive with another checksum")
    options = parser.parse_args(arguments)
    try:
        print(download(options.url, options.output, options.sha256))
    except DownloadError as error:
        _say(f"{error}. By hand: download {PAGE_URL}, and put its {WORKBOOK} at {options.output / WORKBOOK}")
        return 1
    except OSError as error:
        _say(f"could not write to {options.output}: {error}")
        return 1
    return 0


def download(url: str, output: Path, sha256: str | None = None) -> Path:
    """Return the path of the verified workbook in the folder; fetch it unless it is there."""
    output.mkdir(parents=True, exist_ok=True)
    target = output / WORKBOOK
    if target.exists():
        try:
            verify(target)
        except DownloadError as error:
            _say(f"replacing the existing file: {error}")
        else:
            _say("already there and verified")
            return target
    _say(f"downloading {url}")
    # In the folder itself, so that the last step is one rename within a file system.
    with tempfile.TemporaryDirectory(prefix=".online-retail-", dir=output) as unfinished:
        archive, workbook = Path(unfinished, "archive.zip"), Path(unfinished, WORKBOOK)
        _fetch(url, archive)
        with archive.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 is not None and checksum != sha256.lower():
            raise DownloadError(f"the archive's SHA-256 is {checksum}, expected {sha256}")
        _extract_workbook(archive, workbook)
        verify(workbook)
        workbook.replace(target)
    _say(f"verified: {LINES:,} lines; SHA-256 of the archive: {checksum}")
    return target


def verify(path: Path) -> None:
    """Raise DownloadError unless the job reads the data set's columns and number of lines from the workbook."""
    columns = load_config(str(CONFIG), ()).input.columns
    try:
        lines = read_workbook(path, path.name, columns.by_field, sheets=None).num_rows
    except InputError as error:
        raise DownloadError(str(error)) from error
    if lines != LINES:
        raise DownloadError(f"{path.name} has {lines:,} lines, expected {LINES:,}")


def _fetch(url: str, target: Path) -> None:
    """Write the server's answer to the target. Raises DownloadError where there is none."""
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "customer-segmentation"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer, target.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except (OSError, HTTPException, ValueError) as error:  # ValueError: not a URL
        raise DownloadError(f"could not download {url}: {error}") from error


def _extract_workbook(archive: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as outer:
            workbooks = [name for name in outer.namelist() if name.lower().endswith(".xlsx")]
            if len(workbooks) != 1:
                raise DownloadError(f"the archive holds {outer.namelist()}, expected one .xlsx")
            with outer.open(workbooks[0]) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
    except BAD_ARCHIVE as error:
        raise DownloadError(f"the download is not a readable zip archive: {error}") from error


def _say(message: str) -> None:
    print(f"download_online_retail: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
