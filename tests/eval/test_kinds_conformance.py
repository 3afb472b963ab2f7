"""What pair classification, STS and summarisation are made of, against scipy and scikit-learn."""
import warnings

import numpy as np
import scipy.stats
from probe import probe, same
from sklearn import metrics
from sklearn.metrics import pairwise


def test_similarities_of_pairs_are_those_of_scikit_learn():
    rng = np.random.default_rng(11)
    for n, dims in [(1, 1), (7, 3), (200, 384)]:
        first, second = rng.normal(size=(2, n, dims)).astype(np.float32)
        second[0] = first[0]
        if n > 3:
            second[1], first[2] = -first[1], 0
        ours, = probe([{"what": "pairs", "dims": dims, "first": first.ravel().tolist(), "second": second.ravel().tolist()}])
        a, b = first.astype(np.float64), second.astype(np.float64)
        theirs = {"cosine": 1 - pairwise.paired_cosine_distances(a, b), "dot": (a * b).sum(axis=1),
                  "euclidean": -pairwise.paired_euclidean_distances(a, b), "manhattan": -pairwise.paired_manhattan_distances(a, b)}
        if n > 3:
            theirs["cosine"][2] = 0  # of a vector of zeros; the formula there, half the distance of what cannot be normalised, says 0.5
        for way, values in theirs.items():
            assert all(same(x, float(y)) for x, y in zip(ours[way], values, strict=True)), way


def test_p_values_are_those_of_scipy():
    rng = np.random.default_rng(13)
    cases = [(rng.normal(size=n), rng.normal(size=n)) for n in (3, 4, 16, 16, 200)]
    x = rng.normal(size=16)
    cases += [(x, x + 0.3 * rng.normal(size=16)), (x, 2 * x), (x, -x), (x, rng.integers(0, 3, 16).astype(float))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for x, y in cases:
            for theirs in (scipy.stats.pearsonr(x, y), scipy.stats.spearmanr(x, y)):
                ours, = probe([{"what": "p_value", "r": float(theirs.statistic), "n": len(x)}])
                assert abs(ours["p"] - theirs.pvalue) < 1e-9, (theirs, ours)


def test_thresholds_that_cannot_split_ties_are_the_best_of_all_that_can_be():
    rng = np.random.default_rng(17)
    cases = [(rng.integers(0, k, n) / 4, rng.integers(0, 2, n)) for k, n in [(2, 6), (3, 40), (40, 40), (5, 300)]]
    ours = probe({"what": "whole_ties", "scores": s.tolist(), "labels": l.tolist()} for s, l in cases)
    for (scores, labels), result in zip(cases, ours, strict=True):
        cuts = [scores >= value for value in np.unique(scores)[1:]]  # the lowest would call all pairs alike
        assert same(result["accuracy"], max((np.mean(cut == labels) for cut in cuts), default=0))
        assert same(result["f1"], max((metrics.f1_score(labels, cut, zero_division=0) for cut in cuts), default=0))
