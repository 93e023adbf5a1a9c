"""THE REGISTER: one line per module, in menu order. Read it as the table of contents."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.kit.module import Module
from app.views import account, archive, code_table, code_value, job, reminder, unit

ARCHIVES, PEOPLE, REMINDERS = _("职工档案管理"), _("用户管理"), _("提醒")

MODULES = (
    Module("archive", archive.ArchiveView, ARCHIVES, "users", archive.MENU),
    Module("code_table", code_table.CodeTableView, PEOPLE, "settings", code_table.MENU),
    Module("code_value", code_value.CodeValueView, PEOPLE, in_menu=False),
    Module("unit", unit.UnitView, PEOPLE, "settings", unit.MENU),
    Module("account", account.AccountView, PEOPLE, in_menu=False),
    Module("reminder", reminder.ReminderView, REMINDERS, "bell", reminder.MENU),
    Module("job", job.JobView, REMINDERS, "clock"),
)
