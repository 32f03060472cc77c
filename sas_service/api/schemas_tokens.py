"""The shapes of requests for tokens and of answers about them; limits that differ by caller are the policy's."""

from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE

from sas_service.api import answer_fields as say
from sas_service.api.answer_fields import Said
from sas_service.api.fields import Duration, Instant, Labels, Names, Strict, Text, Whole
from sas_service.domain.policy import MAXIMUM_RATE
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenRequest, TokenState

_NAME = 100
"""No name in a policy is longer; a name that does not exist is the policy's to refuse."""


class TokenRequestBody(Strict):
    """What a caller asks for; whatever is left out is the profile's choice."""

    profile = Text(
        required=True,
        longest=_NAME,
        metadata={"description": "One of `GET /v1/profiles`.", "examples": ["storefront-web"]},
    )
    lifetime = Duration(
        metadata={
            "description": "How long the token lives, from `start`. Either this or `expiry`.",
            "examples": ["PT1H"],
            "format": "duration",
        }
    )
    expiry = Instant(metadata={"description": "When the token ends. Either this or `lifetime`.", "format": "date-time"})
    start = Instant(metadata={"description": "When the token begins to work; now if left out.", "format": "date-time"})
    regions = Names(
        Text(longest=_NAME),
        most=100,
        metadata={
            "description": "Azure regions that accept the token: a part of the profile's.",
            "examples": [["eastus"]],
        },
    )
    max_rate_per_second = Whole(
        smallest=1,
        largest=MAXIMUM_RATE,
        metadata={"description": "Requests per second and Azure location, at most the profile's.", "examples": [50]},
    )
    reason = Text(longest=500, metadata={"description": "Why, for the audit log.", "examples": ["release 42"]})
    labels = Labels(most=20, metadata={"description": "Free names and values, for the audit log."})

    class Meta:
        """Unknown members are refused, and the document says so."""

        unknown = RAISE


class TokenPath(Strict):
    """Which token."""

    id = Text(
        required=True,
        longest=200,
        metadata={"description": "A token's id.", "examples": ["maps-demo.01K9Z6V7Q0M4T1C8N5R2X3Y6ZB"]},
    )


class AcknowledgementBody(Strict):
    """What was loaded."""

    fingerprint = Text(
        required=True,
        longest=64,
        pattern="[0-9a-f]{64}",
        wanted="the SHA-256 of the token that was loaded, as 64 hexadecimal digits",
        metadata={"description": "SHA-256 of the new token, as hexadecimal.", "examples": ["5e88" * 16]},
    )


class Granted(Said):
    """What the policy says yes to: the exact parameters of the token."""

    account = say.text("The Azure Maps account, as the policy names it.", "maps-demo")
    profile = say.text("The profile.", "storefront-web")
    team = say.text("The team that the token counts for.", "storefront")
    client_id = say.text(
        "The account's client id: the value of `x-ms-client-id`. Null in lists while Azure cannot be asked.",
        "3f8c0f1e-5a55-4f0e-9f3b-0d8e2f6a7b11",
        nullable=True,
    )
    hosts = say.texts("The data-plane hosts that take the token.", ["https://atlas.microsoft.com"])
    signing_key = say.text("The key that signs.", "primaryKey", enum=[key.value for key in SigningKey])
    principal_id = say.text("The managed identity behind the token.", "8a2c7d0b-6c1e-4b57-9a3f-5d1c0e9b7f21")
    epoch = say.number("Grows by one whenever the account switches its key or identity.", 1)
    regions = say.texts("Where the token works; null: anywhere.", ["eastus", "westus2"], nullable=True)
    max_rate_per_second = say.number("Requests per second and Azure location.", 50)
    start = say.instant("When the token begins to work.")
    expiry = say.instant("When it ends.")
    lifetime = say.duration("From `start` to `expiry`.", "PT1H")
    worst_case_transactions = say.number(
        "The most billable transactions that the token allows: rate x locations x seconds; null: unconstrained.",
        360_000,
        nullable=True,
    )
    policy_digest = say.text("SHA-256 of the policy that decided.", "9f2c" * 16)


class _Named(Said):
    id = say.text("The token's id.", "maps-demo.01K9Z6V7Q0M4T1C8N5R2X3Y6ZB")


class _Known(Said):
    fingerprint = say.text("SHA-256 of the token, as hexadecimal; null until signed.", "5e88" * 16, nullable=True)
    replaces = say.text("The id of the token that this one replaces.", nullable=True)
    renewal = say.text("Where to ask when to replace it.", "/v1/tokens/maps-demo.01K9Z6V7Q0M4T1C8N5R2X3Y6ZB/renewal")
    reason = say.text("Why, as the caller said.", "release 42", nullable=True)
    labels = say.mapping("What the caller wanted on record.")


class _Secret(_Named):
    token = say.text("The SAS token. A secret: keep it out of logs and addresses.", "<the SAS token>")
    authorization = say.text("The value of the Authorization header towards Azure Maps.", "jwt-sas <the SAS token>")


class TokenAnswer(Granted, _Known, _Secret):
    """A token: the only answer that ever has the secret in it; the last base stands first in the document."""


class _Written(_Named):
    state = say.text("What can be done with it now.", "live", enum=[state.value for state in TokenState])
    caller = say.mapping("Who asked: tenantId, objectId, applicationId and kind.")
    issued_at = say.instant("When it was asked for.")
    request_id = say.text("The id of the request.")
    azure_request_id = say.text("Azure's id of the List SAS call.", nullable=True)
    replaced_by = say.text("The id of the token that replaces it.", nullable=True)


class TokenOnRecord(Granted, _Known, _Written):
    """What is on record about a token; never the token."""


class TokenList(Said):
    """A page of tokens, newest first."""

    items = say.listed(TokenOnRecord)
    next = say.text("The next page, also in Link; null at the end.", nullable=True)


class RenewalWindow(Said):
    """From when to when to replace the token."""

    start = say.instant("The earliest instant.")
    end = say.instant("The latest instant.")


class Renewal(Said):
    """When to replace a token; ask again after Retry-After."""

    suggested_window = say.nested(
        RenewalWindow, "Replace at a random instant in this window; a window in the past means now."
    )
    reason = say.text("Why earlier than planned; null: no reason but age.", nullable=True)
    explanation = say.text("The address of a page for people about it.", nullable=True)
    replacement = say.text("The token that replaces it, once there is one.", nullable=True)


def token_request(body: Mapping[str, Any]) -> TokenRequest:
    """Return the request in ``body``; a profile that could not be read is no profile."""
    said = dict(body)
    regions = said.pop("regions", None)
    return TokenRequest(profile=said.pop("profile", ""), regions=None if regions is None else tuple(regions), **said)
