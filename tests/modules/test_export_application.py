"""批量导出/下载档案: apply, approve, export at night, download (SM-AID-08)."""

from __future__ import annotations

import csv
import io
import os
import re
import time
import zipfile
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from app.kit.clock import now, today
from app.kit.jobs import Job
from app.kit.reminders import Reminder
from app.kit.schedule import Calendar
from app.kit.worker import Worker
from app.kit.workflow import StepLog
from app.models.account import Account
from app.models.assignment import Assignment
from app.models.export_application import ExportApplication
from app.models.export_application.night import begin_all
from app.security import factors
from app.views.export_application import ExportApplicationView
from tests.cases.records import RecordViewCases
from tests.security.browser import Device
from tests.workflows.sweeping import work
from tests.world import PASSWORD, Clerk, Rest, words_of

KINDS = ["hardship"]
API = "/api/v1/export_application"


#: where the files of the test that runs lie: the database forgets, the disk would not
PLACE = SimpleNamespace(folder=None)


@pytest.fixture(autouse=True)
def _own_folder(app, tmp_path, monkeypatch):
    monkeypatch.setitem(app.config, "UNIONDESK_HOME", str(tmp_path))
    PLACE.folder = tmp_path / "exports"
    PLACE.folder.mkdir(mode=0o700)


def file_of(pk):
    return PLACE.folder / f"{pk}.zip"


class TestExportApplication(RecordViewCases):
    view = ExportApplicationView
    edit = {"reason": "年度慰问", "archive_kinds": ["hardship", "temporary"], "include_subordinates": False}
    wrong = [
        ("archive_kinds", [], "请至少勾选一项"),
        ("created_from", "昨天", "日期应写作"),
        ("reason", "长" * 501, "最多500个字"),
        ("export_unit_id", "", "请选择导出单位"),
    ]

    def form(self, people):
        return {"export_unit_id": self.country.unit("dewai").id, "archive_kinds": KINDS, "reason": "核对"}

    def make(self, country, people, unit=None, **overrides):
        owner = unit or self.owner
        mine = {"export_unit_id": country.unit(owner).id} | overrides
        return super().make(country, people, unit, **mine)


SUPERIOR = {"dewai": "xicheng", "xinfeng": "dewai", "xicheng": "bj", "bj": "root", "caohejing": "xuhui"}
NO_FILE = {"archive_kinds": KINDS}


def approved(country, record):
    """The application after its superior has agreed."""
    owner = next(login for login in SUPERIOR if country.unit(login).id == record.owner_unit_id)
    who = country.actor(SUPERIOR[owner])
    with country.acting(who) as session:
        session.get_one(ExportApplication, record.id).perform("approve", who)
        session.commit()
    return country.again(record)


@pytest.fixture
def apply_for(country):
    """``apply_for("dewai", archive_kinds=[…])`` → an application of that unit, approved unless it is the root's."""

    def make(unit="dewai", *, wait=False, **typed):
        typed = {"export_unit_id": country.unit(unit).id, "archive_kinds": KINDS} | typed
        record = country.make(ExportApplication, typed, country.actor(unit))
        return record if wait or unit == "root" else approved(country, record)

    return make


@pytest.fixture
def night(app, country):
    """``night(record)`` → the application after a night's work."""

    def work_through(record):
        with country.acting() as session:
            begin_all(session)
            session.commit()
        work(app)
        return country.again(record)

    return work_through


def unzipped(path, encoding="utf-8-sig"):
    """Name of a file → its lines as dictionaries; the note as text."""
    with zipfile.ZipFile(io.BytesIO(path) if isinstance(path, bytes) else path) as parcel:
        assert parcel.testzip() is None
        texts = {name: parcel.read(name).decode(encoding) for name in parcel.namelist()}
    note = texts.pop("说明.txt")
    return {name: list(csv.DictReader(io.StringIO(text))) for name, text in texts.items()} | {"note": note}


