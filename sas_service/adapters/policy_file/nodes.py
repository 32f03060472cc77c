"""Reads YAML into plain values, strictly, and remembers on which line each value was written.

Nothing is guessed: aliases, tags, duplicate keys and plain words that YAML 1.1 and 1.2 read differently are refused.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

import yaml

Path = tuple[str | int, ...]

MAXIMUM_BYTES: Final = 1024 * 1024
_MAXIMUM_DEPTH: Final = 20
_STR, _INT, _FLOAT, _BOOL, _NULL = (f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null"))
_ALIAS, _TAGGED = "!alias", "!tagged"

# What YAML 1.2 makes of a plain word.
_YAML_1_2: Final = (
    (re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"), _INT),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), _FLOAT),
    (re.compile(r"true|True|TRUE|false|False|FALSE"), _BOOL),
    (re.compile(r"null|Null|NULL|~|"), _NULL),
)
_VALUES: Final[dict[str, Callable[[str], object]]] = {
    _INT: int,
    _FLOAT: float,
    _BOOL: lambda text: text.lower() == "true",
    _NULL: lambda _text: None,
}
_DECIMAL: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")  # 010 is eight in YAML 1.1 and ten in 1.2
_YAML_1_1_ALSO_BOOL: Final = frozenset("yYnN")  # in YAML 1.1's own tables, though PyYAML leaves them alone


class Unreadable:
    """Stands where a value was written that must not be read; what is wrong has been said already."""

    def __repr__(self) -> str:
        return "<unreadable>"


UNREADABLE: Final = Unreadable()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the document: where (path and line) and why."""

    path: Path
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Written:
    """The document as plain values, the line of every path, and what could not be read."""

    value: object
    lines: dict[Path, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def line(self, path: Path) -> int:
        """Return the line of ``path``, or of the nearest enclosing key that was written."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def at(self, path: Path) -> object:
        """Return what was written at ``path``, None if nothing was."""
        value = self.value
        for step in path:
            if isinstance(value, list):
                value = dict(enumerate(value))
            value = value.get(step) if isinstance(value, dict) else None
        return value


def read(data: bytes) -> Written:
    """Read one YAML document; whatever stops the reading altogether is the only fault then."""
    try:
        return _Reading().document(_composed(_text(data)))
    except _Stopped as stop:
        return Written(UNREADABLE, {}, (Fault((), stop.line, stop.reason),))


class _Stopped(Exception):
    """Nothing more can be read of the document."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


def _text(data: bytes) -> str:
    if len(data) > MAXIMUM_BYTES:
        raise _Stopped(1, f"is larger than {MAXIMUM_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Stopped(data.count(b"\n", 0, error.start) + 1, f"is not UTF-8: {error.reason}") from error


def _composed(text: str) -> yaml.Node:
    try:
        node = _Composer(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = ": ".join(part for part in (error.context, error.problem) if part)
        raise _Stopped(mark.line + 1 if mark else 1, f"is not YAML: {reason}") from error
    except yaml.reader.ReaderError as error:
        raise _Stopped(text.count("\n", 0, error.position) + 1, f"is not YAML: {error.reason}") from error
    except (ValueError, OverflowError) as error:  # PyYAML's scanner lets some through, as for "\UFFFFFFFF"
        raise _Stopped(1, f"is not YAML: {error}") from error
    if node is None:
        raise _Stopped(1, "is empty")
    return node


class _Composer(yaml.SafeLoader):
    """Composes nodes without ever following an alias, and not below a sane depth."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node; aliases and tags are marked, to be refused where their path is known."""
        events: Any = self  # PyYAML's parser is not annotated
        event = events.peek_event()
        if isinstance(event, yaml.AliasEvent):
            events.get_event()
            mark: Any = event.start_mark
            return yaml.ScalarNode(_ALIAS, "", mark, mark)
        if self._depth >= _MAXIMUM_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is not None and event.tag is not None:
            node.tag = _TAGGED
        return node


class _Reading:
    """One pass over the nodes: values, lines, faults."""

    def __init__(self) -> None:
        self._lines: dict[Path, int] = {}
        self._faults: list[Fault] = []

    def document(self, node: yaml.Node) -> Written:
        value = self._value(node, ())
        return Written(value, self._lines, tuple(self._faults))

    def _value(self, node: yaml.Node, path: Path) -> object:
        line = self._lines.setdefault(path, node.start_mark.line + 1)
        if node.tag in {_ALIAS, _TAGGED}:
            self._faults.append(Fault(path, line, _refusal(node.tag)))
            return UNREADABLE
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(cast("yaml.ScalarNode", node), path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in values:
                before = self._lines[*path, key]
                self._faults.append(Fault((*path, key), line, f"is given twice, first on line {before}"))
                continue
            self._lines[*path, key] = line
            values[key] = self._value(value_node, (*path, key))
        return values

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag not in {_ALIAS, _TAGGED}:
            value = _plain(node)
            if isinstance(value, str):
                return value
            reason = value.reason if isinstance(value, _Unclear) else "is no text; quote it if it is a name"
            self._faults.append(Fault(path, node.start_mark.line + 1, f"has a key that {reason}"))
        else:
            self._faults.append(Fault(path, node.start_mark.line + 1, "has a key that is no plain text"))
        return None

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> object:
        value = _plain(node)
        if isinstance(value, _Unclear):
            self._faults.append(Fault(path, self._lines[path], value.reason))
            return UNREADABLE
        return value


@dataclass(frozen=True, slots=True)
class _Unclear:
    reason: str


def _plain(node: yaml.ScalarNode) -> object:
    """Return the scalar's value if it can be shown to people and every YAML reader agrees on it."""
    text: str = node.value
    if not text.isprintable():
        return _Unclear("holds a character that cannot be printed")
    if node.style is not None:  # quoted, or a block: text in every version
        return text
    tag = next((tag for form, tag in _YAML_1_2 if form.fullmatch(text)), _STR)
    unusual = tag == _INT and not _DECIMAL.fullmatch(text)
    if tag != node.tag or unusual or text in _YAML_1_1_ALSO_BOOL:
        return _Unclear(
            f"is written as a bare {text}, which YAML readers do not agree on:"
            " quote it if it is text, write a plain decimal number if it is a number"
        )
    return _VALUES.get(tag, str)(text)


def _refusal(tag: str) -> str:
    if tag == _ALIAS:
        return "is an alias (*name); aliases are not read: write the value out"
    return "has a tag (!name); tags are not read: quote what is text"
