"""疑似重复档案: who sees which pair, what a run finds again, what puts a pair aside and what brings it back."""

from __future__ import annotations

import lxml.html
import prison
import pytest
from sqlalchemy import delete, func, select, update

from app.kit import identity, likeness
from app.kit.jobs import Job
from app.kit.worker import Worker
from app.models.archive import Archive
from app.models.likeness import Likeness, search
from app.models.likeness.keys import LikenessFile, LikenessKey
from app.views.likeness import LikenessView
from tests.cases.records import RecordViewCases
from tests.world import words_of

API = "/api/v1/likeness/"
ALL = f"{API}?q={prison.dumps({'page_size': 200})}"


def number(first17):
    return first17 + identity.check_digit(first17)


WEI = number("65010219700305123")
SWAPPED = WEI[:8] + WEI[9] + WEI[8] + WEI[10:]


def of(name="张伟", no=WEI, **more):
    """What is typed for a householder."""
    born = identity.birth_date(no)
    facts = {"full_name": name, "id_card_no": no, "birth_date": f"{born}", "gender": "male"}
    return (
        facts
        | {"phone": "0991-2345678", "home_address": "天山区新风街5号2楼301室", "disability_category": None}
        | {"health_status": "good"}
        | more
    )


def again(**more):
    """The same man, typed by somebody else."""
    return of("章伟", SWAPPED, phone="13800001111", home_address="乌鲁木齐市天山区新风街5-2-301", **more)


def work(app):
    Worker(app, lease=6000).run(once=True)


def find(app, country, who="dewai", *, whole=False):
    """A run of the finder for a unit."""
    actor = country.actor(who)
    with country.acting(actor) as session:
        pk = search.ask(session, actor, whole=whole).id
        session.commit()
    work(app)
    job = country.read(Job, pk)
    assert job.state == "done", (job.state, job.message, job.errors)
    return job


def pairs(country, who="dewai"):
    """What an administrator sees, as pairs of ids."""
    with country.acting(who) as session:
        return {(pair.left_id, pair.right_id) for pair in session.scalars(select(Likeness))}


def the_pair(country):
    (pair,) = country.all(Likeness)
    return pair


@pytest.fixture
def two(app, country, make_archive):
    """One household twice in one unit, found."""
    one, other = make_archive("dewai", **of()), make_archive("dewai", **again())
    find(app, country)
    return one, other


class TestLikeness(RecordViewCases):
    view = LikenessView

    def make(self, country, people, unit=None, **overrides):
        n = next(self.counter)
        one = country.make(
            Archive, people.household(**of(no=number(f"6501021970030{n:04d}"))), unit or "dewai"
        )
        no = one.id_card_no
        wrong = no[:16] + str((int(no[16]) + 1) % 10) + no[17]
        two = country.make(Archive, people.household(**of(no=wrong)), unit or "dewai")
        who = country.actor(unit or "dewai")
        with country.acting(who) as session:
            pair = Likeness(
                left_id=one.id, right_id=two.id, left_path=one.owner_path, right_path=two.owner_path
            )
            pair.score, pair.marks, pair.basis = 95, 6, "x"
            pair.grounds = [["number_digit", "17"], ["name"]]
            pair.stamp(who)
            session.add(pair)
            session.commit()
            pk = pair.id
        return country.read(Likeness, pk)

    counter = iter(range(5101, 9999, 17))


# --- what is found --------------------------------------------------------------------------------------------


def test_a_pair_is_found_and_shown_with_its_reasons(app, country, login, rest, two):
    one, other = two
    page = words_of(login("dewai").get("/likeness/list/").text)
    for words in ("身份证号第9、10位互换", "姓名同音", "同一住址", one.archive_no, other.archive_no, "合并"):
        assert words in page
    found = [f for f in rest("dewai").get(ALL).json["result"] if f["left"]["id"] == one.id]
    assert [(f["left"]["id"], f["right"]["id"]) for f in found if f["left"]["id"] == one.id] == [
        (one.id, other.id)
    ]
    assert found[0]["left"]["id_card_no"] == identity.mask(WEI)


