"""Every resource of the API, in the order of the document."""

from sas_service.api.account_cors import account_cors
from sas_service.api.accounts import accounts
from sas_service.api.audit import audit
from sas_service.api.audit_checkpoints import audit_checkpoints
from sas_service.api.drift import drift
from sas_service.api.lockdown import lockdown
from sas_service.api.operations import Resource
from sas_service.api.profiles import profiles
from sas_service.api.renewal import renewal
from sas_service.api.revocation_verbs import revocation_verbs
from sas_service.api.revocations import revocations
from sas_service.api.service import service
from sas_service.api.shared_tokens import shared_tokens
from sas_service.api.suspensions import suspensions
from sas_service.api.tokens import tokens

RESOURCES: tuple[Resource, ...] = (
    tokens,
    renewal,
    profiles,
    shared_tokens,
    accounts,
    account_cors,
    lockdown,
    drift,
    suspensions,
    revocations,
    revocation_verbs,
    audit,
    audit_checkpoints,
    service,
)
