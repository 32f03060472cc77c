"""Write the account's key into daemons' secrets that hold a dead one, again at each look until it is there."""

from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.drift import SHARED_KEY_DEAD, Known
from sas_service.domain.errors import LeaseLost, SasServiceError
from sas_service.domain.policy import SharedKeySecret
from sas_service.ports import Lease
from sas_service.steps.run import World
from sas_service.steps.sharing_keys import COPY


class MendingSecrets:
    """After an emergency whose copy failed, a lockdown, a key made anew by hand: daemons would be refused for ever."""

    def __init__(self, world: World) -> None:
        self._world = world

    def run(self, lease: Lease, known: Known) -> None:
        """Write each secret that ``known`` calls dead, once; what fails is on record, and tried at the next look.

        Raises LeaseLost, AuditLogUnavailable, MirrorUnavailable.
        """
        dead = {drift.about for drift in known.drifts if drift.code == SHARED_KEY_DEAD}
        account = self._world.policies.current().accounts[lease.account]
        for each in account.shared_key_secrets:
            if each.place.name in dead:
                self._write(lease, each)

    def _write(self, lease: Lease, each: SharedKeySecret) -> None:
        world = self._world
        if lease.until - world.clock.now() < 2 * world.pace.call_deadline:
            raise LeaseLost("The lease ends too soon to send anything under it.")
        # SAS tokens and daemons stay on the same side.
        key, intent = world.slots.read(lease.account).signing_key, world.new_id()
        name = each.place.name
        self._record(lease, EventKind.AZURE_WRITE_INTENDED, intent=intent, operation=COPY, name=name, key=key.value)
        sent: dict[str, str | None] = {"outcome": "accepted"}
        try:
            sent["azureRequestId"] = world.shared_keys.copy_key(lease.account, key, each.place, request_id=intent)
        except SasServiceError as error:
            sent["outcome"] = "refused" if error.extra.get("effect") == "none" else "unknown"
        self._record(lease, EventKind.AZURE_WRITE_ANSWERED, intent=intent, **sent)

    def _record(self, lease: Lease, kind: EventKind, **details: str | None) -> None:
        said = {name: value for name, value in details.items() if value is not None}
        draft = EventDraft(kind, self._world.clock.now(), account=lease.account, details=said)
        self._world.mirror.append(self._world.audit_log.append(draft))
