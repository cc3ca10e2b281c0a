"""What changed since the run before is said in sentences that are true of the movements."""

import re
from datetime import date

from segmentation.clustering.choose_k import Choice
from segmentation.report.changes import (
    NO_RUN_BEFORE,
    WhatChanged,
    fit_in_words,
    flow_title,
    model_in_words,
    row_order,
    what_changed,
    window_in_words,
    without_customers,
)
from segmentation.report.data import History, with_money
from segmentation.report.marks import mark_svg
from segmentation.report.panels import heatmap
from segmentation.report.segments import segment_cards
from segmentation.report.tables import country_table
from tests.segmentation.report.sample_report import (
    CLASSIC,
    RUN_BEFORE,
    Row,
    history_of,
    move,
    page_of,
    profiles_of,
    report_data,
)

LOW, MEDIUM, HIGH, TOP = (name for name, _, _ in CLASSIC)
STAYS = [move(1, 1, 3537), move(2, 2, 344), move(3, 3, 18), move(4, 4, 4)]
NIGHT = [
    *STAYS,
    move(1, 2, 60, "purchase", ("36000.40", "100000")),
    move(1, 2, 9, "purchase", ("0.10", "12000")),
    move(2, 1, 12, "ageing", ("5000", "5000")),
    move(3, 2, 1, "purchase", ("900", "650"), returned=1),
    move(4, 3, 1, "purchase", ("900", "650")),
    move(4, 2, 2, "purchase", ("900", "650"), returned=1),
    move(None, 1, 320, "purchase", (None, "134000")),
    move(None, 2, 3, "purchase", (None, "71")),
    move(4, None, 1, None, ("80000", None)),
]


def changes_of(moves: list[Row], **model: object) -> WhatChanged:
    return what_changed(report_data(history=history_of(moves, **model)))


def test_movements_are_sentences_with_customers_cause_and_money():
    changes = changes_of(NIGHT)
    assert changes.lead == (
        f"Since 9 December 2011 (run {RUN_BEFORE}), 85 customers moved to another segment, 323 entered and 1 left; "
        "3,903 stayed in their segment."
    )
    assert changes.movements == [
        f"69 customers moved from “{LOW}” to “{MEDIUM}” after new purchases: they had spent £36,000 net and now "
        "£112,000.",
        f"12 customers moved from “{MEDIUM}” to “{LOW}” as time passed without a new order: they have spent £5,000 "
        "net, as before.",
        f"2 customers moved from “{TOP}” to “{MEDIUM}” after new purchases or returns: they had spent £900 net and now "
        "£650.",
        f"1 customer moved from “{HIGH}” to “{MEDIUM}” after returns: they had spent £900 net and now £650.",
        f"1 customer moved from “{TOP}” to “{HIGH}” after new purchases or changes of their lines: they had spent £900 "
        "net and now £650.",
    ]
    assert changes.others == [
        f"323 customers entered, with £134,071 net: 320 in “{LOW}”; 3 in “{MEDIUM}”.",
        f"1 customer left, with £80,000 net, because the input has no purchase of theirs any more: from “{TOP}”.",
    ]
    assert [cause.split(":")[0] for cause in changes.causes] == ["73 by purchases or returns", "12 by ageing"]


def test_the_largest_movements_are_shown_and_the_others_counted():
    pairs = [(before, after) for before in range(1, 5) for after in range(1, 5) if before != after]
    moves = [move(*pair, 10 + size, "purchase") for size, pair in enumerate(pairs)]
    movements = changes_of(moves).movements
    assert [sentence.split(" ")[0] for sentence in movements] == ["21", "20", "19", "18", "17", "7"]
    assert movements[5] == "7 more movements of 91 customers in all."


def test_the_table_adds_up_to_both_runs_with_those_who_stayed_last():
    rows = page_of(history=history_of(NIGHT)).table_with("From")[1:]
    assert [cell.strip() for cell in rows[0]] == ["–", LOW, "320", "–", "£134,000", "entered"]
    assert [cell.strip() for cell in rows[1]] == [
        LOW,
        MEDIUM,
        "69",
        "£36,000",
        "£112,000",
        "69 by purchases or returns",
    ]
    assert [row[5] for row in rows[-4:]] == ["stayed"] * 4
    assert sum(int(row[2].replace(",", "")) for row in rows) == sum(row["customers"] for row in NIGHT)


def test_a_night_without_changes_is_one_line():
    changes = changes_of(STAYS)
    assert changes.lead.endswith("nobody moved to another segment, entered or left.")
    assert not any(changes[1:])
    page = page_of(history=history_of(STAYS))
    assert "All movements" not in page.text
    assert "#changes" in [link["href"] for link in page.attributes("a")]


def test_the_first_run_says_so():
    page = page_of(history=History())
    assert f"What changed {NO_RUN_BEFORE}" in page.text
    assert flow_title([move(None, 1, 5, "purchase")]) == "Nobody moved to another segment"


