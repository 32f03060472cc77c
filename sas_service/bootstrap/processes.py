"""The processes: a service for API and worker, and the Flask application."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from flask import Flask
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from sas_service import __version__
from sas_service.adapters.policy_file import PolicyFile
from sas_service.adapters.readiness import Question
from sas_service.adapters.redis.expiries import RedisExpiries
from sas_service.adapters.system_clock import SystemClock
from sas_service.api.app import create_app
from sas_service.api.auth import Challenge
from sas_service.api.metrics import Metrics
from sas_service.bootstrap.audit import SealedLog, build_sealed_log
from sas_service.bootstrap.azure import Azure, build_azure, build_caller_tokens
from sas_service.bootstrap.budget import write_limits
from sas_service.bootstrap.issuing import build_histories, build_issuing, build_replacing
from sas_service.bootstrap.mirror import build_accounts, build_backfill
from sas_service.bootstrap.policies import build_policies
from sas_service.bootstrap.preflight import readiness, sharing
from sas_service.bootstrap.revocation import Revocations, build_revocations
from sas_service.bootstrap.shared import build_folding, build_handing_out, build_refreshing
from sas_service.bootstrap.sinks import build_sinking
from sas_service.bootstrap.stores import Stores, build_stores
from sas_service.domain.apart import for_each
from sas_service.domain.audit import SERVICE_STREAM
from sas_service.services.account_cors import AccountOrigins
from sas_service.services.backfill_mirror import MirrorBackfill
from sas_service.services.deny import Deciding
from sas_service.services.expire import Expiring
from sas_service.services.expose import Exposing
from sas_service.services.fold_hand_outs import WITHOUT_WORKER, Folding
from sas_service.services.identify import Identifying
from sas_service.services.inspect import Inspection
from sas_service.services.known_accounts import KnownAccounts
from sas_service.services.note_readers import NotingReaders
from sas_service.services.reap import Reaping
from sas_service.services.refresh_shared import RefreshingShared
from sas_service.services.renew import Renewing
from sas_service.services.sink import Sinking
from sas_service.services.suspend import Suspending
from sas_service.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """One process's parts; ``warm`` is what is better fetched before the first request needs it."""

    settings: Settings
    stores: Stores
    azure: Azure
    policies: PolicyFile
    accounts: KnownAccounts
    readiness: tuple[Question, ...]
    reaping: Reaping
    expiring: Expiring
    folding: Folding
    syncing: Callable[[], None]
    revocations: Revocations | None
    sealed_log: SealedLog | None
    sinking: Sinking | None
    refreshing: RefreshingShared | None
    backfill: MirrorBackfill
    upkeep: Callable[[], None]
    policy_poll: timedelta
    warm: tuple[Callable[[], None], ...] = ()

    def close(self) -> None:
        """Close connections and files."""
        self.azure.outbound.close()
        self.stores.mirror.close()


def build_service(environ: Mapping[str, str], *, last_accepted: Path | None = None) -> Service:
    """Build a process from its environment. Raises SettingsError, PolicyRefused; opens no connection to Azure.

    Where the process logs to is the business of whoever starts it (preflight, gunicorn's settings).
    """
    settings = Settings.from_env(environ)
    stores = build_stores(settings, environ)
    policies = build_policies(settings, stores, last_accepted)
    azure = build_azure(settings, policies.current, environ, stores.server)
    clock = SystemClock()
    accounts = build_accounts(stores, policies)
    folding = build_folding(stores, accounts)
    reaping = Reaping(accounts=accounts, audit_log=stores.audit_log, mirror=stores.mirror, clock=clock)

    def upkeep() -> None:
        looks: tuple[Callable[[], object], ...] = (
            *(policies.refresh, stores.loss_guard.recheck, stores.migrations.guard, stores.server.check),
            lambda: stores.server.begin((SERVICE_STREAM, *sorted(policies.current().accounts))),
            # The worker's, while there is one; without any, what is counted would grow for ever.
            lambda: folding.run(late=WITHOUT_WORKER),
        )
        for_each(looks, lambda look: look())

    return Service(
        settings=settings,
        stores=stores,
        azure=azure,
        policies=policies,
        accounts=accounts,
        readiness=(*readiness(stores, policies), *sharing(settings, policies)),
        reaping=reaping,
        expiring=Expiring(accounts=accounts, expiries=RedisExpiries(stores.server), mirror=stores.mirror, clock=clock),
        folding=folding,
        syncing=lambda: stores.suspensions.sync(sorted(policies.current().accounts)),
        revocations=build_revocations(settings, stores, policies, azure, accounts),
        sealed_log=build_sealed_log(settings, stores, policies, accounts),
        sinking=build_sinking(settings, stores, policies, azure),
        refreshing=build_refreshing(settings, stores, policies, azure),
        backfill=build_backfill(stores, accounts),
        upkeep=upkeep,
        policy_poll=settings.policy_poll,
    )


