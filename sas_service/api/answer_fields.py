"""Short words for the fields of answers: they are documentation (views write JSON directly), checked by the tests."""

from typing import Any

from marshmallow import EXCLUDE, fields

from sas_service.api.fields import CamelCase


class Said(CamelCase):
    """An answer, or a part of one; later releases may add members."""

    class Meta:
        """What is not declared is left open in the document."""

        unknown = EXCLUDE


def text(meaning: str, example: str | None = None, *, nullable: bool = False, **more: Any) -> fields.String:
    """A string."""
    return fields.String(required=True, allow_none=nullable, metadata=_metadata(meaning, example, more))


def maybe_text(meaning: str) -> fields.String:
    """A string that is left out where it says nothing."""
    return fields.String(metadata={"description": meaning})


def instant(meaning: str) -> fields.String:
    """An RFC 3339 instant in UTC."""
    return text(meaning, "2026-11-21T08:00:00Z", format="date-time")


def duration(meaning: str, example: str = "PT1H") -> fields.String:
    """An ISO 8601 duration."""
    return text(meaning, example, format="duration")


def number(meaning: str, example: int, *, nullable: bool = False) -> fields.Integer:
    """A whole number."""
    return fields.Integer(required=True, allow_none=nullable, metadata=_metadata(meaning, example, {}))


def flag(meaning: str, *, nullable: bool = False) -> fields.Boolean:
    """True or false."""
    return fields.Boolean(required=True, allow_none=nullable, metadata={"description": meaning})


def texts(meaning: str, example: list[str], *, nullable: bool = False) -> fields.List[Any]:
    """An array of strings."""
    return fields.List(fields.String(), required=True, allow_none=nullable, metadata=_metadata(meaning, example, {}))


def mapping(meaning: str, *, nullable: bool = False) -> fields.Dict:
    """An object with free names."""
    return fields.Dict(required=True, allow_none=nullable, metadata={"description": meaning})


def nested(schema: type[Said], meaning: str, *, nullable: bool = False) -> fields.Nested:
    """An object with a schema of its own."""
    return fields.Nested(schema, required=True, allow_none=nullable, metadata={"description": meaning})


def listed(schema: type[Said], meaning: str | None = None, *, nullable: bool = False) -> fields.List[Any]:
    """An array of such objects."""
    metadata = {"description": meaning} if meaning else {}
    return fields.List(fields.Nested(schema), required=True, allow_none=nullable, metadata=metadata)


def _metadata(meaning: str, example: object, more: dict[str, Any]) -> dict[str, Any]:
    examples = {} if example is None else {"examples": [example]}
    return {"description": meaning, **examples, **more}
