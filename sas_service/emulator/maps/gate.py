"""What every data-plane request passes: place, credentials, origin, region, role, rates."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from werkzeug import Request, Response

from sas_service.emulator.answers import RefusalError
from sas_service.emulator.edge import notes
from sas_service.emulator.index import Index
from sas_service.emulator.maps import cors
from sas_service.emulator.maps.authentication import SAS, Access, Authentication
from sas_service.emulator.maps.errors import bad_request, denied, too_many
from sas_service.emulator.maps.rates import Rates
from sas_service.emulator.permissions import allowed
from sas_service.emulator.routing import Route
from sas_service.emulator.store import Store

LOCATION_HEADER = "x-emulator-location"
_READS = ("GET",)


@dataclass(frozen=True)
class Service:
    """One REST API: its path, the data action it needs, which QPS limit it counts against, and who answers."""

    operation: str
    path: str
    action: str
    answer: Callable[[Request], Response]
    methods: tuple[str, ...] = _READS
    limit: Callable[[Request], str] | None = None

    def limit_of(self, request: Request) -> str:
        """Return the name of the QPS limit."""
        return self.limit(request) if self.limit else self.operation


class MapsGate:
    """Turns services into routes."""

    def __init__(self, store: Store, authentication: Authentication, rates: Rates) -> None:
        self._store = store
        self._authentication = authentication
        self._rates = rates

    def routes(self, services: list[Service]) -> list[Route]:
        """Return the guarded routes, each with its preflight."""
        routes = []
        for service in services:
            routes.append(Route("dataPlane", service.operation, service.methods, service.path, self._guarded(service)))
            routes.append(Route("dataPlane", "preflight", ("OPTIONS",), service.path, self.preflight))
        return routes

    def preflight(self, request: Request) -> Response:
        """Answer OPTIONS; a preflight is evaluated against the service, not against the resource."""
        account = self._authentication.account_of_preflight(request, self._store.index())
        response = cors.preflight(request, account)
        response.headers["x-ms-request-id"] = str(uuid.uuid4())
        return response

    def _guarded(self, service: Service) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            request_id = str(uuid.uuid4())
            noted = notes(request)
            noted["requestId"] = request_id
            foreign = False
            try:
                self._admit(service, request)
                response = service.answer(request)
            except RefusalError as refusal:
                foreign = bool(noted.get("foreignOrigin"))
                response = refusal.answer()
            response.headers["x-ms-request-id"] = request_id
            if not foreign:
                cors.add_headers(request, response)
            return response

        return answer

    def _admit(self, service: Service, request: Request) -> None:
        index = self._store.index()
        noted = notes(request)
        location = noted["location"] = self._location(request)
        access = self._authentication.access(request, index)
        noted.update(scheme=access.scheme, account=access.account.placed.item.name, caller=access.principal)
        try:
            cors.check_actual(request, access.account)
        except RefusalError:
            noted["foreignOrigin"] = True
            raise
        self._check_region(access, location)
        self._check_role(service, access, index)
        if not request.args.get("api-version"):
            raise bad_request("The api-version query parameter is required.")
        self._check_rates(service, request, access, location)

    def _location(self, request: Request) -> str:
        """Return where the request arrives: by host name; loopback users may choose by header."""
        chosen = request.headers.get(LOCATION_HEADER)
        if chosen and request.remote_addr in {"127.0.0.1", "::1", None}:
            return chosen.replace(" ", "").lower()
        host = request.host.rpartition(":")[0] or request.host
        return self._store.world.hosts.get(host.lower(), self._store.settings.default_location)

    def _check_region(self, access: Access, location: str) -> None:
        if access.regions is not None and location not in access.regions:
            status = self._store.settings.sas_region_refused_status
            raise denied(status, SAS, "InvalidRegion", f"The SAS token may not be used in {location}.")

    def _check_role(self, service: Service, access: Access, index: Index) -> None:
        if access.principal is None:
            return
        scope = access.account.placed.id
        if not allowed(index, access.principal, service.action, scope, data=True):
            status = self._store.settings.role_missing_status
            raise denied(status, access.scheme, "InsufficientPermission", "The identity has no role for this API.")

    def _check_rates(self, service: Service, request: Request, access: Access, location: str) -> None:
        settings = self._store.settings
        if not settings.rate_limits:
            return
        limits: list[tuple[tuple[str, ...], int]] = []
        if access.rate is not None:
            limits.append((("token", access.token, location), access.rate))
        name = service.limit_of(request)
        if name in settings.service_qps:
            place = (location,) if settings.service_qps_per_location else ()
            limits.append((("service", access.account.placed.item.unique_id, name, *place), settings.service_qps[name]))
        if not self._rates.admit(limits, self._store.clock.now()):
            raise too_many(settings.retry_after_when_rate_limited)
