"""THE REGISTER: one line per module, in menu order. Read it as the table of contents."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.kit.module import Module, OpenPages
from app.views import (
    account,
    aid,
    aid_centre,
    aid_doubt,
    archive,
    briefing,
    code_table,
    code_value,
    consultation,
    directory,
    employer,
    export_application,
    fund_entry,
    fund_summary,
    job,
    job_agency,
    job_position,
    job_seeker,
    legal_aid,
    likeness,
    list_preference,
    login_attempt,
    notice,
    petition,
    policy_document,
    recommendation,
    reminder,
    saved_query,
    trainee,
    training_class,
    training_institution,
    unit,
)
from app.views.archive import menu as archive_menu

ARCHIVES, AIDS = _("职工档案管理"), _("帮扶救助信息管理")
PETITIONS, CONSULTATIONS = _("信访接待信息管理"), _("政策咨询信息管理")
LEGAL_AIDS, JOBS = _("法律援助信息管理"), _("职业介绍信息管理")
TRAININGS = _("技能培训信息管理")
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
    Module("job_agency", job_agency.JobAgencyView, JOBS, "briefcase", job_agency.MENU),
    Module("employer", employer.EmployerView, JOBS, "briefcase", employer.MENU),
    Module("job_position", job_position.JobPositionView, JOBS, "briefcase"),
    Module("job_seeker", job_seeker.JobSeekerView, JOBS, "briefcase", job_seeker.MENU),
    Module("recommendation", recommendation.RecommendationView, JOBS, in_menu=False),
    Module(
        "training_institution",
        training_institution.TrainingInstitutionView,
        TRAININGS,
        "school",
        training_institution.MENU,
    ),
    Module("training_class", training_class.TrainingClassView, TRAININGS, "school", training_class.MENU),
    Module("trainee", trainee.TraineeView, TRAININGS, in_menu=False),
    Module("fund_entry", fund_entry.FundEntryView, FUNDS, "coin", fund_entry.MENU),
    Module("fund_summary", fund_summary.FundSummaryView, FUNDS, "coin", fund_summary.MENU),
    Module(
        "policy_document",
        policy_document.PolicyDocumentView,
        _("政策文件管理"),
        "file-text",
        policy_document.MENU,
    ),
    Module("briefing", briefing.BriefingView, _("工作简报管理"), "news", briefing.MENU),
    Module("notice", notice.NoticeView, _("通知管理"), "speakerphone", notice.MENU),
    Module("code_table", code_table.CodeTableView, PEOPLE, "settings", code_table.MENU),
    Module("code_value", code_value.CodeValueView, PEOPLE, in_menu=False),
    Module("unit", unit.UnitView, PEOPLE, "settings", unit.MENU),
    Module("account", account.AccountView, PEOPLE, in_menu=False),
    Module("login_attempt", login_attempt.LoginAttemptView, PEOPLE, "settings", login_attempt.MENU),
    Module("aid_centre", aid_centre.AidCentreView, PEOPLE, "building-bank", aid_centre.MENU),
    Module("reminder", reminder.ReminderView, REMINDERS, "bell", reminder.MENU),
    Module("job", job.JobView, REMINDERS, "clock"),
    Module("list_preference", list_preference.ListPreferenceView, in_menu=False),
    Module("saved_query", saved_query.SavedQueryView, in_menu=False),
)

#: pages that are no record types and need no right; they stand after the modules
OPEN = (
    OpenPages(
        "directory", directory.DirectoryView, directory.TITLE, "map-pin", directory.MENU, directory.APIS
    ),
)
