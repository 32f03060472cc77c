"""HTML pages: self-contained, without scripts, under a content policy that allows nothing but their own style."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sas_service.api.prose import as_html, inline


@dataclass(frozen=True, slots=True)
class Page:
    """A page and its headers."""

    html: str
    headers: Mapping[str, str]


def render_page(template: str, **values: Any) -> Page:
    """Render a template of this package with the shared style."""
    style = _style()
    html = _templates().get_template(template).render(style=style, **values)
    allowed = b64encode(sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{allowed}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    return Page(html, {"Content-Security-Policy": policy, "Cache-Control": "no-cache"})


@cache
def _style() -> str:
    return files("sas_service.api").joinpath("templates/style.css").read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("sas_service.api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = as_html
    environment.filters["inline"] = inline
    return environment
