"""Interleaved lists: who brings what, who is credited, and what sessions come to."""

from __future__ import annotations

import pytest

from evaluation.interleave import (
    SessionSettings,
    Team,
    click_line,
    credit,
    draft,
    impression_lines,
    preference,
    session_credits,
    sessions_needed,
    users_per_arm,
)
from recommender.errors import BadInput, InvalidArgument

SETTING = SessionSettings(session="s1", generation="v00000003", profile_a="seed", profile_b="evidence")


def test_what_both_would_place_next_belongs_to_neither() -> None:
    shown = draft(["x", "y", "a"], ["x", "y", "b"], length=4, seed=1)
    assert [place.team for place in shown[:2]] == [Team.NEITHER, Team.NEITHER]
    assert {(place.artist, place.team) for place in shown[2:]} == {("a", Team.A), ("b", Team.B)}


def test_the_same_rankings_give_nothing_to_either_team() -> None:
    shown = draft(["a", "b", "c"], ["a", "b", "c"], length=5, seed=0)
    assert [(place.artist, place.team) for place in shown] == [(name, Team.NEITHER) for name in "abc"]


def test_a_list_holds_each_artist_once_and_both_first_choices_lead_it() -> None:
    for seed in range(20):
        shown = draft(["a", "b", "c", "d"], ["c", "d", "e", "a"], length=4, seed=seed)
        names = [place.artist for place in shown]
        assert len(set(names)) == 4
        assert set(names[:2]) == {"a", "c"}


def test_each_team_leads_about_half_the_lists() -> None:
    leads = [draft(["a"], ["b"], length=1, seed=seed)[0].team for seed in range(400)]
    assert 160 <= leads.count(Team.A) <= 240
    assert set(leads) == {Team.A, Team.B}


def test_a_seed_gives_the_same_list_again() -> None:
    lists = [draft(["a", "b", "c"], ["d", "e", "f"], length=6, seed="session 7") for _ in range(2)]
    assert lists[0] == lists[1]


def test_when_one_ranking_ends_the_other_fills_the_list() -> None:
    shown = draft(["a"], ["b", "c", "d"], length=4, seed=2)
    assert [place.artist for place in shown[2:]] == ["c", "d"]
    assert [place.team for place in shown[2:]] == [Team.B, Team.B]


def test_a_ranking_that_repeats_itself_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="names an artist twice"):
        draft(["a", "a"], ["b"], length=2, seed=0)


def test_clicks_count_for_the_team_once_a_place_and_for_nobody_where_both_agree() -> None:
    shown = {1: Team.NEITHER, 2: Team.A, 3: Team.B, 4: Team.A}
    assert credit(shown, [1]) == 0
    assert credit(shown, [2, 2, 4, 3, 1]) == 1
    with pytest.raises(InvalidArgument, match="position 9"):
        credit(shown, [9])


def test_sessions_without_a_winner_say_nothing() -> None:
    found = preference([1] * 8 + [-3] * 2 + [0] * 5)
    assert (found.won_a, found.won_b, found.tied) == (8, 2, 5)
    assert found.p_value == pytest.approx(2 * (1 + 10 + 45) / 2**10), "two-sided, of 10 tosses at most 2 or at least 8"
    assert preference([0, 0]).p_value != preference([0, 0]).p_value, "NaN"


def test_a_log_gives_back_what_was_shown_and_clicked() -> None:
    shown = draft(["a", "b"], ["c", "d"], length=4, seed=3)
    wins = next(place for place, each in enumerate(shown, start=1) if each.team is Team.B)
    lines = [*impression_lines(SETTING, shown), "", click_line("s1", wins)]
    assert session_credits(lines) == {"s1": -1}
    assert all(f'"{word}"' in lines[0] for word in ("generation", "profile_a", "artist", "team", "position"))


def test_a_session_nobody_clicked_in_is_a_tie() -> None:
    assert session_credits(impression_lines(SETTING, draft(["a"], ["b"], length=2, seed=0))) == {"s1": 0}


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        '{"event": "shown"}',
        '{"event": "click", "session": "s", "position": 1}',
        '{"event": "click", "session": "s", "position": Infinity}',
    ],
)
def test_a_line_of_another_kind_is_told_with_its_number(line: str) -> None:
    with pytest.raises(BadInput, match="line 1"):
        session_credits([line])


def test_sizes_grow_as_the_difference_shrinks() -> None:
    assert users_per_arm(0.10, 0.12) < users_per_arm(0.10, 0.11)
    assert sessions_needed(0.6) < sessions_needed(0.55)
    for wrong in ((0.0, 0.1), (0.1, 0.1), (0.1, 1.0)):
        with pytest.raises(InvalidArgument, match="rate"):
            users_per_arm(*wrong)
    with pytest.raises(InvalidArgument, match="win_rate"):
        sessions_needed(0.5)
