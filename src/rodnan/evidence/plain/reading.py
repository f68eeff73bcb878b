"""Reading age of a page by a stated formula."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["reading_grade", "syllables"]

_LEFT_OUT = re.compile(r"\[.*?\]|“[^”]*”|`[^`]*`")


def syllables(word: str) -> int:
    """Return about how many syllables a word has: its groups of vowels, without a silent e at the end."""
    word = word.casefold()
    if word.isdigit():
        return 1
    kept = re.sub(r"(?<=[^aeiouyl])e$|(?<=[^aeiouytd])ed$", "", word)
    return max(1, len(re.findall(r"[aeiouy]+", kept)))


def reading_grade(sentences: Iterable[str], names: Iterable[str] = ()) -> float:
    """Return the Flesch-Kincaid grade (Kincaid and others 1975).

    ``0.39 words / sentences + 11.8 syllables / words - 15.59``; a grade of 7 is an age of about 12.

    Parameters
    ----------
    sentences
        Lines of one or more sentences. Sources in brackets, quoted words and commands are left out.
    names
        Proper names (of therapies) that are left out, too: no other word could stand for them.

    Returns
    -------
    float
        The grade.
    """
    known = sorted({name.casefold() for name in names}, key=len, reverse=True)
    pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in known)) if known else None
    words: list[str] = []
    count = 0
    for line in sentences:
        plain = _LEFT_OUT.sub("", line.casefold())
        plain = pattern.sub("", plain) if pattern else plain
        for part in re.split(r"[.?!]", plain):
            found = re.findall(r"[a-z]+|\d+", part)
            words += found
            count += bool(found)
    return 0.39 * len(words) / count + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
