"""Repair: after any loss the server holds again what it held, numbers and texts included, and serves."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sas_service.adapters.redis.acknowledgements import RedisAcknowledgements
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.domain.audit import SERVICE_STREAM, AuditEvent, EventDraft, EventKind
from sas_service.domain.consumers import Acknowledgement, Consumer
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.slots import SigningKey
from sas_service.domain.token_events import asked_details, granted_details
from sas_service.domain.tokens import TokenRecord, TokenRequest, TokenState
from sas_service.ports import Idempotency, LogRepair, Reservation, Reserved
from sas_service.services.losses import Loss
from sas_service.services.repair import Found
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, denial, event, record, signed, suspension
from tests.integration.redis.conftest import Start
from tests.integration.redis.guarded import Process, mirrored, start_process
from tests.integration.redis.repairing import everything, repair_of
from tests.valkey_process import RunningValkey


@dataclass
class Site:
    """A server with a history of every kind of write, its mirror, and a process that uses both."""

    valkey: RunningValkey
    directory: Path
    process: Process
    now: datetime

    def reserve(self, wanted: TokenRecord, *, idempotency: Idempotency | None = None) -> TokenRecord:
        asked = asked_details(TokenRequest(profile="web", reason=wanted.reason, labels=wanted.labels))
        drafted = event(wanted, EventKind.RESERVED, asked=asked, granted=granted_details(wanted.grant))
        drafted = replace(drafted, request_id=wanted.request_id)
        deadline = wanted.issued_at + timedelta(seconds=30)
        outcome = self.process.world.audit_log.reserve(Reservation(wanted, drafted, deadline, idempotency))
        assert isinstance(outcome, Reserved)
        self.process.mirror.append(outcome.events)
        return wanted

    def issue(self, number: int, *, idempotency: Idempotency | None = None, **more: Any) -> TokenRecord:
        at = self.now + timedelta(milliseconds=number)
        wanted = self.reserve(replace(granted(at, **more.pop("of", {})), **more), idempotency=idempotency)
        live = signed(wanted)
        said = {"fingerprint": live.fingerprint, "azureRequestId": live.azure_request_id, "attempts": live.attempts}
        said |= {"replaces": live.replaces} if live.replaces else {}
        self.process.mirror.append(self.process.world.audit_log.commit(live, event(live, EventKind.ISSUED, **said)))
        return live

    def settle(self, live: TokenRecord, state: TokenState, **said: object) -> None:
        closed = event(live, EventKind(state.value), **said)
        self.process.mirror.append(self.process.world.audit_log.settle(live, state, closed))

    def acknowledge(self, new: TokenRecord, old: TokenRecord) -> None:
        said = {"replaces": old.id, "fingerprint": new.fingerprint}
        heard = event(new, EventKind.ACKNOWLEDGED, **said)
        self.process.mirror.append(self.process.world.audit_log.append(heard))
        until = max(new.grant.expiry, old.grant.expiry)
        word = Acknowledgement(old.id, new.id, new.fingerprint or "", Consumer.of(new), heard.at, until)
        RedisAcknowledgements(self.process.server).put(ACCOUNT, word)

    def suspend(self, kind: EventKind, name: str) -> None:
        told = suspension("team", name)
        details = {"suspended": {"kind": "team", "id": name}, "reason": told.reason}
        draft = EventDraft(kind, told.at, caller=told.by, details=details)
        self.process.mirror.append(self.process.world.audit_log.append(draft))
        if kind is EventKind.SUSPENDED:
            self.process.world.suspensions.put(told, [ACCOUNT, OTHER_ACCOUNT])
        else:
            self.process.world.suspensions.delete("team", name, [ACCOUNT, OTHER_ACCOUNT])

    def switch(self, epoch: int) -> None:
        with self.valkey.client() as client:
            client.hset("{" + ACCOUNT + "}:slots", mapping={"epoch": epoch, "signingKey": "secondaryKey"})
        evidence = {"epoch": epoch, "signingKey": "secondaryKey", "identities": {"web": "web-a"}}
        details = {"revocation": "run-1", "step": "switch", "evidence": evidence}
        draft = EventDraft(EventKind.REVOCATION_STEP, self.now, account=ACCOUNT, details=details)
        self.process.mirror.append(self.process.world.audit_log.append(draft))

    def everything(self) -> dict[str, object]:
        """All that events can give back, in a form that does not depend on when it was written."""
        with self.valkey.client() as client:
            held = everything(client)
        forgotten = ("idempotency", "folds", "streams", "repair:lock", "lease", "late", "once", ":open")
        return {key: value for key, value in held.items() if not any(each in key for each in forgotten)}

    def lose(self, *keys: str) -> None:
        with self.valkey.client() as client:
            client.flushall()


@pytest.fixture
def site(start: Start, tmp_path: Path) -> Iterator[Site]:
    valkey = start()
    process = start_process(valkey, tmp_path / "mirror", empty=True)
    at = process.world.now
    now = at.replace(microsecond=at.microsecond // 1000 * 1000)
    yield Site(valkey, tmp_path / "mirror", process, now)
    process.mirror.close()


def granted(at: datetime, **of: Any) -> TokenRecord:
    """A record whose key is its epoch's."""
    wanted = record(at, **of)
    key = SigningKey.SECONDARY if wanted.grant.epoch == 2 else SigningKey.PRIMARY
    return replace(wanted, grant=replace(wanted.grant, signing_key=key))


