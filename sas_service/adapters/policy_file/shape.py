"""The shape of the policy document, key by key: the one source of the loader, the JSON Schema and the reference."""

from datetime import timedelta
from typing import Any, Final

from marshmallow import ValidationError

from sas_service.adapters.policy_file.keys import Duration, Form, Key, OneOf, Text, Whole
from sas_service.adapters.policy_file.parts import Inside, Listed, Named, Part
from sas_service.domain.audit import SERVICE_STREAM
from sas_service.domain.policy import (
    DEFAULT_PLATFORM_CEILING,
    DEFAULT_START_AHEAD,
    LOCATION_NAME,
    MAXIMUM_RATE,
    MINIMUM_LIFETIME,
    POLICY_CEILING,
    SHORTEST_MINIMUM,
    SHORTEST_RETENTION,
    Sharing,
    Standby,
)
from sas_service.domain.web_origins import ORIGIN_PATTERN
from sas_service.domain.windows import MARGIN

NAME: Final = Form(r"[a-z0-9][a-z0-9-]{0,62}", "must be 1 to 63 lower-case letters, digits and hyphens")
ACCOUNT_NAME: Final = Form(
    rf"(?!{SERVICE_STREAM}$){NAME.pattern}",
    f"must be 1 to 63 lower-case letters, digits and hyphens, and not {SERVICE_STREAM!r}, the name of an audit stream",
)
GUID: Final = Form(
    r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "is not a GUID, such as a0000000-0000-4000-8000-000000000001",
    folds=True,
)
ORIGIN: Final = Form(
    ORIGIN_PATTERN,
    "is not an origin, such as https://shop.example: scheme, host and perhaps an unusual port, no path, no final slash,"
    " no wildcard, and http for loopback addresses only",
    folds=True,
)
RESOURCE_GROUP: Final = Form(r"[\w().-]{0,89}[\w()-]", "is not the name of an Azure resource group")
RESOURCE_NAME: Final = Form(r"[A-Za-z0-9][A-Za-z0-9._-]{0,97}", "is not the name of an Azure Maps account")
IDENTITY_ID: Final = Form(
    rf"/[Ss]ubscriptions/{GUID.pattern}/resource[Gg]roups/{RESOURCE_GROUP.pattern}/providers"
    r"/[Mm]icrosoft\.[Mm]anaged[Ii]dentity/user[Aa]ssigned[Ii]dentities/[A-Za-z0-9][A-Za-z0-9_-]{0,127}",
    "is not the ARM id of a user-assigned identity, /subscriptions/<guid>/resourceGroups/<group>"
    "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/<name>",
)
VAULT: Final = Form(
    r"https://[a-z0-9](-?[a-z0-9]){1,22}[a-z0-9]\.vault\.(azure\.net|azure\.cn|usgovcloudapi\.net)"
    r"|http://(127\.0\.0\.1|localhost)(:[1-9][0-9]{0,4})?/[a-z0-9](-?[a-z0-9]){1,22}[a-z0-9]\.vault",
    "is not the address of a Key Vault, such as https://maps-vault.vault.azure.net (of the emulator,"
    " http://127.0.0.1:8081/maps-vault.vault)",
    folds=True,
)
SECRET: Final = Form(r"[0-9A-Za-z-]{1,127}", "is not the name of a secret: 1 to 127 letters, digits and hyphens")
DATA_ROLE: Final = Form(r"[^\s/](.{0,510}[^\s])?", "is not the name or the GUID of an Azure role")
REGION: Final = Form(LOCATION_NAME, "is not an Azure location in lower case, such as eastus")


LONGEST_REFRESH: Final = timedelta(days=30)
"""A daemon that reads its key less often holds up every revocation: most likely a slip."""


class Regions(Key[tuple[str, ...] | None]):
    """A list of regions, or the word ``any``, which has to be written out."""

    _listed = Listed(Text(REGION))

    def read(self, value: object) -> tuple[str, ...] | None:
        """Return the regions; ``any`` becomes None."""
        if value == "any":
            return None
        if isinstance(value, str):
            raise ValidationError("must be a list of regions, or the one word any")
        return self._listed.read(value)

    def form(self) -> dict[str, object]:
        """Return both ways to write it."""
        return {"oneOf": [{"const": "any"}, self._listed.form()]}


class VaultSecretPart(Part):
    """A secret of a Key Vault."""

    vault = Text(VAULT, "The vault's address.", required=True)
    secret = Text(SECRET, "The secret's name.", required=True)


class SharedKeySecretPart(VaultSecretPart):
    """A secret of a Key Vault from which daemons read the account's shared key."""

    refresh_within = Duration(
        timedelta(),
        LONGEST_REFRESH,
        "How long after a new version every daemon has read it for sure. No key is regenerated before.",
        required=True,
    )


class LifetimePart(Part):
    """How long a profile's tokens live."""

    max = Duration(
        SHORTEST_MINIMUM,
        POLICY_CEILING,
        "The longest; it may not be above the account's platformCeiling, where it could never apply.",
        required=True,
    )
    min = Duration(
        SHORTEST_MINIMUM,
        POLICY_CEILING,
        "The shortest. The map control loops on anything that lives 300 s or less.",
        default=MINIMUM_LIFETIME,
    )
    default = Duration(
        SHORTEST_MINIMUM,
        POLICY_CEILING,
        "What a request without lifetime and expiry gets; one hour unless min or max says otherwise.",
    )


MOST_BUDGET: Final = 1_000_000_000
"""Beyond this nothing is counted that could be had."""


class BudgetPart(Part):
    """The most that a profile's live tokens may be together, of all teams."""

    minimum_keys = 1

    live_tokens = Whole(1, MOST_BUDGET, "How many tokens may be live at once.")
    requests_per_second = Whole(
        1, MOST_BUDGET, "How many requests per second they may make together, over all locations that they name."
    )


