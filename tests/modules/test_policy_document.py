"""政策文件: five kinds, who writes which, found by any words, on paper and as Word (REC-31, AID-R193 – R195, R200)."""

from __future__ import annotations

import io

import docx
import lxml.html
import pytest
from werkzeug.datastructures import MultiDict

from app.kit.fulltext import FullText, FullTextPair
from app.models.policy_document import PolicyDocument
from app.views.policy_document import KINDS, PolicyDocumentView
from tests.cases.records import RecordViewCases
from tests.world import words_of

BODY = "<h2>总则</h2><p>为做好<strong>困难职工</strong>帮扶，制定本办法。</p>"
#: who writes what, of the spec's table (1.3, §15)
WRITTEN = {
    "national_law": {"root"},
    "acftu": {"root"},
    "provincial_union": {"bj"},
    "local_law": {"root", "bj", "xicheng", "dewai"},
    "other_local_union": {"root", "bj", "xicheng", "dewai"},
}
UNITS = ("root", "bj", "xicheng", "dewai")


def paper(**more):
    return {
        "category": "local_law",
        "title": "就业援助办法",
        "issuing_body": "区政府",
        "published_on": "2026-03-02",
        "keywords": "就业 援助",
        "body": BODY,
    } | more


def make(country, unit="dewai", **more):
    return country.make(PolicyDocument, paper(**more), unit)


