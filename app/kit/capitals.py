"""人民币大写: an amount of money in the characters that cannot be altered, as vouchers and signed lists want it.

By the rules for filling in bank notes (中国人民银行《正确填写票据和结算凭证的基本规定》): 整 after 元 and after 角, 零 for what is
left out between two figures, also between the 元 and a 分 without 角.
"""

from __future__ import annotations

from decimal import Decimal

_FIGURES = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿", "亿亿")


def capitals(amount: Decimal) -> str:
    """``Decimal("1006.05")`` → 壹仟零陆元零伍分. Raises ValueError beyond 20 digits."""
    fen = int(abs(amount) * 100)
    if fen != abs(amount) * 100 or fen >= 10**20:
        raise ValueError(amount)
    yuan, jiao, rest = fen // 100, fen // 10 % 10, fen % 10
    words = f"{_whole(yuan)}元" if yuan else ""
    if jiao:
        words += f"{_FIGURES[jiao]}角"
    elif yuan and rest:
        words += "零"
    words += f"{_FIGURES[rest]}分" if rest else "整"
    return f"{'负' if amount < 0 else ''}{words if fen else '零元整'}"


def _whole(number: int) -> str:
    """A whole number, four figures at a time; one 零 for all that is left out between two figures."""
    words, has_gap = "", False
    for at in range(len(_GROUPS) - 1, -1, -1):
        group = number // 10_000**at % 10_000
        if not group:
            has_gap = bool(words)
            continue
        words += "零" if words and (has_gap or group < 1000) else ""
        words += f"{_group(group)}{_GROUPS[at]}"
        has_gap = False
    return words


def _group(number: int) -> str:
    """Up to four figures."""
    words, has_gap = "", False
    for at in range(3, -1, -1):
        figure = number // 10**at % 10
        if not figure:
            has_gap = bool(words)
            continue
        words += f"{'零' if has_gap else ''}{_FIGURES[figure]}{_PLACES[at]}"
        has_gap = False
    return words
