"""Pages in plain language, made from the records: what a therapy is, what it may do for good and ill.

Reading age is held down by the Flesch-Kincaid grade (Kincaid and others 1975): 0.39 words per sentence + 11.8
syllables per word - 15.59; grade 7 is an age of about 12.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rodnan.evidence import loading
from rodnan.evidence.records.drug import Drug

__all__ = ["Count", "PlainPage", "plain_page", "reading_grade"]

NOTICE = (
    "This page is not medical advice.",
    "Do not start, stop or change a drug because of it.",
    "Talk with your care team.",
)
_ACTION = {
    "blocks-proliferation": "It keeps immune cells from making more of themselves.",
    "blocks-activation": "It keeps immune cells from switching on.",
    "depletes-cells": "It takes some immune cells away.",
    "neutralises-cytokine": "It blocks a signal that immune cells send.",
    "removes-antibody": "It takes immune proteins out of the blood.",
    "reconstitutes": "It clears the immune cells and lets them grow again.",
    "antifibrotic": "It is meant to slow the making of scars.",
    "none": "It has no active drug in it.",
}
_ROUTE = {
    "oral": "It can be swallowed.",
    "sc": "It can go in with a small needle under the skin.",
    "im": "It can go into a muscle with a needle.",
    "iv": "It can drip into a vein.",
    "extracorporeal": "Blood runs through a machine and comes back.",
}
_GOOD = {
    "mrss_improved_ge20pct": "had a skin score that got better by a fifth or more",
    "mrss_large_decrease_n": "had much less thick skin",
    "lung_good_response_n": "had lungs that did well",
    "lung_improved_or_stable_n": "had lungs that held or got better",
}
_HARM = {
    "leukopenia": "had too few white blood cells",
    "neutropenia": "had too few of the white cells that fight germs",
    "anaemia": "had too few red blood cells",
    "thrombocytopenia": "had too few of the cells that stop a bleed",
    "haematuria": "had blood in the urine",
    "pneumonia": "had a lung infection",
    "any serious adverse event": "had a serious health problem of any cause",
    "death": "died of any cause",
    "did not complete": "did not finish the study",
    "serious adverse events": "had a serious health problem of any cause",
    "haemorrhagic cystitis": "bled from the bladder",
    "sustained amenorrhoea": "stopped having periods",
    "transplant-related mortality at 12 months": "died of the treatment within a year",
    "treatment-related mortality": "died of the treatment",
    "transplant-related death": "died of the treatment",
}


@dataclass(frozen=True)
class Count:
    """How many of how many had something, in words, and the record that says so."""

    words: str
    n: int
    of: int
    source: str
    basis: str

    @property
    def text(self) -> str:
        """Return a sentence with one denominator: ``About 6 in 100 ...``."""
        share = 100 * self.n / self.of
        doubt = " This was not checked." if self.basis == "recalled" else ""
        if self.n == 0:
            return f"No one of {self.of} {self.words}.{doubt}"
        often = "Fewer than 1" if share < 0.5 else f"About {round(share)}"
        return f"{often} in 100 {self.words}.{doubt}"


@dataclass(frozen=True)
class PlainPage:
    """A page: sections of sentences, and the counted benefits and harms it shows."""

    drug: str
    title: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    benefits: tuple[Count, ...]
    harms: tuple[Count, ...]

    @property
    def text(self) -> str:
        """Return the page as Markdown."""
        parts = [f"# {self.title}"]
        for heading, sentences in self.sections:
            parts += [f"## {heading}", "\n".join(f"- {sentence}" for sentence in sentences)]
        return "\n\n".join(parts) + "\n"


def plain_page(name: str) -> PlainPage:
    """Make the page of a therapy from its record and the studies that gave it alone.

    Parameters
    ----------
    name
        Any name of a therapy.

    Raises
    ------
    EvidenceError
        RDN-E006 for a name no therapy has.
    """
    drug = loading.load_drug(loading.drug_id(name))
    benefits, harms = tuple(_benefits(drug)), tuple(_harms(drug))
    studies = [study for study in map(loading.load_study, loading.studies()) if drug.id in study.drugs]
    by_lot = sum(study.design.randomised for study in studies)
    what = [_ACTION[drug.action]]
    if drug.names.brands:
        what.append(f"It is sold as “{', '.join(drug.names.brands)}”.")
    if drug.approved_for_ssc is False:
        what.append("It has no licence for this disease.")
    elif drug.approved_for_ssc is not True:
        what.append(f"On its licence the record says: “{drug.approved_for_ssc}”.")
    routes = dict.fromkeys(r.route for r in drug.regimens)
    how = [_ROUTE.get(route, f"The record says: “{route}”.") for route in routes]
    sure = [f"Studies on record that gave it: {len(studies)}.", f"Studies that drew lots: {by_lot}."]
    sure.append(
        "A study that draws lots is a fairer test." if by_lot else "So no such fair test is on record here."
    )
    doubt = ["People in a study may not be like you.", "Counts from small groups can be off by a lot."]
    if harms:
        doubt.append("The drug may not be the cause of each harm.")
    more = len(drug.safety) - len(harms)
    wrong = _lines(harms, "No plain count of harms is on record. It may still do harm.")
    if more:
        wrong += (f"The full record has {more} more {'note' if more == 1 else 'notes'} on harms.",)
    better = _lines(benefits, "No plain count of this is on record. Studies may give means.")
    better += tuple(line for count in benefits for line in _without(drug, count))
    sections = (
        ("What it is", tuple(what)),
        ("How it is given", tuple(how) or ("No way to give it is on record.",)),
        ("What may get better", better),
        ("What may go wrong", wrong),
        ("How sure this is", tuple(sure)),
        ("What is not known", tuple(doubt)),
        ("Please note", NOTICE),
    )
    return PlainPage(drug.id, drug.names.inn, sections, benefits, harms)


def _lines(counts: tuple[Count, ...], none: str) -> tuple[str, ...]:
    return tuple(f"{count.text} [{count.source}]" for count in counts) or (none,)


def _benefits(drug: Drug) -> Iterator[Count]:
    for name in loading.studies():
        study = loading.load_study(name)
        alone = {
            arm.id
            for arm in study.arms
            if {item.drug for item in arm.regimen} == {drug.id}
            and not any(item.start_week for item in arm.regimen)
            and "placebo" not in f"{arm.id} {arm.label}".casefold()
        }
        for row in study.outcomes:
            if row.endpoint in _GOOD and row.arm in alone and isinstance(row.n, int) and row.of:
                when = "" if row.week is None else f" at week {row.week:g}"
                yield Count(_GOOD[row.endpoint] + when, row.n, row.of, f"study:{name}", row.basis)


def _without(drug: Drug, found: Count) -> tuple[str, ...]:
    """Say how often the same was seen in the arm of the same study that had placebo, where there is one."""
    study = loading.load_study(found.source.removeprefix("study:"))
    others = {arm.id for arm in study.arms if {item.drug for item in arm.regimen} == {"placebo"}}
    others |= {arm.id for arm in study.arms if arm.id == "placebo"} - {drug.id}
    return tuple(
        f"With a dummy drug first: {Count(found.words, row.n, row.of, found.source, row.basis).text.lower()}"
        f" [{found.source}]"
        for row in study.outcomes
        if row.arm in others and isinstance(row.n, int) and row.of
        if _GOOD.get(row.endpoint, "") + ("" if row.week is None else f" at week {row.week:g}") == found.words
    )


def _harms(drug: Drug) -> Iterator[Count]:
    for row in drug.safety:
        words = _HARM.get(row.event.partition(" (")[0])
        if words is not None and row.n is not None and row.of:
            yield Count(words, row.n, row.of, f"{row.setting}; {row.source}", row.basis)


def reading_grade(page: PlainPage) -> float:
    """Return the Flesch-Kincaid grade of a page; sources in brackets and quoted words are left out."""
    sentences = [
        part
        for _, lines in page.sections
        for line in lines
        for part in re.split(r"[.?!]", re.sub(r"\[.*\]|“[^”]*”", "", line))
        if part.strip()
    ]
    words = [word for sentence in sentences for word in re.findall(r"[a-z]+|\d+", sentence.casefold())]
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", word.removesuffix("e")))) for word in words)
    return 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59