def history(site: Site) -> None:
    """Everything that can happen to tokens, more or less."""
    first = site.issue(1)
    site.issue(2, of={"account": OTHER_ACCOUNT})
    site.settle(site.issue(3), TokenState.ABANDONED, cause="MirrorUnavailable")
    site.settle(site.reserve(record(site.now + timedelta(milliseconds=4))), TokenState.REFUSED, cause="AzureRefused")
    once_more = event(first, EventKind.REDELIVERED, fingerprint="ab" * 32)
    site.process.mirror.append(site.process.world.audit_log.redeliver(first, "ab" * 32, once_more))
    site.process.mirror.append(site.process.world.audit_log.deny(denial(site.now)))
    site.suspend(EventKind.SUSPENDED, "thieves")
    site.suspend(EventKind.SUSPENDED, "forgiven")
    site.suspend(EventKind.SUSPENSION_LIFTED, "forgiven")
    site.switch(2)
    for number in range(10, 40):
        site.issue(number, of={"epoch": 2, "team": f"team-{number % 3}", "application": f"app-{number % 4}"})
    stored = site.process.world.audit_log.token(first.id)
    assert stored
    second = site.issue(50, of={"epoch": 2}, replaces=first.id)
    site.acknowledge(second, stored)
    site.reserve(granted(site.now + timedelta(milliseconds=60), epoch=2))


def test_a_flushed_server_holds_again_all_that_it_held(site: Site) -> None:
    history(site)
    before, events = site.everything(), {each: mirrored(site.process, each) for each in (ACCOUNT, SERVICE_STREAM)}
    site.lose()
    repair = repair_of(site.valkey, site.directory)
    planned = repair.plan()
    assert {each.loss.stream: (each.events, each.needs_word) for each in planned.findings} == {
        ACCOUNT: (len(events[ACCOUNT]), False),
        OTHER_ACCOUNT: (2, False),
        SERVICE_STREAM: (3, False),
    }
    assert site.everything() == {}  # planning writes nothing
    done = repair.run()
    told = {each.loss.stream: each.restored.events for each in done.findings}
    assert told == {each.loss.stream: each.events for each in planned.findings}
    assert [word for each in done.findings for word in each.restored.left] == []
    after = site.everything()
    events_then = after.pop("{service}:events"), before.pop("{service}:events")
    assert len(events_then[0]) == len(events_then[1]) + 1  # type: ignore[arg-type]  # the repair is an event, too
    for key in ("{service}:events:seq", "{service}:events:chains", "{service}:suspensions", "{service}:words"):
        after.pop(key, None), before.pop(key, None)
    for account in (ACCOUNT, OTHER_ACCOUNT):
        copies = [each.pop("{" + account + "}:suspended") for each in (before, after)]
        assert copies[0].keys() == copies[1].keys()  # type: ignore[attr-defined]
    assert sorted(after) == sorted(before)
    for key, value in before.items():
        assert after[key] == value, key
    site.process.guard.check()
    site.issue(70, of={"epoch": 2})


def test_an_idempotency_key_from_before_a_loss_gets_a_second_token_and_both_are_on_record(site: Site) -> None:
    """docs/decisions/idempotency.md, After a loss."""
    key = Idempotency("ab" * 32, "body")
    first = site.issue(1, idempotency=key)
    site.lose()
    repair_of(site.valkey, site.directory).run()
    site.process.guard.check()
    second = site.issue(2, idempotency=key)
    log = site.process.world.audit_log
    assert first.id != second.id
    assert [each and each.state for each in map(log.token, (first.id, second.id))] == [TokenState.LIVE] * 2


