"""Twins in memory of the ports: for tests, and as the plainest statement of what each port promises."""

from sas_service.adapters.memory.account_cors import MemoryAccountCors
from sas_service.adapters.memory.acknowledgements import MemoryAcknowledgements
from sas_service.adapters.memory.arm_budget import MemoryArmBudget
from sas_service.adapters.memory.audit_log import MemoryAuditLog
from sas_service.adapters.memory.audit_mirror import MemoryAuditMirror
from sas_service.adapters.memory.azure import Fault, MemoryAzure
from sas_service.adapters.memory.azure_ports import (
    MemoryAccountIdentities,
    MemoryAccountKeys,
    MemoryDataPlane,
    MemoryIdentityRoles,
    MemoryLocalAuth,
    SigningTwin,
)
from sas_service.adapters.memory.caller_tokens import MemoryCallerTokens
from sas_service.adapters.memory.clock import MemoryClock
from sas_service.adapters.memory.journal import MemoryJournal
from sas_service.adapters.memory.leases import MemoryLeases
from sas_service.adapters.memory.lockdowns import MemoryLockdowns
from sas_service.adapters.memory.managed_identities import MemoryManagedIdentities
from sas_service.adapters.memory.management_locks import MemoryManagementLocks
from sas_service.adapters.memory.maps_account import MemoryMapsAccount
from sas_service.adapters.memory.mirror_progress import MemoryMirrorProgress
from sas_service.adapters.memory.mirror_reading import MemoryMirrorReading
from sas_service.adapters.memory.notes import MemoryNotes
from sas_service.adapters.memory.repair import MemoryRepair
from sas_service.adapters.memory.role_assignments import MemoryRoleAssignments
from sas_service.adapters.memory.roster import MemoryRoster
from sas_service.adapters.memory.sealing import MemorySealing
from sas_service.adapters.memory.seals import MemorySeals
from sas_service.adapters.memory.shared_tokens import MemorySharedTokens
from sas_service.adapters.memory.signing import MemorySigning, verify_memory
from sas_service.adapters.memory.slots import MemorySlots
from sas_service.adapters.memory.suspensions import MemorySuspensions
from sas_service.adapters.memory.token_ids import MemoryTokenIds
from sas_service.adapters.memory.vault import MemorySharedKeySecrets, MemoryTokenSecrets

__all__ = [
    "Fault",
    "MemoryAccountCors",
    "MemoryAccountIdentities",
    "MemoryAccountKeys",
    "MemoryAcknowledgements",
    "MemoryArmBudget",
    "MemoryAuditLog",
    "MemoryAuditMirror",
    "MemoryAzure",
    "MemoryCallerTokens",
    "MemoryClock",
    "MemoryDataPlane",
    "MemoryIdentityRoles",
    "MemoryJournal",
    "MemoryLeases",
    "MemoryLocalAuth",
    "MemoryLockdowns",
    "MemoryManagedIdentities",
    "MemoryManagementLocks",
    "MemoryMapsAccount",
    "MemoryMirrorProgress",
    "MemoryMirrorReading",
    "MemoryNotes",
    "MemoryRepair",
    "MemoryRoleAssignments",
    "MemoryRoster",
    "MemorySealing",
    "MemorySeals",
    "MemorySharedKeySecrets",
    "MemorySharedTokens",
    "MemorySigning",
    "MemorySlots",
    "MemorySuspensions",
    "MemoryTokenIds",
    "MemoryTokenSecrets",
    "SigningTwin",
    "verify_memory",
]
