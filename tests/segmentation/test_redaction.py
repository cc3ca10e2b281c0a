"""Text from outside is shown on one line, without effect on a terminal and without secrets."""

import unicodedata
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.redaction import printable, shown, without_secrets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m", id="colours of a terminal"),
        pytest.param("one\r\ntwo\ttab", r"one\r\ntwo\ttab", id="line ends and tabs"),
        pytest.param("one\u2028two\u2029three\x85four", r"one\u2028two\u2029three\x85four", id="other line ends"),
        pytest.param("invoice\u202efdp.exe", r"invoice\u202efdp.exe", id="reordering"),
        pytest.param("Customer\u200bID\ufeff", r"Customer\u200bID\ufeff", id="without width"),
        pytest.param("caf\udce9.csv", r"caf\udce9.csv", id="a byte of a file name that is not UTF-8"),
    ],
)
def test_a_control_character_is_escaped(text: str, expected: str):
    assert printable(text) == expected


@pytest.mark.parametrize(
    "text", ["", "CAFÉ MUG £5, 50% “off”", "日本語", "می\u200cخواهم", "C:\\data\\x.csv", "🛒", "a\u00a0b"]
)
def test_visible_characters_stay_unchanged(text: str):
    assert shown(text) == text


@given(st.text(st.characters()))
def test_no_control_character_is_left_and_escaping_twice_changes_nothing(text: str):
    once = shown(text)
    assert not {unicodedata.category(character) for character in once} & {"Cc", "Cs", "Zl", "Zp"}
    assert shown(once) == once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3a://AKIA0:c4nary@bucket/lines.csv: nothing is there", "s3a://***@bucket/lines.csv: nothing is there"),
        ("s3a://AKIA0:c4n/ary+x@bucket/a", "s3a://***@bucket/a"),
        ("http://user:c4n@ary@host:8080/a@b.csv", "http://***@host:8080/a@b.csv"),
        ("https://host/x.csv?X-Amz-Signature=c4nary&X-Amz-Date=2011", "https://host/x.csv?X-Amz-Signature=***&X-Amz-Date=2011"),
        ("--set fs.s3a.secret.key=c4nary clustering.k=3", "--set fs.s3a.secret.key=*** clustering.k=3"),
        ("fs.azure.account.key.shop.net=c4nary==", "fs.azure.account.key.shop.net=***"),
        ("fs.azure.sas.lake.shop=c4nary", "fs.azure.sas.lake.shop=***"),
        ("PASSWORD=c4n:ary", "PASSWORD=***"),
        ("--conf 'a.password=***' --conf 'b.password=***c4nary'", "--conf 'a.password=***' --conf 'b.password=***"),
        ("password=c4n,ary, and more", "password=***, and more"),
        ("--set k.token=c4nary: k is not a key", "--set k.token=***: k is not a key"),
    ],
)  # fmt: skip
def test_a_secret_is_masked(text: str, expected: str):
    assert without_secrets(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "hdfs://namenode:8020/data/a@b.csv",
        "abfss://container@account.dfs.core.windows.net/lines",
        "file:/data/a:b@c.csv",
        "secret_santa.csv: column 'token' is missing",
        "design=modern assigned=2",
        "customers = 3 should be >= clustering.k = 5",
    ],
)
def test_what_only_resembles_a_secret_is_not_masked(text: str):
    assert without_secrets(text) == text


@pytest.mark.parametrize("repeated", ["a", "a.", "secret", "sig-", "token=:", "://", "://a:", "://a:b/"])
def test_no_pattern_backtracks_over_a_long_text(repeated: str):
    text = repeated * (200_000 // len(repeated))
    begin = perf_counter()
    without_secrets(text)
    # It takes half a second; a pattern that looks to the end from every position takes more than a minute.
    assert perf_counter() - begin < 10
