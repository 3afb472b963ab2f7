"""Paired comparisons against scipy, and against numpy resampling from the same stream. EVAL_PROBE names tests/eval/eval_probe."""
import json

import numpy as np
import pytest
import scipy.stats
from probe import probe

SEED, EXCHANGES, RESAMPLES = 20070, 100_000, 10_000  # of src/eval/paired_tests.h


def request(a, b, measure="m", order=None):
    """Two results with one column, the second in any order."""
    ids = [f"q{i}" for i in range(len(a))]
    order = list(range(len(a))) if order is None else order
    return {"what": "comparison", "measure": measure, "measures": ["m"],
            "first": {"ids": ids, "values": [[x] for x in a]},
            "second": {"ids": [ids[i] for i in order], "values": [[b[i]] for i in order]}}


def correlations(a, b, gold, measure):
    out = request(a, b, measure)
    out["measures"] = ["cosine", "gold"]
    for side in ("first", "second"):
        out[side]["values"] = [[row[0], g] for row, g in zip(out[side]["values"], gold, strict=True)]
    return out


def exchanges(n):
    """[EXCHANGES, n] of 0 and 1: 32 items a word of the stream, the lowest bit first."""
    n_words = -(-n // 32)
    words = np.random.RandomState(SEED).randint(0, 2**32, EXCHANGES * n_words, dtype=np.uint32).reshape(EXCHANGES, n_words)
    return (words[:, :, None] >> np.arange(32, dtype=np.uint32) & 1).reshape(EXCHANGES, -1)[:, :n].astype(np.int8)


def resamples(n):
    return np.random.RandomState(SEED).randint(0, n, RESAMPLES * n).reshape(RESAMPLES, n)


def close(ours, theirs, tolerance=1e-9):
    return np.allclose(ours, theirs, rtol=0, atol=tolerance)


def graded(rng, n):
    a = rng.choice([0, 0.25, 0.5, 1, 1], n) * rng.random(n)
    b = np.where(rng.random(n) < 0.4, a, np.clip(a + rng.normal(0.05, 0.3, n), 0, 1))
    return a, b


def test_few_items_get_scipys_exact_randomisation_test():
    rng = np.random.default_rng(1)
    cases = [graded(rng, n) for n in (2, 5, 11, 12)] + [(np.full(4, 0.5), np.full(4, 0.5)), (np.array([0.5, 0.5]), np.array([0.25, 0.75]))]
    cases += [(np.round(rng.random(12), 1), np.round(rng.random(12), 1))]  # sums that tie but for their rounding
    for (a, b), ours in zip(cases, probe(request(a, b, order=rng.permutation(len(a)).tolist()) for a, b in cases), strict=True):
        theirs = scipy.stats.permutation_test((b, a), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf)
        assert ours["test"] == "exact randomisation" and close(ours["p"], theirs.pvalue), (ours, theirs.pvalue)
        assert close([ours["first"], ours["second"], ours["difference"]], [a.mean(), b.mean(), b.mean() - a.mean()])
        assert (ours["better"], ours["worse"], ours["equal"]) == (sum(b > a), sum(b < a), sum(b == a))


def test_many_items_get_a_sampled_one_from_numpys_stream_and_near_scipys():
    rng = np.random.default_rng(2)
    cases = [graded(rng, n) for n in (80, 300)]
    for (a, b), ours in zip(cases, probe(request(a, b) for a, b in cases), strict=True):
        d = (b - a)[b != a]
        sums = np.where(exchanges(len(d)) == 1, -d, d).sum(axis=1)
        n_extreme = np.sum(np.abs(sums) >= abs(d.sum()) * (1 - 1e-9))
        assert ours["test"] == "randomisation" and abs(ours["p"] - (1 + n_extreme) / (1 + EXCHANGES)) <= 3 / EXCHANGES
        theirs = scipy.stats.permutation_test((b, a), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples",
                                              n_resamples=20_000, vectorized=True, rng=np.random.default_rng(5)).pvalue
        assert abs(ours["p"] - theirs) < 5 * np.sqrt(max(theirs, 1e-4) * (1 - theirs) / 20_000), (ours["p"], theirs)


def test_intervals_are_percentiles_of_numpys_resamples_and_near_scipys():
    rng = np.random.default_rng(3)
    for a, b in (graded(rng, 7), graded(rng, 150)):
        ours, = probe([request(a, b)])
        drawn = resamples(len(a))
        for name, x in (("first_interval", a), ("second_interval", b), ("interval", b - a)):
            assert close(ours[name], np.quantile(x[drawn].mean(axis=1), [0.025, 0.975])), name
        theirs = scipy.stats.bootstrap((b - a,), np.mean, method="percentile", n_resamples=10_000, rng=np.random.default_rng(4))
        spread = theirs.standard_error
        assert close(ours["interval"], [*theirs.confidence_interval], 0.1 * spread)


def test_right_and_wrong_gets_mcnemars_exact_test():
    pairs = [(0, 0), (0, 1), (5, 5), (3, 10), (10, 3), (1, 40), (400, 470), (12000, 12345)]
    for (b, c), ours in zip(pairs, probe({"what": "mcnemar", "b": b, "c": c} for b, c in pairs), strict=True):
        theirs = scipy.stats.binomtest(b, b + c).pvalue if b + c else 1.0
        assert abs(ours - theirs) <= 1e-9 * max(theirs, 1e-3), (b, c, ours, theirs)
    rng = np.random.default_rng(6)
    a, b = rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    ours, = probe([request(a.tolist(), b.tolist())])
    assert ours["test"] == "McNemar, exact"
    assert close(ours["p"], scipy.stats.binomtest(int(np.sum(b > a)), int(np.sum(a != b))).pvalue)


@pytest.mark.parametrize("name, of", [("spearman", scipy.stats.spearmanr), ("pearson", scipy.stats.pearsonr)])
def test_correlations_are_compared_as_a_whole(name, of):
    rng = np.random.default_rng(7)
    n = 60
    gold = rng.integers(0, 6, n) / 5
    a, b = gold + rng.normal(0, 0.5, n), np.round(gold + rng.normal(0, 0.9, n), 1)  # b has ties
    ours, = probe([correlations(a, b, gold, f"cosine_{name}")])
    assert close([ours["first"], ours["second"]], [of(a, gold).statistic, of(b, gold).statistic])
    drawn = resamples(n)

    def pearson(x, y):
        x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
        return (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=-1))

    def whole(x, y):
        return pearson(scipy.stats.rankdata(x, axis=1), scipy.stats.rankdata(y, axis=1)) if name == "spearman" else pearson(x, y)
    each = np.stack([whole(x[drawn], gold[drawn]) for x in (a, b)], axis=1)
    assert close(each[:3, 0], [of(a[i], gold[i]).statistic for i in drawn[:3]])
    assert close(ours["first_interval"], np.quantile(each[:, 0], [0.025, 0.975]))
    assert close(ours["second_interval"], np.quantile(each[:, 1], [0.025, 0.975]))
    assert close(ours["interval"], np.quantile(each[:, 1] - each[:, 0], [0.025, 0.975]))
    x, y, g = [scipy.stats.rankdata(v) if name == "spearman" else v for v in (a, b, gold)]
    swap = exchanges(n) == 1
    left, right = np.where(swap, y, x), np.where(swap, x, y)
    n_extreme = np.sum(np.abs(pearson(right, g) - pearson(left, g)) >= abs(ours["difference"]) * (1 - 1e-9))
    assert abs(ours["p"] - (1 + n_extreme) / (1 + EXCHANGES)) <= 3 / EXCHANGES
    assert ours["better"] == ours["equal"] == 0


