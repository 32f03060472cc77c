"""The waits of a revocation are settings, and their defaults are those of the domain."""

from dataclasses import fields

import pytest

from sas_service.bootstrap.policies import pace
from sas_service.domain.pace import Pace
from sas_service.settings import Settings, SettingsError
from tests.unit.test_settings import GOOD

OPERATOR = {"SAS_OPERATOR_CLIENT_ID": "72f988bf-0000-4000-8000-000000000004"}
KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def test_every_wait_has_the_domain_s_default() -> None:
    assert pace(Settings.from_env(GOOD)) == Pace()


def test_every_wait_can_be_set() -> None:
    waits = {f"SAS_REVOCATION_{each.name.upper()}": "PT41S" for each in fields(Pace) if "rounds" not in each.name}
    changed = {**waits, "SAS_REVOCATION_PROOF_ROUNDS": "7", "SAS_REVOCATION_LEASE": "PT83S"}
    read = pace(Settings.from_env({**GOOD, **changed}))
    assert all(getattr(read, each.name) != getattr(Pace(), each.name) for each in fields(Pace))


def test_an_operating_identity_needs_pepper_and_sealing_keys() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**GOOD, **OPERATOR})
    assert {problem.split(":")[0] for problem in caught.value.problems} == {"SAS_KEY_PEPPER", "SAS_SEALING_KEYS"}
    settings = Settings.from_env({**GOOD, **OPERATOR, "SAS_KEY_PEPPER": KEY, "SAS_SEALING_KEYS": f"b:{KEY},a:{KEY}"})
    assert settings.sealing_keys
    assert [name for name, _ in settings.sealing_keys] == ["b", "a"]
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAS_KEY_PEPPER", "c2hvcnQ="),
        ("SAS_KEY_PEPPER", "not base64!"),
        ("SAS_SEALING_KEYS", KEY),
        ("SAS_SEALING_KEYS", f"a:{KEY},a:{KEY}"),
        ("SAS_SEALING_KEYS", "a:c2hvcnQ="),
        ("SAS_SIGNING_KEY", f"{KEY[:-1]}A="),
        ("SAS_REVOCATION_LEASE", "PT60S"),
        ("SAS_REVOCATION_CALL_DEADLINE", "PT5S"),
    ],
)
def test_what_cannot_work_is_refused_without_showing_it(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**GOOD, name: value})
    assert name in str(caught.value)
    assert name == "SAS_REVOCATION_LEASE" or value not in str(caught.value)
