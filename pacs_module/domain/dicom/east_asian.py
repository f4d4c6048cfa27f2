"""
Which script the bytes of a text are in when nobody declared a character set.

The same two bytes are a character in GBK, EUC-KR, Big5 and Shift-JIS: ``B7 CE`` is 肺 in one and 로 in the
other, so that an undeclared 프로토콜 (protocol) would be a lung. What decides is how usual the characters are
in texts of a radiology department. That is a guess: a single character tells nothing, and then it is Chinese,
as where this pipeline comes from.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

_SIMPLIFIED = frozenset(
    "胸部肺腹盆头颅脑颈椎腰骶骨关节髋膝踝足肩肘腕手指四肢心脏冠脉主动静血管肝胆胰脾肾膀胱输尿道前列腺子宫卵巢乳甲状"
    "鼻窦咽喉眼眶耳内听颞口腔食管胃肠纵隔膈气支淋巴结软组织平扫增强延迟期双侧左右上下中正位斜轴矢状冠面高分辨率薄层厚低"
    "剂量筛查体检常规普通急诊住院门加三维重建成像造影灌注融合能谱扫描定仅图窗标准锐利细病人男女儿童成年新老复查术后"
    "前随访全段及与和的或无有一二两三四五六七八九十次号室科放射影像诊断检查部位特殊自定义默认不详未知其他螺旋旋转"
    "摄片拍照数字摄站卧立仰俯穿刺引导活消融外科神经呼吸肿瘤介入放疗计划模拟床旁移动大小长短多单排重症监护妇产"
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢"
    "姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫雷侯龙史陶黎贺顾毛郝龚邵万钱严武戴莫孔向汤国华明建文军"
    "健康公司企业厘米毫克医院教学省市县区镇村街路东南西北京津沪川渝粤桂云贵湖浙安徽福山开始结束更早晚今昨明年月日时间分钟"
    "请等待例如的是在了不我他她它们你这那个人来到就说要也会可以对能好看没起还过把去得很从给被让但最因为所并只外该各每第"
    "龋齿阑尾肋锁肱桡尺骨跟距趾颌颧牙列体椎盘突节段环枢寰蝶鞍垂腮皮下脂肪占位病变阴影结石钙化积液炎症痛咳发热伤损折脱"
    "癌栓塞水疱尖纤维化移植叶泡裂切除核挫实磨玻璃空洞廓壁根干钙斑块梗死缺血瘤囊息肉溃疡穿孔异物吞咽返流反哮喘慢阻职业矽尘毒"
    "平志伟东海强晓生光林小民永杰波成玉春红丽英梅芳娟秀兰霞敏静淑惠珍雪琴云莉真环爱妹香月莺媛艳瑞凡佳嘉琼勤"
)
_TRADITIONAL = frozenset(
    "胸部肺腹盆頭顱腦頸椎腰薦骨關節髖膝踝足肩肘腕手指四肢心臟冠狀動脈主靜血管肝膽胰脾腎膀胱輸尿道前列腺子宮卵巢乳甲"
    "鼻竇咽喉眼眶耳內聽顳口腔食胃腸縱膈氣支淋巴結軟組織平掃增強延遲期雙側左右上下中正位斜軸矢面高解析度薄層厚低劑量篩"
    "檢常規普通急診住院門加三維重建成像造影灌注掃描圖窗標準病人男女兒童成年新老複查術後隨訪全段及與和的或無有一二兩"
    "五六七八九十次號室科放射影像診斷檢查特殊電腦斷層攝片拍照數位站臥立仰俯穿刺健康壁鎖底段柱大肌肘空不明其他未定設部位體幹軀炎癌核塵血栓塞活檢知對比劑"
)
_JAPANESE = frozenset(
    "胸部肺腹骨盤頭頚頸椎腰仙関節股膝足肩肘手指四肢心臓冠動脈大静血管肝胆膵脾腎膀胱尿前立腺子宮卵巣乳甲状副鼻腔咽喉"
    "眼窩耳内口食道胃腸縦隔気支軟組織単純造影撮影条件検査診断画像断層標準高分解能薄厚低線量健診人間全身両側左右上下"
    "中正面位斜軸冠状矢方向再構成立臥仰腹小児成人通常緊急外来入院経過観察壁鎖底段柱大肌生肘空不明其他未定設部位体幹躯肺炎癌結核塵術後再三次元表示スライスルーチンヘリカルダイナミック"
    "コントラストフィルタプロトコルのをにはとでがるれたしてすきくりけつかなんアイウエオキケサシソタチテトナニネヒムメモヤヨラリロワン"
    "あいうえおかきくけこさしすせそたちつてとなにねのはひふへほまみむめもやゆよらりるれろわをん"
)
_KOREAN = frozenset(
    "이다는을가의에고하지한로사어기도서리시자인은대나부수아라해일정스전보장주제들안과성구조그원모여있요만공유동우비트상내소연"
    "관신화치무오발출경계복골반두척추흉폐심장혈관조영증강저선량검진고해상영상촬영프토콜단순소아성인급추적찰외래응급환자좌측우"
    "양면정후방종양간담췌비신방광전립선자궁난소유방갑상선기관식도위대장종격림프연부조직팔다리손발목무릎어깨엉덩허리목머리뇌"
    "안와귀코입인후김박최정강임한오윤장권황송류홍민준서현우진영미경은선희숙재용석철호준혁훈건태범규병남북동중표준일반통상"
    "으료치실슬가슴곽암늑막결핵렴건강얇두께절편영역필터창지연기맥재구성차원형및없음기타미확뼈살피부체게세개씨티씨티엠알"
)
_PAIR = 2
"""Bytes of a character of GBK."""
_USUAL = 0.6
"""Share of usual characters from which on another script is believed."""
_FEW = 3
"""Of so few characters all must be usual."""
_CHEST = "胸肺"
_HARDLY_ANY = 3
"""
Of so few characters one of the chest is believed in any case: 肺癌 would be 로갑. A single one tells
something only where it is the chest, and would be a rare one in Chinese.
"""
_BETTER = 0.3
"""By so much it has to be more usual than the Chinese reading."""


@dataclass(frozen=True)
class _Script:
    codec: str
    usual: frozenset[str]


_CHINESE = _Script("gb18030", _SIMPLIFIED | _TRADITIONAL)
_KOREAN_SCRIPT = _Script("euc_kr", _KOREAN)
_OTHERS = (
    _KOREAN_SCRIPT,
    _Script("big5", _TRADITIONAL),
    _Script("shift_jis", _JAPANESE),
    _Script("euc_jp", _JAPANESE),
)


def other_script(data: bytes) -> str | None:
    """
    What bytes say in Korean, Japanese or traditional Chinese, where that is beyond doubt.

    Args:
        data: Of one text without a declared character set, cut anywhere.

    Returns:
        The text; None where they may be GBK, or are none of these.
    """
    in_chinese = _decoded(data, _CHINESE)
    chinese = _usual(in_chinese, _CHINESE)
    rated = [(_usual(text, script), text) for script in _OTHERS if (text := _decoded(data, script))]
    share, best = max(rated, key=lambda one: one[0], default=(0.0, ""))
    return best if _is_sure(best, share, in_chinese, chinese) else None


def _is_sure(text: str, share: float, in_chinese: str, chinese: float) -> bool:
    number = len(_foreign(text))
    if number <= _HARDLY_ANY and any(character in _CHEST for character in in_chinese):
        return False
    if number == 1:
        return any(character in _CHEST for character in text) and not _is_level_1(in_chinese)
    return share >= max(1.0 if number <= _FEW else _USUAL, chinese + _BETTER)


def _is_level_1(text: str) -> bool:
    """
    Whether one of the 3,755 usual characters of GB 2312 is in it, or nothing but what any text may have.
    """
    foreign = [character.encode("gb18030") for character in _foreign(text)]
    return not foreign or any(
        len(code) == _PAIR and 0xB0 <= code[0] < 0xD8 and code[1] > 0xA0 for code in foreign
    )


def _decoded(data: bytes, script: _Script) -> str:
    """
    Empty where the bytes are none of this script (EUC-KR has Chinese characters, which nobody uses today); a
    last character that was cut is left out.
    """
    try:
        text = codecs.getincrementaldecoder(script.codec)().decode(data)
    except UnicodeError:
        return ""
    return "" if script is _KOREAN_SCRIPT and any(map(_is_ideograph, text)) else text


def _is_ideograph(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def _usual(text: str, script: _Script) -> float:
    foreign = _foreign(text)
    return sum(character in script.usual for character in foreign) / len(foreign) if foreign else 0.0


def _foreign(text: str) -> list[str]:
    return [character for character in text if not character.isascii()]
