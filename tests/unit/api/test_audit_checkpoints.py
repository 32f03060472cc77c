"""Checkpoints and proofs over HTTP: an auditor checks them with the published algorithms alone."""

from base64 import b64decode
from itertools import pairwise

import pytest
from flask.testing import FlaskClient

from sas_service.adapters.memory import MemorySigning, verify_memory
from sas_service.domain.checkpoints import open_checkpoint
from sas_service.domain.merkle import leaf_hash, proves_consistency, proves_inclusion
from sas_service.domain.signed_notes import VerifyingKey
from sas_service.services.seal import StreamSealing
from tests.unit.api.world import KnownPolicy, World, as_caller, issue

AUDITOR = as_caller("auditor")


def seal(world: World) -> None:
    StreamSealing(
        accounts=lambda: tuple(sorted(KnownPolicy().current().accounts)),
        streams=world.audit_log,
        seals=world.seals,
        signing=MemorySigning(),
        audit_log=world.audit_log,
        mirror=world.mirror,
        clock=world.clock,
    ).run()


def test_checkpoints_and_proofs_convince(client: FlaskClient, world: World) -> None:
    seen = []
    for _ in range(2):
        issue(client)
        seal(world)
        answer = client.get("/v1/audit/checkpoint", headers=AUDITOR).get_json()
        (item,) = answer["items"]
        key = VerifyingKey.read(answer["verifyingKey"])
        checkpoint = open_checkpoint(item["checkpoint"], key, verify_memory)
        assert (item["size"], b64decode(item["root"])) == (checkpoint.size, checkpoint.root)
        seen.append(checkpoint)
    for older, newer in pairwise(seen):
        query = f"account=maps-demo&first={older.size}"
        told = client.get(f"/v1/audit/consistency?{query}", headers=AUDITOR).get_json()
        assert (told["first"], told["second"]) == (2, 4)
        path = [b64decode(each) for each in told["proof"]]
        assert proves_consistency(older.size, older.root, newer.size, newer.root, path)
    told = client.get("/v1/audit/inclusion?account=maps-demo&seq=3", headers=AUDITOR).get_json()
    leaf = leaf_hash(world.mirror.lines()[3])
    assert b64decode(told["leafHash"]) == leaf, "line 2 of the mirror is the first checkpoint"
    assert proves_inclusion(leaf, 2, told["size"], [b64decode(each) for each in told["proof"]], seen[1].root)


def test_the_bare_note_is_text(client: FlaskClient, world: World) -> None:
    issue(client)
    seal(world)
    headers = as_caller("auditor", Accept="text/plain")
    answer = client.get("/v1/audit/checkpoint?account=maps-demo", headers=headers)
    assert answer.content_type.startswith("text/plain")
    assert open_checkpoint(answer.text, MemorySigning().verifying_key, verify_memory).size == 2


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("checkpoint?account=maps-demo", 404),
        ("checkpoint?account=elsewhere", 404),
        ("inclusion?account=maps-demo&seq=1", 404),
        ("consistency?account=service&first=1", 404),
        ("inclusion?account=maps-demo", 400),
        ("consistency?account=maps-demo&first=0", 400),
    ],
)
def test_before_anything_is_sealed(client: FlaskClient, path: str, status: int) -> None:
    assert client.get(f"/v1/audit/{path}", headers=AUDITOR).status_code == status


def test_numbers_beyond_the_checkpoint_are_told(client: FlaskClient, world: World) -> None:
    issue(client)
    seal(world)
    answer = client.get("/v1/audit/inclusion?account=maps-demo&seq=3", headers=AUDITOR)
    assert (answer.status_code, answer.get_json()["violations"][0]["pointer"]) == (400, "/seq")


@pytest.mark.parametrize("path", ["checkpoint", "inclusion?account=maps-demo&seq=1", "consistency?account=a&first=1"])
def test_only_auditors_see_them(client: FlaskClient, path: str) -> None:
    assert client.get(f"/v1/audit/{path}", headers=as_caller("storefront")).status_code == 403
    assert client.get(f"/v1/audit/{path}").status_code == 401
