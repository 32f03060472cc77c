"""The active slots of each account: one hash, so that epoch, key and identities change together or not at all."""

from collections.abc import Mapping, Sequence

from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.errors import NotFound
from sas_service.domain.slots import AccountSlots, SigningKey

_INITIALISE = Script("initialise_slots")
_IDENTITY = "identity:"


class RedisSlots:
    """The port ``Slots``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def read(self, account: str) -> AccountSlots:
        """Return what is active. Raises AuditLogUnavailable, NotFound before ``initialise``."""
        (fields,) = self._server.read(("HGETALL", Keys(account).slots))
        if not fields:
            raise NotFound("The account has no slots yet.")
        return _slots(account, fields)

    def initialise(self, account: str, identities: Mapping[str, str]) -> AccountSlots:
        """Give profiles that have none their first identity; never changes an existing one."""
        named = [word for profile, identity in sorted(identities.items()) for word in (_IDENTITY + profile, identity)]
        answer: Sequence[str] = self._server.run_durably(
            _INITIALISE, (Keys(account).slots,), (SigningKey.PRIMARY.value, *named)
        )
        return _slots(account, dict(zip(answer[::2], answer[1::2], strict=True)))


def _slots(account: str, fields: Mapping[str, str]) -> AccountSlots:
    return AccountSlots(
        account=account,
        epoch=int(fields["epoch"]),
        signing_key=SigningKey(fields["signingKey"]),
        identities={
            name.removeprefix(_IDENTITY): identity for name, identity in fields.items() if name.startswith(_IDENTITY)
        },
    )
