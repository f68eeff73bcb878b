"""Widths of letters, so that text fits its place whatever font the reader has.

Figures are set in Arial or a font of the same widths. Where a reader has neither, a wider font would run over
its neighbours; the renderer therefore writes the width of each line into the SVG. The widths are those of the
Helvetica font metrics, in thousandths of the font size.
"""

from __future__ import annotations

__all__ = ["known", "text_width"]

_REGULAR = (
    ("ijl'", 222),
    ("|", 260),
    ("I !,./:;[\\]ft\N{NO-BREAK SPACE}", 278),
    ("-()r`", 333),
    ("{}", 334),
    ('"', 355),
    ("*", 389),
    ("^", 469),
    ("Jcksvxyz", 500),
    ("0123456789#$?_Labdeghnopqu\N{EN DASH}", 556),
    ("+<=>~\N{MINUS SIGN}", 584),
    ("FTZ", 611),
    ("&ABEKPSVXY", 667),
    ("wCDHNRU", 722),
    ("GOQ", 778),
    ("Mm", 833),
    ("%", 889),
    ("W", 944),
    ("@", 1015),
)
_BOLD = (
    ("'", 238),
    ("I ,./\\ijl\N{NO-BREAK SPACE}", 278),
    ("|", 280),
    ("-!()[]:;ft`", 333),
    ("r{}*", 389),
    ('"', 474),
    ("z", 500),
    ("0123456789#$_Jaceksvxy\N{EN DASH}", 556),
    ("+<=>^~\N{MINUS SIGN}", 584),
    ("?FLTZbdghnopqu", 611),
    ("EPSVXY", 667),
    ("&ABCDHKNRU", 722),
    ("wGOQ", 778),
    ("M", 833),
    ("%m", 889),
    ("W", 944),
    ("@", 975),
)


def _table(classes: tuple[tuple[str, int], ...]) -> dict[str, float]:
    return {letter: width / 1000 for letters, width in classes for letter in letters}


_WIDTHS = {False: _table(_REGULAR), True: _table(_BOLD)}
_WIDEST = 1.0


def known(text: str) -> bool:
    """Tell whether the width of every letter of a text is known."""
    return all(letter in _WIDTHS[False] for letter in text)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a line of text in pixels; a letter that is not known counts as a wide one.

    Parameters
    ----------
    text
        One line.
    size
        Font size in pixels.
    bold
        Whether it is set bold.
    """
    widths = _WIDTHS[bold]
    return size * sum(widths.get(letter, _WIDEST) for letter in text)
