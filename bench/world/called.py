"""What the people of the bench are called: surnames and given names about as often as in the country.

No bigram of surname and first given character reaches more than about one name in a thousand (王 is one name in
twelve, the commonest first character one in ninety), so that a search for two characters is as selective as in life.
"""

from __future__ import annotations

import re
from itertools import accumulate
from random import Random

_COUNTED = """
王720 李718 张680 刘540 陈450 杨310 赵230 黄222 周212 吴205 徐168 孙153 胡131 朱126 高121 林118
何117 郭115 马105 罗86 梁84 宋81 郑78 谢72 韩68 唐65 冯64 于62 董61 肖59 程57 曹57 袁54 邓54 许54
傅51 沈50 曾50 彭49 吕47 苏47 卢47 蒋47 蔡46 贾42 丁42 魏41 薛41 叶41 阎39 余39 潘38 杜38 戴37 夏37
钟37 汪36 田36 任36 姜35 范35 方34 石34 姚33 谭32 廖31 邹30 熊30 金29 陆29 郝28 孔27 白27 崔26 康26
毛25 邱25 秦25 江24 史24 顾23 侯23 邵22 孟21 龙21 万20 段20 雷20 钱20 汤20 尹19 黎19 易18 常18 武18
乔17 贺17 赖16 龚16 文15 庞12 樊12 兰11 殷11 施11 陶11 洪10 翟10 安10 颜10 倪9 严9 牛9 温9 芦8 季8
俞8 章8 鲁8 葛8 伍7 韦7 申7 尤6 毕6 聂6 丛5 焦5 向5 柳5 邢5 路4 岳4 齐4 梅4 莫4 庄4 辛4 管3 祝3
左3 涂3 谷3 祁3 时2 舒2 耿3 牟2 卜2 詹2 关3 苗3 凌2 费2 纪2 靳2 盛2 童2 欧阳6 上官1 司马1 诸葛1
尉迟1
"""
#: surname → how many people in ten thousand carry it; the hundred most frequent, and a few of two characters
SURNAMES = {name: int(count) for name, count in re.findall(r"([^\s\d]+)(\d+)", _COUNTED)}
#: characters of given names, the commoner first
GIVEN = "".join(
    dict.fromkeys(
        "英华玉秀明文国建志红春海军伟丽平桂兰芳金荣永德梅杰小强敏云晓林玲艳龙凤霞静洪东勇光生超辉波涛鹏飞娟燕娜磊洋"
        "斌宇浩婷雪佳怡欣涵梓轩子然博鑫俊峰亮刚健康宁安祥福禄寿喜庆丰茂盛昌兴旺发达富贵才学士仁义礼智信忠孝廉勤俭"
        "思慧颖倩莉莹琳琪瑶瑜珍珠宝玺琴瑟诗书画棋音乐歌舞青蓝紫黄白雅洁清淑贞贤惠美媛婉嫣娇妍姣姗妮婵娥嫦月星辰"
        "阳旭晨曦晖景昊天宏远江河湖泉溪源泽润雨雷霖露霜冰松柏竹菊荷莲莎薇蔷萍蕾蓉芬芸茹苗苹花叶枝根本木森树楠桐梧"
        "杨柳桃李杏梨栋梁材锋钢铁铭钧钰锐银铜镇钊钦锦铃岩石峻岭山川岳崇嵩巍坤地城坚培基垚圣胜利成功勋威武毅力壮雄"
        "豪杉君臣民众群友朋邦郡州京沪津川渝苏皖赣湘鄂粤桂琼辽吉黑晋冀鲁豫陕甘青藏疆元亨良善正直公道广业立世代传承继"
        "绍延续长久恒守诚凯旋翔翼鸿雁鹤鹰麟骏骥驰骋万千百亿双一三五四七八九十先前后来进步升腾跃登攀越起启开放宽新"
        "革改立夏秋冬季节时光年少卿晴好和顺谦逊恭敬爱心念忆想悦愉欢笑容颜若如意愿望希冀梦真理哲睿聪敬灵巧妙奇异彩虹"
    )
)
#: one given name in seven has one character
SINGLE = 0.15

_SURNAMES = list(SURNAMES)
_BY_SURNAME = list(accumulate(SURNAMES.values()))
_BY_RANK = list(accumulate(1 / (rank + 35) for rank in range(1, len(GIVEN) + 1)))


def names(random: Random, count: int) -> list[str]:
    """So many full names, two to four characters long."""
    surnames = random.choices(_SURNAMES, cum_weights=_BY_SURNAME, k=count)
    first = random.choices(GIVEN, cum_weights=_BY_RANK, k=count)
    second = random.choices(GIVEN, cum_weights=_BY_RANK, k=count)
    draw = random.random
    return [
        surname + one if draw() < SINGLE else surname + one + two
        for surname, one, two in zip(surnames, first, second, strict=True)
    ]
