"""The shapes of an Azure Maps account's own CORS rule."""

from typing import Any

from marshmallow import ValidationError

from sas_service.api import answer_fields as say
from sas_service.api.answer_fields import Said
from sas_service.api.fields import Names, Strict, Text, breach
from sas_service.domain.web_origins import LONGEST_ORIGIN, ORIGIN_PATTERN, web_origin

MOST_ORIGINS = 100
"""Azure documents no number; a longer list is most likely a mistake."""


class Origin(Text):
    """A web page's origin; ``*`` is refused, because "everybody" is said by removing the rule."""

    def __init__(self) -> None:
        wanted = (
            "an origin such as https://shop.example: scheme, host and perhaps an unusual port, no path, no wildcard,"
            " and http for loopback addresses only; DELETE allows every origin"
        )
        super().__init__(longest=LONGEST_ORIGIN, wanted=wanted, metadata={"pattern": f"^(?:{ORIGIN_PATTERN})$"})

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        origin = web_origin(super()._deserialize(value, *args, **kwargs))
        if origin is None:
            raise breach(self.wanted, "schema.pattern")
        return origin


class Origins(Names):
    """One origin or more, each once: what an empty rule means, Azure does not say."""

    def __init__(self) -> None:
        meaning = "The origins of the web pages that may call Azure Maps with this account."
        metadata = {"description": meaning, "examples": [["https://shop.example", "http://localhost:3000"]]}
        super().__init__(Origin(), most=MOST_ORIGINS, required=True, metadata=metadata)
        self.wanted = f"an array of 1 to {MOST_ORIGINS} different origins; DELETE removes the rule"

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        if not 1 <= len(value) <= MOST_ORIGINS:
            raise breach(self.wanted, "schema.length")
        read: list[Any] = []
        found: dict[Any, Any] = {}
        for index, each in enumerate(value):
            try:
                read.append(self._once(self.inner.deserialize(each, *args, **kwargs), read))
            except ValidationError as error:
                found[index] = error.messages
        if found:
            raise ValidationError(found)
        return read

    @staticmethod
    def _once(origin: str, before: list[Any]) -> str:
        if origin in before:
            raise breach("each origin once", "schema.unique")
        return origin


class CorsBody(Strict):
    """The rule."""

    allowed_origins = Origins()


class CorsShown(Said):
    """The account's own CORS rule."""

    account = say.text("The account.", "maps-demo")
    allowed_origins = say.texts(
        "The origins that Azure Maps lets in; null: no rule, every origin.", ["https://shop.example"], nullable=True
    )
