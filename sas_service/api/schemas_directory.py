"""The shapes of what a caller may look around in: profiles and accounts."""

from sas_service.api import answer_fields as say
from sas_service.api.answer_fields import Said
from sas_service.api.fields import Strict, Text
from sas_service.api.schemas_lockdown import LockdownShown
from sas_service.domain.drift import CODES
from sas_service.domain.policy import Sharing
from sas_service.domain.slots import SigningKey


class Lifetimes(Said):
    """How long tokens of a profile live."""

    min = say.duration("The shortest lifetime.", "PT10M")
    max = say.duration("The longest lifetime.", "PT2H")
    default = say.duration("The lifetime of a request that names none.", "PT1H")


class ProfileShown(Said):
    """What a team may ask for by name."""

    name = say.text("What to write into `profile`.", "storefront-web")
    team = say.text("The team that gives it.", "storefront")
    account = say.text("The Azure Maps account.", "maps-demo")
    data_role = say.text("The data role of its identities in Azure.", "Azure Maps Search and Render Data Reader")
    regions = say.texts("Regions to choose from; null: any.", ["eastus", "westus2"], nullable=True)
    max_rate_per_second = say.number("The highest rate.", 50)
    lifetime = say.nested(Lifetimes, "How long its tokens live.")
    start_ahead = say.duration("How far ahead `start` may lie.", "P1D")
    sharing = say.text(
        "Whether each caller gets a token of its own.", "exclusive", enum=[each.value for each in Sharing]
    )
    cors_origins = say.texts("The web pages that may call with it.", ["https://shop.example"])


class ProfileList(Said):
    """All profiles of the caller's teams."""

    items = say.listed(ProfileShown)
    next = say.text("Always null: all profiles fit one page.", nullable=True)


class SlotsShown(Said):
    """What signs now; for administrators."""

    epoch = say.number("Grows by one at every switch.", 1)
    signing_key = say.text("The active key.", "primaryKey", enum=[key.value for key in SigningKey])
    identities = say.mapping("The active identity of each profile.")


class DriftShown(Said):
    """Something that others have changed, and that should not be so."""

    code = say.text("What it is.", "role-lost", enum=list(CODES))
    about = say.text("The key, identity or member.", "web-a")
    since = say.instant("When it was first seen.")
    meaning = say.text("What to make of it.")
    detail = say.maybe_text("More about it.")


class AccountShown(Said):
    """An Azure Maps account, as far as the caller may see it."""

    name = say.text("The name in the policy.", "maps-demo")
    client_id = say.text("The value of `x-ms-client-id`.", "3f8c0f1e-5a55-4f0e-9f3b-0d8e2f6a7b11")
    hosts = say.texts("The data-plane hosts.", ["https://atlas.microsoft.com"])
    location = say.text("Where the account is.", "eastus")
    slots = say.nested(SlotsShown, "What signs now; null without the app role Revocations.Manage.", nullable=True)
    local_auth_disabled = say.flag(
        "Whether Azure refuses all SAS tokens and keys; null without the app role Revocations.Manage.", nullable=True
    )
    lockdown = say.nested(
        LockdownShown, "The lockdown, if there is one; null without the app role Revocations.Manage.", nullable=True
    )
    drift = say.listed(
        DriftShown, "What others have changed; null without Revocations.Manage or an operating identity.", nullable=True
    )


class AccountList(Said):
    """All accounts of the policy."""

    items = say.listed(AccountShown)
    next = say.text("Always null: all accounts fit one page.", nullable=True)


class AccountPath(Strict):
    """Which account."""

    account = Text(required=True, longest=100, metadata={"description": "Its name.", "examples": ["maps-demo"]})
