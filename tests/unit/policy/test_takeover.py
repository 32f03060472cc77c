"""What a new policy may not drop: identities with live tokens, and active ones."""

from collections.abc import Mapping

import pytest

from sas_service.domain.policy import Policy
from sas_service.domain.slots import AccountSlots, SigningKey
from sas_service.domain.takeover import identities_dropped, takeover_violations
from tests.unit.policy import documents
from tests.unit.policy.documents import IDENTITIES, policy

OLD = policy()
WITHOUT_BATCH_B = (
    (f"      logistics-batch-b: {IDENTITIES}/logistics-batch-b\n", f"      logistics-batch-c: {IDENTITIES}/batch-c\n"),
    ("[logistics-batch-a, logistics-batch-b]", "[logistics-batch-a, logistics-batch-c]"),
)
ANOTHER_BATCH_B = ((f"{IDENTITIES}/logistics-batch-b", f"{IDENTITIES}/logistics-batch-b2"),)
ACCOUNT_MOVED = (("    resourceGroup: maps-rg\n", "    resourceGroup: maps-rg2\n"),)
CASE_ONLY = ((f"{IDENTITIES}/logistics-batch-b", f"{IDENTITIES.replace('maps-rg', 'Maps-RG')}/Logistics-Batch-B"),)


def asked(
    new: Policy,
    in_use: Mapping[str, int] | None = None,
    active: Mapping[str, str] | None = None,
    old: Policy | None = OLD,
    account: str = "maps-demo",
) -> list[tuple[str, str]]:
    slots = {account: AccountSlots(account, 1, SigningKey.PRIMARY, active)} if active else {}
    found = takeover_violations(
        old, new, in_use=lambda name: (in_use or {}) if name == account else {}, active=slots.get
    )
    return [(violation.pointer, str(violation.allowed)) for violation in found]


@pytest.mark.parametrize(
    ("changes", "dropped"),
    [
        ((), {}),
        (CASE_ONLY, {}),
        (WITHOUT_BATCH_B, {"maps-demo": {"logistics-batch-b"}}),
        (ANOTHER_BATCH_B, {"maps-demo": {"logistics-batch-b"}}),
        (
            ACCOUNT_MOVED,
            {"maps-demo": {"storefront-web-a", "storefront-web-b", "logistics-batch-a", "logistics-batch-b"}},
        ),
    ],
)
def test_an_identity_is_dropped_when_its_name_means_something_else(
    changes: tuple[tuple[str, str], ...], dropped: Mapping[str, set[str]]
) -> None:
    assert identities_dropped(OLD, policy(*changes)) == dropped


@pytest.mark.parametrize("changes", [WITHOUT_BATCH_B, ANOTHER_BATCH_B, ACCOUNT_MOVED])
def test_what_live_tokens_hang_on_must_stay(changes: tuple[tuple[str, str], ...]) -> None:
    ((pointer, reason),) = asked(policy(*changes), {"logistics-batch-b": 12})
    assert pointer == "/accounts/maps-demo/identities/logistics-batch-b"
    assert "12 unexpired tokens hang on identity 'logistics-batch-b'" in reason
    assert asked(policy(*changes), {"logistics-batch-b": 0}) == []


def test_an_account_with_live_tokens_must_stay() -> None:
    world = documents.GOOD[documents.GOOD.index("  maps-day:") : documents.GOOD.index("profiles:\n")]
    profile = documents.GOOD[documents.GOOD.index("  world:\n") : documents.GOOD.index("teams:\n")]
    new = policy((world, ""), (profile, ""), (", world]", "]"))
    assert asked(new, {"world-a": 1, "world-b": 3}, account="maps-day") == [
        (
            f"/accounts/maps-day/identities/{name}",
            f"must stay as it was: {count} unexpired tokens hang on identity {name!r}",
        )
        for name, count in (("world-a", 1), ("world-b", 3))
    ]
    assert asked(new, account="maps-day") == []


def test_at_start_the_records_alone_say_what_must_be_there() -> None:
    assert asked(policy(*WITHOUT_BATCH_B), {"logistics-batch-b": 1}, old=None)
    assert asked(policy(*ANOTHER_BATCH_B), {"logistics-batch-b": 1}, old=None) == []


def test_the_active_identity_of_a_profile_must_stay_among_its_identities() -> None:
    new = policy(*WITHOUT_BATCH_B)
    assert asked(new, active={"logistics-batch": "logistics-batch-b", "storefront-web": "storefront-web-a"}) == [
        ("/profiles/logistics-batch/identities", "must name 'logistics-batch-b': it is the profile's active identity")
    ]
    assert asked(new, active={"logistics-batch": "logistics-batch-a", "gone-profile": "x"}) == []


def test_a_profile_may_move_to_another_account_while_its_old_identities_stay_there() -> None:
    moved = policy(
        (
            "    account: maps-demo\n    dataRole: Azure Maps Data Read and",
            "    account: maps-day\n    dataRole: Azure Maps Data Read and",
        ),
        ("[logistics-batch-a, logistics-batch-b]", "[batch-c, batch-d]"),
        ("lifetime: {max: P365D}", "lifetime: {max: PT24H}"),
        (
            f"      world-b: {IDENTITIES}/world-b\n",
            f"      world-b: {IDENTITIES}/world-b\n      batch-c: {IDENTITIES}/c\n      batch-d: {IDENTITIES}/d\n",
        ),
    )
    assert asked(moved, {"logistics-batch-a": 5}, active={"logistics-batch": "logistics-batch-a"}) == []
