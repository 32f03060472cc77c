"""The only wiring: settings -> adapters -> services -> Flask; nothing here decides anything."""

from sas_service.api.openapi import render as render_openapi
from sas_service.bootstrap.checks import build_doctor, build_migrations, preflight
from sas_service.bootstrap.processes import Service, build_api, build_service
from sas_service.settings import SettingsError

__all__ = [
    "Service",
    "SettingsError",
    "build_api",
    "build_doctor",
    "build_migrations",
    "build_service",
    "preflight",
    "render_openapi",
]
