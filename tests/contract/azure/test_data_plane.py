"""DataPlane over HTTP: accepted, refused, away; nothing raised, nothing followed, the token told to nobody."""

import logging
from dataclasses import replace

import pytest

from sas_service.adapters.azure.data_plane import AzureDataPlane, ProbeTimeouts
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.policy import Account
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import SasToken
from tests.contract.azure.levers import ACCOUNT, DATA_ROLE, A, assign, real, sign
from tests.demo_azure import ACCOUNT_ID, DemoAzure
from tests.emulator_process import free_port, start_emulator
from tests.unit.adapters_azure import azure_world
from tests.unit.adapters_azure.loopback_server import Asked, LoopbackServer, Reply

PRIMARY = SigningKey.PRIMARY
SEARCH_AND_RENDER = "6be48352-4f82-47c9-ad5e-0acacefdb005"
TOKEN = SasToken(azure_world.SAS)


def plane(*hosts: str, outbound: Outbound | None = None, read: float = 1.0) -> AzureDataPlane:
    def account(_name: str) -> Account:
        return replace(azure_world.ACCOUNT, hosts=hosts)

    chosen = outbound or Outbound()
    return AzureDataPlane(accounts=account, outbound=chosen, timeouts=ProbeTimeouts(connect=1.0, read=read))


def test_a_token_is_accepted_by_the_cheapest_call_of_all(revocable: DemoAzure) -> None:
    levers = real(revocable)
    revocable.emulator.control("DELETE", "counters")
    probed = levers.data_plane.probe(ACCOUNT, levers.host, sign(revocable, PRIMARY, A))
    assert (probed.status, probed.accepted, probed.refused) == (200, True, False)
    assert revocable.emulator.control("GET", "counters")["dataPlaneOperations"] == {"copyright": 1}


def test_the_weakest_data_role_may_be_probed(revocable: DemoAzure) -> None:
    levers = real(revocable)
    principal, token = levers.principal(A), sign(revocable, PRIMARY, A)
    (own,) = levers.roles.effective(ACCOUNT, principal)
    assert own.role_name == DATA_ROLE
    levers.roles.remove(ACCOUNT, own.assignment_id, request_id="request-1")
    weak = assign(revocable, ACCOUNT_ID, principal, SEARCH_AND_RENDER)
    assert levers.status(token) == 200
    levers.roles.remove(ACCOUNT, weak, request_id="request-2")


def test_a_token_of_another_region_is_refused(revocable: DemoAzure) -> None:
    levers = real(revocable)
    probed = levers.data_plane.probe(ACCOUNT, levers.host, sign(revocable, PRIMARY, A, ("westeurope",)))
    assert (probed.status, probed.accepted, probed.refused) == (403, False, True)


def test_a_token_of_a_dead_key_is_refused(revocable: DemoAzure) -> None:
    levers = real(revocable)
    token = sign(revocable, PRIMARY, A)
    levers.keys.regenerate(ACCOUNT, PRIMARY, request_id="request-1")
    probed = levers.data_plane.probe(ACCOUNT, levers.host, token)
    assert (probed.status, probed.accepted, probed.refused) == (401, False, True)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_is_neither_yes_nor_no_and_asked_once(revocable: DemoAzure, status: int) -> None:
    levers, token = real(revocable), sign(revocable, PRIMARY, A)
    revocable.emulator.control("DELETE", "counters")
    fault = {"operation": "copyright", "kind": "status", "status": status, "retryAfter": 1, "times": 0}
    revocable.emulator.control("POST", "faults", fault)
    probed = levers.data_plane.probe(ACCOUNT, levers.host, token)
    assert (probed.status, probed.accepted, probed.refused) == (status, False, False)
    assert revocable.emulator.control("GET", "counters")["dataPlane"] == {str(status): 1}


@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "timeout", "seconds": 3}])
def test_a_host_that_does_not_answer_has_status_0(revocable: DemoAzure, fault: dict[str, object]) -> None:
    levers, token = real(revocable), sign(revocable, PRIMARY, A)
    revocable.emulator.control("POST", "faults", {"operation": "copyright", "times": 0, **fault})
    assert levers.status(token) == 0


def test_what_is_sent() -> None:
    with LoopbackServer(lambda _asked: Reply()) as server:
        assert plane(server.url).probe("maps-demo", server.url, TOKEN).status == 200
        (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", "/map/copyright/caption/json?api-version=2024-04-01")
    assert asked.headers["Authorization"] == f"jwt-sas {azure_world.SAS}"
    assert not {"x-ms-client-id", "subscription-key", "cookie"} & {name.lower() for name in asked.headers}


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with LoopbackServer(lambda _asked: Reply()) as elsewhere:

        def away(_asked: Asked) -> Reply:
            return Reply(307, headers={"Location": f"{elsewhere.url}/stolen"})

        with LoopbackServer(away) as server:
            probed = plane(server.url).probe("maps-demo", server.url, TOKEN)
        assert (probed.status, elsewhere.asked) == (307, [])
    assert not probed.accepted
    assert not probed.refused


@pytest.mark.parametrize(
    "host", ["http://atlas.example", "ftp://127.0.0.1", "https://user@127.0.0.1", "127.0.0.1:1", "http://[", ""]
)
def test_where_a_token_may_not_go_or_nobody_is_there(host: str) -> None:
    assert plane(host).probe("maps-demo", host, TOKEN).status == 0


def test_a_host_that_the_policy_does_not_name_gets_no_token() -> None:
    with LoopbackServer(lambda _asked: Reply()) as server:
        assert plane("https://us.atlas.microsoft.com").probe("maps-demo", server.url, TOKEN).status == 0
        assert server.asked == []


def test_plain_http_is_for_this_machine_only() -> None:
    with LoopbackServer(lambda _asked: Reply()) as server:
        # Linux takes 0.0.0.0 here, too; but it is no address by which this machine is known to be meant.
        host = server.url.replace("127.0.0.1", "0.0.0.0")  # noqa: S104 - nothing listens there
        assert plane(host).probe("maps-demo", host, TOKEN).status == 0
        assert server.asked == []


def test_tls_is_spoken_and_must_be_trusted(tmp_path_factory: pytest.TempPathFactory) -> None:
    running = start_emulator(tmp_path_factory.mktemp("tls"), None, tls=True)
    try:
        trusting = Outbound(ca_bundle=str(running.certificate))
        # No account signed this token: to be refused by the emulator is to have reached it.
        assert plane(running.url, outbound=trusting).probe("maps-demo", running.url, TOKEN).status == 401
        bare_host = running.url.removeprefix("https://")
        assert plane(bare_host, outbound=trusting).probe("maps-demo", bare_host, TOKEN).status == 401
        assert plane(running.url).probe("maps-demo", running.url, TOKEN).status == 0
        trusting.close()
    finally:
        running.stop()


def test_no_text_has_the_token(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    crooked = SasToken(azure_world.SAS + "\r\nx: y")
    with LoopbackServer(lambda _asked: Reply(401)) as server, caplog.at_level(logging.DEBUG):
        probing = plane(server.url, nobody)
        statuses = [probing.probe("maps-demo", host, TOKEN).status for host in (server.url, nobody)]
        statuses.append(probing.probe("maps-demo", server.url, crooked).status)
        output = capfd.readouterr()
    assert statuses == [401, 0, 0]
    everywhere = "\n".join([caplog.text, output.out, output.err, repr(probing)])
    assert "a probe was not answered: ConnectionError" in everywhere
    assert not [secret for secret in azure_world.SECRETS if secret in everywhere]