def test_a_member_here_and_a_householder_there(app, country, make_archive):
    kin = {
        "full_name": "张伟",
        "relation": "son",
        "gender": "male",
        "id_card_no": WEI,
        "birth_date": "1970-03-05",
    }
    kin |= {"member_identity": "unemployed", "health_status": "good"}
    parents = make_archive("dewai", family_members=[kin], household_size=2)
    grown = make_archive("xinfeng", at="dewai", **again())
    find(app, country)
    assert (parents.id, grown.id) in pairs(country)
    with country.acting() as session:
        pair = session.scalars(select(Likeness).where(Likeness.right_id == grown.id)).one()
        assert ["member"] in pair.grounds


def test_a_slip_that_is_corrected_takes_the_pair_out(app, country, rest, two):
    one, other = two
    assert (one.id, other.id) in pairs(country)
    no = number("65010219880808321")
    body = {"id_card_no": no, "birth_date": "1988-08-08", "full_name": "李四海", "home_address": "和平巷77号"}
    assert rest("dewai_clerk").put(f"/api/v1/archive/{other.id}", json=body).status_code == 200
    find(app, country)
    assert (one.id, other.id) not in pairs(country)


@pytest.mark.parametrize("way", ["is_cancelled", "merged_into_id"])
def test_a_file_that_has_gone_takes_its_pairs_along(country, two, way):
    one, other = two
    with country.acting() as session:
        value = True if way == "is_cancelled" else one.id
        session.execute(update(Archive).where(Archive.id == other.id).values({way: value}))
        session.commit()
    assert (one.id, other.id) not in pairs(country)


def test_a_deleted_file_takes_its_pairs_along(country, rest, two):
    _one, other = two
    assert rest("dewai_clerk").delete(f"/api/v1/archive/{other.id}").status_code == 200
    assert not [pair for pair in country.all(Likeness) if other.id in (pair.left_id, pair.right_id)]


# --- who sees what --------------------------------------------------------------------------------------------


def test_only_who_sees_both_files_sees_the_pair(app, country, make_archive):
    here, there = make_archive("dewai", **of()), make_archive("xinjiekou", **again())
    for unit in ("dewai", "xinjiekou", "xicheng", "bj", "root", "caohejing"):
        find(app, country, unit)
        assert (here.id, there.id) not in pairs(country, unit), unit  # nobody's yet: they were not reported
    country.bring(here, at="xicheng")
    find(app, country, "xicheng")
    assert (here.id, there.id) not in pairs(country, "xicheng")
    country.bring(there, at="xicheng")
    find(app, country, "xicheng")
    assert (here.id, there.id) in pairs(country, "xicheng")
    for unit in ("dewai", "xinjiekou", "bj", "root", "caohejing", "xicheng_clerk"):
        expected = unit == "xicheng_clerk"  # scope alone; the right is asked at the door
        assert ((here.id, there.id) in pairs(country, unit)) is expected, unit


def test_a_clerk_without_the_right_sees_nothing(login, rest, two):
    assert login("dewai_clerk").get("/likeness/list/").status_code == 403
    assert login("dewai_clerk").post("/likeness/search").status_code == 403
    assert rest("dewai_clerk").get(API).status_code == 403


def test_a_pair_that_moves_out_of_sight_is_gone(country, two):
    one, other = two
    with country.acting() as session:
        far = country.unit("caohejing")
        session.execute(
            update(Archive).where(Archive.id == other.id).values(owner_path=far.path, owner_unit_id=far.id)
        )
        session.commit()
    assert (one.id, other.id) not in pairs(country)


@pytest.fixture
def one_number(country, make_archive):
    """The very same number in two files far apart, as an older system may have left it."""
    here, there = (
        make_archive("dewai", **of()),
        make_archive("caohejing", full_name="赵铁柱", home_address="田林路9号"),
    )
    with country.acting() as session:
        session.execute(update(Archive).where(Archive.id == there.id).values(id_card_no=WEI))
        session.commit()
    return here, there


