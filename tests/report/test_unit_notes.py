"""Notes on the treatments stand in the terminal's text and on the page, and only where there are any."""

import copy

from rodnan.report import text_tables, write


def test_notes_stand_in_text_and_page(build_result):
    plain = build_result()
    noted = copy.deepcopy(plain) | {"notes": ["mmf: with <i>ciclosporin</i>"]}
    assert "Of the treatments" not in text_tables(plain)
    assert "Of the treatments: mmf: with <i>ciclosporin</i>." in text_tables(noted)
    pages = [
        write._contents(result)["simulation-report.html"].decode("utf-8")
        for result in (plain | {"notes": []}, noted)
    ]
    assert "Of the treatments" not in pages[0]
    assert "<h3>Of the treatments</h3>" in pages[1]
    assert "mmf: with &lt;i&gt;ciclosporin&lt;/i&gt;" in pages[1]
