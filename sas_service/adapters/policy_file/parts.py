"""Keys that hold other keys: mappings with fixed keys, mappings by name, and lists."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar, cast

from marshmallow import EXCLUDE, Schema, ValidationError, validates_schema

from sas_service.adapters.policy_file.keys import Form, Key
from sas_service.domain.suggestions import did_you_mean

T = TypeVar("T")

HERE = "_schema"
"""marshmallow's word for the value itself, beside the names of what it holds."""


class Part(Schema):
    """A mapping with fixed keys, written in camelCase; an unknown one is refused with a suggestion."""

    minimum_keys: ClassVar[int] = 0
    error_messages = {"type": "must be a mapping (key: value)"}  # noqa: RUF012 -- declared as an instance variable by marshmallow

    class Meta:
        """Unknown keys are refused by ``known_keys``, in better words."""

        unknown = EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        """Name the key on the wire in camelCase."""
        head, *tail = field_name.split("_")
        field_obj.data_key = head + "".join(word.capitalize() for word in tail)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def known_keys(self, _data: object, original: object, **_options: Any) -> None:
        """Refuse keys that have no meaning, and mappings that say too little."""
        if not isinstance(original, Mapping):
            return
        known = self._keys()
        faults = {key: [f"is unknown{did_you_mean(key, known)}"] for key in original if key not in known}
        if len(original) < self.minimum_keys:
            faults[HERE] = [f"must have at least {self.minimum_keys} of {', '.join(known)}"]
        if faults:
            raise ValidationError(cast("dict[str, Any]", faults))

    def published(self) -> dict[str, object]:
        """Return the JSON Schema of the mapping."""
        known = self._keys()
        required = [name for name, key in known.items() if key.required]
        return {
            "type": "object",
            "properties": {name: key.published() for name, key in known.items()},
            "additionalProperties": False,
            **({"required": required} if required else {}),
            **({"minProperties": self.minimum_keys} if self.minimum_keys else {}),
        }

    def _keys(self) -> dict[str, Key[Any]]:
        return {str(field.data_key): cast("Key[Any]", field) for field in self.fields.values()}


class Inside(Key[dict[str, Any]]):
    """A key that holds a Part."""

    def __init__(self, part: type[Part], says: str = "", **options: Any) -> None:
        super().__init__(says, **options)
        self._part = part()

    def read(self, value: object) -> dict[str, Any]:
        """Return what the part makes of it."""
        return cast("dict[str, Any]", self._part.load(cast("Any", value)))

    def form(self) -> dict[str, object]:
        """Return the part's schema."""
        return self._part.published()


class Named(Key[dict[str, T]]):
    """A mapping from names of our own to values of one kind; never empty, for that would permit nothing."""

    def __init__(self, name: Form, item: Key[T], says: str = "", **options: Any) -> None:
        super().__init__(says, **options)
        self._name, self._item = name, item

    def read(self, value: object) -> dict[str, T]:
        """Return name -> value; what is wrong with one does not hide what is wrong with another."""
        if not isinstance(value, Mapping):
            raise ValidationError("must be a mapping (name: value)")
        if not value:
            raise ValidationError("is empty: leave nothing to be guessed, name at least one")
        read, faults = _each(self._item, value)
        for name in value:
            if re.fullmatch(self._name.pattern, name, re.ASCII) is None:
                told = faults.setdefault(name, {})
                faults[name] = {**_at(told), HERE: [*_at(told).get(HERE, []), f"as a name {self._name.reason}"]}
        if faults:
            raise ValidationError(faults, valid_data=cast("Any", read))
        return cast("dict[str, T]", read)

    def form(self) -> dict[str, object]:
        """Return the form of names and values."""
        return {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": f"^(?:{self._name.pattern})$"},
            "additionalProperties": self._item.published(),
        }


class Listed(Key[tuple[T, ...]]):
    """A list of distinct values, never empty: an empty list permits nothing, and looks as if it permitted all."""

    def __init__(self, item: Key[T], says: str = "", *, least: int = 1, **options: Any) -> None:
        super().__init__(says, **options)
        self._item, self._least = item, least

    def read(self, value: object) -> tuple[T, ...]:
        """Return the values; a place that cannot be read holds None in the valid data, so that indexes stay true."""
        if not isinstance(value, list):
            raise ValidationError("must be a list, such as [one, two]")
        read, faults = _each(self._item, dict(enumerate(value)))
        items = tuple(read.get(index) for index in range(len(value)))
        faults.update(_repeated(items))
        if not value:
            faults[HERE] = ["is an empty list: it permits nothing; leave the key out, or name at least one"]
        elif len(value) < self._least:
            faults[HERE] = [f"needs {self._least} or more, distinct"]
        if faults:
            raise ValidationError(cast("Any", faults), valid_data=cast("Any", items))
        return cast("tuple[T, ...]", items)

    def form(self) -> dict[str, object]:
        """Return the form of the items."""
        return {"type": "array", "minItems": self._least, "uniqueItems": True, "items": self._item.published()}


def _each(item: Key[Any], values: Mapping[Any, object]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Read every value; return what is good, or good in part, and what is wrong."""
    read: dict[Any, Any] = {}
    faults: dict[Any, Any] = {}
    for place, value in values.items():
        try:
            read[place] = item.deserialize(value)
        except ValidationError as error:
            faults[place] = error.messages
            if error.valid_data is not None:
                read[place] = error.valid_data
    return read, faults


def _repeated(items: tuple[object, ...]) -> dict[int, list[str]]:
    # By equality: what a part makes of a mapping has no hash, and no list is long.
    return {
        index: [f"{item!r} stands in the list already" if isinstance(item, str) else "stands in the list already"]
        for index, item in enumerate(items)
        if item is not None and item in items[:index]
    }


def _at(messages: object) -> dict[Any, Any]:
    return messages if isinstance(messages, dict) else {HERE: messages}
