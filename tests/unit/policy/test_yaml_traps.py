"""YAML is read strictly: nothing changes its meaning unnoticed, and nothing can blow up."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sas_service.adapters.policy_file import parse_policy
from sas_service.adapters.policy_file.nodes import read
from sas_service.domain.errors import PolicyRefused
from tests.unit.policy.documents import GOOD, varied


def refused(document: str | bytes) -> tuple[str, str]:
    """The line and the reason of the only fault."""
    data = document.encode() if isinstance(document, str) else document
    with pytest.raises(PolicyRefused) as caught:
        parse_policy(data, "p")
    (fault,) = caught.value.violations
    return fault.rule, str(fault.allowed)


@pytest.mark.parametrize(
    "word",
    [
        "on",
        "off",
        "yes",
        "No",
        "y",
        "N",
        "010",
        "08",
        "0x1F",
        "0o17",
        "0b11",
        "1_000",
        "190:20:30",
        "1e3",
        "1.5e3",
        "2026-11-21",
        "=",
    ],
)
def test_a_bare_word_that_yaml_readers_disagree_on_is_refused(word: str) -> None:
    document = varied(("      groups:", f"      objects: [{word}]\n      groups:"))
    line, reason = refused(document)
    assert line == "p:52"
    assert f"bare {word}" in reason


def test_the_same_words_may_be_used_in_quotes() -> None:
    assert read(b"[\"on\", 'no', '010']").value == ["on", "no", "010"]
    assert read(b"'no': |-\n  yes\n").value == {"no": "yes"}


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ("-5", -5), ("0", 0), ("1.5", 1.5), ("true", True), ("null", None), ("~", None), ("PT10M", "PT10M")],
)
def test_a_bare_word_that_all_readers_agree_on_is_read(text: str, value: object) -> None:
    assert read(f"[{text}]".encode()).value == [value]


@pytest.mark.parametrize(
    ("key", "reason"),
    [("no", "bare no"), ("010", "bare 010"), ("10", "quote it if it is a name"), ("~", "quote it if it is a name")],
)
def test_a_key_is_text(key: str, reason: str) -> None:
    line, told = refused(f"{GOOD}  {key}: {{}}\n")
    assert line == "p:57"
    assert reason in told


@pytest.mark.parametrize("key", ["[a]", "{a: b}", "*name", "!!str name"])
def test_a_key_is_plain(key: str) -> None:
    found = read(f"x: 1\n? {key}\n: 2\n".encode())
    assert [(fault.line, fault.reason) for fault in found.faults] == [(2, "has a key that is no plain text")]


def test_an_alias_is_refused_where_it_stands() -> None:
    document = varied(("regions: [eastus, westus2, westcentralus]", "regions: &all [eastus]"))
    line, reason = refused(document.replace("regions: [eastus, westus2]", "regions: *all"))
    assert line == "p:36"
    assert "alias" in reason


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    layers = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 40))
    started = time.monotonic()
    found = read(f"l0: &l0 [x, x]\n{layers}".encode())
    assert time.monotonic() - started < 2
    assert len(found.faults) == 39 * 9


@pytest.mark.parametrize("value", ["!!python/object:os.system x", "!!str 5", "!mine {a: b}", "!!binary aGk="])
def test_a_tag_is_refused(value: str) -> None:
    line, reason = refused(varied(("dataRole: Azure Maps Data Reader", f"dataRole: {value}")))
    assert line == "p:23"
    assert "tag" in reason


@pytest.mark.parametrize("text", [r'"\e[31mred"', r'"\ud800"', r'"two\nlines"', r'"\u202E"'])
def test_what_cannot_be_printed_is_refused_as_value_and_as_key(text: str) -> None:
    for document in (f"a: {text}\n", f"{text}: a\n"):
        (fault,) = read(document.encode()).faults
        assert "holds a character that cannot be printed" in fault.reason
        assert fault.line == 1


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_any_bytes_are_a_policy_or_a_refusal(data: bytes) -> None:
    with pytest.raises(PolicyRefused) as caught:
        parse_policy(data, "p")
    assert caught.value.violations


@given(
    st.integers(0, len(GOOD)),
    st.integers(0, 60),
    st.text(alphabet="\n\t :-[]{}&*!|>'\"#%@`\\,?ab019.~é\0", max_size=6)
    | st.sampled_from(["\n  - ", ": {", "null", "9" * 5000]),
)
def test_any_edit_of_a_good_document_is_a_policy_or_a_refusal_with_lines(start: int, length: int, text: str) -> None:
    edited = GOOD[:start] + text + GOOD[start + length :]
    try:
        parse_policy(edited.encode(), "p")
    except PolicyRefused as error:
        lines = [int(violation.rule.removeprefix("p:")) for violation in error.violations]
        assert lines == sorted(lines)
        assert all(1 <= line <= edited.count("\n") + 2 for line in lines)


def test_a_merge_key_is_refused() -> None:
    found = read(b"a: {b: 1}\nc:\n  <<: {b: 2}\n")
    assert [fault.line for fault in found.faults] == [3]


@pytest.mark.parametrize(
    ("document", "line", "reason"),
    [
        (b"", 1, "is empty"),
        (b"# nothing\n", 1, "is empty"),
        (b"version: 1\naccounts:\n\tmaps: {}\n", 3, "\\t"),
        (b"version: 1\nname: \xff\n", 2, "is not UTF-8"),
        ("version: 1\n".encode("utf-16"), 1, "is not UTF-8"),
        (b"version: 1\nname: a\x00b\n", 2, "is not YAML"),
        (b"version: 1\nteams: [a, b\nx: 1\n", 3, "is not YAML"),
        (b"version: 1\n  teams: 2\n", 2, "is not YAML"),
        (b"version: 1\n---\nversion: 1\n", 2, "is not YAML"),
        (b"a: " + b"[" * 50_000, 1, "nested too deeply"),
        (b"\n" + b"- " * 200 + b"x\n", 2, "nested too deeply"),
        (b"#" * (1024 * 1024 + 1), 1, "is larger than 1048576 bytes"),
        (b"a: *unknown\n", 1, "alias"),
        (b'a: "\\UFFFFFFFF"\n', 1, "is not YAML"),
        (b"a: " + b"9" * 5000, 1, "do not agree"),
    ],
)
def test_what_stops_the_reading_is_told_with_its_line(document: bytes, line: int, reason: str) -> None:
    (fault,) = read(document).faults
    assert fault.line == line
    assert reason in fault.reason


def test_a_byte_order_mark_is_no_fault() -> None:
    assert parse_policy(b"\xef\xbb\xbf" + GOOD.encode(), "p").accounts


def test_the_line_of_everything_written_is_known() -> None:
    lines = parse_policy(GOOD.encode(), "p")
    assert lines.line("profiles.storefront-web.lifetime.max") == 29
    assert lines.line("profiles.storefront-web.identities.1") == 24
    assert lines.line("profiles.storefront-web.startAhead") == 21, "not written: the line of what encloses it"
    assert lines.line("service.policyCeiling") == 1


def test_line_ends_of_windows_do_not_move_lines() -> None:
    document = varied(("maxRatePerSecond: 50\n", "maxRatePerSecond: 501\n")).replace("\n", "\r\n")
    assert refused(document)[0] == "p:26"
