"""The returned token is compared with the grant; claims that nobody documented do not matter."""

import pytest

from sas_service.domain.token_check import check_token
from sas_service.domain.tokens import SasToken
from tests.unit.adapters_azure.azure_world import EXPIRY, PRINCIPAL_A, START, grant, sas_token

EXP, NBF = int(EXPIRY.timestamp()), int(START.timestamp())
ALL: dict[str, object] = {
    "exp": EXP,
    "nbf": NBF,
    "maxRatePerSecond": 50,
    "regions": ["westus2", "eastus"],
    "principalId": PRINCIPAL_A,
}


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": EXP},
        ALL,
        {**ALL, "regions": "eastus,westus2"},
        {**ALL, "regions": ["EastUS", "WestUS2"]},
        {**ALL, "maxRatePerSecond": "50"},
        {**ALL, "principalId": PRINCIPAL_A.upper()},
        {**ALL, "exp": float(EXP)},
        {**ALL, "iss": "someone", "sub": "other", "role": 1, "iat": 0},
    ],
)
def test_the_granted_token_passes(claims: dict[str, object]) -> None:
    assert check_token(grant(), SasToken(sas_token(**claims))) == []


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"exp": EXP + 1}, ["exp"]),
        ({"exp": EXP - 1}, ["exp"]),
        ({"exp": EXP + 0.5}, ["exp"]),
        ({"exp": str(EXP)}, ["exp"]),
        ({"exp": True}, ["exp"]),
        ({"exp": None}, ["exp"]),
        ({"nbf": NBF - 1}, ["nbf"]),
        ({"maxRatePerSecond": 500}, ["maxRatePerSecond"]),
        ({"maxRatePerSecond": True}, ["maxRatePerSecond"]),
        ({"regions": ["eastus"]}, ["regions"]),
        ({"regions": ["eastus", "westus2", "westeurope"]}, ["regions"]),
        ({"regions": []}, ["regions"]),
        ({"regions": None}, ["regions"]),
        ({"regions": 7}, ["regions"]),
        ({"principalId": "e0000000-0000-4000-8000-0000000000a3"}, ["principalId"]),
        ({"principalId": None}, ["principalId"]),
        ({"exp": 1, "nbf": 1, "regions": "mars"}, ["exp", "nbf", "regions"]),
    ],
)
def test_every_difference_is_named(changes: dict[str, object], names: list[str]) -> None:
    assert check_token(grant(), SasToken(sas_token(**{**ALL, **changes}))) == names


def test_an_unconstrained_grant_has_no_regions() -> None:
    unconstrained = grant(regions=None)
    nothing: tuple[object, ...] = (None, [], "")
    for regions in nothing:
        assert check_token(unconstrained, SasToken(sas_token(**{**ALL, "regions": regions}))) == []
    assert check_token(unconstrained, SasToken(sas_token(**ALL))) == ["regions"]


def test_a_token_without_exp_is_not_ours() -> None:
    assert check_token(grant(), SasToken(sas_token(nbf=NBF))) == ["exp"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "accountSasToken",
        "a.b",
        "a.b.c.d",
        "a..c",
        "a.!!.c",
        "a.bm8.c",
        "a.W10.c",
        "a.b.c",
        "x." + "Ww" * 9000 + ".y",
    ],
)
def test_what_is_no_jwt_is_named_so(text: str) -> None:
    assert check_token(grant(), SasToken(text)) == ["format"]
