"""Formatted text: what is kept of it, what of it runs (nothing), and what a reader without marks gets."""

from __future__ import annotations

import re
import time

import docx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.kit import richtext, wordtext
from app.kit.fields import Wrong
from app.kit.richfield import RichTextField
from app.models.policy_document import PolicyDocument

FIELD = RichTextField("正文")
#: what may stand in a kept text beside words, each with all its attributes
ALLOWED = re.compile(
    r"</?(?:p|h[2-4]|strong|em|u|s|ol|ul|li|blockquote|table|thead|tbody|tr|th|td|br|a)"
    r'(?: (?:style="text-align: (?:center|right|justify)"|(?:col|row)span="\d{1,2}"|href="(?:https?:|mailto:)[^"<>]*"'
    r'|target="_blank"|rel="noopener noreferrer"))*>'
)
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<p onclick="alert(1)" id=x class="kit-dialog">a</p>',
    '<a href="javascript:alert(1)">a</a>',
    '<a href=" &#106;avascript:alert(1)">a</a>',
    '<a href="data:text/html,<script>alert(1)</script>">a</a>',
    '<a href="/logout">a</a>',
    "<svg onload=alert(1)><p>a</p></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>a",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<style>*{display:none}</style>a",
    '<p style="position:fixed;top:0;background:url(//example.org)">a</p>',
    '<p style="text-align:center;background:url(//example.org)">a</p>',
    '<div style="text-align: right; position: fixed">a</div>',
    "<iframe src=//example.org></iframe>a",
    "<form action=//example.org><input name=password><button>a</button></form>",
    '<meta http-equiv="refresh" content="0;url=//example.org">a',
    "<base href=//example.org>a",
    '<img src="data:image/png;base64,AAAA">a',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">a</noscript>',
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<p>a<!--[if IE]><script>alert(1)</script><![endif]--></p>",
    "</div></main></body><script>alert(1)</script>",
    "<table><td colspan=99999>a</td></table>",
    '<h1 style="text-align:center" onmouseover=alert(1)>a</h1>',
    "<textarea></textarea><script>alert(1)</script>",
)


def judge(html):
    """Nothing but what is allowed."""
    left = ALLOWED.sub("", html)
    assert "<" not in left, html
    assert ">" not in left.replace("&gt;", ""), html


@pytest.mark.parametrize("typed", HOSTILE)
def test_nothing_that_runs_fetches_or_covers_is_kept(typed):
    kept = FIELD.read(typed) or ""
    judge(kept)
    assert "alert(1)<" not in kept
    judge(str(FIELD.markup(typed)))  # were it in the database all the same
    judge(FIELD.json(typed))
    assert FIELD.read(FIELD.typed(kept)) == (kept or None)


@given(st.text(alphabet="<>/=\"'&;:! pahrefscriptonerrorstyle甲\n", max_size=120))
def test_whatever_is_typed_is_safe_and_stays_as_it_was_kept(typed):
    kept = FIELD.read(typed) or ""
    judge(kept)
    assert FIELD.read(FIELD.typed(kept)) == (kept or None)


PIECES = (
    "table",
    "caption",
    "tr",
    "td",
    "p",
    "/p",
    "button",
    "/button",
    "b",
    "/b",
    "a",
    "ul",
    "li",
    "/table",
    "div",
)


@example("<p><button><p>甲")
@given(st.lists(st.sampled_from([f"<{tag}>" for tag in PIECES] + ["甲", "&#1;"]), max_size=14).map("".join))
def test_whatever_is_cleaned_is_clean(typed):
    once = richtext.clean(typed)
    judge(once)
    assert richtext.clean(once) == once


@pytest.mark.parametrize(
    ("typed", "kept"),
    {
        "第一条\n第二条": "<p>第一条</p><p>第二条</p>",
        "a<b and c>d & e": "<p>a&lt;b and c&gt;d &amp; e</p>",
        "<h1>章</h1><div><b>粗</b><i>斜</i></div>": "<h2>章</h2><p><strong>粗</strong><em>斜</em></p>",
        "<p>一&nbsp;二&nbsp;&nbsp;三</p>": "<p>一 二&nbsp;&nbsp;三</p>",
        '<p style="color:red; text-align : CENTER">中</p>': '<p style="text-align: center">中</p>',
        "<p>一</p>\n  <p>二 <u>三</u></p>": "<p>一</p><p>二 <u>三</u></p>",
        "<p> </p><p><br></p>": None,
        "  ": None,
    }.items(),
)
def test_what_a_clerk_writes_is_kept(typed, kept):
    assert FIELD.read(typed) == kept


MARKED = "<p>" + "".join(f"<b id={number}>" for number in range(300)) + "甲</p><p>" * 600


