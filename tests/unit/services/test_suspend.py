"""A suspended client is named as callers are; a name that could stop nobody is refused."""

import pytest

from sas_service.domain.errors import NotFound
from sas_service.services.suspend import _as_compared

GUID = "3cfc0736-f203-5d49-a541-fa4ab6d370df"


def test_a_client_in_capitals_is_the_client_in_small_letters() -> None:
    assert _as_compared("client", GUID.upper()) == GUID


def test_what_is_no_application_id_is_refused() -> None:
    with pytest.raises(NotFound):
        _as_compared("client", "storefront")


def test_other_kinds_stay_as_written() -> None:
    assert _as_compared("team", "Storefront") == "Storefront"
