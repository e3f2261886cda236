"""Learns a ranking of trees from a truth file, and keeps it only where it beats ``evidence`` on artists left out.

The labels are those of the truth and, for catalogs with many listings, parts of the catalog's own scene data: some
listings are hidden, the walk is made again without them, and the trees learn to find them. That costs no labels and
teaches pairs of which every signal knows something, which truth files seldom hold (docs/methods.md, "Learned ranking").
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.special import logit
from sklearn.model_selection import KFold

from evaluation.fit_weights import FOLDS
from evaluation.learned_profile import RIVAL, answerable, judge_held_out, known_listings, require_enough
from evaluation.measures.rank_metrics import measure_names
from evaluation.measures.statistics import SEED, Difference, Estimate, compare, estimate
from evaluation.truth import GradedArtist, Truth
from indexer.build.scene_walk import scene_walk
from recommender.errors import BadInput, InvalidArgument
from recommender.fusion.boosted_trees import FEATURES, LearnedRanking, Trees
from recommender.fusion.profiles import BASE, WeightProfile
from recommender.generation.open_generation import Generation
from recommender.ranking.artists import RERANKED, ArtistQuery, Recommender
from recommender.types import LayerMix, Rows, Scale, Similarities

MIN_QUERIES = 200
"""Least number of queries: trees of thousands of leaves learn noise from fewer."""
LEVELS = 3
"""Grades are rounded up to so many steps of the highest: LambdaMART needs whole ones."""
HIDDEN = 0.3
"""Share of the listings that are hidden."""
MAX_HIDDEN_QUERIES = 2000
"""Artists whose hidden listings are learned from, half of them known to genres and collaborations as well."""
HIDDEN_WEIGHT = 0.3
"""Of a pair with a hidden listing; a pair of the truth has 1."""
DRAWS = 2
"""Ways to draw the folds. The mean over them tells an artist's value from the chance of its fold."""
MIN_LISTINGS = 2000
"""Least number of listings of which some can be hidden."""
PARAMETERS = {
    "objective": "lambdarank",
    "learning_rate": 0.06,
    "num_leaves": 7,
    "min_data_in_leaf": 50,
    "lambdarank_truncation_level": 20,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": SEED % 2**31,
    "verbose": -1,
}
"""Chosen by cross-validation on labels of a real artist graph."""
ROUNDS = 150
"""Trees."""

