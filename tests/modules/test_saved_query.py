"""常用查询: the promises of every record type, and questions that are kept, shared and grow old."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import lxml.html
import pytest
from sqlalchemy import delete

from app.models.code_value import CodeValue
from app.models.saved_query import MOST_KEPT, SavedQuery
from app.views.saved_query import SavedQueryView
from tests.cases.records import RecordViewCases
from tests.world import words_of

KEY = "archive:hardship"
LIST = "/archive/list/?shelf=hardship"


class TestSavedQuery(RecordViewCases):
    view = SavedQueryView
    edit = {"name": "低保户（女）", "is_shared": "1"}

    def form(self, people):
        return {
            "name": "女职工",
            "list_key": KEY,
            "question": "gender=female&birth_date_from=1970-01-01",
            "is_shared": "0",
        }

    def another(self, number):
        return {"name": f"女职工{number}"}


def post(client, **typed):
    """A query sent over REST."""
    return client.post("/api/v1/saved_query/", json={"name": "女职工", "list_key": KEY} | typed)


def menu(clerk, of=KEY):
    """常用查询 as opened in a list: name → address."""
    page = lxml.html.fromstring(clerk.get(f"/saved_query/menu?of={of}").text)
    links = page.xpath("//a[contains(@class, 'dropdown-item') and contains(@href, '/list/?')]")
    return {" ".join(a.text_content().split()): a.get("href") for a in links}


def test_a_question_is_kept_from_its_list_and_opened_again(login, country, make_archive):
    girl, boy = make_archive("dewai", gender="female"), make_archive("dewai", gender="male")
    clerk, unit = login("dewai_clerk"), country.unit("dewai").id
    asked = f"{LIST}&gender=female&state=pending&unit={unit}&sub=0&order=full_name:asc&size=50&page=2&junk=1"
    page = lxml.html.fromstring(clerk.get(asked).text)
    url = page.xpath("//button[@hx-get]/@hx-get")[0]
    fragment = lxml.html.fromstring(clerk.get(url).text)
    keep = fragment.xpath("//a[@data-dialog]/@href")[0]
    dialog = words_of(clerk.get(keep).text)
    assert "性别：女" in dialog
    assert "状态：未上报" in dialog
    answer = clerk.post(keep, {"name": "未上报的女职工", "is_shared": "0"})
    assert answer.status_code == 302
    found = country.all(SavedQuery)[0]
    assert dict(parse_qsl(found.question)) == {
        "gender": "female",
        "state": "pending",
        "sub": "0",
        "order": "full_name:asc",
    }
    url = menu(clerk)["未上报的女职工"]
    assert url == answer.location
    assert dict(parse_qsl(urlsplit(url).query))["shelf"] == "hardship"
    shown = clerk.get(url).text
    assert girl.archive_no in shown
    assert boy.archive_no not in shown


def test_ones_own_queries_are_nobody_elses_until_they_are_shared(login, rest, country):
    client = rest("dewai_clerk")
    pk = post(client).json["id"]
    colleague, below = login("dewai"), login("xinfeng_clerk")
    assert menu(login("dewai_clerk")) == {"女职工": LIST}
    assert menu(colleague) == {}
    assert rest("dewai").get(f"/api/v1/saved_query/{pk}").status_code == 404
    assert client.put(f"/api/v1/saved_query/{pk}", json={"is_shared": True}).status_code == 200
    assert list(menu(colleague)) == [f"女职工{country.actor('dewai_clerk').name}"]
    assert menu(below) == {}
    assert menu(colleague, "archive:migrant") == {}
    country.give("dewai_reader")  # without the right to the records
    assert rest("dewai_reader").get(f"/api/v1/saved_query/{pk}").status_code == 404
    assert login("dewai_reader").get(f"/saved_query/menu?of={KEY}").status_code == 404


def test_only_its_author_and_the_administrator_of_the_unit_change_a_shared_query(login, rest, country):
    pk = post(rest("dewai"), is_shared=True).json["id"]
    clerk, client = login("dewai_clerk"), rest("dewai_clerk")
    answer = client.put(f"/api/v1/saved_query/{pk}", json={"name": "我的"})
    assert answer.status_code == 409
    assert "只有本人或本单位的用户管理员" in answer.json["message"]
    assert client.delete(f"/api/v1/saved_query/{pk}").status_code == 409
    assert clerk.post(f"/saved_query/delete/{pk}").status_code == 302
    assert country.read(SavedQuery, pk).name == "女职工"
    mine = post(client, is_shared=True).json["id"]
    administrator = rest("dewai")
    assert administrator.put(f"/api/v1/saved_query/{mine}", json={"name": "改名"}).status_code == 200
    assert administrator.put(f"/api/v1/saved_query/{mine}", json={"is_shared": False}).status_code == 200
    assert administrator.get(f"/api/v1/saved_query/{mine}").status_code == 404  # private again
    assert administrator.delete(f"/api/v1/saved_query/{pk}").status_code == 200


def test_a_name_is_used_once_a_list_and_has_at_most_fifty_characters(login, rest, country):
    client = rest("dewai_clerk")
    assert post(client).status_code == 201
    again = post(client)
    assert (again.status_code, list(again.json["errors"])) == (422, ["name"])
    assert "同名" in again.json["message"]
    assert post(client, list_key="archive:migrant").status_code == 201
    assert post(rest("dewai")).status_code == 201
    assert post(client, name="字" * 50).status_code == 201
    assert list(post(client, name="字" * 51).json["errors"]) == ["name"]
    answer = login("dewai_clerk").post(f"/saved_query/keep?of={KEY}", {"name": "女职工"})
    assert answer.status_code == 422
    assert "同名" in answer.text


def test_at_most_fifty_of_one_list(rest, country):
    client = rest("dewai_clerk")
    for number in range(MOST_KEPT):
        assert post(client, name=f"第{number}个").status_code == 201
    answer = post(client)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["name"])
    assert post(client, list_key="archive:migrant").status_code == 201
    mine = country.all(SavedQuery)[0]
    assert client.put(f"/api/v1/saved_query/{mine.id}", json={"name": "换名"}).status_code == 200


def test_a_query_whose_unit_or_code_has_left_opens_with_a_word(login, rest, country, make_archive):
    make_archive("dewai")
    client, clerk = rest("dewai_clerk"), login("dewai_clerk")
    gone = post(client, question="unit=999999&sub=0").json["result"]["url"]
    answer = clerk.get(gone)
    assert answer.status_code == 200
    assert "所选的填报单位已不存在" in words_of(answer.text)
    # a value that no generated person has: code tables outlive the test
    pk = post(client, name="珞巴族", question="ethnicity=珞巴族").json["id"]
    with country.acting() as session:
        session.execute(delete(CodeValue).where(CodeValue.label == "珞巴族"))
        session.commit()
    from app.kit import codes

    with clerk.application.app_context():
        clerk.application.extensions.pop("codes", None)
        codes.values("ethnicity")
    answer = clerk.get(client.get(f"/api/v1/saved_query/{pk}").json["result"]["url"])
    assert answer.status_code == 200
    assert "「珞巴族」不在代码表中" in words_of(answer.text)
    assert clerk.get("/saved_query/list/").status_code == 200
    assert (
        client.put(f"/api/v1/saved_query/{pk}", json={"name": "旧条件"}).status_code == 200
    )  # still to be renamed


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"question": "shoe_size=43"}, "question"),
        ({"question": "gender=robot"}, "question"),
        ({"question": "kind=nothing"}, "question"),
        ({"question": "birth_date_from=2026-02-30"}, "question"),
        ({"question": "a=1&" * 600}, "question"),
        ({"question": "x\x00=1"}, "question"),
        ({"question": "full_name=%00"}, "question"),
        ({"question": "\ud800=1"}, "question"),
        ({"list_key": "archive:nothing"}, "list_key"),
        ({"list_key": "x" * 500}, "list_key"),
        ({"list_key": ""}, "list_key"),
        ({"name": ""}, "name"),
        ({"account_id": 1}, "account_id"),
    ],
)
def test_hostile_queries_are_told_in_words(rest, country, typed, field):
    answer = post(rest("dewai_clerk"), **typed)
    assert answer.status_code == 422, answer.json
    assert field in answer.json["errors"]
    assert country.all(SavedQuery) == []


def test_a_menu_of_no_list_is_404(login):
    clerk = login("dewai_clerk")
    for of in ("", "nothing", "archive", "archive:nothing", "\x00", "a" * 5000):
        for page in ("menu", "keep"):
            assert clerk.get(f"/saved_query/{page}", query_string={"of": of}).status_code == 404
        assert clerk.post(f"/saved_query/keep?of={of[:5]}", {"name": "x"}).status_code == 404
    assert (
        clerk.get(
            "/saved_query/keep?of=archive:hardship&" + "&".join(f"a{n}=1" for n in range(400))
        ).status_code
        < 500
    )
