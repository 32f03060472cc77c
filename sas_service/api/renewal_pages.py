"""The page behind ``explanation`` in renewal information: why to replace a token now, for the people who hold it."""

from collections.abc import Mapping

from sas_service.api.pages import Page, render_page
from sas_service.domain.errors import NotFound
from sas_service.domain.revocations import Reason

WHY: Mapping[str, str] = {
    Reason.KEY_COMPROMISE.value: "A signing key of the account may be in wrong hands. It is regenerated, and every"
    " token that it signed stops working.",
    Reason.TOKEN_LEAK.value: "A token was seen where it should not be. Azure cannot take back one token, so what it"
    " hangs on is replaced, and with it the tokens of others.",
    Reason.SUPERSEDED.value: "The key or the identity behind the token is replaced by another.",
    Reason.OFFBOARDING.value: "Somebody who had a token should not have one any more. What it hangs on is replaced, and"
    " with it the tokens of others.",
    Reason.SCHEDULED.value: "Keys and identities are changed from time to time, and this is such a time.",
    Reason.DRILL.value: "This is an exercise; nothing has happened. The token is replaced as in an emergency.",
}


def renewal_page(reason: str) -> Page:
    """Return the page of a reason; raises NotFound."""
    if reason not in WHY:
        raise NotFound("There is no such reason.")
    return render_page("renewal.html", reason=reason, why=WHY[reason])
