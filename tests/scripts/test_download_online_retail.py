"""The download of the real data set, from a file on this machine."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from scripts import online_retail as script

COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
LINES = 4
NAME = "Online Retail.xlsx"


@pytest.fixture(autouse=True)
def small_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the data set have a few lines."""
    monkeypatch.setattr(script, "LINES", LINES)


def workbook(lines: int = LINES, columns: list[str] = COLUMNS) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Online Retail")
        sheet.write_row(0, 0, columns)
        for number in range(1, lines + 1):
            sheet.write_row(number, 0, ["536365", "85123A", "HOLDER", 6, "2010-12-01 08:26:00", 2.55, 17850, "France"])
    return file.getvalue()


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(NAME, content)
    return file.getvalue()


def download(archive: bytes, folder: Path, *options: str) -> tuple[int, Path]:
    """Run the command on an archive; return its exit code and the output folder."""
    source = folder / "online+retail.zip"
    source.write_bytes(archive)
    output = folder / "data"
    return script.main(["--output", str(output), "--url", source.as_uri(), *options]), output


def test_the_verified_workbook_is_written_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    content = workbook()
    archive = zipped(content)

    code, output = download(archive, tmp_path)

    assert code == 0
    assert [path.name for path in output.iterdir()] == [NAME]
    assert (output / NAME).read_bytes() == content
    shown = capsys.readouterr()
    assert shown.out == f"{output / NAME}\n"
    assert f"verified: 4 lines; SHA-256 of the archive: {hashlib.sha256(archive).hexdigest()}" in shown.err

    assert download(b"", tmp_path)[0] == 0, "not asked for again"
    assert "already there and verified" in capsys.readouterr().err


def test_a_file_that_is_not_the_data_set_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    target = tmp_path / "data" / NAME
    target.parent.mkdir()
    target.write_bytes(b"someone's own")

    assert download(b"", tmp_path)[0] == 1
    assert target.read_bytes() == b"someone's own", "it stays until there is another"

    assert download(zipped(workbook()), tmp_path)[0] == 0
    assert target.read_bytes() != b"someone's own"
    assert f"replacing the existing file: {NAME}: " in capsys.readouterr().err


def test_without_a_network_the_message_has_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    nobody_listens = "http://127.0.0.1:9/online+retail.zip"

    assert script.main(["--output", str(tmp_path), "--url", nobody_listens]) == 1

    shown = capsys.readouterr().err
    assert f"could not download {nobody_listens}" in shown
    assert "By hand: download https://archive.ics.uci.edu/dataset/352/online+retail" in shown
    assert f"at {tmp_path / NAME}" in shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"<html>Please log in</html>", "the download is not a readable zip archive", id="a page"),
        pytest.param(zipped(b"not a workbook"), "Online Retail.xlsx: ", id="no workbook"),
        pytest.param(zipped(workbook(lines=3)), "has 3 lines, expected 4", id="too few lines"),
        pytest.param(zipped(workbook(3, [*COLUMNS[:-1], "Land"])), "'Country' (for country) is missing", id="columns"),
    ],
)
def test_anything_but_the_data_set_is_refused_and_leaves_nothing(
    body: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    code, output = download(body, tmp_path)
    assert code == 1
    assert message in capsys.readouterr().err
    assert list(output.iterdir()) == []


def test_an_archive_with_another_checksum_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    archive = zipped(workbook())
    code, output = download(archive, tmp_path, "--sha256", "0" * 64)
    assert code == 1
    assert f"SHA-256 is {hashlib.sha256(archive).hexdigest()}, expected 000" in capsys.readouterr().err
    assert list(output.iterdir()) == []


@pytest.mark.online_retail
@pytest.mark.skipif("ONLINE_RETAIL_DIR" not in os.environ, reason="ONLINE_RETAIL_DIR is not set")
def test_the_real_file_is_verified(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(script, "LINES", 541_909)
    script.verify(Path(os.environ["ONLINE_RETAIL_DIR"], "Online Retail.xlsx"))
