"""Our measures against the tools that define them: pytrec_eval, scipy, scikit-learn and numpy, on random and on nasty input.
"""
import random
import warnings

import numpy as np
import pytest
import pytrec_eval
import scipy.stats
from sklearn import metrics

from probe import probe, same

# Not measures of one query: the number of queries, the run's name, the ranking as a string.
NOT_MEASURES = {"num_q", "runid", "relstring"}


def ranking_cases():
    rng = random.Random(7)
    for case in range(400):
        n_docs = rng.choice([1, 2, 5, 30, 300, 1500])
        docs = [f"{rng.choice('adZ9')}{i}" for i in range(n_docs)]
        levels = rng.choice([[0, 1], [1], [0], [0, 1, 2, 3], [0, 0, 0, 0, 1, 7], [-1, 0, 1, 2]])
        judged = rng.sample(docs, rng.randint(1, n_docs))
        judgements = [(doc, rng.choice(levels)) for doc in judged] + [(f"absent{i}", rng.choice(levels)) for i in range(rng.choice([0, 0, 3]))]
        n_values = rng.choice([1, 3, 10, 10**9])  # few values: many ties
        hits = [(doc, rng.randint(-n_values, n_values) / max(1, n_values)) for doc in rng.sample(docs, rng.randint(1, n_docs))]
        yield hits, judgements
    # Scores that differ as double and not as float; ids in which bytes and characters differ in order.
    yield [("a", 0.1), ("b", 0.1 + 1e-12), ("é", 0.1), ("z", 0.1), ("𝄞", 0.1), ("\ufffd", 0.1)], [("a", 1), ("é", 2), ("\ufffd", 1)]
    # Nothing relevant; nothing judged that was retrieved; all relevant.
    yield [("a", 1.0), ("b", 0.5)], [("a", 0), ("b", 0)]
    yield [("a", 1.0), ("b", 0.5)], [("c", 1)]
    yield [(f"d{i}", -i) for i in range(1200)], [(f"d{i}", 1) for i in range(1200)]


def test_every_measure_of_a_query_is_that_of_pytrec_eval():
    cases = list(ranking_cases())
    qrels = {f"q{i}": dict(judgements) for i, (_, judgements) in enumerate(cases)}
    run = {f"q{i}": dict(hits) for i, (hits, _) in enumerate(cases)}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, pytrec_eval.supported_measures).evaluate(run)
    ours = probe({"what": "ranking", "hits": hits, "judgements": judgements} for hits, judgements in cases)
    wrong, compared = [], set()
    for i, result in enumerate(ours):
        expected = {name: value for name, value in theirs[f"q{i}"].items() if name not in NOT_MEASURES}
        assert set(expected) <= set(result), set(expected) - set(result)
        compared |= set(expected)
        wrong += [(i, name, result[name], value) for name, value in expected.items() if not same(result[name], value)]
    assert not wrong, wrong[:20]
    assert len(compared) > 75, sorted(compared)


def test_what_means_nothing_is_refused():
    twice = probe([{"what": "ranking", "hits": [("a", 1), ("a", 2)], "judgements": [("a", 1)]},
                   {"what": "ranking", "hits": [("a", 1)], "judgements": [("a", 1), ("a", 0)]}])
    assert "retrieved twice" in twice[0]["error"] and "judged twice" in twice[1]["error"]


def test_correlations_are_those_of_scipy():
    rng = np.random.default_rng(3)
    cases = [(rng.normal(size=n), rng.normal(size=n)) for n in (2, 3, 10, 1000)]
    cases += [(rng.integers(0, 4, n).astype(float), rng.integers(0, 3, n).astype(float)) for n in (5, 50, 500)]  # ties
    x = rng.normal(size=200)
    cases += [(x, 2 * x + 1), (x, -x), (x, x + 1e6), (1e-9 * x, 1e9 * rng.normal(size=200)), (np.ones(5), x[:5]), (x[:5], np.full(5, 0.1))]
    results = probe({"what": "correlation", "x": list(x), "y": list(y)} for x, y in cases)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for (x, y), ours in zip(cases, results, strict=True):
            assert same(ours["pearson"], scipy.stats.pearsonr(x, y).statistic), (x, y)
            assert same(ours["spearman"], scipy.stats.spearmanr(x, y).statistic), (x, y)


def best_by_every_threshold(scores, labels, measure):
    """The highest `measure` that calling the k best pairs alike reaches, for any k that a threshold can cut."""
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    best = 0.0
    for k in range(1, len(order)):
        predicted = np.zeros(len(scores), dtype=int)
        predicted[order[:k]] = 1
        best = max(best, measure(labels, predicted))
    return best


def test_pair_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(5)
    cases = [(rng.normal(size=n), rng.integers(0, 2, n)) for n in (2, 3, 10, 60)]
    cases += [(rng.integers(0, 3, n) / 4, rng.integers(0, 2, n)) for n in (4, 40)]
    cases += [(rng.normal(size=9), np.ones(9, dtype=int)), (np.zeros(6), np.array([1, 0, 1, 0, 0, 1]))]
    results = probe({"what": "binary", "scores": list(s), "labels": [int(v) for v in l]} for s, l in cases)
    for (scores, labels), ours in zip(cases, results, strict=True):
        if labels.any():
            assert same(ours["ap"], metrics.average_precision_score(labels, scores))
        assert same(ours["accuracy"]["value"], best_by_every_threshold(scores, labels, metrics.accuracy_score))
        f1 = best_by_every_threshold(scores, labels, lambda a, b: metrics.f1_score(a, b, zero_division=0))
        assert same(ours["f1"]["value"], f1)


def test_v_measure_is_that_of_scikit_learn():
    rng = np.random.default_rng(9)
    cases = [(rng.integers(0, k, n), rng.integers(0, c, n)) for n, k, c in [(1, 1, 1), (10, 2, 3), (1000, 20, 20), (1000, 1, 5), (500, 5, 1)]]
    cases += [(np.arange(50), np.arange(50)), (np.arange(50) // 5, np.arange(50) // 10), (np.zeros(7, int), np.zeros(7, int))]
    results = probe({"what": "clusters", "classes": classes.tolist(), "clusters": clusters.tolist()} for classes, clusters in cases)
    for (classes, clusters), ours in zip(cases, results, strict=True):
        theirs = metrics.homogeneity_completeness_v_measure(classes, clusters)
        assert all(same(ours[name], value) for name, value in zip(["homogeneity", "completeness", "v"], theirs, strict=True)), (ours, theirs)


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1])
def test_random_streams_are_those_of_numpy(seed):
    bounds = [1, 2, 3, 7, 100, 2**31, 2**32, 2**32 + 1, 2**40 + 12345]
    ours, = probe([{"what": "random", "seed": seed, "randint": bounds, "n": 1000, "k": 10, "list": list(range(50, 0, -1))}])
    theirs = np.random.RandomState(seed)
    assert ours["uniform"] == [theirs.random_sample() for _ in range(5)]
    assert ours["randint"] == [int(theirs.randint(n, dtype=np.int64)) for n in bounds]
    assert ours["permutation"] == theirs.permutation(1000).tolist()
    assert ours["choice"] == theirs.choice(1000, 10, replace=False).tolist()
    expected = list(range(50, 0, -1))
    theirs.shuffle(expected)
    assert ours["shuffle"] == expected
