"""Which inherited cases apply to a record type: the others are not collected, so that nothing is ever skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., Any])
#: an attribute of the view that must be true (``{name}`` is a parameter of the test), or a question to the cases
Condition = str | Callable[[Any], bool]


def when(condition: Condition) -> Callable[[Test], Test]:
    """Collect a case only for the record types that the condition holds for."""

    def mark(test: Test) -> Test:
        test.applies = (*getattr(test, "applies", ()), condition)  # type: ignore[attr-defined]
        return test

    return mark


def applicable(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The collected tests without the cases that do not apply."""
    return [item for item in items if all(_holds(item, each) for each in _conditions(item))]


def _conditions(item: pytest.Item) -> tuple[Condition, ...]:
    return getattr(getattr(item, "function", None), "applies", ())


def _holds(item: pytest.Item, condition: Condition) -> bool:
    cases = item.cls  # type: ignore[attr-defined]
    if isinstance(condition, str):
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        return bool(getattr(cases.view, condition.format(**parameters)))
    return condition(cases)
