"""What every measure of the report means, in one line each."""

from __future__ import annotations

import re
from collections.abc import Iterable

MEANINGS = {
    "overlap": "share of the first k that the truth lists among its k best",
    "overlap at k": "share of the first k that the truth lists among its k best",
    "ceiling": "the best overlap that this generation allows: the truth may list artists that are not in it",
    "of the ceiling": "overlap divided by its ceiling",
    "chance": "what a random answer reaches",
    "queries": "artists of the truth that could be asked",
    "undefined (ceiling 0)": "queries of whose list nobody is in the generation; never averaged",
    "nDCG@k": "how well the first k are ordered by the grades of the truth, from 0 to 1",
    "P@k": "share of the first k that are relevant",
    "R@k": "share of the relevant that are among the first k",
    "hit@k": "share of queries with a relevant artist among the first k",
    "AP": "average precision: the mean of the precision at each relevant artist",
    "RR": "reciprocal rank of the first relevant artist",
    "ties": "share of the first k places that were drawn among artists with the same score",
    "beyond the listed": "overlap without artists that the scene data list with the query, in truth and ranking",
    "recommended without scene data": "share of the recommended of whom the scene data know nothing",
    "listed": "artists that the truth lists",
    "in the generation": "how many of them are in the generation",
    "niche": "queries of the least popular third",
    "not niche": "the other queries",
    "no scene data": "queries of whom the scene data know nothing",
    "nDCG@k minus baseline": "mean difference to the default, query by query, with its 95 % interval",
    "p": "how often chance alone makes a difference as large, by flipping signs",
    "p after Holm": "the same, corrected for the number of systems that were compared",
    "detectable": "the smallest true difference that a test of this size would probably find",
    "predicted": "similarities of pairs, grouped",
    "observed": "share of these pairs that the truth relates",
    "pairs": "how many pairs",
    "MRR of halves": "mean reciprocal rank of the two halves of an artist's tracks finding each other",
    "AUC": "how often a related pair is more alike than an unrelated one; one half is chance",
    "d-prime": "distance between the means of related and unrelated pairs, in standard deviations",
    "hub share": "share of the variance of all pairs that one number an artist explains; high is bad",
    "N_k skew": "how unequally often artists are among the nearest k; above 1 a few are near everybody",
    "min": "least cosine of two artists",
    "max": "largest cosine of two artists",
    "span": "largest less least cosine; stretching the scale changes it, so it measures no quality",
    "IQR": "upper less lower quartile of the cosines",
    "spread above shuffled": "standard deviation of cosines, less the highest of 99 shuffles of tracks among artists",
    "lowest pair": "the two artists least alike",
    "highest pair": "the two artists most alike",
    "main genre by vote of the nearest": "share of artists whose main genre most of their nearest have",
    "silhouette": "how much nearer artists are to their own genre than to the next; from -1 to 1",
    "coverage": "share of all artists that are recommended to anybody",
    "largest N_k": "how often the most frequent artist is recommended",
    "antihubs": "share of artists that are recommended to nobody",
    "Gini": "inequality of recommendations; 0 is equal",
    "Robin Hood": "share of recommendations that would have to change hands for equality",
    "popularity percentile": "mean popularity of the recommended; one half is neutral",
    "popularity and N_k": "rank correlation of popularity with how often an artist is recommended",
    "novelty, bits": "how unlikely the recommended are by popularity alone; higher is less known",
    "diversity of a list": "1 less the mean cosine of two artists of one list",
}
"""Measure or heading of a table, with ``k`` for the number of places, -> its meaning."""

NO_MEASURES = frozenset(
    {"system", "artist", "view", "gate", "found", "status", "what", "value", "before", "after", "change", "figure"}
    | {"where", "reason", "detail", "a", "b", "expected", "least", "most", "pair"}
)
"""Headings that need no explanation."""


def meaning(heading: str) -> str | None:
    """What a heading means; None for one that needs no explanation or has none.

    >>> meaning("P@5")
    'share of the first k that are relevant'
    """
    general = re.sub(r" minus .*$", " minus baseline", re.sub(r"(?<=@)\d+|(?<=overlap at )\d+", "k", heading))
    return MEANINGS.get(general)


def explained(headings: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(heading, meaning) of each of ``headings`` that has one, once, in their order."""
    found = {heading: text for heading in headings if (text := meaning(heading)) is not None}
    return tuple(found.items())