def build_api(environ: Mapping[str, str]) -> tuple[Service, Flask]:
    """Build the API of one gunicorn worker process."""
    # Shared by this service's processes and gone with them: a worker born while a refused file lies there needs it.
    shared = environ.get("PROMETHEUS_MULTIPROC_DIR")
    service = build_service(environ, last_accepted=Path(shared) / "policy.accepted.yaml" if shared else None)
    settings, stores, azure = service.settings, service.stores, service.azure
    clock = SystemClock()
    caller_tokens = build_caller_tokens(settings, azure.outbound)
    deciding = Deciding(policies=service.policies, audit_log=stores.audit_log, mirror=stores.mirror)
    issuing = build_issuing(settings, stores, azure, deciding)
    handing_out = build_handing_out(
        settings, stores, service.policies, deciding=deciding, issuing=issuing, spending=azure.spending
    )
    histories = build_histories(stores)
    replacing = build_replacing(stores, service.policies, issuing, histories, handing_out)
    inspection = Inspection(
        policies=service.policies,
        audit_log=stores.audit_log,
        slots=stores.slots,
        maps_account=azure.maps_account,
        past=histories.past,
        accounts=service.accounts.met,
    )
    suspending = Suspending(
        policies=service.policies,
        suspensions=stores.suspensions,
        audit_log=stores.audit_log,
        mirror=stores.mirror,
        clock=clock,
    )
    account_origins = AccountOrigins(
        policies=service.policies,
        account_cors=azure.operator.account_cors if azure.operator else None,
        audit_log=stores.audit_log,
        mirror=stores.mirror,
        clock=clock,
    )
    app = create_app(
        caller_tokens=caller_tokens,
        clock=clock,
        deciding=deciding,
        issuing=issuing,
        handing_out=handing_out,
        replacing=replacing,
        renewing=Renewing(inspection=inspection, histories=histories, clock=clock, writes=write_limits(settings)),
        revoking=service.revocations.revoking if service.revocations else None,
        locking_down=service.revocations.locking_down if service.revocations else None,
        watching=service.revocations.watching if service.revocations else None,
        inspection=inspection,
        identifying=Identifying(
            inspection=inspection,
            past=histories.past,
            clock=clock,
            planning=service.revocations.planning if service.revocations else None,
        ),
        exposing=Exposing(accounts=service.accounts.met, census=stores.census, past=histories.past, clock=clock),
        readers=NotingReaders(audit_log=stores.audit_log, mirror=stores.mirror, clock=clock),
        suspending=suspending,
        account_origins=account_origins,
        proofs=service.sealed_log.proofs if service.sealed_log else None,
        evidence=service.sealed_log.evidence if service.sealed_log else None,
        drift=service.revocations.drift if service.revocations else None,
        policies=service.policies,
        readiness=service.readiness,
        metrics=_metrics(shared),
        version=__version__,
        challenge=Challenge(
            authorization_uri=f"{settings.entra_authority}/{settings.tenant_id}/oauth2/v2.0/authorize",
            scope=f"{settings.audiences[0]}/.default",
        ),
    )
    warm = (azure.issuer.prefetch, lambda: caller_tokens.prefetch(clock.now()))
    return replace(service, warm=warm), app


def _metrics(shared: str | None) -> Metrics:
    if shared is None:
        return Metrics(CollectorRegistry())

    def scrape() -> bytes:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=shared)  # type: ignore[no-untyped-call]  # the library has no types here
        return generate_latest(registry)

    return Metrics(CollectorRegistry(), scrape=scrape)