def test_the_same_number_elsewhere_is_told_with_its_unit_and_nothing_else(
    app, country, login, rest, one_number
):
    here, there = one_number
    find(app, country)
    answer = login("dewai").get("/likeness/list/").text
    page = words_of(answer)
    assert "漕河泾街道总工会" in page
    for secret in ("赵铁柱", "田林路", there.archive_no, there.phone, f"/archive/show/{there.id}"):
        assert secret not in answer
    (found,) = [
        f
        for f in rest("dewai").get(ALL).json["result"]
        if {"owner_unit"} in (f["left"].keys(), f["right"].keys())
    ]
    assert found["right"] == {"owner_unit": "中华全国总工会->上海市总工会->徐汇区总工会->漕河泾街道总工会"}
    for url in ("export?format=csv", f"show/{found['id']}", f"show/{found['id']}?tab=history"):
        assert "赵铁柱" not in login("dewai").get(f"/likeness/{url}").text
    refused = rest("dewai").post(f"{API}{found['id']}/steps/dismiss", json={"dismiss_reason": "不是"})
    assert refused.status_code == 409
    assert "漕河泾街道总工会" in refused.json["message"]
    with country.acting() as session:
        session.execute(update(Archive).where(Archive.id == there.id).values(is_cancelled=True))
        session.commit()
    assert (here.id, there.id) not in pairs(country)


def test_the_unit_above_both_judges_the_same_number_in_full(app, country, one_number):
    here, there = one_number
    find(app, country)
    with country.acting() as session:
        mine = Archive.id.in_([here.id, there.id])
        session.execute(update(Archive).where(mine).values(holder_depth=1, version=Archive.version + 1))
        session.commit()
    find(app, country, "root")
    with country.acting("root") as session:
        pair = session.scalars(select(Likeness).where(Likeness.left_id == here.id)).one()
        assert pair.sees_both
        assert (pair.left_id, pair.right_id) == (here.id, there.id)


# --- put aside ------------------------------------------------------------------------------------------------


def dismiss(rest, pair, why="双胞胎，已电话核实"):
    return rest("dewai").post(f"{API}{pair.id}/steps/dismiss", json={"dismiss_reason": why})


def test_what_was_put_aside_stays_until_what_was_compared_changes(app, country, rest, two):
    one, other = two
    pair = next(p for p in country.all(Likeness) if p.right_id == other.id)
    assert dismiss(rest, pair, "").status_code == 422
    assert dismiss(rest, pair).json["result"]["dismiss_reason"] == "双胞胎，已电话核实"
    assert dismiss(rest, pair).status_code == 409
    find(app, country, whole=True)
    assert country.again(pair).is_dismissed
    body = {"remarks": "与比对无关", "employer_name": "新风饭店"}
    assert rest("dewai_clerk").put(f"/api/v1/archive/{one.id}", json=body).status_code == 200
    find(app, country)
    assert country.again(pair).is_dismissed
    assert (
        rest("dewai_clerk").put(f"/api/v1/archive/{one.id}", json={"phone": "13800001111"}).status_code == 200
    )
    find(app, country)
    opened = country.again(pair)
    assert not opened.is_dismissed
    assert ["phone"] in opened.grounds


def test_a_pair_is_taken_up_again_by_hand(country, login, rest, two):
    pair = next(p for p in country.all(Likeness) if p.right_id == two[1].id)
    dismiss(rest, pair)
    assert "双胞胎" in words_of(login("dewai").get("/likeness/list/?shelf=dismissed").text)
    assert rest("dewai").post(f"{API}{pair.id}/steps/recall", json={}).status_code == 200
    assert not country.again(pair).is_dismissed
    assert [v.step for v in country.versions(pair)] == ["dismiss", "recall"]


# --- asked for ------------------------------------------------------------------------------------------------


def test_pairs_are_counted_after_the_first_paint(app, country, login, make_archive, statements):
    """Whether a pair is seen takes two looks at its files: ten thousand of them are not counted before a list is shown."""
    for no in ("65010219700305123", "65010219700306131", "65010219700307142"):
        born = number(no)
        make_archive("dewai", **of("张伟", born))
        make_archive("dewai", **again(full_name="章伟", id_card_no=born[:8] + born[9] + born[8] + born[10:]))
    find(app, country)
    assert len(pairs(country)) >= 3
    clerk, here = login("dewai"), "/likeness/list/?size=2&shelf=open"
    with statements() as sent:
        page = clerk.get(here).text
    assert "正在计数" in words_of(page)
    assert not [one for one in sent if "count(*)" in one and "FROM likeness" in one]
    later = lxml.html.fromstring(page).xpath('//*[@id="kit-count"]/@hx-get')[0]
    assert f"共{len(pairs(country))}条" in words_of(clerk.get(later).text)
    assert f"共{len(pairs(country))}条" in words_of(clerk.get(f"{here}&count=exact").text)


