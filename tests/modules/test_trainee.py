"""培训学员: parts of a class, open until that is reported; from the form and from Excel (REC-24, AID-R158)."""

from __future__ import annotations

import io

import openpyxl
import pytest
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from app.kit import identity, importing
from app.kit.database import db
from app.kit.errors import Invalid
from app.kit.jobs import Job
from app.kit.scope import SYSTEM, acting
from app.kit.worker import Worker
from app.models.trainee import Trainee
from app.views.trainee import TraineeView
from tests.cases.records import MOST_STATEMENTS, RecordViewCases
from tests.importing import content, reasons, shown
from tests.training import School
from tests.world import errors_of, words_of

WHO = "dewai_clerk"
API = "/api/v1/trainee/"


@pytest.fixture
def school(country, people):
    return School(country, people)


class TestTrainee(RecordViewCases):
    view = TraineeView
    edit = {"employer_name": "德外街道家政公司", "is_employed": True}
    wrong = [
        ("birth_date", "2999-01-01", "不能晚于今天"),
        ("id_card_no", "123", "15位数字"),
        ("certificate_name", "电工证", "证书名称应为空"),
        ("class_id", "2147483647", "没有找到所选的培训班"),
    ]

    @pytest.fixture(autouse=True)
    def _with_classes(self, country, people):
        self.school, self.classes = School(country, people), {}
        for unit in (self.owner, self.sibling):  # without a class the form does not open
            self.class_of(unit)

    def class_of(self, unit):
        if unit not in self.classes:
            self.classes[unit] = self.school.hold(unit, institution=self.school.institution(unit))
        return self.classes[unit]

    def form(self, people):
        return self.school.person(
            self.class_of("dewai"),
            gender="female",
            birth_date="1990-05-01",
            has_certificate=False,
            education="bachelor",
        )

    def make(self, country, people, unit=None, **overrides):
        overrides.setdefault("class_id", self.class_of(unit or self.owner).id)
        return super().make(country, people, unit, **overrides)

    def derived_free(self, names):
        """Sex and birthday come with the number."""
        return [name for name in names if name not in ("gender", "birth_date")]

    def nothing_lost(self, page, typed):
        """A class that is not there cannot stand in the list."""
        super().nothing_lost(page, {k: v for k, v in typed.items() if v != "2147483647"})

    def test_sex_and_birthday_come_from_the_number_and_the_number_is_kept_whole(self, country, people):
        """REC-24 #4, AID-R042."""
        one = self.make(country, people, gender="", birth_date="", id_card_no="110105800229123")
        assert (one.id_card_no[:8], len(one.id_card_no)) == ("11010519", 18)
        assert (one.gender, f"{one.birth_date}") == ("male", "1980-02-29")

    def test_a_person_is_once_in_a_class(self, country, people):
        """REC-24 #3: told by the rule of the database, whichever way the number is written."""
        self.make(country, people, id_card_no="110105800229123")
        with pytest.raises(Invalid) as told:
            self.make(country, people, id_card_no=identity.normal("110105800229123"))
        assert told.value.errors == {"id_card_no": ["这个班已有该身份证号的学员"]}
        other = self.school.hold(institution=self.school.institution(), topic="别的班")
        self.make(country, people, class_id=other.id, id_card_no="110105800229123")

    def test_a_named_certificate_is_one(self, country, people):
        one = self.make(country, people, has_certificate=None, certificate_name="电工证")
        assert one.has_certificate is True
        assert one.certificate == "电工证"


# --- open until the class is reported (AID-R158) ----------------------------------------------------------------------


def test_the_tab_of_the_class_adds_with_the_class_fixed(login, country, school):
    one, clerk = school.hold(), login(WHO)
    url = f"/training_class/show/{one.id}?tab=trainee"
    page = clerk.get(url).text
    assert f"/trainee/add?class_id={one.id}" in page
    assert f"/trainee/import?class_id={one.id}" in page
    form = clerk.form(f"/trainee/add?class_id={one.id}")
    assert "class_id" not in form.values
    person = school.person(one)
    answer = clerk.submit(form.fill({k: v for k, v in person.items() if k != "class_id"}))
    assert answer.status_code == 302, errors_of(answer.text)
    assert answer.location.endswith(url)
    [trainee] = country.all(Trainee)
    assert (trainee.class_id, trainee.full_name) == (one.id, person["full_name"])
    assert person["full_name"] in words_of(clerk.get(url).text)
    there = clerk.get(f"/trainee/list/?class_id={one.id}").text
    assert f"/trainee/add?class_id={one.id}" in there
    assert "/trainee/import" not in clerk.get("/trainee/list/").text


