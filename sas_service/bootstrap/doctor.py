"""The doctor's wiring: every dependency, asked once."""

from collections.abc import Iterator, Mapping
from functools import partial

from sas_service.adapters.logs import configure_logs
from sas_service.adapters.readiness import Question
from sas_service.adapters.system_clock import SystemClock
from sas_service.bootstrap.azure import Operating, build_azure, build_caller_tokens
from sas_service.bootstrap.policies import build_policies
from sas_service.bootstrap.preflight import quietly, readiness
from sas_service.bootstrap.stores import build_stores
from sas_service.services.diagnose import Diagnosis
from sas_service.services.diagnose_identities import OperatorsView
from sas_service.services.findings import Finding
from sas_service.settings import Settings


def build_doctor(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Return the doctor's findings, made as they are asked for. Raises SettingsError, PolicyRefused."""
    settings = Settings.from_env(environ)
    configure_logs("error")
    stores = build_stores(settings, environ)
    policies = build_policies(settings, stores, None)
    azure = build_azure(settings, policies.current, environ, stores.server)
    caller_tokens = build_caller_tokens(settings, azure.outbound)
    return Diagnosis(
        policy=policies.current(),
        seals=bool(settings.sealing_keys),
        readiness=[
            *readiness(stores, policies),
            Question("Entra metadata", lambda: quietly(partial(caller_tokens.prefetch, SystemClock().now()))),
            Question("issuer credential", partial(quietly, azure.issuer.prefetch)),
        ],
        maps_account=azure.maps_account,
        operator=_view(azure.operator) if azure.operator else None,
    ).run()


def _view(operator: Operating) -> OperatorsView:
    return OperatorsView(
        credential=Question("operator credential", partial(quietly, operator.credential.prefetch)),
        role_assignments=operator.role_assignments,
        identities=operator.identities,
        locks=operator.locks,
    )