def listed(login, person, shelf, **query):
    """What the list of that name, saved as CSV, holds."""
    arguments = "&".join(f"{key}={value}" for key, value in {"shelf": shelf, **query}.items())
    answer = login(person).get(f"/archive/export?format=csv&{arguments}")
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def numbers(rows):
    return sorted(row["身份证号"] for row in rows)


# --- applying -------------------------------------------------------------------------------------------------


def test_an_application_begins_unapproved_and_without_a_file(rest, country, apply_for):  # AID-R104
    record = apply_for("dewai", wait=True)
    shown = rest("dewai").get(f"{API}/{record.id}").json["result"]
    assert shown["export_state"]["label"] == "未导出"
    assert shown["approval_state"]["label"] == "未批准"
    assert shown["applied_on"] == today().isoformat()
    assert shown["applicant_unit_id"] == shown["owner_unit_id"] == country.unit("dewai").id
    assert shown["data_file"] is None
    assert not file_of(record.id).exists()
    told = country.all(Reminder, Reminder.record_type == "export_application")
    assert [(one.receiver_unit_id, one.record_ids) for one in told] == [
        (country.unit("xicheng").id, [record.id])
    ]


def test_only_administrators_open_it(login, rest, country):  # AID-R103
    clerk, administrator = login("dewai_clerk"), login("dewai")
    for url in ("list/", "add", "list/?shelf=approve", "list/?shelf=ready"):
        assert clerk.get(f"/export_application/{url}").status_code == 403
        assert administrator.get(f"/export_application/{url}").status_code == 200
    assert rest("dewai_clerk").post(f"{API}/", json=NO_FILE).status_code == 403
    assert "批量导出/下载档案" not in words_of(clerk.menu())
    menu = words_of(administrator.menu())
    assert all(
        words in menu for words in ("批量导出/下载档案", "申请列表", "提出申请", "审批申请", "下载数据")
    )


def test_a_unit_outside_the_subtree_cannot_be_exported(rest, country):
    client = rest("dewai")
    for login in ("xicheng", "xinjiekou", "caohejing", "root"):
        answer = client.post(f"{API}/", json=NO_FILE | {"export_unit_id": country.unit(login).id})
        assert answer.status_code == 422, login
        assert answer.json["errors"]["export_unit_id"]
    answer = client.post(f"{API}/", json=NO_FILE | {"export_unit_id": country.unit("xinfeng").id})
    assert answer.status_code == 201


def test_kinds_and_columns_are_ticked_from_what_there_is(rest, country):
    client, unit = rest("dewai"), country.unit("dewai").id
    for wrong in (
        ["没有的档案"],
        "x",
        [["hardship"]],
        [{"code": ["x"]}],
        [None],
        {"a": 1},
        7,
        [True],
        ["\x00"],
    ):
        answer = client.post(f"{API}/", json={"export_unit_id": unit, "archive_kinds": wrong})
        assert answer.status_code == 422, wrong
        assert answer.json["errors"]["archive_kinds"], wrong
    for right in (
        ["临时救助档案", "困难职工档案"],
        "困难职工档案、temporary",
        [{"code": "hardship"}, {"label": "临时救助档案"}],
    ):
        body = {"export_unit_id": unit, "archive_kinds": right, "columns": ["姓名", "id_card_no"]}
        answer = client.post(f"{API}/", json=body)
        assert answer.status_code == 201, answer.json
        assert [one["code"] for one in answer.json["result"]["archive_kinds"]] == ["hardship", "temporary"]
        assert {one["code"] for one in answer.json["result"]["columns"]} == {"full_name", "id_card_no"}


def test_the_span_of_dates_is_in_order(rest, country):
    body = NO_FILE | {"export_unit_id": country.unit("dewai").id}
    answer = rest("dewai").post(
        f"{API}/", json=body | {"created_from": "2026-02-01", "created_to": "2026-01-01"}
    )
    assert "不能早于起点" in answer.json["errors"]["created_to"][0]


