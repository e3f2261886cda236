"""Contract tests of every signal. Inherit the class and define the fixture ``signal`` with an unknown artist."""

from __future__ import annotations

import numpy as np

from recommender.signals.base import Signal


class SignalContract:
    """Needs a fixture ``signal`` that knows at least two artists and does not know at least one."""

    def test_values_are_similarities_or_no_opinion(self, signal: Signal) -> None:
        for row in range(len(signal.known)):
            value = signal.value(signal.raw(row))
            assert value.shape == signal.known.shape
            opinions = value[~np.isnan(value)]
            assert ((opinions >= 0) & (opinions <= 1)).all()

    def test_pairs_are_symmetric_in_raw_and_in_value(self, signal: Signal) -> None:
        raw = np.stack([signal.raw(row) for row in range(len(signal.known))])
        np.testing.assert_allclose(raw, raw.T, atol=1e-6, equal_nan=True)
        value = np.stack([signal.value(row) for row in raw])
        np.testing.assert_allclose(value, value.T, atol=1e-6, equal_nan=True)

    def test_an_unknown_artist_gets_no_opinion_and_never_zero(self, signal: Signal) -> None:
        unknown = np.flatnonzero(~signal.known)
        assert unknown.size
        for row in range(len(signal.known)):
            assert np.isnan(signal.raw(row)[unknown]).all()
            assert np.isnan(signal.value(signal.raw(row))[unknown]).all()
        for row in unknown.tolist():
            assert np.isnan(signal.raw(row)).all()

    def test_a_known_artist_is_itself(self, signal: Signal) -> None:
        known = np.flatnonzero(signal.known)
        assert known.size >= 2
        for row in known.tolist():
            assert signal.value(signal.raw(row))[row] == 1.0

    def test_calibration_keeps_the_order_and_nan(self, signal: Signal) -> None:
        ramp = np.append(np.linspace(-1.0, 1.0, 41), np.nan)
        value = signal.value(ramp)
        assert np.isnan(value[-1])
        assert (np.diff(value[:-1]) >= 0).all()

    def test_values_for_few_rows_are_those_of_all_rows_to_the_bit(self, signal: Signal) -> None:
        all_rows = np.arange(len(signal.known))
        for row in all_rows.tolist():
            whole = signal.raw(row)
            for rows in (all_rows[::-1], all_rows[1::2], all_rows[:0], np.array([row])):
                np.testing.assert_array_equal(signal.raw(row, rows), whole[rows])

    def test_a_query_changes_no_later_query(self, signal: Signal) -> None:
        first = signal.raw(0).copy()
        signal.raw(1)
        np.testing.assert_array_equal(signal.raw(0), first)
