"""Sealing: only our keys open it, only about the same thing, and nothing of the token shows."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sas_service.adapters.memory import MemorySealing
from sas_service.adapters.sealing import AesGcmSealing
from sas_service.domain.errors import NotFound
from sas_service.domain.tokens import SasToken
from sas_service.ports import Sealing

KEY = bytes(range(32))
TOKEN = SasToken("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2lnbmF0dXJl")
ABOUT = "run-1/standby:web"


def aes() -> AesGcmSealing:
    return AesGcmSealing({"k1": KEY}, current="k1")


@pytest.mark.parametrize("build", [MemorySealing, aes])
def test_what_was_sealed_opens_about_the_same_thing_only(build: type[Sealing]) -> None:
    sealing = build()
    first, second = sealing.seal(TOKEN, about=ABOUT), sealing.seal(TOKEN, about=ABOUT)
    assert first != second
    assert sealing.open(first, about=ABOUT).reveal() == TOKEN.reveal() == sealing.open(second, about=ABOUT).reveal()
    for about in ("run-2/standby:web", "", "run-1/standby:web "):
        with pytest.raises(NotFound):
            sealing.open(first, about=about)
    with pytest.raises(NotFound):
        sealing.open("sealed-99", about=ABOUT)


@given(secret=st.text(), about=st.text())
def test_everything_comes_back(secret: str, about: str) -> None:
    assert aes().open(aes().seal(SasToken(secret), about=about), about=about).reveal() == secret


def test_nothing_of_the_token_shows() -> None:
    name, _, content = aes().seal(TOKEN, about=ABOUT).partition(".")
    assert name == "k1"
    shown = urlsafe_b64decode(content)
    secret = TOKEN.reveal().encode()
    assert not any(secret[start : start + 4] in shown for start in range(len(secret) - 3))


def test_a_changed_bit_anywhere_is_noticed() -> None:
    name, _, text = aes().seal(TOKEN, about=ABOUT).partition(".")
    content = bytearray(urlsafe_b64decode(text))
    for place in range(len(content)):
        content[place] ^= 1
        with pytest.raises(NotFound):
            aes().open(f"{name}.{urlsafe_b64encode(content).decode()}", about=ABOUT)
        content[place] ^= 1


@pytest.mark.parametrize("sealed", ["", ".", "k1", "k1.", "k1.a", "k1.AAAA", "k1.\u00e4", "k2.AAAA", "k1.AAAA.AAAA"])
def test_what_is_no_seal_is_not_found(sealed: str) -> None:
    with pytest.raises(NotFound) as refused:
        aes().open(sealed, about=ABOUT)
    assert refused.value.__cause__ is None


def test_keys_are_rotated_by_naming_another_one() -> None:
    old = aes().seal(TOKEN, about=ABOUT)
    both = AesGcmSealing({"k1": KEY, "k2": secrets.token_bytes(32)}, current="k2")
    new = both.seal(TOKEN, about=ABOUT)
    assert new.startswith("k2.")
    assert both.open(old, about=ABOUT).reveal() == both.open(new, about=ABOUT).reveal() == TOKEN.reveal()
    with pytest.raises(NotFound):
        aes().open(new, about=ABOUT)
    # A key of the same id but another content opens nothing.
    with pytest.raises(NotFound):
        AesGcmSealing({"k1": secrets.token_bytes(32)}, current="k1").open(old, about=ABOUT)


@pytest.mark.parametrize(
    ("keys", "current"),
    [({}, "k1"), ({"k1": KEY}, "k2"), ({"k1": KEY[:16]}, "k1"), ({"k.1": KEY}, "k.1"), ({"": KEY}, "")],
)
def test_keys_that_will_not_do_are_refused_without_showing_them(keys: dict[str, bytes], current: str) -> None:
    with pytest.raises(ValueError, match="key") as refused:
        AesGcmSealing(keys, current=current)
    assert "\\x" not in str(refused.value)


def test_keys_do_not_show() -> None:
    assert repr(KEY)[:8] not in repr(aes()) + str(vars(aes()))
