"""What the service needs of the world, each named after the thing; every port has a real adapter and a twin in memory.

Every method may raise the errors of ``domain/errors.py`` that its docstring names, and nothing else.
"""

from sas_service.ports.audit import (
    AuditLog,
    AuditMirror,
    EventPage,
    EventQuery,
    Idempotency,
    Replay,
    Reservation,
    Reserved,
    TokenPage,
    TokenQuery,
)
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
from sas_service.ports.control import Slots, Suspension, Suspensions
from sas_service.ports.process import CallerTokens, Clock, Policies, Readiness, TokenIds

__all__ = [
    "AccountCors",
    "AccountFacts",
    "AuditLog",
    "AuditMirror",
    "CallerTokens",
    "Clock",
    "CorsReading",
    "EffectiveRole",
    "EventPage",
    "EventQuery",
    "Idempotency",
    "ManagedIdentities",
    "ManagementLock",
    "ManagementLocks",
    "MapsAccount",
    "Policies",
    "Readiness",
    "Replay",
    "Reservation",
    "Reserved",
    "RoleAssignments",
    "Signed",
    "Slots",
    "Suspension",
    "Suspensions",
    "TokenIds",
    "TokenPage",
    "TokenQuery",
]