def test_a_reported_class_is_shut_and_open_again_when_it_comes_back(login, rest, country, school):
    """AID-R158: no add, edit, delete, import; show, print and Excel stay. AID-R148 of the classes."""
    one = school.hold()
    trainee = school.enter(one)
    one = country.bring(one, at="xicheng")
    clerk, client = login(WHO), rest(WHO)
    words = "已上报，其培训学员不能增加、修改或删除"
    tab = words_of(clerk.get(f"/training_class/show/{one.id}?tab=trainee").text)
    assert trainee.full_name in tab
    for answer in (
        client.post(API, json=school.person(one)),
        client.put(f"{API}{trainee.id}", json={"phone": "13800000000"}),
        client.delete(f"{API}{trainee.id}"),
        clerk.get(f"/trainee/edit/{trainee.id}"),
        clerk.get(f"/trainee/add?class_id={one.id}"),
        clerk.get(f"/trainee/import?class_id={one.id}"),
        upload(clerk, one, b""),
    ):
        assert answer.status_code == 409, answer.request.url
        assert words in (answer.json["message"] if answer.is_json else words_of(answer.text))
    form = school.person(one)
    answer = clerk.post("/trainee/add", form)
    assert answer.status_code == 409
    assert form["full_name"] in answer.text  # what was typed stands there still
    clerk.post(f"/trainee/delete/{trainee.id}")
    assert [found.id for found in country.all(Trainee)] == [trainee.id]
    for page in (f"show/{trainee.id}", f"print/{trainee.id}", f"excel/{trainee.id}", "export?format=xlsx"):
        assert clerk.get(f"/trainee/{page}").status_code == 200, page
    above = login("xicheng_clerk")
    assert trainee.full_name in words_of(above.get(f"/training_class/show/{one.id}?tab=trainee").text)
    assert rest("xicheng_clerk").delete(f"{API}{trainee.id}").status_code == 409  # AID-R026
    country.step(one, "send_back", "xicheng_clerk")
    assert client.put(f"{API}{trainee.id}", json={"phone": "13800000000"}).status_code == 200
    assert client.delete(f"{API}{trainee.id}").status_code == 200


def test_the_trainees_of_many_units_cost_a_superior_no_more(login, school, statements):
    for unit in ("dewai", "xinjiekou", "xinfeng"):
        for topic in ("电工", "焊工"):
            one = school.hold(unit, topic=topic)
            school.enter(one, unit)
            school.country.bring(one, at="xicheng")
    clerk = login("xicheng_clerk")
    clerk.get("/trainee/list/")
    with statements() as sent:
        page = clerk.get("/trainee/list/").text
    assert "共6条" in words_of(page)
    assert len(sent) <= MOST_STATEMENTS, sent


def test_a_class_out_of_scope_is_not_even_named(rest, login, country, school):
    far = school.hold("caohejing", topic="远方的班")
    school.hold()
    answer = rest(WHO).post(API, json=school.person(far))
    assert answer.status_code in (404, 422)
    assert "远方的班" not in str(answer.json)
    for page in ("import", "add"):
        assert login(WHO).get(f"/trainee/{page}?class_id={far.id}").status_code == 404, page
    assert country.all(Trainee) == []


# --- from Excel -------------------------------------------------------------------------------------------------------


@pytest.fixture
def bring(app, login, country):
    """``bring(one, [typed, …])`` → the job, as it ended, and the workbook that came back, if any."""

    def do(one, people, **options):
        clerk = login(WHO)
        answer = upload(clerk, one, content(book(app, country, people)), **options)
        assert answer.status_code == 202, answer.text
        Worker(app, lease=6000).run(once=True)
        with app.app_context(), acting(SYSTEM), Session(db.engine) as session:
            job = session.get_one(Job, answer.json["job"])
            session.expunge(job)
        back = clerk.get(job.result["url"]) if "url" in job.result else None
        return job, back and openpyxl.load_workbook(io.BytesIO(back.data)).worksheets[0]

    return do


def book(app, country, people):
    """A workbook as a clerk fills it in."""
    with country.acting():
        [page] = app.extensions["views"]["trainee"].layout().pages
        made = openpyxl.Workbook()
        made.active.title = page.title
        made.active.append([head.label for head in page.heads])
        assert "培训班" not in [head.label for head in page.heads]
        for typed in people:
            made.active.append([shown(head, typed.get(head.name)) for head in page.heads])
    return made


