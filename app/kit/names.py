"""What a person's name is found by: pairs of its characters, its pinyin, its initials.

    张三丰   张三 三丰 · zhang zhangsan zhangsanfeng · zs zsf

A pure function of the name; :mod:`app.kit.name_search` keeps the keys beside the records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import import_module
from itertools import accumulate, islice, product
from operator import add
from typing import Any

#: no key is longer: fifty syllables of six letters
KEY_LENGTH = 300

#: blanks, and the dots between the parts of a Uyghur, Kazakh or European name; nobody types them alike
SEPARATORS = " \t\n\u00a0\u2002\u2003\u3000·•‧∙⋅・･．.｡。"
_DROPPED = dict.fromkeys(map(ord, SEPARATORS))
_UNWRITTEN = dict.fromkeys(map(ord, "'’‘`´ʼ＇-"))
_LATIN = {code + 0xFEE0: chr(code) for code in range(ord("A"), ord("z") + 1)} | dict.fromkeys(
    map(ord, "üÜǖǘǚǜ"), "v"
)

#: the ideographs of Unicode 16, their compatibility forms, and 〇
HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_HAN_ONLY = re.compile(f"[{HAN}]+")
_SYLLABLES = re.compile(f"[{HAN}]|[a-z]+")
#: spellings of one name that are kept; more than two characters with two readings are rare
_MOST_SPELLINGS = 8


def _table(text: str) -> dict[str, tuple[str, ...]]:
    words = text.split()
    return {name: tuple(readings.split("/")) for name, readings in zip(words[::2], words[1::2], strict=True)}


# Surnames that are not read as the character usually is (as pypinyin reads it). Source: the readings marked 姓 in
# 现代汉语词典, 7th edition, and 汉语大字典 for the rarer ones. Where families differ, or where clerks type the usual
# reading, both stand here.
_SURNAMES = _table(
    """
    曾 zeng 仇 qiu 解 xie 区 ou 單 shan 单 shan 查 zha 朴 piao/pu 盖 ge/gai 蓋 ge/gai 覃 qin/tan 翟 zhai/di
    缪 miao 繆 miao 乜 nie 员 yun 贠 yun 召 shao/zhao 繁 po 秘 bi/mi 乐 yue/le 樂 yue/le 隗 wei/kui 佴 nai 黑 he/hei
    折 she/zhe 种 chong 重 chong 句 gou 牟 mu/mou 谌 chen/shen 諶 chen/shen 祭 zhai/ji 郇 xun/huan 郗 xi/chi 阚 kan
    闞 kan 都 du 薄 bo 莘 shen/xin 粘 nian 泌 bi/mi 洗 xian 藏 zang 颉 xie/jie 贲 ben/bi 尉 wei/yu 车 che 郄 qie/xi
    宓 mi/fu 隽 juan/jun 角 jue/jiao 什 shi 适 kuo/shi 镡 chan/tan 长 chang/zhang 行 xing/hang 柏 bai/bo
    尉迟 yu-chi/wei-chi 万俟 mo-qi 萬俟 mo-qi 单于 chan-yu/shan-yu 长孙 zhang-sun 長孫 zhang-sun 澹台 tan-tai
    鲜于 xian-yu 令狐 ling-hu 中行 zhong-hang 亓官 qi-guan 子车 zi-ju 夏侯 xia-hou 皇甫 huang-fu 尔朱 er-zhu
    """
)
# Characters of given names with two readings in use (same source): either finds the person.
_GIVEN = _table(
    """
    长 chang/zhang 乐 le/yue 朝 chao/zhao 行 xing/hang 重 zhong/chong 茜 qian/xi 晟 cheng/sheng 曾 zeng 参 can/shen
    传 chuan/zhuan 隽 jun/juan 校 xiao/jiao 盛 sheng/cheng 单 dan/shan 颉 jie/xie 筠 yun/jun 莘 xin/shen
    柏 bai/bo 珩 heng/hang 尉 wei/yu 蔚 wei/yu 都 du/dou 莞 wan/guan 嬛 huan/xuan 靓 liang/jing 厦 xia/sha
    扎 zha/za 藏 zang/cang 强 qiang/jiang 解 jie/xie 翟 zhai/di 卡 ka/qia 仔 zai/zi
    降 jiang/xiang 省 sheng/xing 纶 lun/guan 禅 chan/shan 朴 pu/piao 弹 tan/dan 调 tiao/diao
    """
)


@cache
def _dictionary() -> Any:
    """The dictionaries of pypinyin, a third of a process's memory: read when the first word is spelled."""
    return import_module("pypinyin")