def test_the_list_is_asked_by_reason_level_and_unit(app, country, login, make_archive):
    one = make_archive("dewai", **of())
    other = make_archive("xinfeng", at="dewai", **again())
    find(app, country)
    clerk, xinfeng = login("dewai"), country.unit("xinfeng").id
    for asked, there in (
        ("reason=number_slip", True),
        ("reason=phone", False),
        ("level=90", True),
        ("level=0", False),
        (f"unit={xinfeng}", True),
        (f"unit={country.unit('dewai').id}", True),
        ("reason=x&level=-1&unit=99999999999&order=left", False),
    ):
        page = words_of(clerk.get(f"/likeness/list/?{asked}").text)
        assert (one.archive_no in page and other.archive_no in page) is there, asked


# --- the job --------------------------------------------------------------------------------------------------


def test_only_files_that_changed_are_compared_again(app, country, rest, two):
    whole = find(app, country, whole=True)
    assert whole.done > 2
    assert find(app, country).done == 0
    assert rest("dewai_clerk").put(f"/api/v1/archive/{two[0].id}", json={"remarks": "改"}).status_code == 200
    assert find(app, country).done == 1
    assert find(app, country).done == 0


def test_a_file_that_another_units_run_has_keyed_is_compared_too(app, country, make_archive):
    find(app, country, "xicheng")
    here = make_archive("dewai", at="xicheng", **of())
    find(app, country, "bj")  # sees nothing of it, and must not hide it
    there = make_archive("xinjiekou", at="xicheng", **again())
    find(app, country, "dewai")
    find(app, country, "xicheng")
    assert (here.id, there.id) in pairs(country, "xicheng")


def test_the_keys_are_made_anew_when_they_are_lost(app, country, two):
    """A crash of the server empties what it does not log."""
    with country.acting() as session:
        session.execute(delete(LikenessKey))
        session.execute(delete(LikenessFile))
        session.execute(delete(Likeness))
        session.commit()
    find(app, country)
    assert (two[0].id, two[1].id) in pairs(country)


def test_files_keyed_by_older_keys_are_keyed_anew_and_what_was_put_aside_stays(app, country, rest, two):
    pair = next(p for p in country.all(Likeness) if p.right_id == two[1].id)
    dismiss(rest, pair)
    with country.acting() as session:
        session.execute(delete(LikenessKey))
        session.execute(update(LikenessFile).values(edition=1))
        session.commit()
    assert find(app, country).done > 2
    assert country.again(pair).is_dismissed
    with country.acting() as session:
        assert session.scalar(select(func.count()).select_from(LikenessKey)) > 0
        assert set(session.scalars(select(LikenessFile.edition))) == {likeness.KEYED_AS}


@pytest.mark.parametrize("many", [0, 10**6])
def test_the_same_number_is_found_whether_asked_for_one_by_one_or_all_at_once(
    app, country, one_number, monkeypatch, many
):  # AID-R039
    here, there = one_number
    with country.acting() as session:
        short = update(Archive).where(Archive.id == there.id).values(id_card_no=WEI[:6] + WEI[8:17])
        session.execute(short)  # of 15 digits, AID-R042
        session.commit()
    monkeypatch.setattr(search, "MANY", many)
    find(app, country)
    assert (here.id, there.id) in pairs(country)


def test_a_mistyped_number_meets_whatever_the_name_sounds_like(app, country, make_archive):
    """Right numbers look past strangers' (signs of the keys); one that proves itself mistyped is met by all."""
    wrong = number("65010219700305123")[:16] + "4" + WEI[17]
    one = make_archive("dewai", **of())
    other = make_archive("dewai", **again() | {"full_name": "张伟国", "id_card_no": wrong})
    find(app, country)
    assert (one.id, other.id) in pairs(country)


