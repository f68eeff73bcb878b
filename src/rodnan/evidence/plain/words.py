"""Plain words for what records name: actions, routes, scores, events, times."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = [
    "ACTION",
    "NOTICE",
    "ROUTE",
    "SCORES",
    "TOPICS",
    "Event",
    "Score",
    "Topic",
    "event_words",
    "time_words",
]

NOTICE = (
    "Research and teaching tool.",
    "It is not a medical device.",
    "It is not medical advice.",
    "Do not start, stop or change a treatment because of it.",
    "Talk with your care team.",
)
"""The notice every page ends with."""

ACTION = {
    "blocks-proliferation": "It keeps immune cells from making more of themselves.",
    "blocks-activation": "It keeps immune cells from switching on.",
    "depletes-cells": "It takes some immune cells away.",
    "neutralises-cytokine": "It blocks a signal that immune cells send.",
    "removes-antibody": "It changes the immune proteins in the blood.",
    "reconstitutes": "It clears the immune cells and lets them grow again.",
    "antifibrotic": "It is meant to slow the making of scars.",
    "none": "It has no active drug in it.",
}
ROUTE = {
    "oral": "It can be swallowed.",
    "sc": "It can go in with a small needle under the skin.",
    "im": "It can go into a muscle with a needle.",
    "iv": "It can drip into a vein.",
    "extracorporeal": "Blood runs through a machine and comes back.",
}


class Score(NamedTuple):
    """A score in plain words, and which way is good (1: up, -1: down)."""

    label: str
    meaning: str
    topic: str
    better: int


class Topic(NamedTuple):
    """What a topic page is about, and the groups of the hazard table that belong to it."""

    title: str
    about: tuple[str, ...]
    hazards: tuple[str, ...] = ()


class Event(NamedTuple):
    """What happened to people, in plain words that follow a count."""

    words: str
    topic: str
    good: bool = False


SCORES = {
    "fvc_pct_pred": Score(
        "Lung score",
        "The lung score is the air you can blow out in one breath. Set against healthy people, 100 is usual.",
        "lung",
        1,
    ),
    "mrss": Score(
        "Skin score",
        "The skin score adds up how thick the skin is. It runs from 0 to 51, and 0 is best.",
        "skin",
        -1,
    ),
}

TOPICS = {
    "lung": Topic(
        "Lungs",
        ("This disease can scar the lungs.", "Scars make it hard to breathe."),
        ("methotrexate-lung",),
    ),
    "skin": Topic("Skin", ("This disease makes the skin thick and tight.", "It can ease with no drug, too.")),
    "blood": Topic(
        "Blood cells",
        ("Some drugs slow the making of blood cells.", "With too few, germs or a bleed can do more harm."),
        ("cytopenia",),
    ),
    "infection": Topic(
        "Infections",
        ("The immune system fights germs.", "A drug that holds it down can let germs in."),
        (
            "infection-steroid",
            "infection-lymphocytes",
            "infection-neutrophils",
            "infection-igg",
            "infection-drug",
            "pml",
        ),
    ),
    "gut": Topic(
        "Stomach and gut", ("Some drugs upset the gut.", "The disease can do this as well."), ("gi",)
    ),
    "kidney": Topic(
        "Kidneys",
        ("The disease and some drugs can hurt the kidneys.",),
        ("ciclosporin-renal", "renal-crisis"),
    ),
    "bladder": Topic("Bladder", ("Waste from some drugs can hurt the bladder.",), ("bladder",)),
    "cancer": Topic(
        "Cancer",
        ("Some drugs may raise the risk of cancer.", "It can show up years on."),
        ("malignancy-cyc", "malignancy-drug"),
    ),
    "fertility": Topic(
        "Periods", ("Some drugs can hurt the ovaries.", "Then periods can stop for good."), ("ovarian",)
    ),
    "survival": Topic(
        "Staying alive",
        ("This disease can shorten life.", "So can a harsh treatment."),
        ("mortality-ssc", "hsct"),
    ),
}
"""Topics that have a page, in the order in which they are listed."""

_EVENTS = {
    "leukopenia": Event("had too few white blood cells", "blood"),
    "severe leukopenia": Event("had far too few white blood cells", "blood"),
    "leukopenia any degree": Event("had fewer white blood cells than normal", "blood"),
    "neutropenia": Event("had too few of the white cells that fight germs", "blood"),
    "anaemia": Event("had too few red blood cells", "blood"),
    "thrombocytopenia": Event("had too few of the cells that stop a bleed", "blood"),
    "cytopenia": Event("had too few blood cells", "blood"),
    "haematuria": Event("had blood in the urine", "bladder"),
    "haemorrhagic cystitis": Event("bled from the bladder", "bladder"),
    "pneumonia": Event("had a lung infection", "infection"),
    "pulmonary infection": Event("had a lung infection", "infection"),
    "pulmonary tuberculosis": Event("had tuberculosis of the lung", "infection"),
    "tuberculosis": Event("had tuberculosis", "infection"),
    "infection": Event("had an infection", "infection"),
    "serious infection": Event("had a bad infection", "infection"),
    "severe infection within 12 months": Event("had a bad infection within 1 year", "infection"),
    "viral infection": Event("had an infection with a virus", "infection"),
    "herpes zoster": Event("had shingles", "infection"),
    "upper respiratory infection": Event("had a cold or a sore throat", "infection"),
    "diarrhoea": Event("had loose stools", "gut"),
    "diarrhoea leading to discontinuation": Event("stopped the drug for loose stools", "gut"),
    "nausea": Event("felt sick", "gut"),
    "nausea vomiting": Event("felt sick or threw up", "gut"),
    "nausea stopping drug": Event("stopped the drug since they felt sick", "gut"),
    "abdominal pain": Event("had belly pain", "gut"),
    "reflux worse": Event("had more heartburn", "gut"),
    "any gi": Event("had trouble with the gut", "gut"),
    "gastrointestinal intolerance": Event("could not stand the drug in the gut", "gut"),
    "scleroderma renal crisis": Event("had a sudden crisis of the kidneys", "kidney"),
    "renal adverse event": Event("had kidney trouble", "kidney"),
    "severe renal event": Event("had bad kidney trouble", "kidney"),
    "severe renal event including renal crisis": Event("had bad kidney trouble", "kidney"),
    "creatinine rise 30% or more": Event("had kidneys that cleaned the blood less well", "kidney"),
    "creatinine up more than 30%": Event("had kidneys that cleaned the blood less well", "kidney"),
    "malignancy": Event("were found to have cancer", "cancer"),
    "malignancy long term": Event("were found to have cancer in the years that came", "cancer"),
    "sustained amenorrhoea": Event("stopped having periods", "fertility"),
    "permanent amenorrhoea": Event("stopped having periods for good", "fertility"),
    "death": Event("died of any cause", "survival"),
    "death long term": Event("died of any cause in the years that came", "survival"),
    "treatment related death": Event("died of the treatment", "survival"),
    "treatment related mortality": Event("died of the treatment", "survival"),
    "transplant related death": Event("died of the treatment", "survival"),
    "transplant related mortality at 12 months": Event("died of the treatment", "survival"),
    "treatment related mortality at 100 days": Event(
        "died of the treatment in the first 100 days", "survival"
    ),
    "any adverse event": Event("had a health problem of any kind", "general"),
    "any adverse reaction": Event("had a side effect of any kind", "general"),
    "any side effect": Event("had a side effect of any kind", "general"),
    "any serious adverse event": Event("had a serious health problem of any cause", "general"),
    "serious adverse event": Event("had a serious health problem of any cause", "general"),
    "serious adverse events": Event("had a serious health problem of any cause", "general"),
    "did not complete": Event("did not finish the study", "general"),
    "adverse event leading to discontinuation": Event("stopped the drug for side effects", "general"),
    "stop for adverse event": Event("stopped the drug for side effects", "general"),
    "stopped for side effects": Event("stopped the drug for side effects", "general"),
    "stopped for toxicity": Event("stopped the drug for side effects", "general"),
    "stop for non respiratory side effects": Event("stopped the drug for side effects", "general"),
    "withdrawal for adverse events": Event("stopped the drug for side effects", "general"),
    "dose reduction or interruption": Event("had to cut or pause the dose", "general"),
    "at least one dose reduction or interruption": Event("had to cut or pause the dose", "general"),
    "serum sickness": Event("had a strong reaction to the drug", "general"),
    "infusion reaction at first course": Event("felt ill from the first drip", "general"),
    "cytokine release syndrome": Event("had a strong reaction to the cells", "general"),
    "pneumonitis": Event("had lungs hurt by the drug", "lung"),
    "cirrhosis": Event("had a scarred liver", "general"),
    "abnormal liver tests": Event("had a liver test out of range", "general"),
    "hepatotoxicity": Event("had a liver hurt by the drug", "general"),
    "retinopathy": Event("had eyes hurt by the drug", "general"),
    "blood pressure raised": Event("had high blood pressure", "general"),
    "hypertrichosis": Event("grew more hair than they liked", "general"),
    "depression": Event("had low mood as an illness", "general"),
    "thromboembolic event": Event("had a clot in a blood vessel", "general"),
    "cardiovascular hospitalisation": Event("went to hospital for the heart or vessels", "general"),
    "mrss improved ge20pct": Event("had a skin score that fell by a fifth or more", "skin", True),
    "mrss improved ge40pct": Event("had a skin score that fell by two fifths or more", "skin", True),
    "mrss improved ge60pct": Event("had a skin score that fell by three fifths or more", "skin", True),
    "mrss large decrease n": Event("had much less thick skin", "skin", True),
    "mrss fell pct": Event("had a skin score that fell", "skin", True),
    "mrss rose pct": Event("had a skin score that rose", "skin"),
    "skin progressor pct": Event("had skin that got worse", "skin"),
    "lung good response n": Event("had lungs that did well", "lung", True),
    "lung improved or stable n": Event("had lungs that held or got better", "lung", True),
    "lung improved pct": Event("had lungs that got better", "lung", True),
    "mrss fall 5 or more pct": Event("had a skin score that fell by 5 or more", "skin", True),
    "skin improved pct": Event("had skin that got better", "skin", True),
    "lung stable or improved pct": Event("had lungs that held or got better", "lung", True),
    "lung improved or stable pct": Event("had lungs that held or got better", "lung", True),
    "lung stable pct": Event("had lungs that held", "lung", True),
    "lung worse pct": Event("had lungs that got worse", "lung"),
    "fvc decline ge10 pct": Event("lost a tenth or more of the lung score", "lung"),
    "survival pct": Event("were alive", "survival", True),
    "event free pct": Event("were alive with no organ that failed", "survival", True),
}


def event_words(name: str) -> Event | None:
    """Return the plain words of an event or of a counted endpoint; None where there are none."""
    plain = re.sub(r"\(.*?\)", "", name).replace("-", " ").replace("_", " ").casefold()
    return _EVENTS.get(" ".join(plain.split()))


def time_words(week: float | None) -> str:
    """Return a time in years, months or weeks, whichever is round; nothing when it is not known."""
    if week is None or week <= 0:
        return ""
    for name, length in (("year", 52.18), ("month", 4.345)):
        count = week / length
        if (
            round(count) >= 1
            and abs(count - round(count)) <= 0.06 * round(count)
            and (name == "year" or count < 72)
        ):
            return _counted(round(count), name)
    return _counted(round(week), "week")


def _counted(count: int, name: str) -> str:
    return f"{count} {name}" + ("" if count == 1 else "s")
