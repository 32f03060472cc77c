"""What the journal stores: every value comes back, old texts stay readable, newer ones are refused."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sas_service.adapters.redis.journal import RedisJournal
from sas_service.adapters.redis.run_text import read_run, write_run
from sas_service.adapters.redis.server import Server
from sas_service.domain import run_documents
from sas_service.domain.cuts import Cut
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.plans import Plan
from sas_service.domain.runs import Canary, Intent, Revocation, StepRecord, Streak
from sas_service.domain.slots import AccountSlots, SigningKey
from tests.contract.ports.revocation.world import NOW, revocation
from tests.valkey_process import RunningValkey

VERSION_1 = (Path(__file__).parent / "journal_version_1.json").read_text("utf-8")
"""What the first release wrote for ``full()``; never to be made anew."""

instants = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2050, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis wants naive bounds
texts = st.text(st.characters(), max_size=12)  # lone surrogates included
documents: st.SearchStrategy[Mapping[str, object]] = st.dictionaries(
    texts,
    st.recursive(
        st.none() | st.booleans() | st.integers() | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=5,
    ),
    max_size=3,
)


def of(kind: type[Any], **given_members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Build ``kind`` with every member drawn by its type, those with a default too."""
    drawn: dict[str, Any] = {field.name: ... for field in fields(kind)}
    return st.builds(kind, **{**drawn, **given_members})


for known, strategy in ((datetime, instants), (str, texts)):
    st.register_type_strategy(known, strategy)
names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
revocations = of(
    Revocation,
    id=names,
    account=names,
    plan=of(Plan),
    steps=st.lists(of(StepRecord, evidence=documents), max_size=2).map(tuple),
    probes=st.lists(documents, max_size=2).map(tuple),
)


@given(run=revocations)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_revocation_comes_back(run: Revocation) -> None:
    text = write_run(run)
    assert read_run(text) == run
    assert write_run(read_run(text)) == text
    assert text.startswith(f'{{"revision":{run.revision},')


@given(run=revocations)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
def test_every_revocation_comes_back_from_the_server(valkey: RunningValkey, server: Server, run: Revocation) -> None:
    with valkey.client() as client:
        client.flushall()
    journal = RedisJournal(server)
    added = journal.add(replace(run, revision=0))
    assert journal.read(run.id) == added == replace(run, revision=1)
    assert journal.of(run.account) == (added,)


def full() -> Revocation:
    """A run with something in every member, as version 1 wrote it."""
    return revocation(
        id="run-1",
        approvals_needed=1,
        approved_by=("approver",),
        deadline=NOW + timedelta(hours=1),
        started_by={"objectId": "admin"},
        started_at=NOW,
        ended_at=NOW + timedelta(hours=2),
        waiting_for="a human",
        waiting_code="late",
        forced_by="admin",
        aborting="admin",
        preempted_by="run-2",
        excused=frozenset({"b/app/web", "a/app/web"}),
        accepted=frozenset({"late"}),
        casualties=frozenset({"maps-demo.1"}),
        steps=(StepRecord("switch", NOW, NOW, "", Streak(2, NOW), {"epoch": 2, "hosts": ["us"]}),),
        intents=(Intent("i-1", "regenerate-key", "regenerate", "primaryKey", "fp", 7, (NOW,), "unknown", "az-1"),),
        canaries={"standby:web": Canary("standby:web", "k1.sealed", "ab" * 32, NOW, proven=True)},
        cuts=(Cut("key", "primaryKey", 1, NOW),),
        principals={"web-a": "principal"},
        before=AccountSlots("maps-demo", 1, SigningKey.PRIMARY, {"web": "web-a"}),
        key_fingerprints={"primaryKey": "ab"},
        probes=({"at": "2026-11-21T08:00:00Z", "status": 200},),
        warned=1,
        revision=4,
    )


def test_a_text_of_version_1_is_read_by_every_later_release() -> None:
    assert read_run(VERSION_1) == full()
    assert read_run(write_run(full())) == full()


def test_members_that_say_nothing_are_left_out() -> None:
    assert set(json.loads(write_run(replace(revocation(), steps=())))) == {
        *("revision", "version", "id", "account", "state", "plan", "planned_by")
    }


@pytest.mark.parametrize(
    "change",
    [
        {"version": run_documents.VERSION + 1},
        {"version": 0},
        {"version": None},
        {"ours_does_not_know": 1},
        {"state": "unheard-of"},
        {"deadline": "tomorrow"},
        {"plan": None},
        {"steps": [{"name": "switch", "ours_does_not_know": 1}]},
    ],
)
def test_what_this_release_cannot_read_is_refused_without_a_word_of_it(change: dict[str, object]) -> None:
    text = json.dumps({**json.loads(VERSION_1), **change})
    with pytest.raises(AuditLogUnavailable) as refused:
        read_run(text)
    assert "unheard" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"version":1}'])
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(AuditLogUnavailable):
        read_run(text)


def test_a_version_between_is_brought_up_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a later release does to version 1: rename a member, then another."""
    monkeypatch.setattr(run_documents, "VERSION", 3)
    monkeypatch.setattr(
        run_documents,
        "UPGRADES",
        {
            1: lambda document: {**document, "between": document["warned"]},
            2: lambda document: {name: value for name, value in document.items() if name != "between"} | {"warned": 9},
        },
    )
    read_run.cache_clear()
    assert read_run(VERSION_1).warned == 9
    read_run.cache_clear()