def test_what_was_ticked_can_be_unticked_on_the_form(login, country, apply_for):
    record, clerk = apply_for("dewai", wait=True, columns=["full_name", "phone"]), login("dewai")
    form = clerk.form(f"/export_application/edit/{record.id}")
    assert form.values.getlist("columns") == ["full_name", "phone"]
    form.values.poplist("columns")
    assert clerk.submit(form).status_code == 302
    assert country.again(record).columns is None
    assert "全部字段" in words_of(clerk.get(f"/export_application/show/{record.id}").text)
    history = words_of(clerk.get(f"/export_application/show/{record.id}?tab=history").text)
    assert "姓名、联系电话" in history


# --- approving ------------------------------------------------------------------------------------------------


def test_only_the_direct_superior_approves(rest, login, country, apply_for):  # AID-R107
    record = apply_for("dewai", wait=True)
    for person, status in (("dewai", 409), ("bj", 409), ("root", 409), ("xinfeng", 404), ("haidian", 404)):
        answer = rest(person).post(f"{API}/{record.id}/steps/approve", json={})
        assert answer.status_code == status, person
        assert status == 404 or "西城区总工会的用户管理员" in answer.json["message"]
    assert rest("xicheng_clerk").post(f"{API}/{record.id}/steps/approve", json={}).status_code == 403
    answer = rest("xicheng").post(f"{API}/{record.id}/steps/approve", json={})
    assert answer.status_code == 200
    shown = answer.json["result"]
    assert (shown["approval_state"]["label"], shown["export_state"]["label"]) == ("已批准", "未导出")
    assert shown["approver_unit_id"] == country.unit("xicheng").id
    logs = country.all(StepLog, StepLog.record_type == "export_application", StepLog.step == "approve")
    assert [(log.record_id, log.from_unit_id) for log in logs] == [(record.id, country.unit("xicheng").id)]


def test_the_page_of_approvals_holds_what_the_next_level_waits_for(login, country, apply_for):  # AID-R107
    mine, deeper, done = (
        apply_for("dewai", wait=True),
        apply_for("xinfeng", wait=True),
        apply_for("xinjiekou", wait=True),
    )
    with country.acting(country.actor("xicheng")) as session:
        session.get_one(ExportApplication, done.id).perform("approve", country.actor("xicheng"))
        session.commit()
    own, clerk = apply_for("xicheng", wait=True), login("xicheng")
    page = clerk.get("/export_application/list/?shelf=approve").text
    assert f"/export_application/show/{mine.id}" in page
    for other in (deeper, done, own):
        assert f"/export_application/show/{other.id}" not in page
    dialog = clerk.get(f"/export_application/dialog/approve?ids={mine.id}")
    assert "确定批准" in words_of(dialog.text)
    answer = clerk.post("/export_application/steps/approve", {"ids": mine.id})
    assert answer.status_code == 302
    assert "批准成功" in words_of(clerk.get("/export_application/list/?shelf=approve").text)


def test_the_second_of_two_administrators_is_told_who_was_first(rest, country, apply_for):
    record = apply_for("dewai")
    answer = rest("xicheng").post(f"{API}/{record.id}/steps/approve", json={})
    assert answer.status_code == 409
    assert country.again(record).approver in answer.json["message"]


def test_the_roots_own_application_is_approved_on_submission_and_logged(rest, country, apply_for):  # AID Q30
    record = apply_for("root")
    assert record.approval_state == "approved"
    assert record.approver == country.actor("root").name
    logs = country.all(StepLog, StepLog.record_type == "export_application", StepLog.record_id == record.id)
    assert [log.step for log in logs] == ["approve"]
    assert not country.all(Reminder, Reminder.record_type == "export_application")


# --- changing -------------------------------------------------------------------------------------------------


def test_what_is_approved_is_not_modified(rest, login, apply_for):  # AID-R105
    record = apply_for("dewai")
    answer = rest("dewai").put(f"{API}/{record.id}", json={"reason": "改一改"})
    assert answer.status_code == 409
    assert "该申请已批准,不能修改" in answer.json["message"]
    assert login("dewai").get(f"/export_application/edit/{record.id}").status_code == 409