def test_a_refit_says_what_became_of_the_segments():
    names = [*CLASSIC, ("Newcomers", 5, "1"), ("Old Guard", 9, "2")]
    events = [
        {"kind": "split", "before": (2,), "after": (2, 3)},
        {"kind": "merged", "before": (1, 6), "after": (1,)},
        {"kind": "new", "before": (), "after": (5,)},
        {"kind": "gone", "before": (6,), "after": ()},
    ]
    moves = [move(1, 1, 90, names=names), move(6, 1, 9, "refit", names=names), move(2, 5, 1, "refit", names=names)]
    renamed = [{"segment_id": 1, "from": "Lost", "to": LOW}]
    history = history_of(moves, names[:5], events=events, renamed=renamed, is_fitted=True, why="it is new")
    changes = what_changed(report_data(names[:5], history=history))
    assert changes.lead.endswith("The model was fitted in this run, because it is new.")
    assert changes.segments == [
        f"“{MEDIUM}” was split into “{MEDIUM}” and “{HIGH}”.",
        f"“{LOW}” and “Old Guard” were merged into “{LOW}”.",
        "“Newcomers” is new.",
        "“Old Guard” is gone.",
        f"“{LOW}” was called “Lost” before.",
    ]
    assert changes.movements[0].startswith(f"9 customers moved from “Old Guard” to “{LOW}” by another model: ")
    assert changes.causes == [
        "10 by another model: nothing was bought or returned since, and the model before would have put them into "
        "another segment than this one."
    ]
    assert [name for _, name in changes.gone] == ["Old Guard"]
    assert row_order(moves, profiles_of(CLASSIC)) == [6, 1, 2, 3, 4], "next to the segment that has its customers"


def test_a_name_that_goes_to_another_segment_is_a_former_and_a_new_one():
    names = [*CLASSIC, (MEDIUM, 5, "1")]
    moves = [move(1, 1, 90, names=names), move(2, 5, 9, "refit", names=names)]
    gone = [{"kind": "gone", "before": (2,), "after": ()}]
    after = [names[0], names[4]]
    rows = [row | {"segment_id": new} for row, new in zip(profiles_of(after), (1, 5), strict=True)]
    model = [{"segment_id": number, "name": {"name": names[number - 1][0]}} for number in (1, 5)]
    history = history_of(moves, events=gone, segments=model)
    changes = what_changed(report_data(profiles=rows, history=history, without=("countries", "products")))
    assert changes.segments == [f"The former “{MEDIUM}” is gone."]
    assert changes.movements[0].startswith(f"9 customers moved from the former “{MEDIUM}” to the new “{MEDIUM}” by")


def test_a_window_is_named_and_may_be_why_customers_left():
    too_old = move(4, None, 2, "ageing", ("700", None))
    history = History(history_of([]).model, RUN_BEFORE, date(2011, 12, 9), [*NIGHT, too_old], date(2010, 12, 10))
    page = page_of(history=history)
    assert window_in_words(history, date(2011, 12, 10)) == "Figures of the 365 days from 10 December 2010."
    assert page.text.count("Figures of the 365 days from 10 December 2010.") == 2, "under the answer, and in The run"
    assert (
        "2 customers left, with £700 net, because all that they bought is older than the days that count" in page.text
    )
    assert "1 customer left, with £80,000 net, because the input has no purchase of theirs any more" in page.text
    assert "12 by ageing: their orders, spend and returns did not rise since, but" in page.text
    assert "and older orders no longer count" in page.text


# ---- the model ----


def test_the_page_says_which_model_and_of_which_run_its_sweep_is():
    scored, fitted = history_of(NIGHT), history_of(NIGHT, is_fitted=True, why="a new model was asked for")
    assert model_in_words(fitted) == "The model was fitted in this run, because a new model was asked for."
    assert model_in_words(scored) == (
        f"Scored by the model that run {RUN_BEFORE} fitted as of 1 November 2011, because it is 39 days old, and "
        "customers have not drifted."
    )
    assert fit_in_words(fitted) == ""
    page = page_of(history=scored)
    assert page.text.count(model_in_words(scored)) == 2, "next to the verdict, and in The run"
    assert fit_in_words(scored) == f"As of 1 November 2011, when run {RUN_BEFORE} fitted the model."
    assert f"Each number of segments that was tried {fit_in_words(scored)}" in page.text


def test_a_segment_of_the_model_without_customers_is_named():
    """Such a segment has no profile, and k is larger than the number of segments shown."""
    rows = profiles_of(CLASSIC)[:3]
    history = history_of([move(1, 1, 5), move(4, 1, 6, "ageing")])
    choice = Choice(4, "elbow", 4, "the elbow of the WSSSE curve is at k = 4")
    page = page_of(profiles=rows, history=history, choice=choice)
    assert "They form three segments" in page.text
    assert f"Nobody is in “{TOP}”: that segment of the model has no customer today." in page.text
    assert without_customers(history, profiles_of(CLASSIC)) == ""


# ---- the order of segments, and their names ----


def test_segments_are_shown_by_spend_and_keep_the_marks_of_their_ids():
    ranks = {1: 2, 2: 4, 3: 1, 4: 3}
    rows = [row | {"spend_rank": ranks[row["segment_id"]]} for row in profiles_of(CLASSIC)]
    data = report_data(profiles=with_money(rows, "net_revenue"), countries=["EIRE"])
    cards = segment_cards(data)
    assert [card.id for card in cards] == [3, 1, 4, 2]
    assert [card.mark for card in cards] == [mark_svg(number) for number in (3, 1, 4, 2)]
    assert [name for _, name in heatmap(data).segments] == [HIGH, LOW, TOP, MEDIUM]
    assert data.countries is not None
    bar = country_table(data.countries, data.profiles, "£").rows[0].bar
    assert re.findall('rect class="(\\w+)"', bar) == ["s3", "s1", "s4", "s2", "guests"]


def test_a_name_that_a_fresh_look_would_change_is_shown_with_the_other():
    rows = profiles_of(CLASSIC)
    rows[1]["suggested_name"] = "Loyal"
    text = page_of(profiles=rows).text
    assert text.count("A fresh look would call it") == 1
    assert "Named so because: There is a rule. A fresh look would call it Loyal." in text
