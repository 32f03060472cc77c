"""The doctor over twins: a good world has no remark, and each thing broken is named, graded and advised upon."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sas_service.adapters.memory import (
    MemoryManagedIdentities,
    MemoryManagementLocks,
    MemoryMapsAccount,
    MemoryRoleAssignments,
)
from sas_service.adapters.readiness import Question
from sas_service.domain.arm_scopes import in_words
from sas_service.domain.data_power import beyond
from sas_service.domain.errors import (
    AuditLogUnavailable,
    AzureRefused,
    AzureUnavailable,
    IdentityUnavailable,
    SasServiceError,
    Violation,
)
from sas_service.domain.policy import Policy
from sas_service.ports import AccountFacts, EffectiveRole, ManagementLock
from sas_service.services.diagnose import Diagnosis
from sas_service.services.diagnose_identities import OperatorsView
from sas_service.services.findings import Finding, Grade
from tests.unit.api.world import POLICY, SHARING_POLICY

GROUP = "/subscriptions/s/resourceGroups/g"
SCOPE = f"{GROUP}/providers/Microsoft.Maps/accounts/maps-demo"
WANTED = "Azure Maps Search and Render Data Reader"
READS = ("Microsoft.Maps/accounts/services/render/read", "Microsoft.Maps/accounts/services/search/read")
OWN = EffectiveRole(
    assignment_id="1",
    scope=SCOPE,
    role_id="6be48352-4f82-47c9-ad5e-0acacefdb005",
    role_name=WANTED,
    principal_id="principal-blue",
    principal_type="ServicePrincipal",
    inherited=False,
    through_group=False,
    conditional=False,
    data_actions=READS,
)
INHERITED = replace(OWN, scope=GROUP, inherited=True)
GROUPS = replace(OWN, principal_id="team", principal_type="Group", through_group=True)
CONTRIBUTOR = replace(
    OWN,
    role_id="8f5e0ce6-4f7b-4dcf-bddf-e6f48634a204",
    role_name="Azure Maps Data Contributor",
    data_actions=("Microsoft.Maps/accounts/*/read", "Microsoft.Maps/accounts/*/write"),
)
BLUE, GREEN = "identity blue of maps-demo", "identity green of maps-demo"
ACCOUNT, SERVICE = "account maps-demo", "the service"


@dataclass
class Sick:
    """A world to break."""

    facts: AccountFacts = field(
        default_factory=lambda: AccountFacts(
            "client", "eastus", False, "Succeeded", {"blue": "principal-blue", "green": "principal-green"}
        )
    )
    roles: dict[str, tuple[EffectiveRole, ...]] = field(
        default_factory=lambda: {"principal-blue": (OWN,), "principal-green": (OWN,)}
    )
    identities: MemoryManagedIdentities = field(
        default_factory=lambda: MemoryManagedIdentities({"/id/blue": "eastus", "/id/green": "EastUS"})
    )
    locks: MemoryManagementLocks = field(default_factory=MemoryManagementLocks)
    assignments: MemoryRoleAssignments = field(init=False)
    maps_account: MemoryMapsAccount = field(init=False)
    redis: SasServiceError | None = None
    login: SasServiceError | None = None
    operated: bool = True
    seals: bool = True
    policy: Policy = POLICY

    def __post_init__(self) -> None:
        self.assignments = MemoryRoleAssignments(self.roles)
        self.maps_account = MemoryMapsAccount({})

    def findings(self) -> list[Finding]:
        self.maps_account.accounts["maps-demo"] = self.facts
        self.assignments.roles = self.roles
        view = OperatorsView(asking("operator credential", self.login), self.assignments, self.identities, self.locks)
        diagnosis = Diagnosis(
            policy=self.policy,
            readiness=[asking("redis", self.redis)],
            maps_account=self.maps_account,
            operator=view if self.operated else None,
            seals=self.seals,
        )
        return list(diagnosis.run())


def asking(name: str, error: SasServiceError | None) -> Question:
    def ask() -> dict[str, object]:
        if error is not None:
            raise error
        return {}

    return Question(name, ask)


def remarks(sick: Sick) -> list[tuple[str, Grade, str]]:
    return [(each.about, each.grade, each.what) for each in sick.findings() if each.grade is not Grade.OK]


def test_profiles_that_share_need_a_key_to_seal_with() -> None:
    assert remarks(Sick(policy=SHARING_POLICY)) == []
    assert remarks(Sick(policy=POLICY, seals=False)) == []
    ((about, grade, what),) = remarks(Sick(policy=SHARING_POLICY, seals=False))
    assert (about, grade, what) == (SERVICE, Grade.FAIL, "cannot share tokens: shared")


def test_a_good_world_has_no_remark() -> None:
    found = Sick().findings()
    assert {each.grade for each in found} == {Grade.OK}
    assert [each.what for each in found if each.about == BLUE] == [
        "is attached to the account",
        "is in eastus, like the account",
        f"has the role {WANTED}",
    ]
    assert [each.what for each in found if each.about == SERVICE] == [
        "has a working redis",
        "has a working operator credential",
    ]
    assert len([each for each in found if each.about == ACCOUNT]) == 5


Break = Callable[[Sick], None]


def facts(**changes: Any) -> Break:
    def change(sick: Sick) -> None:
        sick.facts = replace(sick.facts, **changes)

    return change


def blue(*roles: EffectiveRole) -> Break:
    def change(sick: Sick) -> None:
        sick.roles["principal-blue"] = roles

    return change


def blue_in(location: str) -> Break:
    def change(sick: Sick) -> None:
        sick.identities.locations["/id/blue"] = location

    return change


def locked(scope: str, *, read_only: bool) -> Break:
    def change(sick: Sick) -> None:
        sick.locks.locks = (ManagementLock(scope, read_only),)

    return change


CASES: dict[str, tuple[Break, list[tuple[str, Grade, str]]]] = {
    "global": (
        facts(location="Global"),
        [
            (ACCOUNT, Grade.FAIL, "is in the location global"),
            (BLUE, Grade.FAIL, "is in eastus, the account in Global"),
            (GREEN, Grade.FAIL, "is in EastUS, the account in Global"),
        ],
    ),
    "local auth off": (
        facts(local_auth_disabled=True),
        [(ACCOUNT, Grade.FAIL, "refuses SAS tokens: disableLocalAuth is true")],
    ),
    "updating": (
        facts(provisioning_state="Updating"),
        [(ACCOUNT, Grade.FAIL, "is in the provisioning state Updating")],
    ),
    "no state": (facts(provisioning_state=""), [(ACCOUNT, Grade.FAIL, "is in the provisioning state (none)")]),
    "detached": (
        facts(principals={"green": "principal-green"}),
        [(BLUE, Grade.FAIL, "is not attached to the account, or does not exist any more")],
    ),
    "elsewhere": (blue_in("westus2"), [(BLUE, Grade.FAIL, "is in westus2, the account in eastus")]),
    "no role": (blue(), [(BLUE, Grade.FAIL, f"has not the role {WANTED}")]),
    "another role": (blue(CONTRIBUTOR), [(BLUE, Grade.FAIL, f"has not the role {WANTED}")]),
    "only inherited": (
        blue(INHERITED),
        [(BLUE, Grade.WARNING, f"has the role {WANTED} only inherited from the resource group g")],
    ),
    "also inherited": (
        blue(OWN, INHERITED),
        [(BLUE, Grade.WARNING, f"has the role {WANTED} also inherited from the resource group g")],
    ),
    "through a group": (
        blue(GROUPS),
        [(BLUE, Grade.WARNING, f"has the role {WANTED} only through the group team")],
    ),
    "through a group above": (
        blue(OWN, replace(GROUPS, scope="/subscriptions/s", inherited=True)),
        [
            (
                BLUE,
                Grade.WARNING,
                f"has the role {WANTED} also inherited from the subscription s and through the group team",
            )
        ],
    ),
    "conditional": (
        blue(replace(OWN, conditional=True)),
        [(BLUE, Grade.WARNING, f"has the role {WANTED} only under a condition")],
    ),
    "too strong": (
        blue(OWN, CONTRIBUTOR),
        [
            (
                BLUE,
                Grade.WARNING,
                (
                    f"can do more than {WANTED}: Azure Maps Data Contributor gives "
                    "Microsoft.Maps/accounts/*/read, Microsoft.Maps/accounts/*/write"
                ),
            )
        ],
    ),
    "unreadable role": (
        blue(OWN, replace(OWN, role_id="x", role_name=None, data_actions=None)),
        [(BLUE, Grade.WARNING, "has another role, x, that cannot be read")],
    ),
    "read-only": (
        locked(GROUP, read_only=True),
        [(ACCOUNT, Grade.FAIL, "has a ReadOnly lock at the resource group g")],
    ),
    "not to be deleted": (
        locked(SCOPE, read_only=False),
        [(ACCOUNT, Grade.WARNING, "has a CanNotDelete lock at the resource maps-demo")],
    ),
}


@pytest.mark.parametrize(("broken", "expected"), CASES.values(), ids=CASES.keys())
def test_each_thing_broken_is_named(broken: Break, expected: list[tuple[str, Grade, str]]) -> None:
    sick = Sick()
    broken(sick)
    assert remarks(sick) == expected
    assert all(each.advice for each in sick.findings() if each.grade is not Grade.OK)


@pytest.mark.parametrize(
    "harmless",
    [
        replace(CONTRIBUTOR, role_name="Reader", data_actions=()),
        replace(CONTRIBUTOR, role_name="Tiles", data_actions=("Microsoft.Maps/accounts/services/render/read",)),
        replace(CONTRIBUTOR, role_name="Blobs", data_actions=("Microsoft.Storage/*",)),
    ],
)
def test_roles_that_give_no_more_on_the_map_are_no_remark(harmless: EffectiveRole) -> None:
    sick = Sick()
    blue(OWN, harmless)(sick)
    assert remarks(sick) == []


def test_a_role_may_be_named_by_its_id_and_in_any_case() -> None:
    sick = Sick()
    blue(replace(OWN, role_name=None))(sick)
    sick.policy = replace(
        POLICY, profiles={name: replace(each, data_role=OWN.role_id.upper()) for name, each in POLICY.profiles.items()}
    )
    assert remarks(sick) == []


def test_a_missing_role_is_told_with_what_is_there_instead() -> None:
    sick = Sick()
    blue(CONTRIBUTOR)(sick)
    (advice,) = [each.advice for each in sick.findings() if each.grade is Grade.FAIL]
    assert advice == "assign it at the scope of maps-demo; its roles there now: Azure Maps Data Contributor"


def test_an_account_that_cannot_be_read_ends_its_examination() -> None:
    sick = Sick()
    sick.maps_account.fail_with(AzureRefused("Azure refused the call (AuthorizationFailed)."))
    assert remarks(sick) == [(ACCOUNT, Grade.FAIL, "cannot be read by the issuer")]
    assert not [each for each in sick.findings()[:-1] if each.about == BLUE and each.grade is Grade.FAIL]


@pytest.mark.parametrize(
    ("place", "what"),
    [
        ("assignments", "has roles that cannot be read"),
        ("identities", "cannot be looked at"),
        ("locks", "may be locked: locks cannot be read"),
    ],
)
def test_what_the_operator_may_not_read_is_a_warning(place: str, what: str) -> None:
    sick = Sick()
    getattr(sick, place).fail_with(AzureUnavailable("Azure failed."), times=2)
    told = remarks(sick)
    assert {(grade, said) for _, grade, said in told} == {(Grade.WARNING, what)}


def test_without_an_operator_it_is_said_and_the_rest_goes_on() -> None:
    sick = Sick(operated=False)
    facts(principals={})(sick)
    assert remarks(sick)[0] == (
        SERVICE,
        Grade.WARNING,
        "has no operating identity: locations, roles and locks were not looked at",
    )
    assert [(about, grade) for about, grade, _ in remarks(sick)[1:]] == [(BLUE, Grade.FAIL), (GREEN, Grade.FAIL)]


def test_an_operator_that_cannot_log_in_is_one_problem() -> None:
    sick = Sick(login=IdentityUnavailable("No access token."))
    assert remarks(sick) == [(SERVICE, Grade.FAIL, "has no working operator credential")]


def test_a_dependency_that_is_away_is_told_with_every_reason() -> None:
    violations = tuple(Violation("", None, reason, "redis") for reason in ("evicts", "does not persist"))
    sick = Sick(redis=AuditLogUnavailable("Redis is not durable", violations=violations))
    (finding,) = [each for each in sick.findings() if each.grade is Grade.FAIL]
    assert finding.what == "has no working redis"
    assert "evicts; does not persist" in finding.advice


@pytest.mark.parametrize(
    ("granted", "wanted", "more"),
    [
        (["Microsoft.Maps/accounts/*/read"], ["Microsoft.Maps/accounts/*/read"], 0),
        (["Microsoft.Maps/accounts/services/search/read"], ["microsoft.maps/accounts/*/READ"], 0),
        (["Microsoft.Maps/accounts/*/read"], ["Microsoft.Maps/accounts/services/search/read"], 1),
        (["Microsoft.Maps/accounts/*/write"], ["Microsoft.Maps/accounts/*/read"], 1),
        (["*"], ["Microsoft.Maps/accounts/*/read"], 1),
        (["*"], ["*"], 0),
        (["*/read"], ["Microsoft.Maps/accounts/*/read"], 1),
        (["Microsoft.*"], [], 1),
        (["Microsoft.Map*"], [], 1),
        (["Microsoft.Storage/*", "Microsoft.MapsX/y"], [], 0),
        (["Microsoft.Maps/accounts/services/search/readers"], ["Microsoft.Maps/accounts/*/read"], 1),
    ],
)
def test_data_power_is_compared_by_pattern(granted: list[str], wanted: list[str], more: int) -> None:
    assert len(beyond(granted, wanted)) == more


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("/", "the tenant's root"),
        ("/providers/Microsoft.Management/managementGroups/mg", "the management group mg"),
        ("/subscriptions/s/", "the subscription s"),
        ("/subscriptions/s/resourcegroups/g", "the resource group g"),
        (SCOPE, "the resource maps-demo"),
    ],
)
def test_scopes_in_words(scope: str, words: str) -> None:
    assert in_words(scope) == words
