"""The wiring of issuing and replacing, the same in the API and in the worker that is its own customer."""

from sas_service.adapters.policy_file import PolicyFile
from sas_service.adapters.redis.admission import RedisAdmission
from sas_service.adapters.system_clock import SystemClock
from sas_service.adapters.token_ids import RandomTokenIds
from sas_service.bootstrap.azure import Azure
from sas_service.bootstrap.policies import build_first_identity
from sas_service.bootstrap.stores import Stores
from sas_service.services.active_slots import ActiveSlots
from sas_service.services.deny import Deciding
from sas_service.services.hand_out import HandingOut
from sas_service.services.histories import Histories
from sas_service.services.issue import Issuing
from sas_service.services.replace import Replacing
from sas_service.settings import Settings


def build_issuing(settings: Settings, stores: Stores, azure: Azure, deciding: Deciding) -> Issuing:
    """Build what issues tokens."""
    return Issuing(
        deciding=deciding,
        active_slots=ActiveSlots(
            slots=stores.slots, maps_account=azure.maps_account, first=build_first_identity(settings, stores).of
        ),
        audit_log=stores.audit_log,
        mirror=stores.mirror,
        maps_account=azure.maps_account,
        clock=SystemClock(),
        token_ids=RandomTokenIds(),
        spending=azure.spending,
        reservation_time=settings.reservation_time,
        # The budget and the accounts of a cluster are on different servers.
        admission=None
        if settings.redis_cluster
        else RedisAdmission(stores.server, azure.budget, stores.audit_log.reservations),
    )


def build_histories(stores: Stores) -> Histories:
    """Build this process's copy of what runs and lockdowns have cut."""
    return Histories(journal=stores.journal, lockdowns=stores.lockdowns, slots=stores.slots, clock=SystemClock())


def build_replacing(
    stores: Stores,
    policies: PolicyFile,
    issuing: Issuing,
    histories: Histories,
    handing_out: HandingOut | None = None,
) -> Replacing:
    """Build what replaces them; without ``handing_out`` shared ones are replaced by nobody here."""
    return Replacing(
        issuing=issuing,
        policies=policies,
        slots=stores.slots,
        audit_log=stores.audit_log,
        mirror=stores.mirror,
        acknowledgements=stores.acknowledgements,
        suspensions=stores.suspensions,
        histories=histories,
        clock=SystemClock(),
        handing_out=handing_out,
    )