def test_a_superior_reads_but_does_not_change(rest, apply_for):
    record, client = apply_for("dewai", wait=True), rest("xicheng")
    assert client.get(f"{API}/{record.id}").status_code == 200
    assert client.put(f"{API}/{record.id}", json={"reason": "x"}).status_code == 409
    assert client.delete(f"{API}/{record.id}").status_code == 409


def test_only_what_is_not_exported_is_deleted(rest, country, apply_for, night):  # AID-R106
    waiting, approved_one, exported = (
        apply_for("dewai", wait=True),
        apply_for("dewai"),
        night(apply_for("xinfeng")),
    )
    assert rest("dewai").delete(f"{API}/{waiting.id}").status_code == 200
    assert exported.export_state == "exported"
    answer = rest("xinfeng").delete(f"{API}/{exported.id}")
    assert answer.status_code == 409
    assert "数据已导出,不能删除" in answer.json["message"]
    with country.acting() as session:  # the same night took it along; a fresh one stands for it
        session.execute(
            update(ExportApplication)
            .where(ExportApplication.id == approved_one.id)
            .values(export_state="not_exported", exported_at=None)
        )
        session.commit()
    assert rest("dewai").delete(f"{API}/{approved_one.id}").status_code == 200


# --- the night ------------------------------------------------------------------------------------------------


def test_the_night_makes_a_file_of_what_the_list_shows(login, country, make_archive, apply_for, night):
    # AID-R108, AID-R111
    make_archive("dewai"), make_archive("xinfeng", at="dewai"), make_archive("xinfeng")
    make_archive("dewai", hardship_category="temporary", worker_identity="on_duty")
    record = night(apply_for("dewai", archive_kinds=["hardship", "migrant", "temporary"]))
    assert record.export_state == "exported"
    assert record.expires_on == today() + timedelta(days=30)
    files = unzipped(file_of(record.id))
    assert list(files) == ["困难职工档案.csv", "农民工档案.csv", "临时救助档案.csv", "note"]
    for shelf, name in (
        ("hardship", "困难职工档案"),
        ("migrant", "农民工档案"),
        ("temporary", "临时救助档案"),
    ):
        assert numbers(files[f"{name}.csv"]) == numbers(listed(login, "dewai_clerk", shelf)), name
    assert record.row_count == sum(len(files[name]) for name in files if name != "note")
    assert record.file_size == file_of(record.id).stat().st_size
    assert "德外街道总工会" in files["note"]
    assert "批准单位：西城区总工会" in files["note"]
    assert f"困难职工档案{len(files['困难职工档案.csv'])}户" in files["note"]
    told = country.all(Reminder, Reminder.record_type == "export_application")[-1]
    assert told.receiver_unit_id == country.unit("dewai").id
    assert "可以下载" not in told.message
    assert "下载数据" in told.message
    assert [version.step for version in country.versions(record)] == ["add", "approve", "export"]


def test_only_what_has_been_reported_is_in_it(country, make_archive, apply_for, night):  # AID-R111
    secret, told = make_archive("dewai"), make_archive("dewai", at="xicheng")
    elsewhere = make_archive("xinjiekou", at="xicheng")
    record = night(apply_for("xicheng", export_unit_id=country.unit("dewai").id))
    found = [row["身份证号"].strip() for row in unzipped(file_of(record.id))["困难职工档案.csv"]]
    assert told.id_card_no in found
    assert secret.id_card_no not in found
    assert elsewhere.id_card_no not in found  # of another unit than the one asked for