def upload(clerk, one, data, **options):
    file = FileStorage(io.BytesIO(data), "学员.xlsx")
    return clerk.post(
        f"/trainee/import?class_id={one.id}",
        {"file": file, **options},
        headers={"Accept": "application/json"},
    )


def persons(school, one, count, **overrides):
    return [school.person(one, **overrides) for _each in range(count)]


def test_a_workbook_goes_into_its_class_row_by_row(login, country, school, bring):
    """Bad rows never stop good ones and come back in red; the same file twice changes nothing; 更新 changes what differs."""
    one, other = school.hold(), school.hold(topic="别的班")
    known = school.person(one)
    school.enter(other, id_card_no=known["id_card_no"])  # in another class: no matter
    good = [
        known,
        *persons(school, one, 3, has_certificate=True, certificate_name="电工证", is_employed=False),
    ]
    bad = [
        school.person(one, id_card_no="123"),
        school.person(one, trainee_category="不是类别"),
        school.person(one, full_name=""),
    ]
    twice = school.person(one)
    rows = [good[0], bad[0], good[1], bad[1], good[2], twice, good[3], bad[2], twice]
    job, sheet = bring(one, rows)
    assert (job.state, job.message) == ("partly", "成功 4 人，未改动 0 人，失败 5 人")
    told = reasons(sheet)
    assert set(told) == {3, 5, 7, 9, 10}
    assert "15位数字" in told[3]
    assert "人员类别" in told[5]
    assert "请填写姓名" in told[9]
    assert "重复" in told[7]
    made = country.all(Trainee, Trainee.class_id == one.id)
    assert [t.full_name for t in made] == [typed["full_name"] for typed in good]
    assert {(t.owner_path, t.gender, t.has_certificate) for t in made[1:]} == {
        (one.owner_path, "female", True)
    }
    [version] = country.versions(made[0])
    assert (version.step, version.account_name) == ("add", country.actor(WHO).name)
    job, sheet = bring(one, rows)
    assert job.message == "成功 0 人，未改动 4 人，失败 5 人"
    assert [t.version for t in country.all(Trainee, Trainee.class_id == one.id)] == [1] * 4
    job, sheet = bring(one, [good[1] | {"employer_name": "新单位"}])
    assert "已存在" in reasons(sheet)[2]
    job, sheet = bring(one, [good[1] | {"employer_name": "新单位"}], update="1")
    assert job.message == "成功 0 人，更新 1 人，未改动 0 人，失败 0 人"
    assert country.again(made[1]).employer_name == "新单位"
    assert country.again(made[1]).class_id == one.id


def test_a_class_that_is_reported_meanwhile_takes_no_further_rows(monkeypatch, country, school, bring):
    """AID-R158: what came before stays, each row that came too late is told why."""
    one = school.hold()
    rows = persons(school, one, 6)
    monkeypatch.setattr(importing, "CHUNK", 2)
    done, work = [], importing.Chunk.work

    def slow(chunk, some):
        outcomes = work(chunk, some)
        done.append(len(outcomes))
        return outcomes

    def checkpoint(context):
        before(context)
        if len(done) == 2 and country.again(one).holder_depth == one.holder_depth:
            country.step(one, "report", WHO)

    before = importing.JobContext.checkpoint
    monkeypatch.setattr(importing.Chunk, "work", slow)
    monkeypatch.setattr(importing.JobContext, "checkpoint", checkpoint)
    job, sheet = bring(one, rows)
    assert (job.state, job.message) == ("partly", "成功 4 人，未改动 0 人，失败 2 人")
    assert len(country.all(Trainee)) == 4
    assert {row: "已上报" in words for row, words in reasons(sheet).items()} == {6: True, 7: True}


def test_many_rows_ask_no_more_of_the_class_than_few(monkeypatch, country, school, bring, statements):
    """The class is held and judged once for a chunk, not once for each trainee."""
    one, sent = school.hold(), []
    for count in (10, 40):
        rows = persons(school, one, count)
        with statements() as told:
            bring(one, rows)
        sent.append(sum("training_class" in statement for statement in told))
    assert sent[0] == sent[1], sent


def test_the_page_of_the_import_names_the_class_and_leads_back(login, country, school):
    one, clerk = school.hold(topic="护理员培训"), login(WHO)
    page = clerk.get(f"/trainee/import?class_id={one.id}").text
    assert "护理员培训" in words_of(page)
    assert f"/training_class/show/{one.id}?tab=trainee" in page
    assert clerk.get("/trainee/import").status_code == 400
    answer = upload(clerk, one, b"not a workbook")
    assert answer.status_code == 422