def test_holms_correction_is_its_definition():
    rng = np.random.default_rng(8)
    cases = [[0.04], [0.01, 0.04, 0.03, 0.005], [1, 1, 0.2], [0.02, 0.02, 0.02], rng.random(30).tolist(), []]
    for p, ours in zip(cases, probe({"what": "holm", "p": p} for p in cases), strict=True):
        order = np.argsort(p, kind="stable")
        expected = np.empty(len(p))
        expected[order] = np.minimum(1, np.maximum.accumulate([(len(p) - i) * p[j] for i, j in enumerate(order)]))
        assert close(ours, expected)


def test_what_cannot_be_compared_is_refused():
    good = request([0.1, 0.2], [0.3, 0.4])
    other, twice, unknown, nothing = (json.loads(json.dumps(good)) for _ in range(4))
    other["second"]["ids"] = ["q0", "q7"]
    twice["second"]["ids"] = ["q0", "q0"]
    unknown["measure"] = "ndcg"
    nothing["first"] = nothing["second"] = {"ids": [], "values": []}
    gold = correlations([0.1, 0.2], [0.3, 0.4], [1, 2], "cosine_spearman")
    gold["second"]["values"][0][1] = 5
    says = [result.get("error") for result in probe([good, other, twice, unknown, nothing, gold])]
    assert says[0] is None
    for text, error in zip(["1 only in the first (q1) 1 only in the second (q7)", "query q0 twice", "It has m", "no items", "gold"], says[1:], strict=True):
        assert text in error, (text, error)