class ProfilePart(Part):
    """What a team may ask for by name."""

    account = Text(NAME, "The name of the account, as written under accounts.", required=True)
    data_role = Text(
        DATA_ROLE,
        "The Azure role that the identities have on the account: its name, or its GUID.",
        required=True,
    )
    identities = Listed(
        Text(NAME),
        "Two or more of the account's identities; one is active, the others stand by for a revocation.",
        least=2,
        required=True,
    )
    regions = Regions(
        "The Azure locations that tokens are good for. The word any leaves them unconstrained, the worst case too.",
        required=True,
    )
    max_rate_per_second = Whole(
        1, MAXIMUM_RATE, "The most requests per second and location that a token may make.", required=True
    )
    lifetime = Inside(LifetimePart, "How long tokens live.", required=True)
    start_ahead = Duration(
        timedelta(), POLICY_CEILING, "How far ahead of now a token may start.", default=DEFAULT_START_AHEAD
    )
    sharing = OneOf(
        tuple(word.value for word in Sharing),
        "exclusive: each request gets a token of its own; shared: all callers get the same within a window.",
        default=Sharing.EXCLUSIVE.value,
    )
    window = Duration(
        MARGIN,
        POLICY_CEILING,
        "How long one shared token is the current one; two thirds of the lifetime but its last PT10M if left out.",
    )
    cors = Listed(
        Text(ORIGIN), "Origins of the browser pages that may call this service for this profile; none if left out."
    )
    budget = Inside(
        BudgetPart,
        "The most that the profile's live tokens may be together; unlimited if left out. After a switch, the tokens"
        " from before it do not count: they are on their way out.",
    )
    key_vault_secret = Inside(
        VaultSecretPart,
        "A secret that the service keeps filled with a current token of this profile. The service's own client id"
        " must be a member of a team that may use the profile.",
    )


class AccountPart(Part):
    """One Azure Maps account."""

    subscription = Text(GUID, "The Azure subscription.", required=True)
    resource_group = Text(RESOURCE_GROUP, "The resource group.", required=True)
    resource_name = Text(RESOURCE_NAME, "The account's name in Azure; our name for it unless given.")
    hosts = Listed(Text(ORIGIN), "The data plane's origins that tokens are used at.", required=True)
    platform_ceiling = Duration(
        SHORTEST_MINIMUM,
        POLICY_CEILING,
        "The longest lifetime that Azure signs for this account. Azure documents 24 hours today.",
        default=DEFAULT_PLATFORM_CEILING,
    )
    standby = OneOf(
        tuple(word.value for word in Standby),
        "warm: between revocations the worker keeps the identity that would take over attached, assigned and proven;"
        " cold: each revocation brings it up, which takes Azure about ten minutes.",
        default=Standby.WARM.value,
    )
    identities = Named(
        NAME, Text(IDENTITY_ID), "The managed identities that tokens may act as: our name -> ARM id.", required=True
    )
    shared_key_secrets = Listed(
        Inside(SharedKeySecretPart),
        "Secrets from which daemons read the account's shared key: they are moved before a key is regenerated.",
    )


class MembersPart(Part):
    """Who belongs to a team: any of these is enough."""

    minimum_keys = 1

    applications = Listed(Text(GUID), "Application (client) ids.")
    objects = Listed(Text(GUID), "Object ids of users or service principals.")
    groups = Listed(Text(GUID), "Object ids of Entra groups.")


class QuotaPart(Part):
    """How many requests for tokens a team may make in a while."""

    requests = Whole(1, 1_000_000, "How many requests, whatever becomes of them.", required=True)
    per = Duration(
        timedelta(seconds=1), timedelta(days=1), "In how long; a window begins with its first request.", required=True
    )


class TeamPart(Part):
    """A team and what it may use."""

    members = Inside(MembersPart, "Who belongs to the team; at least one.", required=True)
    profiles = Listed(Text(NAME), "The profiles that the team may ask for.", required=True)
    quota = Inside(QuotaPart, "How many requests the team may make; as many as Azure bears if left out.")


MOST_APPROVALS: Final = 2
"""More people than this are not found at night."""


class RevocationsPart(Part):
    """What every revocation needs before it may start."""

    approvals = Whole(
        0,
        MOST_APPROVALS,
        "How many people beside the planner must approve a plan, each with Revocations.Approve.",
        default=0,
    )
    emergency_approvals = Whole(0, MOST_APPROVALS, "The same for mode emergency; as approvals unless given.")


LONGEST_RETENTION: Final = timedelta(days=36_500)
"""A hundred years: whoever wants to keep everything leaves the key out."""


class DocumentPart(Part):
    """The whole document."""

    version = Whole(1, 1, "The version of this format.", required=True)
    accounts = Named(ACCOUNT_NAME, Inside(AccountPart), "Azure Maps accounts by our own names.", required=True)
    profiles = Named(NAME, Inside(ProfilePart), "What can be asked for, by name.", required=True)
    teams = Named(NAME, Inside(TeamPart), "Who may ask for what, by name.", required=True)
    revocations = Inside(RevocationsPart, "What a revocation needs before it may start; nothing if left out.")
    retention = Duration(
        SHORTEST_RETENTION,
        LONGEST_RETENTION,
        "After this, what is over is removed from Redis: dead tokens and old events that are sealed and in the mirror."
        " If left out, everything stays for ever.",
    )


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the document, for editors and other tools."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sas_service policy",
        "description": "Who may have which Azure Maps SAS tokens. Generated: sas-service policy schema",
        **DocumentPart().published(),
    }
