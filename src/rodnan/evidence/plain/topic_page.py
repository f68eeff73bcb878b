"""The page of one topic, over all therapies."""

from __future__ import annotations

from rodnan.evidence import loading
from rodnan.evidence.harms import registry_link
from rodnan.evidence.plain.drug_page import all_study_facts, not_known, score_lines
from rodnan.evidence.plain.facts import Fact, safety_facts
from rodnan.evidence.plain.page import PlainPage, Row, Section, Table, name_of
from rodnan.evidence.plain.words import NOTICE, TOPICS, Topic

__all__ = ["topic_page"]


def topic_page(name: str) -> PlainPage:
    """Make the page of a topic.

    Parameters
    ----------
    name
        Key of `TOPICS`.
    """
    topic = TOPICS[name]
    rows: list[Row] = []
    for good, heading in ((True, "What may get better"), (False, "What may go wrong")):
        found = [row for drug in loading.drugs() for row in _rows(name, drug, good)]
        if found:
            rows += [Row(heading), *found]
    facts = tuple(cell for row in rows for cell in row.cells if isinstance(cell, Fact))
    seen = ["All counts are people in 100."] if facts else ["No plain numbers are on record."]
    if any(fact.low is not None for fact in facts):
        seen.append("The range after a number shows what chance alone could do.")
    columns = ("Treatment", "What was seen", "With it", "In the other group", "Source")
    sections = [Section("What this is about", topic.about)]
    if any(fact.kind == "change" for fact in facts):
        sections.append(Section("What the scores mean", score_lines(facts)))
    sections += [
        Section(
            "Good and bad, side by side",
            tuple(seen),
            (Table("Each row is one group.", columns, tuple(rows)),),
        ),
        Section("How sure this is", tuple(_sure(facts, topic))),
        Section("What is not known", not_known(facts)),
        Section("Please note", NOTICE),
    ]
    return PlainPage(name, topic.title, tuple(sections), facts)


def _rows(topic: str, drug: str, good: bool) -> list[Row]:
    rows, seen = [], set[tuple[str, str]]()
    for study in loading.studies():
        facts = [f for f in all_study_facts(study) if f.topic == topic and f.good == good]
        for fact in facts:
            if fact.drug != drug or drug == "placebo":
                continue
            seen.add((fact.what, fact.counted or f"{fact.value:g}"))
            others = [f for f in facts if f.label == fact.label and f.arm != fact.arm and f.drug != drug]
            beside = "; ".join(f"{f.text} with {name_of(f.drug)}" for f in others) or "no such group"
            mixed = "" if "SSc" in loading.load_study(study).condition else " (not all had this disease)"
            twins = [f for f in facts if f.label == fact.label and f.drug == drug]
            name = name_of(drug) if len(twins) == 1 else f"{name_of(drug)} ({fact.arm})"
            rows.append(Row(name, (fact.label.capitalize(), fact, beside, fact.source + mixed)))
    for fact in safety_facts(loading.load_drug(drug)):
        if (
            fact.topic == topic
            and fact.good == good
            and (fact.what, fact.counted or f"{fact.value:g}") not in seen
        ):
            rows.append(Row(name_of(drug), (fact.label.capitalize(), fact, "no such group", fact.source)))
    return rows


def _sure(facts: tuple[Fact, ...], topic: Topic) -> list[str]:
    studies = {fact.source.removeprefix("study:") for fact in facts if fact.arm}
    by_lot = sum(loading.load_study(study).design.randomised for study in studies)
    lines = [f"Studies in the table: {len(studies)}. Studies that drew lots: {by_lot}."]
    lines.append("Rows of two studies are no fair test of two drugs.")
    lines.append("Other people were in them, and for another time.")
    more = sum(row.group in topic.hazards for row in loading.safety())
    if more:
        lines.append(
            f"The full record has {more} more notes on this. [safety:{', safety:'.join(topic.hazards)}]"
        )
    links = {registry_link("", group) for group in topic.hazards} - {None}
    lines += [
        f"A public list shows which drugs can hurt the lungs: [{link}]." for link in sorted(map(str, links))
    ]
    if any(fact.basis == "recalled" for fact in facts):
        lines.append("“Not checked” means that the number has not been looked up yet.")
    return lines