def test_what_is_asked_for_narrows_the_file(country, make_archive, apply_for, night):
    own, below = make_archive("dewai"), make_archive("xinfeng", at="dewai")
    with country.acting() as session:
        archive = session.get_one(type(own), own.id)
        archive.created_at -= timedelta(days=400)
        session.commit()
    long_ago = (today() - timedelta(days=300)).isoformat()
    fresh = night(apply_for("dewai", created_from=long_ago, columns=["full_name", "id_card_no"]))
    rows = unzipped(file_of(fresh.id))["困难职工档案.csv"]
    found = {row["身份证号"].strip() for row in rows}
    assert list(rows[0]) == ["姓名", "身份证号", "所属单位"]
    assert below.id_card_no in found
    assert own.id_card_no not in found
    old = night(apply_for("dewai", created_to=long_ago))
    found = {row["身份证号"].strip() for row in unzipped(file_of(old.id))["困难职工档案.csv"]}
    assert own.id_card_no in found
    assert below.id_card_no not in found
    alone = night(apply_for("dewai", include_subordinates=False))
    found = {row["身份证号"].strip() for row in unzipped(file_of(alone.id))["困难职工档案.csv"]}
    assert below.id_card_no not in found
    assert own.id_card_no in found


def test_cancelled_files_come_when_they_are_asked_for(country, make_archive, apply_for, night):
    gone = make_archive("dewai")
    with country.acting() as session:
        session.execute(update(type(gone)).where(type(gone).id == gone.id).values(is_cancelled=True))
        session.commit()
    for include, expected in ((False, False), (True, True)):
        record = night(apply_for("dewai", include_cancelled=include))
        found = [row["身份证号"].strip() for row in unzipped(file_of(record.id))["困难职工档案.csv"]]
        assert (gone.id_card_no in found) is expected


def test_old_programs_and_formulas(make_archive, apply_for, night):
    make_archive("xinfeng", full_name="=HYPERLINK(1)", employer_name="𠮷野家")
    record = night(apply_for("xinfeng", in_utf8=False))
    rows = unzipped(file_of(record.id), "gb18030")["困难职工档案.csv"]
    assert ("'=HYPERLINK(1)", "𠮷野家") in {(row["姓名"], row["工作单位"]) for row in rows}


def test_the_rights_of_the_night_count(app, country, apply_for, night, login):
    """Who may not apply any more gets no file; the unit's new administrator does."""
    record = apply_for("dewai")
    former = country.account("dewai").id
    country.give("dewai")
    with country.acting() as session:
        session.execute(update(Assignment).where(Assignment.account_id == former).values(admin_slot=None))
        session.commit()
    assert night(record).export_state == "not_exported"
    assert not list(PLACE.folder.iterdir())
    with country.acting() as session:
        begun, refused = begin_all(session)
    assert begun == 0
    assert "用户管理员" in str(refused[0])
    successor = country.account("dewai_clerk").id
    country.give("dewai_clerk", "用户管理")
    with country.acting() as session:
        session.execute(update(Assignment).where(Assignment.account_id == successor).values(admin_slot=1))
        session.commit()
    assert night(record).export_state == "exported"


def test_an_application_deleted_meanwhile_leaves_nothing(app, rest, country, apply_for):
    record = apply_for("dewai")
    with country.acting() as session:
        assert begin_all(session) == (1, [])
        assert begin_all(session) == (0, [])  # one job at a time
        session.commit()
    assert rest("dewai").delete(f"{API}/{record.id}").status_code == 200
    work(app)
    assert not list(PLACE.folder.iterdir())


def test_a_cancelled_job_leaves_no_file_and_the_next_night_makes_it(app, rest, country, apply_for, night):
    record = apply_for("dewai")
    with country.acting() as session:
        begin_all(session)
        session.commit()
    job = country.all(Job)[-1]
    assert rest("dewai").post(f"/api/v1/job/{job.id}/steps/cancel", json={}).status_code == 200
    work(app)
    assert country.again(record).export_state == "not_exported"
    assert not list(PLACE.folder.iterdir())
    assert night(record).export_state == "exported"


