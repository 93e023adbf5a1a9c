"""Inherited checks: a module's test declares data, the checks come from here."""

import pytest

pytest.register_assert_rewrite("tests.cases.records", "tests.cases.steps")