@pytest.mark.parametrize("kept", [1, 5, 17, 40])
def test_the_last_writes_of_a_stream_come_back(site: Site, kept: int) -> None:
    """A failover's loss: everything from some write on is gone, as if it had never been."""
    history(site)
    before = site.everything()
    texts = [each.text for each in mirrored(site.process, ACCOUNT)]
    with site.valkey.client() as client:
        client.flushall()
    # Rebuilt up to ``kept``: what the first part of the mirror leads to is what the server had then.
    cut = site.directory.parent / "cut"
    cut.mkdir()
    service = [each.text for each in mirrored(site.process, SERVICE_STREAM)]
    (cut / "a.ndjson").write_text("".join(text + "\n" for text in [*texts[:kept], *service]))
    repair_of(site.valkey, cut, mirror=site.process.mirror).run()
    assert RedisEventStreams(site.process.server).last(ACCOUNT) == kept
    done = repair_of(site.valkey, site.directory).run()
    assert next(each.restored.events for each in done.findings if each.loss.stream == ACCOUNT) == len(texts) - kept
    after = site.everything()
    own = [key for key in before if key.startswith("{" + ACCOUNT + "}") and "suspended" not in key]
    for key in own:
        assert after[key] == before[key], key


def test_a_second_repair_finds_nothing(site: Site) -> None:
    history(site)
    site.lose()
    assert len(repair_of(site.valkey, site.directory).run().findings) == 3
    held = site.everything()
    assert repair_of(site.valkey, site.directory).run().findings == ()
    assert site.everything() == held


def test_a_repair_that_was_interrupted_anywhere_is_finished_by_the_next(site: Site) -> None:
    history(site)
    before = site.everything()
    site.lose()

    class Stopped(Exception):
        pass

    for stop_at in range(1, 4):
        seen = 0

        def progress(_stream: str, _many: int, stop_at: int = stop_at) -> None:
            nonlocal seen
            seen += 1
            if seen == stop_at:
                raise Stopped

        with pytest.raises(Stopped):
            repair_of(site.valkey, site.directory).run(progress=progress)
        if stop_at == 1:
            with pytest.raises(AuditLogUnavailable, match="lost"):
                site.process.guard.check()
        site.lose()
    repair_of(site.valkey, site.directory).run()
    own = [key for key in before if key.startswith("{" + ACCOUNT + "}") and "suspended" not in key]
    after = site.everything()
    assert {key: after[key] for key in own} == {key: before[key] for key in own}


def test_two_repairs_at_once_exclude_each_other(site: Site) -> None:
    history(site)
    site.lose()
    refused: list[str] = []
    first = repair_of(site.valkey, site.directory)
    begin = first._demand_unchanged

    def meanwhile(loss: Loss) -> None:
        if loss.stream == SERVICE_STREAM:
            with pytest.raises(AuditLogUnavailable) as error:
                repair_of(site.valkey, site.directory).run()
            refused.append(error.value.detail)
        begin(loss)

    first._demand_unchanged = meanwhile  # type: ignore[method-assign]  # the real one, a little later
    first.run()
    assert "repaired by somebody else" in refused[0]
    assert repair_of(site.valkey, site.directory).run().findings == ()


def test_what_came_after_another_repair_is_not_written_over(site: Site) -> None:
    """Two people repair: the slower one has looked before the faster one ended, and the service goes on meanwhile."""
    history(site)
    site.lose()
    slow, meant = repair_of(site.valkey, site.directory), list[TokenRecord]()
    look = slow.plan

    def looked_long_ago() -> Found:
        found = look()
        repair_of(site.valkey, site.directory).run()
        site.process.guard.check()
        token = site.issue(80, of={"epoch": 2})
        site.settle(token, TokenState.ABANDONED, cause="MirrorUnavailable")
        meant.append(token)
        return found

    slow.plan = looked_long_ago  # type: ignore[method-assign]
    with pytest.raises(AuditLogUnavailable, match="meanwhile"):
        slow.run()
    stored = site.process.world.audit_log.token(meant[0].id)
    assert stored
    assert stored.state is TokenState.ABANDONED


