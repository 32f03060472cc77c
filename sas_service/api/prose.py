"""The little Markdown that our own texts use (paragraphs, lists, code), as HTML."""

import re

from markupsafe import Markup, escape

_CODE = re.compile(r"`([^`]+)`")


def as_html(text: str) -> Markup:
    """Return ``text`` as paragraphs and lists; everything in it is escaped."""
    blocks = (block.strip() for block in text.split("\n\n"))
    return Markup("\n").join(_block(block) for block in blocks if block)


def inline(text: str) -> Markup:
    """Return one line with its code marked."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


def _block(block: str) -> Markup:
    if block.startswith("- "):
        items = Markup("").join(Markup("<li>{}</li>").format(inline(item)) for item in re.split(r"\n?- ", block)[1:])
        return Markup("<ul>{}</ul>").format(items)
    return Markup("<p>{}</p>").format(inline(block))
