"""The plan itself: what stands where, and what no line of code may do."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from flask_appbuilder import Model

import app.models  # noqa: F401 - maps every table
from app.kit.record import Row
from app.kit.scope import Scoped
from app.modules import MODULES, OPEN, RIGHTS
from tests.cases.records import RecordViewCases
from tests.workflows.test_matrix import DOOR

ROOT = Path(__file__).parents[2]
CODE = sorted(p for p in (ROOT / "app").rglob("*.py") if "migrations" not in p.parts)
#: models that a module's record is made of, and the kit's own
PARTS = {
    "aid_measure",
    "assignment",
    "enrolment",
    "document",
    "family_member",
    "fund_summary_line",
    "numbering",
    "password_issue",
    "visitor",
}
#: views that belong to no module, and what they look through
FRONT = {"home", "directory"}
#: who may end a transaction
COMMITS = (
    "app/kit/",
    "app/cli/",
    "app/security/",
    "app/views/code_table.py",
)  # the last: one page with seven deeds
#: who may name a table without its class; each was read for leaks
BARE = {
    "app/kit/dimension.py",  # lines joined to their record in the scope of its statement
    "app/kit/bulk.py",
    "app/kit/codes.py",
    "app/kit/database.py",
    "app/kit/record.py",
    "app/kit/saving.py",
    "app/kit/scope.py",
    "app/models/account.py",
    "app/models/aid_doubt/__init__.py",  # its own items, of whose aids each is judged
    "app/models/aid_doubt/search.py",  # whether a file was cancelled, which its look-up tells everybody
    "app/models/code_value.py",
    "app/models/likeness/meeting.py",
    "app/models/unit.py",
    "app/security/grants.py",
    "app/security/visitor.py",
    "app/workflows/moving.py",
    "app/workflows/sorting.py",
    "app/workflows/transferring.py",
}
RIGHTS_OF_TODAY = {"困难职工档案", "用户管理"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# --- rooms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["models", "views"])
def test_every_module_has_its_room_and_no_room_is_unlisted(layer):
    rooms = {path.stem for path in (ROOT / "app" / layer).glob("*.py")} - {"__init__"} - PARTS - FRONT
    rooms |= {path.name for path in (ROOT / "app" / layer).iterdir() if (path / "__init__.py").exists()}
    assert rooms == {module.name for module in MODULES}


def test_stem_table_resource_and_view_are_the_same_word():
    for module in MODULES:
        assert module.view.model.resource() == module.name
        stem = module.view.__module__.removeprefix("app.views.").split(".")[0]
        assert stem == module.name


def test_every_module_is_tested():
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "modules").glob("test_*.py")}
    assert {module.name for module in MODULES} <= tested


def test_every_view_has_its_cases():
    import importlib

    proved = set()
    for path in (ROOT / "tests" / "modules").glob("test_*.py"):
        module = importlib.import_module(f"tests.modules.{path.stem}")
        for thing in vars(module).values():
            if isinstance(thing, type) and issubclass(thing, RecordViewCases) and hasattr(thing, "view"):
                proved.add(thing.view)
    assert {module.view for module in MODULES} <= proved


# --- rights and scope -----------------------------------------------------------------------------------------


def test_every_route_asks_for_a_right_or_is_the_door(app):
    bare = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if getattr(app.view_functions[rule.endpoint], "_permission_name", None) is None
    }
    assert bare == DOOR


def test_every_permission_of_a_route_is_opened_by_somebody(app):
    opened = app.extensions["everybody"].union(*app.extensions["rights"].values())
    for rule in app.url_map.iter_rules():
        permission = getattr(app.view_functions[rule.endpoint], "_permission_name", None)
        resource = rule.rule.removeprefix("/api/v1").split("/")[1]
        view = next((module.view for module in MODULES if module.name == resource), None)
        if (
            permission
            and view
            and (permission != "write" or view.can_add or view.can_edit or view.can_delete)
        ):
            assert (f"can_{permission}", resource) in opened, (rule.rule, permission)


def test_every_grant_opens_something(app):
    asked = set()
    for rule in app.url_map.iter_rules():
        permission = getattr(app.view_functions[rule.endpoint], "_permission_name", None)
        asked.add((f"can_{permission}", rule.rule.removeprefix("/api/v1").split("/")[1]))
    steps = {(f"can_{step}", module.name) for module in MODULES for step in module.view.steps()}
    named = {str(module.right) for module in MODULES if module.right}
    assert named <= set(RIGHTS)  # the names of the rights form, spec/aid.md 1.2
    for right, grants in app.extensions["rights"].items():
        assert bool(grants) == (right in named), right  # a right whose module is still to come opens nothing
        assert grants <= asked | steps, right


def test_every_step_is_granted_to_somebody(app):
    opened = app.extensions["everybody"].union(*app.extensions["rights"].values())
    for module in MODULES:
        for step in module.view.steps():
            assert (f"can_{step}", module.name) in opened


def test_the_rights_are_those_of_the_spec(app):
    spec = {
        "困难职工档案",
        "帮扶救助",
        "信访接待",
        "政策咨询",
        "法律援助",
        "职业介绍",
        "技能培训",
        "报表管理",
        "财政专项资金",
    }
    spec |= {"政策法规", "工作简报", "通知管理", "用户管理", "帮扶中心信息管理"}
    assert set(app.extensions["rights"]) >= RIGHTS_OF_TODAY


def test_the_register_is_in_the_order_of_the_manuals_menu():
    """Part 6 of spec/aid.md; a group whose modules are still to come is left out."""
    menu = [
        "职工档案管理",
        "帮扶救助信息管理",
        "信访接待信息管理",
        "政策咨询信息管理",
        "法律援助信息管理",
        "职业介绍信息管理",
        "技能培训信息管理",
        "报表管理",
        "财政专项资金管理",
        "政策文件管理",
        "工作简报管理",
        "通知管理",
        "用户管理",
        "提醒",
        "跨区域维权",
    ]
    groups = list(dict.fromkeys(str(one.group) for one in (*MODULES, *OPEN) if one.in_menu))
    assert groups == [group for group in menu if group in groups]
    assert set(menu) - set(groups) == {"报表管理"}


def test_every_table_of_ours_declares_its_scope():
    for mapper in Model.registry.mappers:
        if mapper.class_.__module__.startswith("app."):
            assert issubclass(mapper.class_, Scoped), mapper.class_


# --- words ----------------------------------------------------------------------------------------------------


def rows() -> list[type[Row]]:
    found = [m.class_ for m in Model.registry.mappers if issubclass(m.class_, Row)]
    return sorted(found, key=lambda model: model.__name__)


@pytest.mark.parametrize("model", rows(), ids=lambda model: model.__name__)
def test_every_column_has_a_label(app, model):
    with app.app_context():
        assert str(model.__label__)
        for name, field in model.fields().items():
            assert str(field.label), name


def test_every_code_column_has_its_table(app):
    folder = ROOT / "app" / "codes"
    for model in rows():
        for field in model.fields().values():
            if field.kind == "code" and hasattr(field, "table"):
                assert (folder / f"{field.table}.csv").exists(), (model, field.name)


def test_every_constraint_has_a_name():
    for table in Model.metadata.sorted_tables:
        for constraint in table.constraints:
            assert constraint.name, (table.name, constraint)


# --- lines ----------------------------------------------------------------------------------------------------


def trees():
    return [(name_of(path), ast.parse(path.read_text(encoding="utf-8"))) for path in CODE]


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            yield node, called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def test_no_words_are_built_before_they_are_translated():
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node, called in calls(tree)
        if called in {"_", "gettext", "ngettext", "lazy_gettext", "lazy_ngettext"}
        and node.args
        and not isinstance(node.args[0], ast.Constant)
    ]
    assert not wrong


def test_no_words_hide_in_an_f_string():
    """Babel does not look inside f-strings: such words would never be translated."""
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for inner, called in calls(node)
        if called in {"_", "gettext", "lazy_gettext"}
    ]
    assert not wrong


def test_tables_are_named_only_where_their_statements_are_judged():
    """A bare table beside an entity escapes the scope: only these files may say one."""
    bare = re.compile(r"__table__|metadata\.tables|\.local_table")
    wrong = [
        name_of(path)
        for path in CODE
        if bare.search(path.read_text(encoding="utf-8")) and name_of(path) not in BARE
    ]
    assert not wrong


def test_only_the_kit_the_commands_and_the_door_commit():
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node, called in calls(tree)
        if called == "commit" and not name.startswith(COMMITS)
    ]
    assert not wrong


def test_no_view_writes_sql_by_hand():
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node, called in calls(tree)
        if ((called == "text" and isinstance(node.func, ast.Name)) or called == "exec_driver_sql")
        and not name.startswith(("app/kit/database", "app/cli/", "app/kit/columns"))
        and not (name.startswith("app/models/") and called == "text")
    ]
    assert not wrong


def test_every_door_past_the_scope_gives_its_reason():
    for name, tree in trees():
        for node, called in calls(tree):
            if called == "door" and not name.endswith("scope.py"):
                assert isinstance(node.args[0], ast.Constant), f"{name}:{node.lineno}"
                assert len(node.args[0].value) > 2, f"{name}:{node.lineno}"


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_no_file_grows_beyond_a_screenful_of_screens(path):
    limit = 550 if name_of(path) == "app/kit/pages.py" else 480
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit


def test_every_module_says_what_it_is():
    for name, tree in trees():
        if tree.body:
            assert ast.get_docstring(tree), name


def test_nothing_names_a_machine_or_an_address():
    forbidden = re.compile(
        r"/(?:home|root|work|Users)/\w|C:\\\\|192\.168\.|\bgpt\b|\bclaude\b", re.IGNORECASE
    )
    folders = [ROOT / name for name in ("app", "tests", "scripts", "docs", ".ci")]
    for path in [file for folder in folders if folder.exists() for file in folder.rglob("*")]:
        is_text = (
            path.suffix in {".py", ".md", ".html", ".sh", ".toml", ".css", ".yaml"}
            and "vendor" not in path.parts
        )
        if is_text and path != Path(__file__):
            assert not forbidden.search(path.read_text(encoding="utf-8")), path
