"""THE REGISTER: one line per module, in menu order. Read it as the table of contents."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.kit.module import Module
from app.views import (
    account,
    aid,
    aid_doubt,
    archive,
    code_table,
    code_value,
    consultation,
    export_application,
    fund_entry,
    fund_summary,
    job,
    legal_aid,
    likeness,
    list_preference,
    petition,
    reminder,
    saved_query,
    unit,
)
from app.views.archive import menu as archive_menu

ARCHIVES, AIDS = _("职工档案管理"), _("帮扶救助信息管理")
PETITIONS, CONSULTATIONS = _("信访接待信息管理"), _("政策咨询信息管理")
LEGAL_AIDS = _("法律援助信息管理")
FUNDS, PEOPLE, REMINDERS = _("财政专项资金管理"), _("用户管理"), _("提醒")

#: every name on the rights form, in its order (spec/aid.md 1.2); one whose module is still to come opens nothing
RIGHTS = (
    "困难职工档案",
    "帮扶救助",
    "信访接待",
    "政策咨询",
    "法律援助",
    "职业介绍",
    "技能培训",
    "报表管理",
    "财政专项资金",
    "政策文件",
    "用户管理",
)

MODULES = (
    Module("archive", archive.ArchiveView, ARCHIVES, "users", archive_menu.MENU),
    Module("export_application", export_application.ExportApplicationView, ARCHIVES, in_menu=False),
    Module("likeness", likeness.LikenessView, ARCHIVES, in_menu=False),
    Module("aid", aid.AidView, AIDS, "heart-handshake", aid.MENU),
    Module("aid_doubt", aid_doubt.AidDoubtView, AIDS, in_menu=False),
    Module("petition", petition.PetitionView, PETITIONS, "messages", petition.MENU),
    Module("consultation", consultation.ConsultationView, CONSULTATIONS, "message-circle", consultation.MENU),
    Module("legal_aid", legal_aid.LegalAidView, LEGAL_AIDS, "gavel", legal_aid.MENU),
    Module("fund_entry", fund_entry.FundEntryView, FUNDS, "coin", fund_entry.MENU),
    Module("fund_summary", fund_summary.FundSummaryView, FUNDS, "coin", fund_summary.MENU),
    Module("code_table", code_table.CodeTableView, PEOPLE, "settings", code_table.MENU),
    Module("code_value", code_value.CodeValueView, PEOPLE, in_menu=False),
    Module("unit", unit.UnitView, PEOPLE, "settings", unit.MENU),
    Module("account", account.AccountView, PEOPLE, in_menu=False),
    Module("reminder", reminder.ReminderView, REMINDERS, "bell", reminder.MENU),
    Module("job", job.JobView, REMINDERS, "clock"),
    Module("list_preference", list_preference.ListPreferenceView, in_menu=False),
    Module("saved_query", saved_query.SavedQueryView, in_menu=False),
)
