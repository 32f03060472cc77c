"""The fields of requests: no value is coerced, and each says what it wants instead of a text about what it got."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from sas_service.api.echo import looks_like_token
from sas_service.domain.iso8601 import parse_duration, parse_instant

_LONGEST_LABEL = 63 + 1 + 128
"""Name, colon and value (``Labels``)."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken rule of a schema; shape.py adds where it happened and what was asked."""

    allowed: object
    rule: str


def breach(allowed: object, rule: str) -> ValidationError:
    """Return a Breach in the envelope that marshmallow collects."""
    return ValidationError([Breach(allowed, rule)])


def camel_case(name: str) -> str:
    """Return ``max_rate`` as ``maxRate``."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


class CamelCase(Schema):
    """A schema whose names on the wire are camelCase, whatever Python calls them."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Derive the name on the wire."""
        field_obj.data_key = camel_case(field_name)


class Strict(CamelCase):
    """A request: members that it does not declare are refused."""

    error_messages: dict[str, Any] = {  # noqa: RUF012 - marshmallow reads it from the class
        "unknown": Breach("no such member", "schema.unknown"),
        "type": Breach("a JSON object", "schema.type"),
    }

    class Meta:
        """RAISE is the default; written out, it reaches the document as ``additionalProperties: false``."""

        unknown = RAISE


class Told:
    """Says ``wanted`` whenever a value is missing, null or of a wrong type."""

    wanted: str

    def make_error(self, key: str, **_: Any) -> ValidationError:
        """Return the breach: ``schema.required``, or ``schema.type`` for everything else."""
        return breach(self.wanted, "schema.required" if key == "required" else "schema.type")


class Text(Told, fields.String):
    """A string of printable characters, without a token in it: most of them will be on record."""

    wanted = "a string"
    on_record = True

    def __init__(self, *, longest: int, pattern: str | None = None, wanted: str | None = None, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(min=1, max=longest), **kwargs)
        self.wanted = wanted or f"a string of 1 to {longest} printable characters"
        self._longest = longest
        self._pattern = re.compile(pattern, re.ASCII) if pattern else None
        if pattern:
            self.metadata = {**self.metadata, "pattern": f"^{pattern}$"}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        if self.on_record and looks_like_token(value):
            raise breach("text without tokens in it: it will be on record", "schema.secret")
        if not 1 <= len(value) <= self._longest or not value.isprintable():
            raise breach(self.wanted, "schema.length")
        if self._pattern and not self._pattern.fullmatch(value):
            raise breach(self.wanted, "schema.pattern")
        return value


class Secret(Told, fields.String):
    """A token that somebody found: whatever is wrong with it, nothing of it is repeated (``shape.py``)."""

    rule = "schema.found"

    def __init__(self, *, longest: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wanted = f"a token of 1 to {longest} visible ASCII characters"
        self._longest = longest

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        said = value.strip() if isinstance(value, str) else ""
        if not 1 <= len(said) <= self._longest or not said.isascii() or not said.isprintable():
            raise breach(self.wanted, self.rule)
        return said


class Whole(Told, fields.Integer):
    """A whole number, written as one: neither ``"5"`` nor ``5.0`` nor ``true``. The range is the policy's."""

    def __init__(self, *, smallest: int, largest: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wanted = f"a whole number from {smallest} to {largest}"
        self.metadata = {**self.metadata, "minimum": smallest, "maximum": largest}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid")
        return value


class Digits(Whole):
    """A whole number in a query, where everything is text; no policy looks at it, so its range is enforced here."""

    def __init__(self, *, smallest: int, largest: int, **kwargs: Any) -> None:
        super().__init__(smallest=smallest, largest=largest, **kwargs)
        self._bounds = range(smallest, largest + 1)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value):
            raise self.make_error("invalid")
        if int(value) not in self._bounds:
            raise breach(self.wanted, "schema.range")
        return int(value)


class OneOf(Told, fields.String):
    """One of a few words, those of an enumeration as well."""

    def __init__(self, *words: str, **kwargs: Any) -> None:
        self._words = tuple(map(str, words))
        super().__init__(validate=validate.OneOf(self._words), **kwargs)
        self.wanted = f"one of {', '.join(self._words)}"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if value not in self._words:
            raise breach(self.wanted, "schema.choice")
        return str(value)


class Duration(Told, fields.String):
    """An ISO 8601 duration; months and years have no fixed length and are refused."""

    wanted = "an ISO 8601 duration such as PT15M or P30D, without months and years"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> timedelta:  # type: ignore[override]  # String reads str
        if not isinstance(value, str):
            raise self.make_error("invalid")
        try:
            return parse_duration(value)
        except (ValueError, OverflowError):
            raise breach(self.wanted, "schema.format") from None


class Instant(Told, fields.String):
    """An RFC 3339 instant with its offset."""

    wanted = "an RFC 3339 instant such as 2027-01-31T08:00:00Z"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime:  # type: ignore[override]  # String reads str
        if not isinstance(value, str):
            raise self.make_error("invalid")
        try:
            return parse_instant(value)
        except (ValueError, OverflowError):
            raise breach(self.wanted, "schema.format") from None


class Names(Told, fields.List[Any]):
    """A list of strings; that it is not empty and names nothing twice is the policy's to enforce."""

    def __init__(self, inner: Text, *, most: int, **kwargs: Any) -> None:
        super().__init__(inner, **kwargs)
        self.wanted = f"an array of 1 to {most} different strings"
        self._most = most
        self.metadata = {**self.metadata, "minItems": 1, "maxItems": most, "uniqueItems": True}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        if len(value) > self._most:
            raise breach(self.wanted, "schema.length")
        return super()._deserialize(value, *args, **kwargs)


class Labels(Told, fields.Dict):
    """Free names and values that the caller wants on record."""

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        name = Text(longest=63, pattern=r"[A-Za-z0-9][A-Za-z0-9._/-]*")
        value = Text(longest=128)
        super().__init__(keys=name, values=value, **kwargs)
        self.wanted = f"an object of at most {most} names with string values"
        self._most, self._name, self._value = most, name, value
        self.metadata = {**self.metadata, "maxProperties": most}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[Any, Any]:
        if not isinstance(value, Mapping):
            raise self.make_error("invalid")
        if len(value) > self._most:
            raise breach(self.wanted, "schema.length")
        found: dict[str, Any] = {}
        for key, text in value.items():
            for field, part in ((self._name, key), (self._value, text)):
                try:
                    field.deserialize(part)
                except ValidationError as error:
                    found.setdefault(key, []).extend(error.messages)
        if found:
            raise ValidationError(found)
        return dict(value)


class Choices(Told, fields.String):
    """Some of a few words, with commas between them, as a query wants it."""

    def __init__(self, *words: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._words = frozenset(map(str, words))
        self.wanted = f"one or more of {', '.join(map(str, words))}, with commas between them"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> frozenset[str]:  # type: ignore[override]  # String reads str
        said = frozenset(str(value).split(","))
        if not said <= self._words:
            raise breach(self.wanted, "schema.choice")
        return said


class Label(Told, fields.String):
    """A label's name, a colon and its value, as a query wants it."""

    wanted = "NAME:VALUE, such as release:42"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, str]:  # type: ignore[override]  # String reads str
        name, colon, said = str(value).partition(":")
        if looks_like_token(str(value)):
            raise breach("text without tokens in it", "schema.secret")
        if not name or not colon or not said or len(value) > _LONGEST_LABEL:
            raise breach(self.wanted, "schema.format")
        return {name: said}
