"""What the demo country reads: policy documents of all kinds, briefings, notices shown and not shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit import saving
from app.kit.clock import today
from app.kit.scope import Actor, acting
from app.models.account import Account
from app.models.assignment import ADMINISTRATION, Assignment
from app.models.briefing import Briefing
from app.models.document import DOCUMENTS
from app.models.notice import Notice
from app.models.policy_document import PolicyDocument
from app.models.unit import Unit

AID_RULES = """
<h2>第一章　总则</h2>
<p>第一条　为做好困难职工帮扶工作，规范帮扶资金的使用，制定本办法。</p>
<p>第二条　帮扶工作坚持<strong>依档帮扶、实名发放、公开透明</strong>的原则。</p>
<h2>第二章　帮扶项目</h2>
<p>第三条　帮扶项目包括：</p>
<ul><li>生活救助；</li><li>医疗救助；</li><li>助学救助；</li><li>职业介绍、技能培训和法律援助。</li></ul>
<p>第四条　各类项目的最高额度：</p>
<table><tbody><tr><td>项目</td><td>每户每年（元）</td></tr><tr><td>生活救助</td><td>2000</td></tr>
<tr><td>医疗救助</td><td>5000</td></tr><tr><td>助学救助</td><td>3000</td></tr></tbody></table>
<h2>第三章　附则</h2>
<p>第五条　本办法自印发之日起施行。</p>
"""
WARMTH = """
<p>各级工会：</p>
<p>两节将至，请认真做好送温暖工作，<strong>走访困难职工家庭，做到应访尽访</strong>。有关事项通知如下：</p>
<ol><li>核对困难职工档案，做到底数清、情况明；</li><li>资金实名发放，及时登记收支明细；</li><li>按时填报统计表。</li></ol>
"""
#: unit, kind, title, number, days ago, text
DOCUMENTS_OF = (
    (
        "root",
        "national_law",
        "工会参与劳动争议调解工作规定（示范文本）",
        "",
        400,
        "<p>第一条　为预防和化解劳动争议，维护职工合法权益，制定本规定。</p><p>第二条　工会派代表参加劳动争议调解组织。</p>",
    ),
    ("root", "acftu", "困难职工帮扶资金使用管理办法（示范文本）", "工办发〔2026〕3号", 120, AID_RULES),
    (
        "bj",
        "provincial_union",
        "北京市总工会职工医疗互助实施细则（示范文本）",
        "京工发〔2026〕8号",
        60,
        "<p>第一条　参加互助的职工住院治疗的，按本细则给予补助。</p>",
    ),
    (
        "xicheng",
        "local_law",
        "西城区困难群体就业援助办法（示范文本）",
        "西政发〔2026〕2号",
        45,
        "<p>第一条　对就业困难人员提供职业介绍和技能培训。</p>",
    ),
    (
        "dewai",
        "other_local_union",
        "德外街道总工会帮扶站工作制度",
        "",
        20,
        "<p>帮扶站每周一至周五接待职工来访，首问负责。</p>",
    ),
)
BRIEFINGS = (
    ("root", "2026年第1期", "各地扎实开展送温暖活动", 30, WARMTH),
    (
        "bj",
        "第5期",
        "北京市总工会举办困难职工技能培训专场",
        12,
        "<p>共有120名困难职工参加培训，当场达成就业意向46人。</p>",
    ),
    ("sh", "第3期", "上海市总工会帮扶中心窗口服务再提速", 6, "<p>来访职工平均等候时间缩短一半。</p>"),
)
#: unit, title, whether it is shown, days until its last
NOTICES = (
    ("root", "关于做好两节送温暖工作的通知", True, 60),
    ("root", "关于统计表填报口径的说明（征求意见）", False, None),
    ("bj", "关于报送帮扶中心工作人员名单的通知", True, None),
    ("sh", "关于开展金秋助学活动的通知", True, None),
)


def publish(session: Session) -> None:
    """As the administrators of the units would; the caller commits."""
    for login, category, title, number, age, body in DOCUMENTS_OF:
        typed = {"category": category, "title": title, "document_no": number, "body": body}
        _save(session, login, PolicyDocument(), typed | {"keywords": "帮扶"}, age)
    for login, issue, title, age, body in BRIEFINGS:
        typed = {"title": title, "issue_no": issue, "body": body}
        _save(session, login, Briefing(), typed | {"keywords": "工作动态"}, age)
    for login, title, is_visible, days in NOTICES:
        until = f"{today() + timedelta(days=days)}" if days else ""
        notice = {"title": title, "is_visible": is_visible, "shown_to": until, "body": WARMTH}
        _save(session, login, Notice(), notice, None)


def _save(session: Session, login: str, record: Any, typed: dict[str, Any], age: int | None) -> None:
    mine = select(Account, Unit).join(Assignment, Assignment.account_id == Account.id).join(Unit)
    account, unit = session.execute(mine.where(Account.username == login)).one()
    rights = frozenset({DOCUMENTS, ADMINISTRATION})
    who = Actor(account.id, account.full_name, unit.id, unit.name, unit.path, unit.level, rights)
    if age is not None:
        typed |= {"published_on": f"{today() - timedelta(days=age)}"}
    if isinstance(record, PolicyDocument):
        typed |= {"issuing_body": unit.name}
    with acting(who):
        saving.save(session, record, typed, who)
