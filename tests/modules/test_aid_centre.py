"""帮扶中心信息: one for each unit, its contact data the unit's, summed up for the superiors (REC-05, AID-R221, 3.15)."""

from __future__ import annotations

from sqlalchemy import select

from app.models.aid_centre import AidCentre
from app.models.unit import Unit
from app.views.aid_centre import AidCentreView
from tests.cases.records import RecordViewCases
from tests.world import errors_of, words_of

API = "/api/v1/aid_centre/"


class TestAidCentre(RecordViewCases):
    view = AidCentreView
    edit = {"staff_count": 9, "hired": 4}
    wrong = [
        ("founded_on", "2999-01-01", "不能晚于今天"),
        ("staff_count", "5", "合计6人，多于工作人员数5人"),  # REC-05 #8
        ("floor_area_m2", "1.005", "最多2位小数"),
        ("postcode", "12", "邮政编码"),
        ("address", "", "请填写地址"),  # the unit must have one
    ]
    form = {
        "centre_name": "困难职工帮扶中心",
        "centre_level": "township",
        "founded_on": "2008-05-01",
        "is_public_institution": True,
        "authorised_posts": "4",
        "staff_count": "6",
        "full_time": "3",
        "part_time": "2",
        "hired": "1",
        "floor_area_m2": "120.50",
        "in_fiscal_budget": True,
        "annual_budget_wan": "12.5000",
        "services": ["living", "legal_aid"],
    }

    def make(self, country, people, unit=None, **overrides):
        """A unit has one at most."""
        owner = country.unit(unit or self.owner).id
        there = country.all(AidCentre, AidCentre.owner_unit_id == owner)
        return country.again(there[0]) if there else super().make(country, people, unit, **overrides)


def saved(rest, login, **more):
    answer = rest(login).post(API, json=TestAidCentre.form | more)
    assert answer.status_code in {200, 201}, answer.json
    return answer


def test_a_unit_has_one_that_is_added_or_updated(login, rest, country):  # AID-R221
    clerk = login("dewai")
    form = clerk.form("/aid_centre/own")
    assert form.values["address"]  # what the unit has stands there already
    assert form.values["centre_level"] == "township"
    assert clerk.submit(form.fill({"centre_name": "德外帮扶中心"})).status_code == 302
    form = clerk.form("/aid_centre/own")
    assert form.values["centre_name"] == "德外帮扶中心"
    assert clerk.submit(form.fill({"staff_count": "7"})).status_code == 302
    assert saved(rest, "dewai", staff_count=8).status_code == 200
    assert saved(rest, "xinjiekou").status_code == 201
    assert clerk.get("/aid_centre/add").location.endswith("/aid_centre/own")
    assert [one.staff_count for one in country.all(AidCentre)] == [8, 6]


def test_who_is_no_centre_may_leave_it_empty(login, country):  # AID-R221
    assert "可以不填" not in login("dewai").get("/aid_centre/own").text
    assert "可以不填" in login("xinfeng").get("/aid_centre/own").text
    assert country.all(AidCentre) == []


def test_contact_data_are_the_units(login, rest, country):  # REC-05 #14
    saved(rest, "dewai")
    unit = country.read(Unit, country.unit("dewai").id)
    clerk = login("dewai")
    answer = clerk.submit(clerk.form("/aid_centre/own").fill({"duty_phone": "010-55529999", "fax": ""}))
    assert answer.status_code == 302, errors_of(answer.text)
    now = country.again(unit)
    assert (now.duty_phone, now.fax, now.version) == ("010-55529999", None, unit.version + 1)
    assert (now.address, now.leader_name) == (unit.address, unit.leader_name)
    [version] = [one for one in country.versions(unit) if one.step == "edit"]
    assert {name for name, _before, _after in version.diff} == {"duty_phone", "fax"}
    assert version.account_name == country.actor("dewai").name
    assert "010-55529999" in words_of(clerk.get(answer.location).text)
    assert rest("dewai").get(API).json["result"][0]["duty_phone"] == "010-55529999"


def test_what_the_superior_has_changed_meanwhile_is_not_overwritten(login, rest, country):  # AID-R232
    saved(rest, "dewai")
    clerk = login("dewai")
    mine = clerk.form("/aid_centre/own").fill({"duty_phone": "010-55529999", "hired": "0"})
    unit = country.unit("dewai").id
    told = rest("xicheng").put(f"/api/v1/unit/{unit}", json={"office_phone": "010-55508888"})
    assert told.status_code == 200, told.json
    answer = clerk.submit(mine)
    assert answer.status_code == 409
    assert "德外街道总工会" in answer.text
    now = country.read(Unit, unit)
    assert (now.office_phone, now.duty_phone) == ("010-55508888", "010-55520004")
    assert country.all(AidCentre)[0].hired == 1
    untouched = clerk.form("/aid_centre/own").fill({"hired": "0"})
    rest("xicheng").put(f"/api/v1/unit/{unit}", json={"office_phone": "010-55508889"})
    assert clerk.submit(untouched).status_code == 302  # nothing of the unit was typed over


def test_the_superior_sees_and_sums_up_but_does_not_change(rest, country):  # 3.15; matrix row 本帮扶中心信息
    for login, area in (("dewai", "120.50"), ("xinjiekou", "79.50"), ("xueyuanlu", "50")):
        saved(rest, login, floor_area_m2=area)
    theirs = country.all(AidCentre)[0]
    xicheng = rest("xicheng")
    assert xicheng.get(API).json["count"] == 2
    assert xicheng.put(f"{API}{theirs.id}", json={"hired": 0}).status_code == 409
    told = xicheng.get(f"{API}statistics?by=is_public_institution").json["total"]
    sums = [told[f"1.{name}"] for name in ("centres", "staff", "posts", "area", "budget")]
    assert sums == [2, 12, 8, 200.0, 25.0]
    assert told["total.centres"] == 2
    assert rest("dewai").put(f"{API}{theirs.id}", json={"centre_level": "national"}).status_code == 422
    assert rest("dewai_clerk").get(API).status_code == 403


def test_it_goes_with_its_unit(rest, country):
    login = "xicheng"
    body = {"parent_id": country.unit("dewai").id, "name": "临时社区工会", "level": "grassroots"}
    body |= {"address": "德外大街1号", "postcode": "100088", "area_code": "010", "leader_name": "主席"}
    body |= {"leader_phone": "010-55551111", "office_phone": "010-55551112"}
    made = rest(login).post("/api/v1/unit/", json=body)
    assert made.status_code == 201, made.json
    unit = country.read(Unit, made.json["id"])
    with country.acting() as session:
        session.add(centre := AidCentre(centre_name="临时", centre_level="county"))
        centre.owner_unit_id, centre.owner_path = unit.id, unit.path
        centre.stamp(country.actor(login))
        session.commit()
    assert rest(login).delete(f"/api/v1/unit/{unit.id}").status_code == 200
    with country.acting() as session:
        assert session.scalar(select(AidCentre.id).where(AidCentre.owner_unit_id == unit.id)) is None