def test_what_is_too_long_too_deep_or_too_marked_is_refused_in_words():
    for typed, words in (
        ("甲" * 60_000, "附件"),
        ("<p></p>" * 200_000, "附件"),
        ("<ul><li>" * 6_000, "太深"),
        ("<blockquote></ul>" * 1_000 + "甲", "太深"),
        ("<blockquote><!--</blockquote>-->" * 1_000 + "甲", "太深"),
        (MARKED, "没有结束"),
        ("<table>" + "<tr><td colspan=99>甲</td></tr>" * 400 + "</table>", "单元格"),
        ("a\x00b", "无法保存"),
    ):
        with pytest.raises(Wrong) as told:
            FIELD.read(typed)
        assert words in str(told.value)


def test_marks_that_seem_to_end_are_not_opened_again_in_every_paragraph():
    assert len(richtext.safe(MARKED.replace("<b", "<!--</b>--><b"))) < 60_000


def test_characters_that_word_cannot_hold_are_dropped_however_they_are_written():
    assert FIELD.read("<p>甲&#1;乙&#xFFFE;<b>丙&#11;</b></p>") == "<p>甲乙<strong>丙</strong></p>"
    assert FIELD.markup("<p>甲&#1;\x0b乙</p>") == "<p>甲乙</p>"  # kept before this was so
    wordtext.write(docx.Document(), richtext.clean("<p>甲&#1;乙</p>"))


def test_a_caption_stands_before_its_table_and_hides_nothing_of_it():
    for typed in (
        "<table><caption>表一</caption><tr><td>项</td><td>额</td></tr></table>",
        "<table><tr><td>项</td><td>额</td></tr><caption>表一</caption></table>",
    ):
        kept = FIELD.read(typed)
        assert kept == "<p>表一</p><table><tbody><tr><td>项</td><td>额</td></tr></tbody></table>"
    old = "<table><p>表一</p><tbody><tr><td>项</td></tr></tbody></table>"  # as it was kept once
    assert richtext.text_of(old) == "项\n表一"


def test_a_cell_stands_over_no_more_columns_than_a_table_has():
    [table] = richtext.blocks(richtext.clean("<table><tr>" + "<td colspan=99>甲</td>" * 40 + "</tr></table>"))
    assert len(table.rows[0]) == 30 + 39


def test_a_change_of_many_lines_is_told_at_once():
    old = [f"甲{number}" for number in range(1_500)]
    new = [*old[:700], "乙", *old[701:]]
    assert richtext.changed(*map(richtext.from_plain, ("\n".join(old), "\n".join(new)))) == ("甲700", "乙")
    woven = "".join(f"<p>子</p><p>丑{number}</p>" for number in range(600))
    begun = time.thread_time()
    gone, come = richtext.changed("<p>子</p>" * 1_200, woven)
    assert time.thread_time() - begun < 2  # was forty
    assert gone.startswith("子\n子")
    assert come.startswith("丑0\n丑1")


def test_a_list_over_rest_reads_and_cleans_only_the_texts_that_are_asked_for(
    country, rest, statements, monkeypatch
):
    facts = {"category": "local_law", "title": "办法", "issuing_body": "区政府", "published_on": "2026-03-02"}
    country.make(PolicyDocument, facts | {"body": "<p>甲</p>"}, "dewai")
    country.give("dewai_clerk", "政策文件")
    client, asked = rest("dewai_clerk"), "/api/v1/policy_document/?q=(columns:!({}))"
    [row] = client.get(asked.format("title,body")).json["result"]
    assert row["body"] == "<p>甲</p>"
    cleaned: list[str] = []
    monkeypatch.setattr(richtext, "clean", cleaned.append)
    with statements() as seen:
        [row] = client.get(asked.format("title")).json["result"]
    assert row == {"id": row["id"], "title": "办法"}
    assert cleaned == []
    assert not [one for one in seen if "policy_document.body" in one]


def test_a_text_is_read_line_by_line():
    html = richtext.clean(
        "<h2>章</h2><p>一<br>二</p><ol><li>甲<ul><li>子</li></ul></li><li>乙</li></ol>"
        "<table><tr><td>项</td><td><p>金</p><p>额</p></td></tr></table><blockquote>引</blockquote>"
    )
    assert richtext.text_of(html).split("\n") == [
        "章",
        "一",
        "二",
        "1. 甲",
        "• 子",
        "2. 乙",
        "项\t金 额",
        "引",
    ]
    kinds = [(block.kind, block.depth) for block in richtext.blocks(html)]
    assert kinds == [("h2", 0), ("p", 0), ("li", 1), ("li", 2), ("li", 1), ("table", 0), ("quote", 0)]
