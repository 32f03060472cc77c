"""The page for people: who is in this world, what is attached, planned and counted; no secrets."""

from jinja2 import Environment, PackageLoader

from sas_service.emulator.counters import Counters
from sas_service.emulator.durations import azure_timestamp
from sas_service.emulator.faults import Faults
from sas_service.emulator.store import Store

_PAGES = Environment(loader=PackageLoader("sas_service.emulator", "pages"), autoescape=True, trim_blocks=True)


def render_page(store: Store, counters: Counters, faults: Faults) -> str:
    """Return the HTML of the world's state."""
    index = store.index()
    roles = [
        (index.principals.get(each.principal_id), each, index.roles[each.role])
        for assignments in index.assignments.values()
        for each in assignments
        if each.role in index.roles
    ]
    return _PAGES.get_template("world.html").render(
        now=azure_timestamp(store.clock.now()),
        frozen=store.clock.frozen,
        tenants=store.world.tenants,
        accounts=index.live_accounts.values(),
        principals=index.principals,
        identities=index.identities.values(),
        roles=roles,
        machines=store.world.machines,
        counters=counters.snapshot(),
        faults=faults.planned(),
        requests=counters.log(50),
    )


def render_sign_in(**values: object) -> str:
    """Return the HTML of Entra's sign-in page."""
    return _PAGES.get_template("sign_in.html").render(**values)


def render_form_post(**values: object) -> str:
    """Return the page that posts the answer of a sign-in to the application."""
    return _PAGES.get_template("form_post.html").render(**values)
