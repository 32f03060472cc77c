"""The kinds of keys that the document has: how each is read, and how it is published to editors."""

import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from marshmallow import ValidationError, fields, missing

from sas_service.domain.iso8601 import format_duration, parse_duration

T = TypeVar("T")

DURATION_PATTERN = r"^P(?!$)(\d{1,4}W|(\d{1,5}D)?(T(?=\d)(\d{1,6}H)?(\d{1,7}M)?(\d{1,9}S)?)?)$"
"""What an editor can check of an ISO 8601 duration; the test holds it equal to ``domain/iso8601.py``."""


class Key(fields.Field[T], Generic[T]):
    """A key: ``read`` turns what was written into a value, ``form`` says the same as JSON Schema."""

    def __init__(self, says: str = "", *, required: bool = False, default: object = missing) -> None:
        super().__init__(
            required=required,
            load_default=default,
            error_messages={"required": "is missing", "null": "has no value"},
        )
        self.says = says

    @abstractmethod
    def read(self, value: object) -> T:
        """Return the value, or raise ValidationError with every reason."""

    @abstractmethod
    def form(self) -> dict[str, object]:
        """Return what is accepted, as JSON Schema."""

    def published(self) -> dict[str, object]:
        """Return the JSON Schema of this key, with its meaning and its default."""
        schema = {"description": self.says} if self.says else {}
        default = {} if self.load_default is missing else {"default": self._written(self.load_default)}
        return {**schema, **self.form(), **default}

    def _written(self, value: object) -> object:
        return value

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> T:  # noqa: ARG002 -- marshmallow's signature
        return self.read(value)


@dataclass(frozen=True, slots=True)
class Form:
    """How a text must look, and the words for one that does not; ``folds`` means case does not matter."""

    pattern: str
    reason: str
    folds: bool = False


class Text(Key[str]):
    """Text of one form."""

    def __init__(self, form: Form, says: str = "", **options: Any) -> None:
        super().__init__(says, **options)
        self._form = form

    def read(self, value: object) -> str:
        """Return the text, in lower case where case does not matter."""
        if not isinstance(value, str):
            raise ValidationError("must be text (quote what looks like a number)")
        if re.fullmatch(self._form.pattern, value, re.ASCII) is None:
            raise ValidationError(f"{value!r} {self._form.reason}")
        return value.lower() if self._form.folds else value

    def form(self) -> dict[str, object]:
        """Return type and pattern."""
        return {"type": "string", "pattern": f"^(?:{self._form.pattern})$"}


class OneOf(Key[str]):
    """One of a few words."""

    def __init__(self, words: tuple[str, ...], says: str = "", **options: Any) -> None:
        super().__init__(says, **options)
        self._words = words

    def read(self, value: object) -> str:
        """Return the word."""
        if not isinstance(value, str) or value not in self._words:
            raise ValidationError(f"must be one of {', '.join(self._words)}")
        return value

    def form(self) -> dict[str, object]:
        """Return the words."""
        return {"enum": list(self._words)}


class Whole(Key[int]):
    """A whole number between two bounds."""

    def __init__(self, least: int, most: int, says: str = "", **options: Any) -> None:
        super().__init__(says, **options)
        self._least, self._most = least, most

    def read(self, value: object) -> int:
        """Return the number; true is not one."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError("must be a whole number")
        if not self._least <= value <= self._most:
            bounds = f"{self._least} to {self._most}" if self._least < self._most else str(self._least)
            raise ValidationError(f"{value} can never apply: it must be {bounds}")
        return value

    def form(self) -> dict[str, object]:
        """Return the bounds."""
        return {"type": "integer", "minimum": self._least, "maximum": self._most}


class Duration(Key[timedelta]):
    """An ISO 8601 duration between two bounds."""

    def __init__(self, least: timedelta, most: timedelta, says: str = "", **options: Any) -> None:
        super().__init__(says, **options)
        self._least, self._most = least, most

    def read(self, value: object) -> timedelta:
        """Return the duration."""
        if not isinstance(value, str):
            raise ValidationError("must be an ISO 8601 duration, such as PT15M")
        try:
            duration = parse_duration(value)
        except ValueError as error:
            raise ValidationError(f"{value!r} is {error}") from error
        if not self._least <= duration <= self._most:
            bounds = f"{format_duration(self._least)} to {format_duration(self._most)}"
            raise ValidationError(f"{value} can never apply: it must be {bounds}")
        return duration

    def form(self) -> dict[str, object]:
        """Return the pattern; bounds of durations are beyond JSON Schema."""
        return {"type": "string", "pattern": DURATION_PATTERN}

    def _written(self, value: object) -> object:
        return format_duration(value) if isinstance(value, timedelta) else value
