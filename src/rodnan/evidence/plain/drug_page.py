"""The page of one therapy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rodnan.evidence import loading
from rodnan.evidence.plain.facts import Fact, safety_facts, study_facts
from rodnan.evidence.plain.page import PlainPage, Row, Section, Table, name_of
from rodnan.evidence.plain.words import ACTION, NOTICE, ROUTE, SCORES, TOPICS, time_words
from rodnan.evidence.records.drug import Drug
from rodnan.evidence.records.study import Study

__all__ = ["all_study_facts", "drug_page", "not_known", "score_lines"]

_TABLES = 3
_ORDER = {topic: place for place, topic in enumerate((*TOPICS, "general"))}


@lru_cache(maxsize=256)
def all_study_facts(study: str) -> tuple[Fact, ...]:
    """Return the facts of a study on record."""
    return tuple(study_facts(loading.load_study(study)))


def drug_page(drug: Drug) -> PlainPage:
    """Make the page of a therapy from its record and the studies that gave it."""
    every = [loading.load_study(name) for name in loading.studies()]
    told = [study for study in every if any(f.drug == drug.id for f in all_study_facts(study.id))]
    studies = [study for study in every if drug.id in study.drugs or study in told]
    told.sort(key=lambda study: _place(study, drug.id))
    shown = told[:_TABLES]
    tables = tuple(_table(drug, study) for study in shown)
    in_tables = [
        cell for table in tables for row in table.rows for cell in row.cells if isinstance(cell, Fact)
    ]
    others = _others(drug, in_tables)
    facts = (*in_tables, *others)
    side_by_side = ["All counts are people in 100."] if facts else ["No plain numbers are on record."]
    side_by_side += [_range_line()] if any(f.low is not None for f in facts) else []
    side_by_side += [line for study in shown for line in _stopped(drug, study)]
    sections = [
        Section("What it is", tuple(_what(drug))),
        Section("How it is given", tuple(_how(drug))),
    ]
    if any(fact.kind == "change" for fact in facts):
        sections.append(Section("What the scores mean", score_lines(facts)))
    sections.append(Section("Good and bad, side by side", tuple(side_by_side), tables))
    if others:
        lines = tuple(f"{fact.label.capitalize()}: {fact.text}. [{fact.source}]" for fact in others)
        sections.append(Section("What else was counted", lines))
    sections += [
        Section("How sure this is", tuple(_sure(drug, studies, facts, len(told) - len(shown)))),
        Section("What is not known", not_known(facts)),
        Section("Please note", NOTICE),
    ]
    return PlainPage(drug.id, _title(drug), tuple(sections), facts)


def _place(study: Study, drug: str) -> tuple[bool, bool, bool, int]:
    """Order studies: lots drawn, of this disease, a score measured, large."""
    scored = any(fact.kind == "change" and fact.drug == drug for fact in all_study_facts(study.id))
    size = study.population.n or 0
    return (not study.design.randomised, "SSc" not in study.condition, not scored, -size)


def _title(drug: Drug) -> str:
    brands = f" ({', '.join(drug.names.brands)})" if drug.names.brands else ""
    return f"{drug.names.inn}{brands}"


def _what(drug: Drug) -> list[str]:
    lines = [ACTION[drug.action]]
    if drug.approved_for_ssc is False:
        lines.append("It has no licence for this disease.")
    elif drug.approved_for_ssc is not True:
        lines.append(f"On its licence the record says: “{drug.approved_for_ssc}”.")
    return lines


def _how(drug: Drug) -> list[str]:
    routes = dict.fromkeys(regimen.route for regimen in drug.regimens)
    lines = [ROUTE.get(route, f"The record says: “{route}”.") for route in routes]
    return lines or ["No way to give it is on record."]


def score_lines(facts: Sequence[Fact]) -> tuple[str, ...]:
    """Return what the scores on a page mean."""
    used = {fact.what for fact in facts if fact.kind == "change"}
    return tuple(score.meaning for score in SCORES.values() if score.label in used)


def _range_line() -> str:
    return "The range after a number shows what chance alone could do."


def _stopped(drug: Drug, study: Study) -> list[str]:
    """Say that a drug had been stopped long before the visit that a table shows."""
    lines = []
    last = max((row.week or 0 for row in study.outcomes if (row.week or 0) <= 110), default=0)
    for arm in study.arms:
        stops = [item.stop_week for item in arm.regimen if isinstance(item.stop_week, float)]
        if len(arm.regimen) == 1 and stops and arm.subgroup_of is None and stops[0] < last - 13:
            name = name_of(arm.regimen[0].drug)
            lines.append(f"In “{study.id}” the {name} was stopped after {time_words(stops[0])}.")
    return lines


def _table(drug: Drug, study: Study) -> Table:
    facts = all_study_facts(study.id)
    arms = [arm for arm in study.arms if any(fact.arm == arm.id for fact in facts)]
    arms.sort(key=lambda arm: next(fact.drug for fact in facts if fact.arm == arm.id) != drug.id)
    ours = {fact.label for fact in facts if fact.drug == drug.id}
    names = [next(fact.drug for fact in facts if fact.arm == arm.id) for arm in arms]
    columns = [
        name_of(name) if names.count(name) == 1 else f"{name_of(name)} ({arm.id})"
        for name, arm in zip(names, arms, strict=True)
    ]
    by_place = {(fact.label, fact.arm): fact for fact in facts}
    rows: list[Row] = []
    for good, heading in ((True, "What may get better"), (False, "What may go wrong")):
        labels = dict.fromkeys(f.label for f in facts if f.good == good and f.label in ours)
        ordered = sorted(labels, key=lambda label: _ORDER[next(f.topic for f in facts if f.label == label)])
        if ordered:
            rows.append(Row(heading))
            rows += [
                Row(label.capitalize(), tuple(by_place.get((label, arm.id)) for arm in arms))
                for label in ordered
            ]
    return Table(_about(study), ("", *columns), tuple(rows))


def _about(study: Study) -> str:
    size = f"{study.population.n} people" if study.population.n else "number of people not on record"
    lots = "Lots were drawn." if study.design.randomised else "No lots were drawn."
    mixed = "" if "SSc" in study.condition else " Not all of them had this disease."
    return f"Study “{study.id}”: {size}. {lots}{mixed} [study:{study.id}]"


def _others(drug: Drug, in_tables: Sequence[Fact]) -> tuple[Fact, ...]:
    seen = {(fact.what, fact.counted) for fact in in_tables if fact.counted}
    seen |= {(fact.what, f"{fact.value:g}") for fact in in_tables if not fact.counted}
    found = [f for f in safety_facts(drug) if (f.what, f.counted or f"{f.value:g}") not in seen]
    return tuple(sorted(found, key=lambda fact: _ORDER[fact.topic]))


def _sure(drug: Drug, studies: Sequence[Study], facts: Sequence[Fact], more: int) -> list[str]:
    by_lot = sum(study.design.randomised for study in studies)
    lines = [f"Studies on record that gave it: {len(studies)}. Studies that drew lots: {by_lot}."]
    lines.append(
        "A study that draws lots is a fairer test." if by_lot else "So no such fair test is on record here."
    )
    if more > 0:
        lines.append(f"{more} more {'study has' if more == 1 else 'studies have'} numbers on record.")
    notes = len(drug.safety) - len(list(safety_facts(drug)))
    if notes:
        lines.append(f"The full record has {notes} more {'note' if notes == 1 else 'notes'} on harms.")
    if any(fact.basis == "recalled" for fact in facts):
        lines.append("“Not checked” means that the number has not been looked up yet.")
    return lines


def not_known(facts: Sequence[Fact]) -> tuple[str, ...]:
    """Return what a page with these facts cannot say."""
    lines = ["People in a study may not be like you.", "No table can say what will happen to you."]
    if any(fact.counted for fact in facts):
        lines.append("Counts from small groups can be off by a lot.")
    if any(not fact.good for fact in facts):
        lines.append("The drug may not be the cause of each harm.")
    if any(fact.low is None for fact in facts):
        lines.append("Where no range is shown, the record has none.")
    return tuple(lines)