def test_a_worker_that_dies_while_writing_leaves_no_half_file(app, country, apply_for, night, monkeypatch):
    from app.models.export_application import night as module

    def dies(file, parts):
        file.write(b"half")
        raise MemoryError

    record = apply_for("dewai")
    with monkeypatch.context() as patch:
        patch.setattr(module.exchange, "zip_file", dies)
        assert night(record).export_state == "not_exported"
    assert not list(PLACE.folder.iterdir())
    country_job = country.all(Job)[-1]
    assert country_job.state == "waiting"  # it is tried again
    with country.acting() as session:
        session.execute(update(Job).values(run_at=country_job.created_at))
        session.commit()
    assert night(record).export_state == "exported"


def test_the_roots_administrator_need_not_wait_for_the_night(app, rest, login, country, apply_for):
    record, early = apply_for("dewai"), apply_for("xinfeng", wait=True)
    for person in ("dewai", "xicheng"):
        answer = rest(person).post(f"{API}/{record.id}/steps/export_now", json={})
        assert answer.status_code == 409
        assert "夜间" in answer.json["message"]
    client = rest("root")
    assert "尚未批准" in client.post(f"{API}/{early.id}/steps/export_now", json={}).json["message"]
    assert "立即导出" in words_of(login("root").get(f"/export_application/show/{record.id}").text)
    assert "立即导出" not in words_of(login("dewai").get(f"/export_application/show/{record.id}").text)
    assert client.post(f"{API}/{record.id}/steps/export_now", json={}).status_code == 200
    assert "正在导出" in client.post(f"{API}/{record.id}/steps/export_now", json={}).json["message"]
    work(app)
    assert country.again(record).export_state == "exported"


def test_the_command_begins_what_is_approved(app, country, apply_for):
    record = apply_for("dewai")
    told = app.test_cli_runner().invoke(args=["export", "run"])
    assert told.exit_code == 0, told.output
    assert "1份" in told.output
    work(app)
    assert country.again(record).export_state == "exported"


def test_the_calendar_brings_the_night(app, country, apply_for):  # AID-R108
    record = apply_for("dewai")
    for _worker in range(2):  # the second one finds it enqueued
        Worker(app, lease=6000, calendar=Calendar()).run(once=True)
    assert country.again(record).export_state == "exported"
    jobs = country.all(Job, Job.kind.in_(["export_night", "export_purge"]))
    assert sorted(job.kind for job in jobs) == ["export_night", "export_purge"]
    assert {job.state for job in jobs} == {"done"}


# --- downloading ----------------------------------------------------------------------------------------------


def test_a_file_is_downloaded_by_its_unit_once_it_is_there(login, rest, country, apply_for, night):
    # AID-R109, AID-R112
    record, clerk = apply_for("dewai", wait=True), login("dewai")
    url = f"/export_application/download/{record.id}"
    for words in ("尚未批准", "尚未导出"):
        for answer in (clerk.get(url), clerk.post(url)):
            assert answer.status_code == 409
            assert words in words_of(answer.text)
        if words == "尚未批准":
            approved(country, record)
    record = night(record)
    assert clerk.get(url).status_code == 200
    assert not _downloads(country, record)  # looking is not taking
    answer = clerk.post(url)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.data == file_of(record.id).read_bytes()
    answer = rest("dewai").post(f"{API}/{record.id}/download", json={})
    assert answer.data == file_of(record.id).read_bytes()
    assert [log.account_name for log in _downloads(country, record)] == [country.actor("dewai").name] * 2
    shown = rest("dewai").get(f"{API}/{record.id}").json["result"]
    assert [one["account"] for one in shown["download_log"]] == [country.actor("dewai").name] * 2
    assert shown["data_file"]["rows"] == record.row_count
    page = words_of(clerk.get(f"/export_application/show/{record.id}").text)
    assert "下载记录" in page
    assert "下载时间" in page
    assert "西城区总工会" in page  # who approved, though a superior is out of the applicant's sight
    for person in ("xicheng", "root"):  # they see the application, the file is not theirs
        assert rest(person).post(f"{API}/{record.id}/download", json={}).status_code == 409
    assert rest("haidian").post(f"{API}/{record.id}/download", json={}).status_code == 404
    assert rest("dewai_clerk").post(f"{API}/{record.id}/download", json={}).status_code == 403
    assert len(_downloads(country, record)) == 2


