"""What line-ups write around a name goes; what belongs to a name stays."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.lookup.line_up_notes import strip_wording


@pytest.mark.parametrize(
    "wording",
    [
        "{} (live)",
        "{} (LIVE)",
        "{} DJ set",
        "{} (dj-set)",
        "{} live set",
        "{} [US]",
        "{} (UK)",
        "{} (Germany)",
        "{} (Live, US)",
        "{} (live A/V)",
        "{} (acoustic set) [DE/UK]",
        "22:00 {}",
        "22:00 - 23:30 {}",
        "22.00 Uhr {}",
        "9pm – {}",
        "20h30 {}",
        "[22:00] {}",
        "(22:00) {}",
        "Sat 22:00 {}",
        "Friday 21:30 - {} (US)",
        "{} • 22:00",
        "{} | Stage 1",
        "{} (Main Stage)",
        "{}（ライブ）",
        "{}（JP）",
        "{} {{live}}",
        "{} (live!)",
        "{}, live",
        "{}, UK",
        "{} // Live",
        "{} + special guests",
        "{} with support",
        "🔥 {} 🔥",
        "SOLD OUT: {}",
        "{} 22:00",
        "{} | 23:00",
        "{} (22:00)",
        "• {}",
        "- {}",
        "* {}",
        "2. {}",
        "🇺🇸 {}",
        "{} 🇩🇪🇺🇸",
        "Headliner: {}",
        "Main Stage: {}",
        "Fri: {}",
        "Special guest: {} (solo)",
        "{} - live",
        "{} – DJ Set",
        "{} — special guest",
        "{} (Warp Records)",
        "{} [Ostgut Ton]",
        "{}*",
        '"{}"',
        "{},",
        "\u200b{} (live)\ufeff",
    ],
)
def test_wording_is_taken_off(wording: str) -> None:
    assert strip_wording(wording.format("Avishai Cohen Trio"))[0] == "Avishai Cohen Trio"
    assert strip_wording(wording.format("Avishai Cohen Trio"))[1]


@pytest.mark.parametrize(
    "name",
    [
        "Live",
        "Live Skull",
        "Duo",
        "10cc",
        "24:00",
        "6:33",
        "808 State",
        "Avishai Cohen Trio",
        "!!! (Chk Chk Chk)",
        "*NSYNC",
        "-M-",
        "DJ Shadow",
        "Death from Above 1979",
        "Sunn O)))",
        "(həd) p.e.",
        "“Weird Al” Yankovic",
        "Tyler, The Creator",
        "US",
    ],
)
def test_a_name_stays_as_it_is(name: str) -> None:
    assert strip_wording(name) == (name, ())


@given(st.text(max_size=60))
def test_the_result_is_never_empty_and_final(name: str) -> None:
    rest, notes = strip_wording(name)
    assert rest or not notes
    assert len(notes) == 20 or strip_wording(rest)[0] == rest


@pytest.mark.parametrize("part", ["(live) ", "1 ", "[", "22:00-", "🇺🇸", "- ", "a (b", "live "])
def test_hostile_wording_takes_milliseconds(part: str) -> None:
    started = time.process_time()
    strip_wording(part * 100_000)
    strip_wording((part * 300)[:300])
    assert time.process_time() - started < 0.5