def pinyin(text: str, **how: Any) -> list[str]:
    """The syllables of a text without tones; what is not Chinese stays as it is."""
    found: list[str] = _dictionary().lazy_pinyin(text, **how)
    return found


def spelled(text: str) -> str:
    """What a text is found by: itself, its pinyin and the initials of that."""
    initials = pinyin(text, style=_dictionary().Style.FIRST_LETTER)
    return f"{text} {''.join(pinyin(text))} {''.join(initials)}".lower()


class _Memo(dict[str, tuple[str, ...]]):
    """Character → its readings without tones, ü as v; letters read themselves."""

    def __missing__(self, syllable: str) -> tuple[str, ...]:
        if syllable.isascii():
            return (syllable,)
        found = tuple(filter(None, pinyin(syllable, v_to_u=False, errors="ignore")))
        self[syllable] = found
        return found


_readings = _Memo(_GIVEN)
_surnames = {
    name: tuple(tuple(reading.split("-")) for reading in readings) for name, readings in _SURNAMES.items()
}


def squeeze(text: str) -> str:
    """A name without blanks and dots: 买买提·艾力 and 买买提艾力 are one."""
    return text.translate(_DROPPED)


def is_han(text: str) -> bool:
    """Whether a text consists of Chinese characters alone."""
    return _HAN_ONLY.fullmatch(text) is not None


def latin(text: str) -> str:
    """Typed letters as a key is spelled; empty when there is anything else in the text."""
    plain = squeeze(text).translate(_UNWRITTEN).translate(_LATIN).lower()
    return plain[:KEY_LENGTH] if plain.isascii() and plain.isalpha() else ""


def pairs(text: str) -> set[str]:
    """Every two Chinese characters that stand side by side in a squeezed text."""
    found: set[str] = set()
    for run in _HAN_ONLY.findall(text):
        found.update(map(add, run, run[1:]))
    return found


def keys(name: str) -> set[str]:
    """What a name is found by: pairs of characters, pinyin up to each syllable, initials from two letters up."""
    syllables: Sequence[str] = name
    if _HAN_ONLY.fullmatch(name):
        found = set(map(add, name, name[1:]))
    else:
        found = pairs(squeeze(name))
        syllables = _SYLLABLES.findall(name.translate(_UNWRITTEN).translate(_LATIN).lower())
    for spelling in _spellings(syllables):
        found.update(accumulate(spelling))
        found.update(islice(accumulate([syllable[0] for syllable in spelling]), 1, None))
    return {key[:KEY_LENGTH] for key in found} if len(name) > 50 else found


def sounds(name: str) -> frozenset[str]:
    """The ways to read a whole name: 曾伟 and 增伟 share one."""
    syllables = _SYLLABLES.findall(name.translate(_UNWRITTEN).translate(_LATIN).lower())
    return frozenset("".join(spelling) for spelling in _spellings(syllables) if spelling)


def rows(source: str, people: Iterable[tuple[int, str | None]]) -> list[dict[str, Any]]:
    """The rows of ``name_search`` of some records, (id, name) each, for those who write in bulk.

    ``source`` is the table of the records. A record without a name has no rows.
    """
    return [
        {"source": source, "key": key, "record_id": record_id}
        for record_id, name in people
        if name
        for key in keys(name)
    ]


def _spellings(syllables: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The ways to read a name, each a tuple of syllables; the surname has readings of its own."""
    head = "".join(syllables[:2])
    size = 2 if head in _surnames else 1
    surnames = _surnames.get(head) or _surnames.get(head[:1])
    rest = [reading for syllable in syllables[size:] if (reading := _readings[syllable])]
    if surnames is None:
        first = _readings[syllables[0]] if syllables else ()
        yield from islice(product(*([first] if first else []), *rest), _MOST_SPELLINGS)
        return
    for surname in surnames:
        for given in islice(product(*rest), _MOST_SPELLINGS):
            yield surname + given
