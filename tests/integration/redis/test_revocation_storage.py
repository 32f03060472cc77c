"""What a revocation remembers survives its server, and nothing that it seals can be read there."""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.redis.server import Server
from sas_service.adapters.sealing import AesGcmSealing
from sas_service.domain.errors import AuditLogUnavailable, EpochMoved, LeaseLost, NotFound, RunInProgress
from sas_service.domain.revocations import State
from sas_service.domain.runs import Canary
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import SasToken
from tests.contract.ports.revocation.world import NOW, Revoking, acknowledgement, redis_revoking, revocation
from tests.contract.ports.world import ACCOUNT
from tests.integration.redis.conftest import QUICK_DURABILITY, Connect, Start
from tests.valkey_process import RunningValkey


def revoking_on(valkey: RunningValkey, connected: Connect, *, empty: bool = True) -> Revoking:
    return redis_revoking(valkey, Server(connected(valkey), durability=QUICK_DURABILITY), empty=empty)


def switch(revoking: Revoking, fence: int) -> int:
    identities = {"web": "web-b"}
    return revoking.slots.switch(
        ACCOUNT, after_epoch=1, signing_key=SigningKey.SECONDARY, identities=identities, fence=fence
    ).epoch


def token() -> SasToken:
    """A token of the form that Azure Maps signs, of which no part can be in a file by chance."""
    parts = (json.dumps({part: secrets.token_hex(20)}).encode() for part in ("alg", "exp", "signature"))
    return SasToken(".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts))


def test_a_killed_server_forgets_no_fence_no_run_no_switch_and_no_word(start: Start, connected: Connect) -> None:
    valkey = start()
    before = revoking_on(valkey, connected)
    run, other = before.started(), before.planned()
    zombie = before.lease("a")
    before.leases.release(zombie)
    successor = before.lease("b")
    saved = before.journal.save(replace(run, warned=1), fence=successor.fence)
    switch(before, successor.fence)
    word = acknowledgement("maps-demo.old")
    before.acknowledgements.put(ACCOUNT, word)
    valkey.kill()

    after = revoking_on(start(port=valkey.port), connected, empty=False)
    assert after.journal.of(ACCOUNT) == (other, saved)
    assert after.journal.running(ACCOUNT) == saved
    assert after.acknowledgements.of(ACCOUNT) == {"maps-demo.old": word}
    assert after.take("c") is None
    assert switch(after, successor.fence) == 2
    with pytest.raises(LeaseLost):
        after.journal.save(replace(saved, warned=2), fence=zombie.fence)
    with pytest.raises(LeaseLost):
        switch(after, zombie.fence)
    with pytest.raises(RunInProgress):
        after.journal.start(replace(other, state=State.RUNNING))
    after.leases.release(successor)
    assert after.lease("c").fence > successor.fence


def test_a_sealed_canary_cannot_be_read_in_the_file_of_the_server(start: Start, connected: Connect) -> None:
    valkey, canary = start(), token()
    revoking = revoking_on(valkey, connected)
    sealing = AesGcmSealing({"k1": secrets.token_bytes(32)}, current="k1")
    sealed = sealing.seal(canary, about="run/standby:web")
    kept = Canary("standby:web", sealed, canary.fingerprint, NOW)
    saved = revoking.journal.save(
        replace(revoking.started(), canaries={"standby:web": kept}), fence=revoking.lease("a").fence
    )
    read = revoking.journal.read(saved.id).canaries["standby:web"]
    assert sealing.open(read.sealed, about="run/standby:web").reveal() == canary.reveal()
    valkey.stop()
    files = b"".join(path.read_bytes() for path in valkey.directory.rglob("*") if path.is_file())
    assert sealed.encode() in files  # the files that were searched are those that hold it
    for part in canary.reveal().split("."):
        assert not any(part[first : first + 8].encode() in files for first in range(len(part) - 7))
    # How headers begin that say `typ` or `alg` first; "eyJ" alone is in one of a hundred sealed texts by chance.
    assert not any(start in files for start in (b"eyJ0eX", b"eyJhbG"))


def test_an_id_whose_entry_never_came_leads_to_nothing(start: Start, connected: Connect) -> None:
    valkey = start()
    revoking, plan = revoking_on(valkey, connected), revocation()
    with valkey.client() as client:
        client.hset("{service}:revocations", plan.id, ACCOUNT)
    with pytest.raises(NotFound):
        revoking.journal.read(plan.id)
    assert revoking.journal.add(plan) == revoking.journal.read(plan.id)


def test_every_key_of_an_account_lies_in_its_cluster_slot(start: Start, connected: Connect) -> None:
    valkey = start()
    revoking = revoking_on(valkey, connected)
    revoking.journal.save(revoking.started(), fence=revoking.lease("a").fence)
    revoking.acknowledgements.put(ACCOUNT, acknowledgement("maps-demo.old"))
    with valkey.client() as client:
        keys = set(client.keys("*"))
    assert {key.split(":")[0] for key in keys} == {"{maps-demo}", "{maps-other}", "{service}"}
    assert {key for key in keys if key.startswith("{service}")} == {"{service}:revocations"}


def test_what_is_not_durable_is_not_promised(start: Start, connected: Connect) -> None:
    """Without the file's sync nothing that a run relies on counts, although it may have been written."""
    valkey = start()
    revoking = revoking_on(valkey, connected)
    run, plan, lease = revoking.started(), revoking.planned(), revoking.lease("a")
    strict = redis_revoking(
        valkey,
        Server(connected(valkey), durability=replace(QUICK_DURABILITY, replicas=1, timeout=timedelta(milliseconds=50))),
        empty=False,
    )
    attempts: list[Callable[[], object]] = [
        strict.planned,
        lambda: strict.journal.amend(replace(plan, warned=1)),
        lambda: strict.journal.save(replace(run, warned=1), fence=lease.fence),
        lambda: strict.take("a"),
        lambda: switch(strict, lease.fence),
        lambda: strict.acknowledgements.put(ACCOUNT, acknowledgement("maps-demo.old")),
    ]
    for attempt in attempts:
        with pytest.raises(AuditLogUnavailable):
            attempt()
    # What was written without a promise is found when it is repeated.
    assert revoking.journal.save(replace(run, warned=1), fence=lease.fence).revision == run.revision + 1
    assert switch(revoking, lease.fence) == 2
    with pytest.raises(EpochMoved):
        revoking.slots.switch(ACCOUNT, after_epoch=1, signing_key=SigningKey.PRIMARY, identities={}, fence=lease.fence)


def test_a_server_that_is_away_is_said_to_be_away(start: Start, connected: Connect) -> None:
    valkey = start()
    revoking = revoking_on(valkey, connected)
    run, lease = revoking.started(), revoking.lease("a")
    valkey.kill()
    attempts: list[Callable[[], object]] = [
        lambda: revoking.journal.read(run.id),
        lambda: revoking.journal.of(ACCOUNT),
        lambda: revoking.journal.running(ACCOUNT),
        lambda: revoking.journal.save(run, fence=lease.fence),
        lambda: revoking.take("a"),
        lambda: revoking.leases.release(lease),
        lambda: switch(revoking, lease.fence),
        lambda: revoking.census.unexpired(ACCOUNT, NOW),
        lambda: revoking.acknowledgements.of(ACCOUNT),
    ]
    for attempt in attempts:
        with pytest.raises(AuditLogUnavailable):
            attempt()