Table: TypeAlias = npt.NDArray[np.float64]
"""``[pair, feature]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPairs:
    """Pairs of queries and items; the pairs of one query are next to each other."""

    queries: Rows
    items: Rows
    table: Table
    grades: Similarities
    evidence: Similarities
    """``[pair]`` score by the default profile; NaN without one."""

    @property
    def count(self) -> int:
        """Number of queries."""
        return len(np.unique(self.queries))

    def without(self, held: Collection[int]) -> TrainingPairs:
        """The pairs that have none of the artists ``held``, on either side."""
        artists = list(held)
        kept = ~(np.isin(self.queries, artists) | np.isin(self.items, artists))
        return TrainingPairs(
            queries=self.queries[kept],
            items=self.items[kept],
            table=self.table[kept],
            grades=self.grades[kept],
            evidence=self.evidence[kept],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingResult:
    """A learned ranking, and what it is worth on artists left out."""

    ranking: LearnedRanking
    queries: int
    hidden_queries: int
    """Artists whose hidden listings were learned from."""
    measure: str
    held_out: Estimate
    rival: Estimate
    difference: Difference

    @property
    def wins(self) -> bool:
        """The interval of the difference to the default lies above 0."""
        return self.difference.difference.low > 0

    @property
    def summary(self) -> str:
        """One sentence for the reader."""
        found = self.difference.difference
        return (
            f"trees learned from {self.queries} artists of the truth and {self.hidden_queries} with hidden listings: "
            f"on artists left out {self.measure} {self.held_out.mean:.3f} against {RIVAL} {self.rival.mean:.3f}, "
            f"difference {found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
        )


def learn_ranking(recommender: Recommender, truth: Truth, mix: LayerMix, *, k: int) -> RankingResult:
    """Learn trees from ``truth`` and judge them by nDCG at ``k``, fold by fold.

    Raises:
        BadInput: too few labels (``too_few_labels``), few that the default comes near to (``labels_teach_nothing``),
            or LightGBM is not installed (``not_installed``).
    """
    _require_lightgbm()
    usable = answerable(without_listed(recommender, truth))
    require_enough(usable, queries=MIN_QUERIES)
    own, hidden = training_pairs(recommender, usable, mix), hidden_pairs(recommender.generation, mix)
    if own is None or own.count < 2 * FOLDS:
        detail = f"too few of the listed artists are among the first {RERANKED} of {RIVAL}, which trees can order"
        raise BadInput("labels_teach_nothing", detail)
    judge = _Judge(recommender=recommender, truth=usable, mix=mix, k=k)
    rows = np.array(sorted(usable.lists), dtype=np.int64)
    against = judge.values(recommender.choices.named[RIVAL], rows)
    values = np.mean([_held_out(judge, own, hidden, rows, draw) for draw in range(DRAWS)], axis=0)
    return RankingResult(
        ranking=fit_trees(own, hidden),
        queries=own.count,
        hidden_queries=0 if hidden is None else hidden.count,
        measure=measure_names(k)[0],
        held_out=estimate(values),
        rival=estimate(against),
        difference=compare(values, against),
    )


def without_listed(recommender: Recommender, truth: Truth) -> Truth:
    """The truth without the pairs that the scene lists: the default puts these first, so they teach and judge nothing.

    If they were kept while listed pairs that the truth does not name are left out, being listed would be the answer.
    """
    lists = {}
    for query, items in truth.lists.items():
        listed = {*recommender.scene_neighbours(query).tolist()}
        lists[query] = tuple(item for item in items if item.row not in listed)
    return replace(truth, lists=lists)


def _require_lightgbm() -> None:
    try:
        import lightgbm  # noqa: F401  # asked for before the minutes that follow
    except ImportError as error:
        raise BadInput("not_installed", "learning a ranking needs LightGBM: pip install 'soundkin[rank]'") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge:
    """Measures profiles on queries of a truth."""

    recommender: Recommender
    truth: Truth
    mix: LayerMix
    k: int

    def values(self, profile: WeightProfile, queries: Rows) -> Similarities:
        """``[query]`` primary measure of each of ``queries``."""
        asked = ArtistQuery(seeds=(), mix=self.mix, weights=profile)
        return judge_held_out(self.recommender, self.truth, asked, tuple(queries.tolist()), k=self.k)


def _held_out(
    judge: _Judge, own: TrainingPairs, hidden: TrainingPairs | None, queries: Rows, draw: int
) -> Similarities:
    """``[query]`` primary measure of each of ``queries``, ranked by trees that were learned without it."""
    values = np.empty(len(queries))
    for places in _folds(queries, draw):
        held = queries[places].tolist()
        ranking = fit_trees(own.without(held), None if hidden is None else hidden.without(held))
        values[places] = judge.values(ranking, queries[places])
    return values


def _folds(queries: Rows, draw: int) -> Iterator[Rows]:
    """Places of the queries that are left out together, fold after fold."""
    folds = KFold(n_splits=FOLDS, shuffle=True, random_state=(SEED + draw) % 2**31)
    return (np.sort(judged) for _, judged in folds.split(queries))


def training_pairs(recommender: Recommender, truth: Truth, mix: LayerMix) -> TrainingPairs | None:
    """What the trees are to order: the first :data:`RERANKED` of the default for each query, with their grades.

    The artists that the scene lists with a query and the truth does not are left out, and so are queries none of whose
    listed artists is there; None where that leaves nothing.
    """
    panel, profile = recommender.panel(mix), recommender.choices.named[RIVAL]
    queries, items, tables, grades, scores = [], [], [], [], []
    for query in truth.lists:
        known = frozenset(known_listings(recommender, truth, query).tolist())
        asked = ArtistQuery(seeds=(query,), mix=mix, weights=profile, exclude=known)
        chosen = np.sort(recommender.order_artists(asked, n=RERANKED))
        given = truth.grades(query)
        graded = np.array([given.get(row, 0.0) for row in chosen.tolist()])
        if not graded.any():
            continue
        queries.append(np.full(len(chosen), query))
        items.append(chosen)
        grades.append(graded)
        tables.append(panel.read(query, Scale.FEATURES, chosen).T)
        scores.append(profile.score(panel.read(query, Scale.STRENGTHS, chosen)))
    if not queries:
        return None
    return TrainingPairs(
        queries=np.concatenate(queries),
        items=np.concatenate(items),
        table=np.concatenate(tables),
        grades=np.concatenate(grades),
        evidence=np.concatenate(scores),
    )


def hidden_pairs(generation: Generation, mix: LayerMix) -> TrainingPairs | None:
    """Pairs whose listing was hidden, and contrasts, from a generation without them; None for few listings."""
    strengths = generation.contents.relations.scene_strengths
    if strengths.nnz < 2 * MIN_LISTINGS:
        return None
    random = np.random.default_rng(SEED)
    rows, columns = strengths.nonzero()
    upper = np.flatnonzero(rows < columns)
    hidden = upper[random.random(len(upper)) < HIDDEN]
    lists: dict[int, list[int]] = {}
    for one, other in zip(rows[hidden].tolist(), columns[hidden].tolist(), strict=True):
        lists.setdefault(one, []).append(other)
        lists.setdefault(other, []).append(one)
    poorer = without_listings(generation, rows[hidden].astype(np.int64), columns[hidden].astype(np.int64))
    chosen = _choose_queries(poorer, sorted(lists), random)
    truth = Truth(
        rows=len(hidden),
        lists={
            query: tuple(GradedArtist(label="", row=other, grade=1.0) for other in sorted(lists[query]))
            for query in chosen
        },
        rejected=(),
    )
    return training_pairs(Recommender(poorer), truth, mix) if chosen else None


def _choose_queries(generation: Generation, able: list[int], random: np.random.Generator) -> list[int]:
    """Artists that keep a listing: half of them known to genres and collaborations too, where there are as many."""
    relations = generation.contents.relations
    listed = np.diff(relations.scene_strengths.indptr) > 0
    rich = (np.diff(relations.genre_weights.indptr) > 0) & relations.collaboration_known
    shuffled = random.permutation([query for query in able if listed[query]])
    half = MAX_HIDDEN_QUERIES // 2
    first = shuffled[rich[shuffled]][:half] if shuffled.size else shuffled
    rest = shuffled[~np.isin(shuffled, first)][: MAX_HIDDEN_QUERIES - len(first)]
    return sorted(int(query) for query in (*first, *rest))


def without_listings(generation: Generation, rows: Rows, columns: Rows) -> Generation:
    """The generation without the listings between ``rows`` and ``columns``, its walk made again, without candidates."""
    relations = generation.contents.relations
    kept = csr_array(relations.scene_strengths, copy=True)
    kept[rows, columns] = 0.0
    kept[columns, rows] = 0.0
    kept.eliminate_zeros()
    poorer = replace(relations, scene_strengths=kept, scene_walk=scene_walk(_walk_graph(kept)))
    return replace(generation, contents=replace(generation.contents, relations=poorer), candidates=None)


def _walk_graph(strengths: csr_array) -> csr_array:
    """Steps of a walk from the strengths of listings: a list with ranks has ``1 / log2(1 + rank)``, its walk mild ones.

    The generation does not keep the graph of its walk; this comes near to it (indexer/build/scene_walk.py).
    """
    ranks = np.exp2(np.minimum(1.0 / strengths.data, 60.0)) - 1.0
    return csr_array((np.clip(1.1 - 0.1 * ranks, 0.1, 1.0), strengths.indices, strengths.indptr), shape=strengths.shape)


def fit_trees(own: TrainingPairs, hidden: TrainingPairs | None = None) -> LearnedRanking:
    """LambdaMART over all pairs, no rising feature turned round, with its margins put on the scale of scores."""
    import lightgbm

    parts = [part for part in (own, hidden) if part is not None and part.grades.any()]
    table = np.concatenate([part.table for part in parts])
    labels = np.concatenate([np.ceil(LEVELS * part.grades / part.grades.max()) for part in parts])
    sizes = np.concatenate([_group_sizes(part.queries) for part in parts])
    weights = np.concatenate([np.full(len(part.queries), HIDDEN_WEIGHT if part is hidden else 1.0) for part in parts])
    constraints = {"monotone_constraints": [int(feature.rising) for feature in FEATURES]}
    data = lightgbm.Dataset(table, labels.astype(np.int64), group=sizes, weight=weights)
    model: Any = lightgbm.train(PARAMETERS | constraints, data, ROUNDS)  # Any: LightGBM's types are not complete
    trees = trees_of(model.dump_model()["tree_info"])
    intercept, slope = _scale(trees, table, np.concatenate([part.evidence for part in parts]))
    signals = tuple(feature.signal for feature in FEATURES)
    return LearnedRanking(trees=trees, signals=signals, intercept=intercept, slope=slope)


def _group_sizes(queries: Rows) -> Rows:
    edges = np.flatnonzero(np.diff(queries)) + 1
    return np.diff(np.concatenate([[0], edges, [len(queries)]])).astype(np.int64)


def _scale(trees: Trees, table: Table, evidence: Similarities) -> tuple[float, float]:
    """Intercept and slope by which the margins of pairs get the spread of their default scores.

    Nothing known gives the score of an unrelated pair; the slope is that of a line through it by least squares.
    """
    origin = float(trees.margins(np.full((table.shape[1], 1), np.nan))[0])
    margins = trees.margins(table.T) - origin
    known = ~np.isnan(evidence)
    odds = logit(np.clip(evidence[known], 1e-6, 1.0 - 1e-6)) - logit(BASE)
    slope = float(margins[known] @ odds / max(float(margins[known] @ margins[known]), 1e-12))
    slope = max(slope, 1e-3)
    return float(logit(BASE)) - slope * origin, slope


def trees_of(dumped: list[dict[str, Any]]) -> Trees:  # Any: JSON of LightGBM
    """Plain arrays of the trees that LightGBM's ``dump_model`` gives.

    Raises:
        InvalidArgument: the trees take zeros for missing numbers, which the arrays cannot say.
    """
    nodes: list[tuple[int, float, int, int, int]] = []

    def add(node: dict[str, Any]) -> int:  # Any: as above
        place = len(nodes)
        nodes.append((-1, 0.0, 0, 0, 0))
        if "leaf_value" in node and "split_feature" not in node:
            nodes[place] = (-1, float(node["leaf_value"]), 0, 0, 0)
            return place
        if node["missing_type"] == "Zero":
            raise InvalidArgument("trees", "take zeros for missing numbers")
        left, right = add(node["left_child"]), add(node["right_child"])
        goes = 2 if node["missing_type"] == "None" else int(node["default_left"])
        nodes[place] = (int(node["split_feature"]), float(node["threshold"]), left, right, goes)
        return place

    roots = [add(tree["tree_structure"]) for tree in dumped]
    feature, threshold, left, right, goes = zip(*nodes, strict=True)
    return Trees(
        roots=np.array(roots, dtype=np.int32),
        feature=np.array(feature, dtype=np.int32),
        threshold=np.array(threshold, dtype=np.float64),
        left=np.array(left, dtype=np.int32),
        right=np.array(right, dtype=np.int32),
        nan_left=np.array(goes, dtype=np.int8),
    )
