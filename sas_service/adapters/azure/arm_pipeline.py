"""What happens to every request to the management API: our bearer, to Azure's own address only, and nothing hidden.

The SDK's default list is replaced as a whole: its retries repeat POSTs, its redirects and its automatic registration of
resource providers send our token where we did not ask it to, its loggers can print answers (azure-facts.md, section 6).
"""

from typing import Any

from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import ContentDecodePolicy, SansIOHTTPPolicy, UserAgentPolicy

from sas_service.adapters.azure.arm_writes import ArmWrites
from sas_service.adapters.azure.origins import origin_of, trusted_origin
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential

_SENT_BEARER = "sas_service_bearer"


class ArmBearer(SansIOHTTPPolicy[Any, Any]):
    """Puts our access token on requests to ``base_url``; anything else, a paging link included, gets none and fails."""

    def __init__(self, credential: PrefetchedCredential, base_url: str) -> None:
        self._credential = credential
        self._origin = trusted_origin(base_url)

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Authorize the request; raises IdentityUnavailable."""
        if origin_of(request.http_request.url) != self._origin:
            raise ServiceRequestError("not an address of the management API")
        bearer = self._credential.bearer()
        request.context[_SENT_BEARER] = bearer
        request.http_request.headers["Authorization"] = f"Bearer {bearer}"

    def on_response(self, request: PipelineRequest[Any], response: Any) -> None:
        """Drop a token that Azure refuses, so that the next call brings a new one."""
        bearer = request.context.pop(_SENT_BEARER, None)
        if response.http_response.status_code == 401 and bearer is not None:  # noqa: PLR2004 - HTTP's own number
            self._credential.forget(bearer)


def arm_policies(
    credential: PrefetchedCredential, base_url: str, writes: ArmWrites | None = None
) -> list[SansIOHTTPPolicy[Any, Any]]:
    """Return the whole pipeline for one client; the principal's writes are counted where it has a budget.

    ``writes`` spends another share of it than the credential's own.
    """
    watched = writes or credential.writes
    return [
        UserAgentPolicy(base_user_agent="sas-service"),
        ArmBearer(credential, base_url),
        *([watched] if watched else []),
        ContentDecodePolicy(),
    ]


def request_headers(request_id: str) -> dict[str, str]:
    """Return the headers by which Azure's logs name our request."""
    return {"x-ms-client-request-id": request_id}
