"""What the service needs of the world, each named after the thing; every port has a real adapter and a twin in memory.

Every method may raise the errors of ``domain/errors.py`` that its docstring names, and nothing else.
"""

from sas_service.ports.accounts import Accounts, Roster
from sas_service.ports.audit import (
    AuditLog,
    AuditMirror,
    EventPage,
    Idempotency,
    Replay,
    Reservation,
    Reserved,
    TokenPage,
)
from sas_service.ports.audit_queries import EventQuery, TokenQuery
from sas_service.ports.azure import (
    AccountCors,
    AccountFacts,
    CorsReading,
    EffectiveRole,
    ManagedIdentities,
    ManagementLock,
    ManagementLocks,
    MapsAccount,
    RoleAssignments,
    Signed,
)
from sas_service.ports.budget import Admission, Allotted, ArmBudget, Demand, NotNow, QuotaSpent
from sas_service.ports.control import Slots, Suspension, Suspensions
from sas_service.ports.expiries import Expiries
from sas_service.ports.lockdown import LocalAuth, LocalAuthReading, Lockdowns
from sas_service.ports.mirror import Head, MirrorProgress, MirrorReading
from sas_service.ports.process import CallerTokens, Clock, Policies, Readiness, TokenIds
from sas_service.ports.repair import LogRepair
from sas_service.ports.revocation import (
    AccountIdentities,
    AccountKeys,
    Acknowledgements,
    DataPlane,
    IdentitiesReading,
    IdentityRoles,
    Journal,
    KeyReading,
    Lease,
    Leases,
    Probed,
    Sealing,
    SlotSwitch,
    TokenCensus,
)
from sas_service.ports.seals import EventStreams, Seal, Seals, Signing, StreamEnds
from sas_service.ports.shared import Current, Flight, HandOut, NoneCurrent, Shared, SharedName, SharedTokens, Wait
from sas_service.ports.upkeep import AccountNotes
from sas_service.ports.vault import Kept, SharedKeySecrets, TokenSecrets

__all__ = [
    "AccountCors",
    "AccountFacts",
    "AccountIdentities",
    "AccountKeys",
    "AccountNotes",
    "Accounts",
    "Acknowledgements",
    "Admission",
    "Allotted",
    "ArmBudget",
    "AuditLog",
    "AuditMirror",
    "CallerTokens",
    "Clock",
    "CorsReading",
    "Current",
    "DataPlane",
    "Demand",
    "EffectiveRole",
    "EventPage",
    "EventQuery",
    "EventStreams",
    "Expiries",
    "Flight",
    "HandOut",
    "Head",
    "Idempotency",
    "IdentitiesReading",
    "IdentityRoles",
    "Journal",
    "Kept",
    "KeyReading",
    "Lease",
    "Leases",
    "LocalAuth",
    "LocalAuthReading",
    "Lockdowns",
    "LogRepair",
    "ManagedIdentities",
    "ManagementLock",
    "ManagementLocks",
    "MapsAccount",
    "MirrorProgress",
    "MirrorReading",
    "NoneCurrent",
    "NotNow",
    "Policies",
    "Probed",
    "QuotaSpent",
    "Readiness",
    "Replay",
    "Reservation",
    "Reserved",
    "RoleAssignments",
    "Roster",
    "Seal",
    "Sealing",
    "Seals",
    "Shared",
    "SharedKeySecrets",
    "SharedName",
    "SharedTokens",
    "Signed",
    "Signing",
    "SlotSwitch",
    "Slots",
    "StreamEnds",
    "Suspension",
    "Suspensions",
    "TokenCensus",
    "TokenIds",
    "TokenPage",
    "TokenQuery",
    "TokenSecrets",
    "Wait",
]
