"""Claims that records and drug models must bear out; and every check that the ledger names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rodnan.calibration.claims import chosen_checks, criteria
from rodnan.cli.main import execute
from rodnan.evidence import claims, load_claim, load_drug, load_study, studies
from rodnan.evidence.plain import plain_page
from rodnan.pharmacology.models import load_model
from rodnan.pharmacology.usual import usual_channels

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("check", sorted({check for claim in claims() for check in claim.checked_by}))
def test_every_named_check_is_there(check, capsys):
    """A command answers ``--help`` and knows the claim or study; a test is defined in the file that is named."""
    if check.startswith("rodnan "):
        words = check.split()[1:]
        assert execute([*words[:2], "--help"]) == 0
        if words[:3] == ["claims", "check", "--only"]:
            assert [c.id for c in chosen_checks(words[3:])] == words[3:]
        else:
            assert words[:2] == ["trial", "run"]
            assert words[2:]
            assert all(word in studies() for word in words[2:])
        capsys.readouterr()
        return
    file, _, name = check.partition("::")
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), check


def test_every_claim_that_a_simulation_backs_names_its_own_check_first():
    backed = [claim for claim in claims() if claim.needs_check]
    assert len(backed) == 33
    for claim in backed:
        assert claim.checked_by[0] == f"rodnan claims check --only {claim.id}"
        assert len(set(claim.checked_by)) == len(claim.checked_by)


@pytest.mark.parametrize("name", ["esos-modest-benefit", "mtx-low-dose-toxicity"])
def test_a_claim_is_shown_with_its_checks_and_what_they_ask_for(name, capsys):
    assert execute(["claims", "show", name]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for check in load_claim(name).checked_by:
        assert check in shown
    for part in criteria()[name].parts:
        assert part.text in shown
    limit = criteria()[name].limit
    assert (f"if refuted {limit}" in shown) == (limit is not None)


def test_a_claim_that_records_answer_is_shown_without_a_check(capsys):
    name = next(claim.id for claim in claims() if not claim.needs_check)
    assert execute(["claims", "show", name]) == 0
    assert "checked by" not in capsys.readouterr().out


def test_claim_drugs_listed_are_off_label():
    listed = [name.removeprefix("drug:") for name in load_claim("drugs-listed").records]
    assert len(listed) == 6
    for name in listed:
        assert "off-label" in load_drug(name).approval
        assert load_model(name).record.usual


def test_claim_pilots_are_small():
    """Sirolimus has one small study, alefacept none; rituximab has been tried against placebo."""
    with_drug = {
        name: [s for s in map(load_study, studies()) if name in s.drugs]
        for name in ("sirolimus", "alefacept", "rituximab")
    }
    assert [s.population.n for s in with_drug["sirolimus"]] == [18]
    assert with_drug["alefacept"] == []
    assert any(s.design.blinding == "double" for s in with_drug["rituximab"])
    assert "no such fair test" in plain_page("alefacept").text


def test_claim_imatinib_acts_on_fibroblasts_only():
    model = load_model("imatinib")
    channels = usual_channels(model, model.record.usual[0].doses)
    assert channels
    assert set(channels) <= {"pF", "fS", "kF"}
    beside = {fact.source for fact in plain_page("skin").facts if fact.drug == "imatinib"}
    assert {"study:khanna-2011-imatinib", "study:spiera-2011"} <= beside


def test_claim_transplant_benefit_and_harm_stand_side_by_side():
    """Both arms of the largest trial in one table, in people in 100, gains and treatment deaths."""
    page = plain_page("autologous-hsct")
    astis = [fact for fact in page.facts if fact.source == "study:astis"]
    assert {f.good for f in astis} == {True, False}
    deaths = {f.drug: round(f.value) for f in astis if f.what == "died of the treatment"}
    assert deaths == {"autologous-hsct": 10, "cyclophosphamide": 0}
    gains = {f.drug: f.value for f in astis if f.what == "Skin score"}
    assert gains["autologous-hsct"] < gains["cyclophosphamide"] < 0
