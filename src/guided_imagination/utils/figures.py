"""Figures that show every text as it is written: names of classes and datasets are the user's."""

import logging
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

import matplotlib.figure
from anyascii import anyascii
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontPath, FontProperties, findSystemFonts, fontManager, get_font
from matplotlib.ft2font import FaceFlags
from matplotlib.text import Text
from matplotlib.ticker import Formatter, LogFormatter, ScalarFormatter

logger = logging.getLogger(__name__)

FONT = "DejaVu Sans"  # comes with matplotlib
LAST_RESORT = ("Last Resort", "LastResort")  # fonts of boxes for everything
DPI = 100  # of the coarsest picture that is made: letters are of whole pixels, so there they are widest
NAMED = 20  # names that a warning names at most
_told: dict[str, bool] = {}  # what is in ASCII, and whether a warning has named it


class Figure(matplotlib.figure.Figure):
    """The only kind of figure in this package: none of its text is a formula, and none turns into empty boxes.

    Set when it is drawn, for labels of ticks are not there before, and whatever matplotlib's settings are.
    """

    def draw(self, renderer: RendererBase) -> None:
        for text in list(_texts(self)):
            shown = legible(text.get_text())
            text.set(text=shown, fontfamily=_families(shown), parse_math=False, usetex=False)
        _warn()
        super().draw(renderer)


def _texts(artist: Artist) -> Iterator[Text]:
    """Every text inside, but for the numbers at an axis."""
    if isinstance(artist, Text):
        yield artist
    if not isinstance(artist, Axis):
        # a cell of a table keeps its text to itself
        for child in (*artist.get_children(), *(own for own in vars(artist).values() if isinstance(own, Text))):
            yield from _texts(child)
        return
    yield artist.label
    written = artist.get_major_formatter()
    if artist.axes.axison and not isinstance(written, ScalarFormatter | LogFormatter):
        if not isinstance(written, _Legible):
            artist.set_major_formatter(_Legible(written))
        yield from artist.get_ticklabels()


class _Legible(Formatter):
    """The labels of another formatter: an axis writes them anew whenever it is drawn."""

    def __init__(self, written: Formatter) -> None:
        self.written = written

    def __call__(self, x: float, pos: int | None = None) -> str:
        return legible(self.written(x, pos))


def _warn() -> None:
    """Name what is in ASCII, once."""
    untold = [name for name, told in _told.items() if not told]
    if untold:
        named = ", ".join(f"{name!r} as {_ascii(name)!r}" for name in untold[:NAMED])
        more = f" and {len(untold) - NAMED:,} more" if len(untold) > NAMED else ""
        logger.warning("no installed font has the characters of these names; figures show %s%s", named, more)
        _told.update(dict.fromkeys(untold, True))


@cache
def legible(text: str) -> str:
    """`text` with ASCII for the characters that no installed font has, and a space for a control character."""
    if text.isascii() and text.isprintable():
        return text
    plain = "".join(" " if unicodedata.category(mark) == "Cc" and mark != "\n" else mark for mark in text)
    absent = _fallbacks(plain)[1]
    if not absent:
        return plain
    for name in re.findall(r"[^\0-\x7f]+(?: [^\0-\x7f]+)*", plain):
        if absent.intersection(name) and name not in _told:
            _told[name] = False
    return _ascii(plain)


def _ascii(text: str) -> str:
    """Marks that only change their neighbours are left out, what anyascii does not know is its code point."""
    unseen = ("Cf", "Mn", "Me")
    return "".join(
        anyascii(mark) or ("" if unicodedata.category(mark) in unseen else f"U+{ord(mark):04X}") for mark in text
    )


def _families(text: str) -> list[str]:
    """What `text` is drawn with."""
    return [FONT] if text.isascii() else [FONT, *_fallbacks(text)[0]]


@cache
def _fallbacks(text: str) -> tuple[list[str], set[str]]:
    """Installed families with what FONT lacks of `text`, as few as it takes, and the characters that none has."""
    font = fontManager.findfont(FontProperties(family=[FONT]))
    lacking = {ord(mark) for mark in text if mark != "\n"} - _characters(font)
    families: list[str] = []
    while lacking:
        family, characters = max(_others().items(), key=lambda other: len(lacking & other[1]))
        if lacking.isdisjoint(characters):
            break
        families.append(family)
        lacking -= characters
    return families, set(map(chr, lacking))


@cache
def _others() -> dict[str, set[int]]:
    """The code points of every installed family; only asked for when FONT lacks one, since it can take seconds."""
    for file in sorted(set(findSystemFonts()) - {font.fname for font in fontManager.ttflist}):
        with suppress(Exception):  # installed since matplotlib listed them; what it can't read raises all sorts
            fontManager.addfont(file)
    fonts: dict[str, FontPath] = {}
    for font in sorted(fontManager.ttflist, key=lambda font: (font.style != "normal", font.weight != 400, font.name)):
        fonts.setdefault(font.name, FontPath(font.fname, font.index))
    return {name: _characters(font) for name, font in fonts.items() if not name.strip(".").startswith(LAST_RESORT)}


@cache
def _characters(path: FontPath) -> set[int]:
    """The code points that a font can draw; matplotlib draws none of those in colour or of fixed size."""
    try:
        font = get_font(path)
    except (OSError, RuntimeError):
        return set()
    flags = font.face_flags
    return set(font.get_charmap()) if FaceFlags.SCALABLE in flags and FaceFlags.COLOR not in flags else set()


def fitted(text: str, width: float, points: float, lines: int) -> str:
    """`text` in at most so many lines of at most `width` inches; more of it ends in an ellipsis."""
    rest = " ".join(legible(text).split())
    font = FontProperties(family=_families(rest), size=points)
    renderer = RendererAgg(1, 1, DPI)

    def letters(end: str) -> int:
        """As many of `rest` as fit before `end`, at least one."""

        def measured(count: int) -> float:
            return renderer.get_text_width_height_descent(rest[:count] + end, font, ismath=False)[0] / DPI

        return max(1, bisect_right(range(1, len(rest) + 1), width, key=measured))

    found: list[str] = []
    while rest:
        count = letters("")
        if count < len(rest) and len(found) == lines - 1:
            found.append(rest[: letters("…")].rstrip() + "…")
            break
        if count < len(rest) and (space := rest.rfind(" ", 0, count + 1)) > 0:
            count = space
        found.append(rest[:count])
        rest = rest[count:].lstrip()
    return "\n".join(found)
