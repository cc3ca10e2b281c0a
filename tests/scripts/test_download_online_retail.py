"""The download of the real data set, from a server on this machine."""

import hashlib
import io
import os
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import xlsxwriter

from scripts import online_retail as script

COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
LINES = 4


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
        archive.writestr("Online Retail.xlsx", content)
    return file.getvalue()


@pytest.fixture(scope="module")
def good_workbook() -> bytes:
    return workbook()


@pytest.fixture(scope="module")
def good_archive(good_workbook: bytes) -> bytes:
    return zipped(good_workbook)


@dataclass
class Answer:
    """One answer of the server: a status and a body, of which `sent` bytes arrive."""

    status: int = 200
    body: bytes = b""
    sent: int | None = None


@dataclass
class Archive:
    """The server's answers in order, the last one repeated, and the number of requests."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    requests: int = 0

    def next_answer(self) -> Answer:
        self.requests += 1
        return self.answers[min(self.requests, len(self.answers)) - 1]


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = state.next_answer()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.sent])

        def log_message(self, *_: object) -> None:
            """Keep the tests' output free of requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Archive(url=f"http://127.0.0.1:{server.server_port}/online+retail.zip")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(time, "sleep", lambda _: None)
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_verified_workbook_is_written_and_nothing_else(archive, good_archive, good_workbook, tmp_path, capsys):
    archive.answers = [Answer(body=good_archive)]
    output = tmp_path / "new folder"

    assert script.main(["--output", str(output), "--url", archive.url]) == 0

    assert [path.name for path in output.iterdir()] == ["Online Retail.xlsx"]
    assert (output / "Online Retail.xlsx").read_bytes() == good_workbook
    shown = capsys.readouterr()
    assert shown.out == f"{output / 'Online Retail.xlsx'}\n"
    assert f"verified: 4 lines; SHA-256 of the archive: {hashlib.sha256(good_archive).hexdigest()}" in shown.err


def test_a_verified_file_is_left_without_asking_the_server(archive, good_workbook, tmp_path, capsys):
    target = tmp_path / "Online Retail.xlsx"
    target.write_bytes(good_workbook)
    before = target.stat()

    assert script.main(["--output", str(tmp_path), "--url", archive.url]) == 0

    assert archive.requests == 0
    assert target.stat().st_mtime_ns == before.st_mtime_ns
    assert "already there and verified" in capsys.readouterr().err


def test_a_file_that_is_not_the_data_set_is_replaced(archive, good_archive, good_workbook, tmp_path, capsys):
    target = tmp_path / "Online Retail.xlsx"
    target.write_bytes(good_workbook[:1000])
    archive.answers = [Answer(body=good_archive)]

    assert script.main(["--output", str(tmp_path), "--url", archive.url]) == 0

    assert target.read_bytes() == good_workbook
    assert "replacing the existing file: Online Retail.xlsx: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(lambda body: Answer(status=503), id="server trouble"),
        pytest.param(lambda body: Answer(body=body, sent=len(body) // 2), id="cut short"),
    ],
)
def test_failures_that_may_pass_are_tried_again(archive, good_archive, tmp_path, capsys, trouble):
    archive.answers = [trouble(good_archive), Answer(body=good_archive)]

    assert script.main(["--output", str(tmp_path), "--url", archive.url]) == 0

    assert archive.requests == 2
    assert "attempt 1 of 4 failed" in capsys.readouterr().err


def test_a_wrong_address_is_not_tried_again(archive, tmp_path, capsys):
    archive.answers = [Answer(status=404)]

    assert script.main(["--output", str(tmp_path), "--url", archive.url]) == 1

    assert archive.requests == 1
    shown = capsys.readouterr().err
    assert "the server answered 404" in shown
    assert "https://archive.ics.uci.edu/dataset/352/online+retail" in shown
    assert f"at {tmp_path / 'Online Retail.xlsx'}" in shown


def test_without_a_network_the_message_has_the_remedy(archive, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(script, "ATTEMPTS", 2)
    nobody_listens = "http://127.0.0.1:9/online+retail.zip"

    assert script.main(["--output", str(tmp_path), "--url", nobody_listens]) == 1

    shown = capsys.readouterr().err
    assert f"could not download {nobody_listens}" in shown
    assert "By hand: download https://archive.ics.uci.edu" in shown
    assert "Traceback" not in shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"<html>Please log in</html>", "the download is not a readable zip archive", id="a page"),
        pytest.param(zipped(b"not a workbook"), "Online Retail.xlsx: ", id="no workbook"),
        pytest.param(zipped(workbook(lines=3)), "has 3 lines, expected 4", id="too few lines"),
        pytest.param(zipped(workbook(lines=0)), "has 0 lines, expected 4", id="header only"),
        pytest.param(zipped(workbook(3, [*COLUMNS[:-1], "Land"])), "'Country' (for country) is missing", id="columns"),
    ],
)
def test_anything_but_the_data_set_is_refused_and_leaves_nothing(archive, tmp_path, capsys, body, message):
    archive.answers = [Answer(body=body)]

    assert script.main(["--output", str(tmp_path), "--url", archive.url]) == 1

    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert list(tmp_path.iterdir()) == []


def test_an_archive_with_another_checksum_is_refused(archive, good_archive, tmp_path, capsys):
    archive.answers = [Answer(body=good_archive)]

    assert script.main(["--output", str(tmp_path), "--url", archive.url, "--sha256", "0" * 64]) == 1

    assert f"SHA-256 is {hashlib.sha256(good_archive).hexdigest()}, expected 000" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_fails_verification_stays_until_it_is_replaced(archive, tmp_path):
    target = tmp_path / "Online Retail.xlsx"
    target.write_bytes(b"someone's own")
    archive.answers = [Answer(status=404)]

    assert script.main(["--output", str(tmp_path), "--url", archive.url]) == 1

    assert target.read_bytes() == b"someone's own"


def test_an_output_that_is_a_file_ends_with_a_message(archive, tmp_path, capsys):
    output = tmp_path / "taken"
    output.write_text("")

    assert script.main(["--output", str(output), "--url", archive.url]) == 1

    assert f"could not write to {output}" in capsys.readouterr().err


@pytest.mark.online_retail
@pytest.mark.skipif("ONLINE_RETAIL_DIR" not in os.environ, reason="ONLINE_RETAIL_DIR is not set")
def test_the_real_file_is_verified(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(script, "LINES", 541_909)
    script.verify(Path(os.environ["ONLINE_RETAIL_DIR"], "Online Retail.xlsx"))