def upload(name):
    return MultiDict([("file", (io.BytesIO(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n"), name))])


class TestPolicyDocument(RecordViewCases):
    view = PolicyDocumentView
    is_scoped = False  # everybody with the right reads them all (unified §3)
    list_args = "?shelf=local_law"
    edit = {"title": "就业援助办法（修订）", "body": "<p>第一条　修订。</p>"}
    wrong = [
        ("published_on", "2999-01-01", "不能晚于今天"),
        ("title", "甲" * 201, "最多200个字"),
        ("body", "<ul><li>一" * 30, "套得太深"),
        ("body", "<p>" + "甲" * 50_000 + "</p>", "请作为附件上传"),
    ]

    def form(self, people):
        return paper(body="<p>为<strong>困难职工</strong>帮扶</p>")


# --- who writes what ------------------------------------------------------------------------------------------


def test_each_kind_is_written_by_whom_it_is_for(login, rest, country):  # AID-R193, R194, R195
    for unit in UNITS:
        clerk, client = login(f"{unit}_clerk"), rest(f"{unit}_clerk")
        for kind, writers in WRITTEN.items():
            may, case = unit in writers, (unit, kind)
            answer = client.post("/api/v1/policy_document/", json=paper(category=kind))
            assert answer.status_code == (201 if may else 403), case
            assert may or "录入" in answer.json["message"]
            assert clerk.get(f"/policy_document/add?shelf={kind}").status_code == (200 if may else 403), case
            page = lxml.html.fromstring(clerk.get(f"/policy_document/list/?shelf={kind}").text)
            refused = page.xpath("//button[@data-refusal][contains(., '增加新的政策法规信息')]")
            offered = page.xpath("//a[contains(., '增加新的政策法规信息')]")
            assert (bool(offered), bool(refused)) == (may, not may), case
    kinds = [one.category for one in country.all(PolicyDocument)]
    assert {kind: kinds.count(kind) for kind in kinds} == {k: len(w) for k, w in WRITTEN.items()}


def test_the_menu_line_says_the_kind(login, country):
    """REC-31 #1: nobody is asked for it, and nothing that is sent in its place is obeyed without the right."""
    clerk = login("dewai_clerk")
    form = clerk.form("/policy_document/add?shelf=other_local_union")
    assert "category" not in form.values
    answer = clerk.submit(form.fill({k: v for k, v in paper().items() if k != "category"}))
    assert answer.status_code == 302
    assert country.all(PolicyDocument)[-1].category == "other_local_union"
    form = clerk.form("/policy_document/add?shelf=other_local_union").fill(paper(category="acftu"))
    assert clerk.submit(form).status_code == 403


def test_others_read_and_print_and_change_nothing(login, rest, country):  # AID-R193, R195
    theirs = make(country, "root", category="acftu")
    clerk, client = login("caohejing_clerk"), rest("caohejing_clerk")
    for page in ("show", "print", "word"):
        assert clerk.get(f"/policy_document/{page}/{theirs.id}").status_code == 200, page
    shown = lxml.html.fromstring(clerk.get(f"/policy_document/show/{theirs.id}").text)
    refused = " ".join(shown.xpath("//button[@data-refusal]/@title"))
    assert "由全国总工会的工作人员录入" in refused
    for method in ("put", "delete"):
        answer = getattr(client, method)(f"/api/v1/policy_document/{theirs.id}", json={"title": "改"})
        assert answer.status_code == 409, method
    assert clerk.post(f"/policy_document/delete/{theirs.id}").status_code in {302, 409}
    assert clerk.post(f"/policy_document/attach/{theirs.id}", data=upload("a.pdf")).status_code == 409
    assert country.again(theirs).version == theirs.version


def test_a_record_does_not_change_its_kind_to_one_of_others(rest, country):  # AID-R193
    mine, client = make(country), rest("dewai_clerk")
    assert client.put(f"/api/v1/policy_document/{mine.id}", json={"category": "acftu"}).status_code == 403
    answer = client.put(f"/api/v1/policy_document/{mine.id}", json={"category": "其他地方工会文件"})
    assert answer.json["result"]["category"]["code"] == "other_local_union"


def test_a_file_is_attached_without_a_question_of_its_kind(login, country):
    mine, clerk = make(country), login("dewai_clerk")
    page = clerk.get(f"/policy_document/edit/{mine.id}").text
    assert 'name="attachment_type"' not in page
    assert clerk.post(f"/policy_document/attach/{mine.id}", data=upload("通知原件.pdf")).status_code == 302
    assert "通知原件.pdf" in login("caohejing_clerk").get(f"/policy_document/show/{mine.id}").text
    assert "通知原件.pdf" in clerk.get(f"/policy_document/print/{mine.id}").text


# --- found by its words ---------------------------------------------------------------------------------------


def found(client, words, **more):
    answer = client.get("/api/v1/policy_document/", query_string={"words": words} | more)
    assert answer.status_code == 200, answer.json
    return set(answer.json["ids"])


def test_documents_are_found_by_any_words_of_theirs(rest, country):
    """3.15: 关键字/内容, across marks and over all kinds; two characters that stand side by side, or all of several words."""
    law = make(
        country, "root", category="national_law", title="工会法", body=BODY, document_no="工办〔2026〕12号"
    )
    other = make(
        country, title="来访接待制度", keywords="窗口", body="<p>困难的职工由窗口接待。ＧＢ11643</p>"
    )
    client = rest("xicheng_clerk")
    assert found(client, "困难职工") == {law.id}  # in the other both are there, yet not one after the other
    assert found(client, "困难") == {law.id, other.id}
    assert found(client, "职工帮扶") == {law.id}  # the first half stands in bold
    assert found(client, "接待 窗口") == {other.id}
    assert found(client, "接待 总则") == set()
    assert found(client, "2026〕12") == {law.id}
    assert found(client, "gb11643") == {other.id}
    assert found(client, "工会法") == {law.id}
    assert found(client, "50%") == found(client, "困_职工") == set()
    assert found(client, "困难", shelf="national_law") == {law.id}
    assert found(client, "困难", title="来访") == {other.id}
    for short in ("困", "困难 职", "〔〕"):
        answer = client.get("/api/v1/policy_document/", query_string={"words": short})
        assert answer.status_code == 422
        assert "两个字" in str(answer.json["errors"]["words"])


def test_what_is_found_follows_every_change(rest, country):
    client = rest("dewai_clerk")
    mine = make(country, body="<p>窗口接待</p>")
    client.put(f"/api/v1/policy_document/{mine.id}", json={"body": "<p>上门走访</p>"})
    assert (found(client, "窗口"), found(client, "走访")) == (set(), {mine.id})
    client.delete(f"/api/v1/policy_document/{mine.id}")
    assert found(client, "走访") == set()
    assert country.all(FullText, FullText.record_id == mine.id) == []


def test_the_list_shows_where_the_words_stand(login, country):
    make(country, title="帮扶<b>办法", body="<p>" + "甲乙丙丁。" * 40 + "窗口应当<em>热情</em>接待。</p>")
    clerk = login("dewai_clerk")
    page = clerk.get("/policy_document/list/?shelf=query&words=热情接待").text
    assert "<mark>热情接待</mark>" in page
    assert "帮扶&lt;b&gt;办法" in page
    assert "<mark>" not in clerk.get("/policy_document/list/?shelf=query").text


def test_a_search_reads_the_pairs_and_a_list_no_text(app, login, country, statements):
    """No statement of a search goes through all texts, and a list fetches none."""
    make(country)
    clerk = login("dewai_clerk")
    clerk.get("/policy_document/list/?shelf=query")
    with statements() as sent:
        assert clerk.get("/policy_document/list/?shelf=query&words=困难职工").status_code == 200
    assert len(sent) <= 6
    rows = [line for line in sent if "FROM policy_document" in line]
    assert all("policy_document.body" not in line for line in rows)
    assert all("full_text_pair" in line or "text_pairs" in line for line in rows)


# --- on paper -------------------------------------------------------------------------------------------------


def test_a_document_is_saved_as_word_with_its_form(login, country):  # AID-R200
    body = (
        "<h2>第一章</h2><p>依<strong>档</strong>帮扶</p><ol><li>核对</li><li>走访</li></ol>"
        "<table><tr><td>项目</td><td>金额</td></tr><tr><td>生活</td><td>2000</td></tr></table>"
        '<p style="text-align: center">见<a href="https://example.org/a">全文</a></p>'
    )
    mine = make(country, title="资金办法", document_no="工办发〔2026〕3号", body=body)
    clerk = login("dewai_clerk")
    word = docx.Document(io.BytesIO(clerk.get(f"/policy_document/word/{mine.id}").data))
    lines = [one.text for one in word.paragraphs]
    for line in ("资金办法", "第一章", "依档帮扶", "1. 核对", "2. 走访", "见全文（https://example.org/a）"):
        assert line in lines, lines
    styles = {one.text: one.style.name for one in word.paragraphs}
    assert styles["第一章"].startswith("Heading")
    bold = [run.text for one in word.paragraphs for run in one.runs if run.bold]
    assert "档" in bold
    cells = [[cell.text for cell in row.cells] for table in word.tables for row in table.rows]
    assert ["生活", "2000"] in cells
    assert any("工办发〔2026〕3号" in cell for row in cells for cell in row)
    printed = clerk.get(f"/policy_document/print/{mine.id}").text
    assert "<strong>档</strong>" in printed
    assert "工办发〔2026〕3号" in words_of(printed)


def test_the_history_tells_the_lines_that_changed(rest, login, country):
    mine = make(country, body="<p>第一条</p><p>第二条</p>")
    rest("dewai_clerk").put(
        f"/api/v1/policy_document/{mine.id}", json={"body": "<p>第一条</p><p>第二条改</p>"}
    )
    page = lxml.html.fromstring(login("dewai_clerk").get(f"/policy_document/show/{mine.id}?tab=history").text)
    told = [[cell.text_content().strip() for cell in row] for row in page.xpath("//tbody/tr")]
    assert ["正文内容", "第二条", "第二条改"] in told


@pytest.mark.parametrize("kind", KINDS)
def test_where_a_paper_holds_is_asked_of_local_law_alone(login, kind):
    """REC-31 #7."""
    clerk = login(
        {"national_law": "root_clerk", "acftu": "root_clerk", "provincial_union": "bj_clerk"}.get(
            kind, "dewai_clerk"
        )
    )
    assert ("region" in clerk.form(f"/policy_document/add?shelf={kind}").values) == (kind == "local_law")


def test_sqlite_keeps_pairs_and_postgresql_an_index(app, country):
    mine = make(country, title="帮扶帮扶", keywords="", issuing_body="街道", body="<p>帮扶</p>")
    with country.acting() as session:
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        kept = session.query(FullTextPair.pair).filter(FullTextPair.record_id == mine.id).all()
    assert sorted(pair for (pair,) in kept) == (["帮扶", "扶帮", "街道"] if is_sqlite else [])


def test_the_number_of_hits_comes_after_the_hits(login, country):
    """Words that stand everywhere are dear to count; a page of them is not."""
    for number in range(3):
        make(country, title=f"制度{number}")
    clerk = login("dewai_clerk")
    page = clerk.get("/policy_document/list/?shelf=query&words=困难职工&size=2").text
    later = lxml.html.fromstring(page).get_element_by_id("kit-count").get("hx-get")
    assert "正在计数" in page
    assert "共3条" in clerk.get(later, headers={"HX-Request": "true"}).text
