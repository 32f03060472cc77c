"""Lets azure-identity speak to a local emulator over plain http, although it insists on https authorities.

The credential is told ``https://127.0.0.1:<port>``; its own documented ``transport`` argument brings a session in which
requests to exactly that origin leave as http, and the addresses in the answers are given back as https. TLS stays
required for everything else, and nothing of this can be reached for an address that is not this machine.
"""

import io
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from sas_service.adapters.azure.origins import is_plain_loopback


class PlainLoopbackAdapter(HTTPAdapter):
    """Sends https requests of one loopback origin as http."""

    def __init__(self, authority: str) -> None:
        if not is_plain_loopback(authority):
            raise ValueError("plain http is for loopback addresses only")
        self._plain = authority.rstrip("/")
        super().__init__()

    @property
    def prefix(self) -> str:
        """The https form of the authority: what the credential is told and where this adapter is mounted."""
        return "https" + self._plain.removeprefix("http")

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send as http, and show the answer as if it had come over https."""
        request.url = self._plain + (request.url or "").removeprefix(self.prefix)
        response = super().send(request, *args, **kwargs)
        body = response.content.replace(self._plain.encode(), self.prefix.encode())
        headers = {name: text for name, text in response.headers.items() if name.lower() not in _FRAMING}
        raw = HTTPResponse(body=io.BytesIO(body), status=response.status_code, headers=headers, preload_content=False)
        return self.build_response(request, raw)


_FRAMING = frozenset({"content-length", "content-encoding", "transfer-encoding"})
"""Headers that spoke of the body as it was sent; ours is decoded and may differ in length."""