def without(directory: Path, *seqs: int) -> None:
    for path in directory.glob("*.ndjson"):
        lines = path.read_text().splitlines()
        kept = [
            line
            for line in lines
            if (json.loads(line)["stream"], json.loads(line)["seq"]) not in {(ACCOUNT, seq) for seq in seqs}
        ]
        path.write_text("".join(line + "\n" for line in kept))


def test_numbers_that_the_mirror_lacks_need_a_word_and_are_marked_as_lost(site: Site) -> None:
    history(site)
    last = len(mirrored(site.process, ACCOUNT))
    site.lose()
    without(site.directory, 5, 9)
    (found,) = [each for each in repair_of(site.valkey, site.directory).run().findings if each.loss.stream == ACCOUNT]
    assert found.holes == [5, 9]
    assert found.restored.events == 0
    assert RedisEventStreams(site.process.server).last(ACCOUNT) == 0
    (found,) = [
        each
        for each in repair_of(site.valkey, site.directory).run(fill_holes=True).findings
        if each.loss.stream == ACCOUNT
    ]
    assert found.restored.events == last
    events = RedisEventStreams(site.process.server).after(ACCOUNT, 0, 1000)
    assert [each.seq for each in events] == list(range(1, last + 1))
    assert [each.seq for each in events if json.loads(each.text)["kind"] == "eventLost"] == [5, 9]
    assert set(events) <= set(mirrored(site.process, ACCOUNT))


def test_two_texts_for_one_number_need_a_word(site: Site) -> None:
    history(site)
    forged = AuditEvent(ACCOUNT, 7, json.dumps({"stream": ACCOUNT, "seq": 7, "kind": "denied"}))
    first = mirrored(site.process, ACCOUNT)[6]
    site.process.mirror.append([forged])
    site.lose()
    (found,) = [each for each in repair_of(site.valkey, site.directory).run().findings if each.loss.stream == ACCOUNT]
    assert (found.contradictions, found.restored.events) == ([7], 0)
    repair_of(site.valkey, site.directory).run(keep_first=True)
    assert RedisEventStreams(site.process.server).after(ACCOUNT, 6, 1) == (first,)


def test_what_was_written_after_a_loss_is_seen_as_contradiction(site: Site) -> None:
    history(site)
    site.lose()
    other = site.process.world
    fresh = start_process(site.valkey, site.directory.parent / "other-mirror")
    fresh.world.slots.initialise(ACCOUNT, {"web": "web-a"})
    fresh.issue(record(other.now))
    (found,) = [each for each in repair_of(site.valkey, site.directory).plan().findings if each.loss.stream == ACCOUNT]
    assert found.contradictions == [1, 2]


def test_an_epoch_without_its_slots_comes_back_from_events_that_stayed(site: Site) -> None:
    history(site)
    with site.valkey.client() as client:
        client.delete("{" + ACCOUNT + "}:slots")
    with pytest.raises(AuditLogUnavailable, match="lost the epoch"):
        site.process.guard.check()
    repair_of(site.valkey, site.directory).run()
    slots = site.process.world.slots.read(ACCOUNT)
    assert (slots.epoch, slots.signing_key.value, dict(slots.identities)) == (2, "secondaryKey", {"web": "web-a"})
    site.process.guard.check()


class Dying:
    """A repair whose process dies when it comes to one of its steps."""

    def __init__(self, repair: LogRepair, step: str) -> None:
        self._repair = repair
        self._step = step

    def __getattr__(self, name: str) -> Any:
        if name == self._step:
            raise KeyboardInterrupt
        return getattr(self._repair, name)


@pytest.mark.parametrize("step", ["restore_records", "restore_slots", "restore_events"])
def test_until_the_state_is_back_the_loss_can_be_seen(site: Site, step: str) -> None:
    """Killed in the middle of a batch: what everybody compares, the end of the stream, has to come last."""
    history(site)
    before = site.everything()
    site.lose()
    interrupted = repair_of(site.valkey, site.directory)
    interrupted._repair = Dying(interrupted._repair, step)
    with pytest.raises(KeyboardInterrupt):
        interrupted.run()
    assert RedisEventStreams(site.process.server).last(ACCOUNT) == 0
    repair_of(site.valkey, site.directory).run()
    assert site.everything()["{" + ACCOUNT + "}:slots"] == before["{" + ACCOUNT + "}:slots"]