def test_a_key_that_too_many_share_is_told_and_not_followed(app, country, make_archive, monkeypatch):
    monkeypatch.setattr(search, "MOST_SHARING", 3)
    files = [
        make_archive("dewai", **of("王建国", number(f"6501021960010{n:04d}"), phone=f"1390000{n:04d}"))
        for n in range(1011, 1016)
    ]
    job = find(app, country)
    assert "wangjianguo 19600101" in job.message
    assert "5份" in job.message
    assert len(files) == 5


def test_one_run_at_a_time_for_a_unit(country, login):
    clerk = login("dewai")
    first, second = clerk.post("/likeness/search"), clerk.post("/likeness/search")
    assert first.status_code == second.status_code == 302
    assert first.location == second.location
    assert len([job for job in country.all(Job) if job.kind == search.KIND and job.state == "waiting"]) == 1


def test_somebody_elses_run_is_waited_for(country, login):
    login("dewai").post("/likeness/search")
    with country.acting() as session:
        other = country.account("dewai_clerk").id
        session.execute(
            update(Job).where(Job.kind == search.KIND).values(account_id=other, account_name="王秀英")
        )
        session.commit()
    answer = login("dewai").post("/likeness/search")
    assert answer.status_code == 409
    assert "王秀英" in words_of(answer.text)


def test_a_run_is_asked_for_over_rest(app, country, rest, make_archive):  # DESIGN §8
    """As 快速上报: 202 and the job; what it finds is in the list."""
    one, other = make_archive("dewai", **of()), make_archive("dewai", **again())
    client = rest("dewai")
    answer = client.post(f"{API}steps/search", json={})
    assert answer.status_code == 202, answer.json
    work(app)
    assert client.get(f"/api/v1/job/{answer.json['job']}").json["result"]["state"] == "成功"
    pairs = [{pair[side].get("id") for side in ("left", "right")} for pair in client.get(ALL).json["result"]]
    assert {one.id, other.id} in pairs
    assert client.post(f"{API}steps/search", json={"whole": True}).status_code == 202
    assert client.post(f"{API}steps/search").status_code == 202  # the same job: one at a time


@pytest.mark.parametrize(
    "body", [{"whole": "1"}, {"whole": None}, {"whole": 10**9}, {"unit": 1}, {"ids": [1]}]
)
def test_what_a_run_does_not_ask_is_told(country, rest, body):
    answer = rest("dewai").post(f"{API}steps/search", json=body)
    assert answer.status_code == 422
    assert set(answer.json["errors"]) == set(body)
    assert not [job for job in country.all(Job) if job.kind == search.KIND]


def test_who_may_not_merge_asks_for_no_run(country, rest, anonymous):  # AID-R002
    assert rest("dewai_clerk").post(f"{API}steps/search", json={}).status_code == 403
    assert anonymous.post(f"{API}steps/search", json={}).status_code == 401
    assert rest("dewai").post(f"{API}steps/search", data="[1]").status_code == 400


def test_the_page_of_who_never_looked_has_one_button(login):
    """And the words that it answers to."""
    page = login("dewai").get("/likeness/list/").text
    assert "还没有查找过" in page
    assert (
        len(
            lxml.html.fromstring(page).xpath(
                "//main//*[normalize-space(.)='重新查找'][self::a or self::button]"
            )
        )
        == 1
    )


def test_whose_right_is_gone_finds_nothing(app, country, login):
    login("dewai").post("/likeness/search")
    country.give("dewai", "困难职工档案")
    work(app)
    (job,) = [job for job in country.all(Job) if job.kind == search.KIND]
    assert job.state == "failed"
    with country.acting() as session:
        assert session.scalar(select(func.count()).select_from(LikenessFile)) == 0


def test_chunks_find_what_one_look_finds(app, country, make_archive, monkeypatch):
    one, other = make_archive("dewai", **of()), make_archive("dewai", **again())
    monkeypatch.setattr(search, "CHUNK", 1)
    job = find(app, country)
    assert job.done == job.total > 2
    assert (one.id, other.id) in pairs(country)
    found = pairs(country)
    monkeypatch.setattr(search, "CHUNK", 500)
    with country.acting() as session:
        session.execute(delete(Likeness))
        session.commit()
    find(app, country, whole=True)
    assert pairs(country) == found