def _downloads(country, record):
    return country.all(StepLog, StepLog.step == "download", StepLog.record_id == record.id)


def with_device(app, country, name):
    """A browser and a program of a certificate user, his device and recovery codes."""
    with country.acting() as session:
        account = session.scalars(select(Account).where(Account.username == name)).one()
        account.certificate_required, account.certificate_serial = True, "5A01"
        device = Device(factors.new_secret())
        codes = factors.bind(account, device.secret, 0, now())
        session.commit()
    clerk, client = (kind(app, app.response_class, use_cookies=kind is Clerk) for kind in (Clerk, Rest))
    clerk.login(name)
    assert clerk.post("/login/code", {"otp": device.code()}).location == "/"
    clerk.csrf = clerk.form("/password/").values["csrf_token"]
    body = {"username": name, "password": PASSWORD, "provider": "db", "otp": codes.pop()}
    client.token = client.post("/api/v1/security/login", json=body).json["access_token"]
    return clerk, client, device, codes


def test_a_certificate_user_proves_himself_before_each_download(app, country, apply_for, night):  # AID-R110
    record, url = night(apply_for("dewai")), "/export_application/download/"
    clerk, client, device, codes = with_device(app, country, "dewai")
    assert "动态口令" in words_of(clerk.get(f"{url}{record.id}").text)
    for typed in ({}, {"otp": ""}, {"otp": "000000"}, {"password": PASSWORD}):
        answer = clerk.post(f"{url}{record.id}", typed)
        assert answer.status_code == 422, typed
        assert "动态口令" in words_of(answer.text)
    for typed in ({}, {"otp": "000000"}, {"password": PASSWORD}):
        assert client.post(f"{API}/{record.id}/download", json=typed).status_code == 422
    for odd in ([], {"otp": 7}, {"otp": ["x"]}):
        assert client.post(f"{API}/{record.id}/download", json=odd).status_code in {400, 422}
    assert not _downloads(country, record)
    assert clerk.post(f"{url}{record.id}", {"otp": device.code()}).data[:2] == b"PK"
    assert client.post(f"{API}/{record.id}/download", json={"otp": codes.pop()}).data[:2] == b"PK"
    assert [log.answers["second_factor"] for log in _downloads(country, record)] == ["totp"] * 2


def test_guessing_is_counted_as_at_the_door(app, country, apply_for, night):
    record = night(apply_for("dewai"))
    clerk, _client, device, _codes = with_device(app, country, "dewai")
    url = f"/export_application/download/{record.id}"
    answers = [clerk.post(url, {"otp": f"{n:06}"}).status_code for n in range(6)]
    assert answers == [422] * 5 + [429]
    assert clerk.post(url, {"otp": device.code()}).status_code == 429
    assert not _downloads(country, record)


def test_a_card_is_asked_for_again(app, country, apply_for, night, monkeypatch):  # AID-R110
    record = night(apply_for("dewai"))
    monkeypatch.setitem(app.config, "CERTIFICATE_HEADER", "X-Client-Serial")
    monkeypatch.setitem(app.config, "CERTIFICATE_PROXIES", frozenset({"127.0.0.1"}))
    with country.acting() as session:
        card = {"certificate_required": True, "certificate_serial": "5A01"}
        session.execute(update(Account).where(Account.username == "dewai").values(card))
        session.commit()
    clerk, typed = (
        Clerk(app, app.response_class, use_cookies=True),
        {"username": "dewai", "password": PASSWORD},
    )
    typed["csrf_token"] = re.search(r'name="csrf_token" value="([^"]+)"', clerk.get("/login/").text)[1]
    assert clerk.post("/login/", typed, headers={"X-Client-Serial": "5A:01"}).location == "/"
    clerk.csrf = clerk.form("/password/").values["csrf_token"]
    url = f"/export_application/download/{record.id}"
    assert "USBKey" in words_of(clerk.get(url).text)
    assert clerk.post(url).status_code == 422
    assert clerk.post(url, headers={"X-Client-Serial": "5A02"}).status_code == 422
    assert clerk.post(url, headers={"X-Client-Serial": "5a01"}).data[:2] == b"PK"
    assert [log.answers["second_factor"] for log in _downloads(country, record)] == ["certificate"]


