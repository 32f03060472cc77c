"""A page of events is put together from stored text, and is what parsing and writing the same documents would give."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sas_service.adapters.redis.event_text import EventText, served, served_all, stored_words
from sas_service.adapters.redis.keys import Keys
from sas_service.api.exchange import Ask, dump, page_answer
from sas_service.domain.audit import EventDraft, EventKind

SECOND_LAYOUT = 2
words = st.text(max_size=12) | st.sampled_from(
    ["maps-demo", '"account":"', '{"tenantId":', "~", "a\u2028b", "\x01" * 20]
)
details = st.recursive(
    words | st.integers() | st.booleans() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
)
granted = st.builds(
    lambda profile, more: {
        "profile": profile,
        "regions": more,
        "start": "2026-11-22T08:00:00Z",
        "policyDigest": "ab" * 32,
    },
    words,
    st.lists(words, max_size=2),
)
drafts = st.builds(
    EventDraft,
    st.sampled_from(EventKind),
    st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  hypothesis' way
    account=st.none() | st.sampled_from(["maps-demo", "other"]),
    team=st.none() | words,
    token=st.none() | st.sampled_from(["maps-demo.01K9Z6V7Q0M4T1C8N5R2X3Y6ZB", "x"]),
    caller=st.none() | st.fixed_dictionaries(dict.fromkeys(("tenantId", "objectId", "applicationId", "kind"), words)),
    request_id=st.none() | words,
    details=st.dictionaries(st.sampled_from(["asked", "note", "operation"]), details, max_size=3)
    | st.builds(lambda grant, more: {"granted": grant, **more}, granted, st.fixed_dictionaries({"note": words})),
)


def stored(draft: EventDraft) -> tuple[str, dict[str, str]]:
    """Return what lua/events.lua stores of a draft in the second layout, and the dictionary that it keeps."""
    arguments = EventText.of(draft).words(Keys(draft.stream), SECOND_LAYOUT)
    pieces = str(arguments[3]).split("\n") if arguments[3] else []
    return f"~{arguments[2]}", dict(zip(pieces[::2], pieces[1::2], strict=True))


@given(chosen=st.lists(drafts, max_size=6), following=st.none() | st.just("abc"))
def test_a_page_is_what_parsing_and_writing_it_would_give(chosen: list[EventDraft], following: str | None) -> None:
    rows: list[tuple[int, str, str]] = []
    known: dict[str, str] = {}
    documents = []
    for seq, draft in enumerate(chosen, start=4711):
        text, dictionary = stored(draft)
        assert set(stored_words(text)) == set(dictionary)
        known |= dictionary
        rows.append((seq, draft.stream, text))
        documents.append({"stream": draft.stream, "seq": seq, **draft.document()})
    texts = [served(stream, seq, packed, known) for seq, stream, packed in rows]
    for each in {stream for _, stream, _ in rows}:
        own = [number for number, (_, stream, _) in enumerate(rows) if stream == each]
        together = served_all(each, [rows[number][0] for number in own], [rows[number][2] for number in own], known)
        assert together == [texts[number] for number in own]
    ask = Ask(request_id="one", address="/v1/audit/events", query={"limit": 50}, said={"team": "a&b", "limit": "50"})
    content = page_answer(ask, f"[{','.join(texts)}]", following).content
    link = "/v1/audit/events?team=a%26b&limit=50&cursor=abc" if following else None
    assert content == dump({"items": documents, "next": link})
    assert content == dump(json.loads(content))


def test_a_piece_that_is_not_known_is_no_text() -> None:
    draft = EventDraft(EventKind.ISSUED, datetime(2026, 11, 22, tzinfo=UTC), account="a", team="b", token="a.c")
    text, dictionary = stored(draft)
    assert dictionary
    with pytest.raises(KeyError):
        served("a", 1, text, {})


@given(draft=drafts)
def test_the_first_layout_is_served_as_it_lies(draft: EventDraft) -> None:
    text = dump({"stream": draft.stream, "seq": 1, **draft.document()})
    assert served(draft.stream, 1, text, {}) == text


def test_what_somebody_else_wrote_is_shown_as_it_lies() -> None:
    assert served_all("a", [1, 2], ['{"a":\n1}', '{"b":2}'], {}) == ['{"a":\n1}', '{"b":2}']
