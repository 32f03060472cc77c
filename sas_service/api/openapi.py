"""The committed ``openapi.yaml``: what ``sas-service openapi [--check]`` writes and compares."""

from sas_service import __version__
from sas_service.api.catalogue import RESOURCES
from sas_service.api.interface import Interface


def render() -> str:
    """Return the document's text."""
    return Interface(RESOURCES, __version__).yaml