@pytest.mark.parametrize(
    ("unit", "setting", "synthetic", "is_asked"),
    [
        ("bj", False, True, False),
        ("bj", True, True, True),
        ("bj", False, False, True),
        ("dewai", True, False, False),
    ],
)
def test_administrators_of_provinces_need_the_second_factor(  # noqa: PLR0917 - fixtures and a table
    app, login, country, apply_for, night, monkeypatch, unit, setting, synthetic, is_asked
):  # AID-R110
    monkeypatch.setitem(app.config, "SECOND_FACTOR", setting)
    with country.acting() as session:
        session.execute(update(Account).where(Account.username == unit).values(is_synthetic=synthetic))
        session.commit()
    record = night(apply_for(unit))
    answer = login(unit).post(f"/export_application/download/{record.id}")
    assert answer.status_code == (302 if is_asked else 200)
    assert (answer.location == "/safety/device") is is_asked  # who has none yet binds one first


def test_files_expire_and_may_be_applied_for_again(app, login, country, apply_for, night):
    record, kept = night(apply_for("dewai")), night(apply_for("dewai"))
    with country.acting() as session:
        session.execute(
            update(ExportApplication)
            .where(ExportApplication.id == record.id)
            .values(expires_on=today() - timedelta(days=1))
        )
        session.commit()
    with country.acting() as session:  # its last day
        session.execute(
            update(ExportApplication).where(ExportApplication.id == kept.id).values(expires_on=today())
        )
        session.commit()
    (PLACE.folder / "abandoned.part").write_bytes(b"x")
    (PLACE.folder / "fresh.part").write_bytes(b"x")
    os.utime(PLACE.folder / "abandoned.part", (time.time() - 2 * 86400,) * 2)
    (PLACE.folder / "99999999.zip").write_bytes(b"of an application that is gone")
    clerk = login("dewai")
    answer = clerk.post(f"/export_application/download/{record.id}")
    assert answer.status_code == 409  # even before it is cleared away
    assert "文件已过期" in words_of(answer.text)
    Worker(app, lease=6000, calendar=Calendar()).run(once=True)
    assert sorted(file.name for file in PLACE.folder.iterdir()) == sorted([f"{kept.id}.zip", "fresh.part"])
    assert "文件已过期" in words_of(clerk.get("/export_application/list/?shelf=ready").text)
    assert night(apply_for("dewai")).export_state == "exported"


def test_the_file_is_not_served_by_name_nor_by_its_job(login, country, apply_for, night):
    record, clerk = night(apply_for("dewai")), login("dewai")
    job = country.all(Job, Job.kind == "export_archives")[-1]
    assert clerk.get(f"/job/show/{job.id}").status_code == 200
    for url in (f"/job/result/{job.id}", f"/exports/{record.id}.zip", f"/static/../exports/{record.id}.zip"):
        assert clerk.get(url).status_code == 404
    assert PLACE.folder.stat().st_mode & 0o077 == 0
    assert file_of(record.id).stat().st_mode & 0o077 == 0


def test_a_list_of_applications_costs_as_much_as_any(login, country, apply_for, statements):
    for _n in range(3):
        apply_for("dewai", wait=True)
    clerk = login("dewai")
    clerk.get("/export_application/list/")
    with statements() as sent:
        assert clerk.get("/export_application/list/").status_code == 200
    assert len(sent) <= 6, sent
