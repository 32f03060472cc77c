"""Copies of a whole simulated world, so that a search can go on from a state in several ways without replaying it.

What is immutable by design (the domain, instants, texts) is shared; closures are copied with what they hold.
"""

from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from types import CellType, FunctionType, MethodType
from typing import Any, TypeVar

T = TypeVar("T")
Memo = dict[int, Any]
_SHARED = ("sas_service.domain.", "sas_service.ports.")


def copy_of(whole: T) -> T:
    """Return a copy of everything that ``whole`` can reach and change."""
    copied: T = _copy(whole, {})
    return copied


def _copy(each: Any, memo: Memo) -> Any:
    how = _HOW.get(type(each)) or _learn(type(each))
    if how is _share:
        return each
    known = memo.get(id(each))
    return how(each, memo) if known is None else known


def _share(each: Any, _memo: Memo) -> Any:
    return each


def _learn(kind: type) -> Callable[[Any, Memo], Any]:
    """Objects of this project are copied; enumerations, locks and what is built in or immutable are not."""
    is_ours = kind.__module__.startswith(("sas_service.", "tests.", "test_")) and not hasattr(kind, "__members__")
    is_value = kind.__module__.startswith(_SHARED)
    _HOW[kind] = _object_copier(kind) if is_ours and not is_value else _share
    return _HOW[kind]


def _object_copier(kind: type) -> Callable[[Any, Memo], Any]:
    slots = [name for base in kind.__mro__ for name in base.__dict__.get("__slots__", ())]

    def copier(each: Any, memo: Memo) -> Any:
        made: Any = object.__new__(kind)
        memo[id(each)] = made
        for name in slots:
            object.__setattr__(made, name, _copy(getattr(each, name), memo))
        for name, value in getattr(each, "__dict__", {}).items():
            object.__setattr__(made, name, _copy(value, memo))
        return made

    return copier


def _copy_list(each: list[Any], memo: Memo) -> list[Any]:
    made: list[Any] = []
    memo[id(each)] = made
    made.extend(_copy(item, memo) for item in each)
    return made


def _copy_dict(each: Mapping[Any, Any], memo: Memo) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    memo[id(each)] = made
    # Keys are values: a copy would not be found again.
    made.update((key, _copy(value, memo)) for key, value in each.items())
    return made


def _copy_tuple(each: tuple[Any, ...], memo: Memo) -> tuple[Any, ...]:
    made = tuple([_copy(item, memo) for item in each])
    return made if any(new is not old for new, old in zip(made, each, strict=True)) else each


def _copy_function(each: FunctionType, memo: Memo) -> FunctionType:
    if not each.__closure__:
        return each
    cells = tuple(CellType() for _ in each.__closure__)
    made = FunctionType(each.__code__, each.__globals__, each.__name__, each.__defaults__, cells)
    made.__kwdefaults__ = each.__kwdefaults__
    memo[id(each)] = made
    for cell, held in zip(cells, each.__closure__, strict=True):
        cell.cell_contents = _copy(held.cell_contents, memo)
    return made


_HOW: dict[type, Callable[[Any, Memo], Any]] = {
    list: _copy_list,
    dict: _copy_dict,
    tuple: _copy_tuple,
    set: lambda each, _memo: set(each),
    deque: lambda each, memo: deque(_copy(item, memo) for item in each),
    # It tells its next number only so, without counting on.
    count: lambda each, _memo: count(int(repr(each)[6:-1])),
    FunctionType: _copy_function,
    MethodType: lambda each, memo: MethodType(each.__func__, _copy(each.__self__, memo)),
}
