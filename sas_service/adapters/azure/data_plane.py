"""The port DataPlane: asks Azure Maps, as an application would, whether it accepts a token."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sas_service.adapters.azure.origins import trusted_origin
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.policy import Account
from sas_service.domain.tokens import SasToken
from sas_service.ports import Probed

PROBE_PATH = "/map/copyright/caption/json?api-version=2024-04-01"
"""A Render call without parameters: every built-in data role may, and Azure bills no copyright calls (peers.md, D8)."""

_LOG = logging.getLogger(__name__)
_NO_ANSWER = Probed(status=0)


@dataclass(frozen=True, slots=True)
class ProbeTimeouts:
    """Seconds to connect, and to wait for the answer's head."""

    connect: float = 3.0
    read: float = 5.0


class AzureDataPlane:
    """Probes the hosts that the policy names for an account, and no other: a token goes nowhere else.

    ``path`` is for accounts whose data role may not render.
    """

    def __init__(
        self,
        *,
        accounts: Callable[[str], Account],
        outbound: Outbound,
        path: str = PROBE_PATH,
        timeouts: ProbeTimeouts | None = None,
    ) -> None:
        self._accounts = accounts
        self._outbound = outbound
        self._path = path
        self._timeouts = timeouts or ProbeTimeouts()

    def probe(self, account: str, host: str, token: SasToken) -> Probed:
        """Ask ``host`` whether it accepts ``token``; never raises: what cannot be asked has status 0."""
        try:
            return self._asked(account, host, token)
        except Exception as error:  # noqa: BLE001 - a library's complaint may quote the header: its type must do
            _LOG.warning("a probe was not answered: %s", type(error).__name__)
            return _NO_ANSWER

    def _asked(self, account: str, host: str, token: SasToken) -> Probed:
        if host not in self._accounts(account).hosts:
            raise ValueError("not a host of this account")
        origin = host if "://" in host else f"https://{host}"
        trusted_origin(origin)
        headers = {
            "Authorization": f"jwt-sas {token.reveal()}",
            # A connection of its own each time may meet another of Azure's front ends: they do not change at once.
            "Connection": "close",
        }
        with self._outbound.session().get(
            origin.rstrip("/") + self._path,
            headers=headers,
            timeout=(self._timeouts.connect, self._timeouts.read),
            allow_redirects=False,
            stream=True,
        ) as answer:
            return Probed(answer.status_code)
