"""What a file's name tells: when it was made, and whether it shows a screen."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import re
import unicodedata

# A day, and maybe a time some signs or a short word ("at", "um") later.
_DATE = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<mark>[-_.]?)(?P<month>\d\d)(?P=mark)(?P<day>\d\d)"
    r"(?:(?:[-_T. ]|[-_,. ]{1,2}\D{1,8}?[-_. ])?"
    r"(?P<hour>\d\d|\d(?=[.:]))(?P<colon>[-_.:h ]?)(?P<minute>\d\d)(?:(?P=colon)|[m_])"
    r"(?P<second>\d\d)(?:[-_.]?(?P<fraction>\d{3}))?s?(?:\s?(?P<half>[AP])\.?M)?)?"
    r"(?!\d)",
    re.ASCII | re.IGNORECASE,
)
# Facebook, WeChat and others count milliseconds since 1970.
_EPOCH = re.compile(r"(?:FB_IMG_|mmexport|wx_camera_)?(1\d{12})(?!\d)", re.ASCII)
# The camera of Pixel phones names its files by UTC.
_UTC = re.compile(r"PXL_", re.ASCII)
_FIRST, _LAST = 1990, 2099
_SCREENSHOT = re.compile(
    r"screen[ _-]?shot|scrnshot|bildschirmfoto|bildschirmaufnahme|capture[ _]d.[ée]cran"
    r"|capture[ _]ecran|captura[ _]de[ _](pantalla|tela|ecr[ãa])|captura[ _]pantalla"
    r"|schermafbeelding|schermafdruk|schermata|istantanea[ _]schermo|cattura[ _]schermo"
    r"|sk[äa]rm(avbild|bild|klipp)|skjermbilde|sk[æa]rmbillede|n[äa]ytt[öo](kuva|kaappaus)"
    r"|zrzut[ _]ekranu|sn[íi]mek[ _]obrazovky|sn[íi]mka[ _]obrazovky|k[ée]perny[őo]"
    r"|captur[ăa][ _]de[ _]ecran|ekran[ _](g[öo]r[üu]nt[üu]s[üu]|resmi|al[ıi]nt[ıi]s[ıi])"
    r"|posnetek[ _]zaslona|snimka[ _]zaslona|στιγμι[όο]τυπο|снимок[ _]экрана"
    r"|скриншот|знімок[ _]екрана|екранна[ _]снимка|スクリーンショット|スクショ"
    r"|屏幕截图|屏幕快照|截屏|截图|螢幕截圖|螢幕快照|스크린샷|ภาพหน้าจอ|لقطة[ _]شاشة|צילום[ _]מסך",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class NameDate:
    """A moment in a name: UTC if ``is_utc``, else the clock on the wall.

    Without ``has_time`` only the day is known.
    """

    moment: datetime
    is_utc: bool = False
    has_time: bool = True


def date_in(name: str) -> NameDate | None:
    """Return when a file was made by its name; None if that doesn't tell.

    A path counts by its last part.
    """
    name = name.rpartition("/")[2]
    if match := _EPOCH.match(name):
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
            milliseconds=int(match[1])
        )
        return NameDate(moment.replace(tzinfo=None), is_utc=True)
    for match in _DATE.finditer(name):
        year, hour = int(match["year"]), int(match["hour"] or 0)
        if match["half"] is not None and 1 <= hour <= 12:
            hour = hour % 12 + (12 if match["half"] in "Pp" else 0)
        try:
            moment = datetime(
                *(year, int(match["month"]), int(match["day"]), hour),
                *(int(match["minute"] or 0), int(match["second"] or 0)),
                int(match["fraction"] or 0) * 1000,
            )
        except ValueError:
            continue
        if _FIRST <= year <= _LAST:
            is_utc = _UTC.match(name) is not None
            return NameDate(moment, is_utc, match["hour"] is not None)
    return None


def is_screenshot(path: str) -> bool:
    """Return whether name or folder say that a picture shows a screen.

    In the languages of the systems that take such pictures; `Screenshots/` counts.
    """
    *folders, name = unicodedata.normalize("NFC", path).split("/")
    parts = (*folders[-1:], name)
    return any(_SCREENSHOT.match(part.lstrip("._- ")) for part in parts)
