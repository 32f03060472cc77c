"""Puts the emulated services together; the only place that knows all of them."""

from werkzeug import Request, Response

from sas_service.emulator.answers import RefusalError
from sas_service.emulator.arm import resources
from sas_service.emulator.arm.gate import ArmGate
from sas_service.emulator.arm.identities import Identities
from sas_service.emulator.arm.list_sas import ListSas
from sas_service.emulator.arm.locks import Locks
from sas_service.emulator.arm.maps_accounts import MapsAccounts
from sas_service.emulator.arm.maps_operations import MapsOperations
from sas_service.emulator.arm.role_assignments import RoleAssignments
from sas_service.emulator.arm.role_definitions import RoleDefinitions
from sas_service.emulator.arm.throttling import Throttle
from sas_service.emulator.control import Control
from sas_service.emulator.counters import Counters
from sas_service.emulator.edge import Edge
from sas_service.emulator.entra.client_authentication import ClientAuthentication
from sas_service.emulator.entra.keys import KeyRing
from sas_service.emulator.entra.metadata import Metadata
from sas_service.emulator.entra.sessions import Sessions
from sas_service.emulator.entra.sign_in import SignIn
from sas_service.emulator.entra.token_endpoint import TokenEndpoint
from sas_service.emulator.entra.tokens import Mint, Verifier
from sas_service.emulator.faults import Faults
from sas_service.emulator.identity_endpoints import IdentityEndpoints
from sas_service.emulator.maps import searches, tiles
from sas_service.emulator.maps.authentication import Authentication
from sas_service.emulator.maps.gate import MapsGate
from sas_service.emulator.maps.lookups import Lookups
from sas_service.emulator.maps.rates import Rates
from sas_service.emulator.maps.routes import Routes
from sas_service.emulator.routing import Route
from sas_service.emulator.store import Store
from sas_service.emulator.vault import Vault


def build(store: Store) -> Edge:
    """Return the WSGI application over a world."""
    ring, counters = KeyRing(store), Counters()
    mint, verifier = Mint(store, ring), Verifier(store, ring)
    routes = [
        *_maps(store, verifier),
        *_arm(store, verifier),
        *_entra(store, ring, mint),
        *IdentityEndpoints(store, mint).routes(),
        *Vault(store, verifier).routes(),
    ]
    unknown = Route("unknown", "unknown", (), "", _unknown)
    faults = Faults(operations_of([*routes, unknown]))
    control = Control(store, counters, faults, ring).routes()
    return Edge([*routes, *control], unknown, counters, faults)


def operations_of(routes: list[Route]) -> dict[str, set[str]]:
    """Return the names of the operations of each service."""
    names: dict[str, set[str]] = {}
    for route in routes:
        names.setdefault(route.service, set()).add(route.operation)
    return names


def _maps(store: Store, verifier: Verifier) -> list[Route]:
    gate = MapsGate(store, Authentication(store, verifier), Rates())
    services = [*Routes(store).services(), *searches.services(), *tiles.services(), *Lookups(store).services()]
    return gate.routes(services)


def _arm(store: Store, verifier: Verifier) -> list[Route]:
    gate = ArmGate(store, verifier, Throttle(store))
    maps = MapsOperations(store, MapsAccounts(store), ListSas(store))
    providers = (maps, Identities(store), RoleAssignments(store), RoleDefinitions(store), Locks(store))
    table = [operation for provider in providers for operation in provider.operations()]
    return gate.routes([*table, *resources.operations()])


def _entra(store: Store, ring: KeyRing, mint: Mint) -> list[Route]:
    sessions = Sessions(store)
    clients = ClientAuthentication(store)
    return [
        *TokenEndpoint(store, mint, clients, sessions).routes(),
        *SignIn(store, clients, sessions).routes(),
        *Metadata(store, ring).routes(),
    ]


def _unknown(request: Request, methods: str) -> Response:
    if methods:
        message = f"{request.path} has the methods {methods}."
        raise RefusalError(405, {"error": {"code": "MethodNotAllowed", "message": message}}, {"Allow": methods})
    message = f"The emulator knows no service at {request.path}."
    raise RefusalError(404, {"error": {"code": "NotFound", "message": message}})
