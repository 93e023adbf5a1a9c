"""Django's admin over the very same tables, as a newcomer writes it from the documentation.

Same database, same rows, same page size, same order, same base conditions as our list of 困难职工档案; unmanaged models,
Django's own tables for accounts and sessions beside ours. Three sites:

- ``/stock/``: list_display, search_fields and list_filter as the tutorial has them. A foreign key is a select of all units,
  a filter over a column asks the table for its distinct values, and the list counts twice: what was asked, and everything;
- ``/tuned/``: the first afternoon of tuning: ``raw_id_fields``, ``show_full_result_count = False``, filters from fixed
  choices, a search that looks in fewer columns;
- ``/people/``: a search in the names of the family members.

Whoever logs in is a superuser. Row scope is asked for in the URL (``owner_path__startswith``, ``holder_depth__lte``).
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import django
from django.apps import AppConfig
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from sqlalchemy.engine import make_url

from bench.counting import HEADER

ADMIN = "bench_django"
_url = make_url(os.environ["DATABASE_URL"])


class AidConfig(AppConfig):
    """The one application."""

    name = "bench.django_admin"
    label = "aid"
    path = os.path.dirname(__file__)  # noqa: PTH120 - Django wants a text


settings.configure(
    DEBUG=False,
    SECRET_KEY=os.environ["UNIONDESK_SECRET_KEY"],
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _url.database,
            "USER": _url.username or "",
            "PASSWORD": _url.password or "",
            "HOST": _url.host or "",
            "PORT": _url.port or "",
            "CONN_MAX_AGE": None,  # connections are kept, as the others keep theirs
        }
    },
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
        "bench.django_admin.AidConfig",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    LANGUAGE_CODE="zh-hans",
    TIME_ZONE="Asia/Shanghai",
    USE_TZ=False,
    STATIC_URL="static/",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()

from django.contrib import admin  # noqa: E402 - Django wants its settings first
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402


class Unit(models.Model):
    name = models.CharField("单位名称", max_length=100)

    class Meta:
        app_label, managed, db_table = "aid", False, "unit"

    def __str__(self) -> str:
        return self.name


def _text(label: str, length: int = 30, **more: Any) -> Any:
    return models.CharField(label, max_length=length, null=True, blank=True, **more)


def _flag(label: str) -> Any:
    return models.BooleanField(label, null=True, blank=True)


class Archive(models.Model):
    owner_unit = models.ForeignKey(Unit, models.DO_NOTHING, verbose_name="所属单位")
    hardship_category = _text("困难类别")
    archive_no = _text("职工编号")
    full_name = _text("姓名", 50)
    id_card_no = _text("身份证号", 18)
    gender = _text("性别")
    birth_date = models.DateField("出生日期", null=True)
    ethnicity = _text("民族")
    political_status = _text("政治面貌")
    worker_identity = _text("身份")
    health_status = _text("健康状况")
    disability_category = _text("残疾类别")
    marital_status = _text("婚姻状况")
    model_worker_type = _text("劳模类型")
    phone = _text("联系电话")
    employer_name = _text("工作单位", 100)
    employer_nature = _text("单位性质")
    enterprise_condition = _text("企业状况")
    industry = _text("所属行业")
    work_start_date = models.DateField("工作年限", null=True)
    household_size = models.IntegerField("家庭人口", null=True)
    household_annual_income = models.BigIntegerField("家庭年度总收入", null=True)
    personal_monthly_income = models.BigIntegerField("本人月平均收入", null=True)
    household_registration_type = _text("户口类型")
    registration_division = _text("户口所在地行政区划")
    housing_type = _text("住房类型")
    floor_area = models.BigIntegerField("建筑面积", null=True)
    postcode = _text("邮政编码", 6)
    home_address = _text("家庭住址", 200)
    is_single_parent = _flag("是否单亲")
    is_zero_employment = _flag("是否为零就业家庭")
    has_medical_insurance = _flag("是否进入医保")
    has_self_help_capacity = _flag("是否有一定自救能力")
    main_hardship_cause = _text("致困主要原因")
    remarks = models.TextField("备注", null=True, blank=True)  # noqa: DJ001 - the column is
    is_cancelled = models.BooleanField("注销状态")
    merged_into_id = models.IntegerField(null=True)
    owner_path = models.CharField(max_length=200)
    holder_depth = models.IntegerField()
    created_at = models.DateTimeField("建档日期")

    class Meta:
        app_label, managed, db_table = "aid", False, "archive"

    def __str__(self) -> str:
        return f"{self.archive_no} {self.full_name}"


class FamilyMember(models.Model):
    archive = models.ForeignKey(Archive, models.DO_NOTHING, related_name="family_members")
    full_name = _text("姓名", 50)

    class Meta:
        app_label, managed, db_table = "aid", False, "family_member"

    def __str__(self) -> str:
        return str(self.full_name)


LIST = (
    "archive_no",
    "full_name",
    "gender",
    "birth_date",
    "home_address",
    "employer_name",
    "main_hardship_cause",
    "created_at",
)
NOT_IN_FORM = ("is_cancelled", "merged_into_id", "owner_path", "holder_depth", "created_at")
CATEGORIES = [("low_income", "低保户"), ("near_low_income", "低保边缘户"), ("accident", "意外致困户")]


class ArchiveAdmin(admin.ModelAdmin):
    list_display = (*LIST, "owner_unit")
    list_filter = ("hardship_category", "gender")
    search_fields = ("archive_no", "full_name", "id_card_no", "employer_name")
    exclude = NOT_IN_FORM
    ordering = ("-id",)
    list_per_page = 20

    def get_queryset(self, request: Any) -> Any:
        found = super().get_queryset(request).filter(is_cancelled=False, merged_into_id__isnull=True)
        return found.exclude(hardship_category="temporary")


class ByCategory(admin.SimpleListFilter):
    title, parameter_name = "困难类别", "category"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return CATEGORIES

    def queryset(self, request: Any, queryset: Any) -> Any:
        return queryset.filter(hardship_category=self.value()) if self.value() else queryset


class TunedAdmin(ArchiveAdmin):
    list_display = LIST
    list_filter = (ByCategory,)
    search_fields = ("full_name", "=id_card_no")
    raw_id_fields = ("owner_unit",)
    show_full_result_count = False


class PeopleAdmin(TunedAdmin):
    search_fields = ("family_members__full_name",)


stock, tuned, people = (admin.AdminSite(name=name) for name in ("stock", "tuned", "people"))
stock.register(Archive, ArchiveAdmin)
tuned.register(Archive, TunedAdmin)
people.register(Archive, PeopleAdmin)
tuned.register(Unit)  # a raw id is looked up in a list of its own
urlpatterns = [path("stock/", stock.urls), path("tuned/", tuned.urls), path("people/", people.urls)]


def prepare(password: str) -> None:
    """Django's own tables, and one superuser."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    accounts = get_user_model().objects
    account, _made = accounts.get_or_create(username=ADMIN, defaults={"is_staff": True, "is_superuser": True})
    account.set_password(password)
    account.save()


# --- counted as the others are --------------------------------------------------------------------------------

_here = threading.local()


def _count(execute: Any, statement: str, parameters: Any, many: Any, context: Any) -> Any:
    since = time.perf_counter()
    try:
        return execute(statement, parameters, many, context)
    finally:
        _here.count += 1
        _here.seconds += time.perf_counter() - since


_inner = get_wsgi_application()


def app(environ: Any, start_response: Any) -> Any:
    """The application, with the header of ``bench.counting`` on every answer."""
    _here.count, _here.seconds = 0, 0.0
    since = time.thread_time()

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        spent = time.thread_time() - since
        told = f"{_here.count} {_here.seconds * 1000:.2f} {spent * 1000:.2f}"
        return start_response(status, [*headers, (HEADER, told)], exc_info)

    with connection.execute_wrapper(_count):
        return _inner(environ, start)
