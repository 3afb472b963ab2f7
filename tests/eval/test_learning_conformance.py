"""Classifiers, clusters and what they are drawn by, against scikit-learn, numpy, CPython, and MTEB's rules on top of them."""
import os

# Threads that wait in a busy loop for each other are slow on a busy machine; BLAS reads this when it is first loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import collections
import random
import warnings

import numpy as np
import pytest
from sklearn import metrics
from sklearn.cluster import MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from probe import probe, same


@pytest.fixture
def file(tmp_path):
    """-> the name of a file with these vectors in f32."""
    names = iter(range(10**6))

    def write(vectors):
        path = tmp_path / f"{next(names)}.f32"
        np.ascontiguousarray(vectors, dtype=np.float32).tofile(path)
        return str(path)

    return write


def unit(x):
    return (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def blobs(rng, n, n_dims, n_labels, spread):
    """-> unit vectors around n_labels directions, and which."""
    labels = rng.integers(0, n_labels, n)
    centres = rng.normal(size=(n_labels, n_dims))
    return unit(centres[labels] + spread * rng.normal(size=(n, n_dims))), labels


# --- random streams


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1, 2**32, 2**64 - 1])
def test_random_streams_are_those_of_cpython(seed):
    bits, below = [1, 7, 32, 33, 48, 64], [1, 2, 3, 64, 10**6, 2**32, 2**40 + 1]
    samples = [(1, 1), (21, 5), (22, 5), (100, 5), (85, 6), (86, 6), (5000, 200), (20000, 800), (10, 10), (7, 0)]
    ours, = probe([{"what": "python_random", "seed": seed, "bits": bits, "below": below, "samples": samples, "n": 99}])
    theirs = random.Random(seed)
    assert ours["uniform"] == [theirs.random() for _ in range(5)]
    assert ours["bits"] == [theirs.getrandbits(n) for n in bits]
    assert ours["below"] == [theirs.randrange(n) for n in below]
    assert ours["samples"] == [theirs.sample(range(n), k) for n, k in samples]
    assert ours["choices"] == theirs.choices(range(99), k=50)
    shuffled = list(range(99))
    theirs.shuffle(shuffled)
    assert ours["shuffle"] == shuffled


def test_weighted_draws_are_those_of_numpy():
    rng = np.random.default_rng(1)
    weights = [rng.random(n) for n in (1, 2, 10, 999)] + [np.array([0.0, 1, 0, 3, 0]), np.full(1024, 1 / 1024)]
    weights = [w / w.sum() for w in weights]
    results = probe({"what": "numpy_choice", "seed": 3, "p": list(p), "n": 500} for p in weights)
    for p, ours in zip(weights, results, strict=True):
        assert ours == np.random.RandomState(3).choice(len(p), 500, p=p).tolist()


# --- classification


def undersampled(labels, n_per_label, n_experiments):
    """MTEB's rule: the order that the experiment before left is shuffled by RandomState(42), and the first few of each label count."""
    order = list(range(len(labels)))
    for _ in range(n_experiments):
        np.random.RandomState(42).shuffle(order)
        n_taken, taken = collections.defaultdict(int), []
        for i in order:
            if n_taken[labels[i]] < n_per_label:
                taken.append(i)
                n_taken[labels[i]] += 1
        yield taken


def test_the_rows_to_learn_from_are_those_of_mteb():
    rng = np.random.default_rng(2)
    cases = [rng.integers(0, k, n).tolist() for n, k in [(1, 1), (5, 2), (100, 3), (1000, 77)]] + [[0] * 99 + [1], list(range(20))]
    for n_per_label in (1, 8, 16):
        results = probe({"what": "undersample", "labels": labels, "n_per_label": n_per_label, "n_experiments": 10} for labels in cases)
        for labels, ours in zip(cases, results, strict=True):
            assert ours == list(undersampled(labels, n_per_label, 10))


def logistic_cases():
    rng = np.random.default_rng(11)
    for n, n_dims, n_labels, spread in [(40, 5, 2, 1), (200, 20, 3, 2), (120, 300, 10, 2), (616, 96, 77, 1.5), (30, 4, 30, 1)]:
        x, labels = blobs(rng, n, n_dims, n_labels, spread)
        yield "unit", x, labels
    x, labels = blobs(rng, 100, 10, 4, 1)
    yield "every row twice", np.repeat(x, 2, axis=0), np.repeat(labels, 2)
    yield "the same rows with other labels", np.concatenate([x, x]), np.concatenate([labels, (labels + 1) % 4])
    yield "zero vectors", np.zeros((12, 7), np.float32), np.arange(12) % 3
    yield "zero vectors among others", np.where(np.arange(100)[:, None] % 5 == 0, 0, x), labels
    far = 30 * np.sign(np.arange(60) - 29.5)[:, None] + rng.normal(size=(60, 3))
    yield "separable and far apart", far, np.arange(60) // 30
    yield "separable, three classes", np.concatenate([far, far[:30] * [1, -1, 0]]), np.arange(90) // 30
    yield "one row of a label", x, np.where(np.arange(100) == 17, 9, labels % 2)
    yield "labels that are no places", x, labels * 100 - 150
    yield "large and small values", x * np.float32(100) ** rng.integers(-1, 2, 10).astype(np.float32), labels
    yield "one dimension", x[:, :1], labels


def objective(weights, x, labels):
    """scikit-learn's with C = 1: the sum of -log p over rows, and half the squares of the weights but for intercepts."""
    weights, x = np.atleast_2d(weights), x.astype(np.float64)
    classes, targets = np.unique(labels, return_inverse=True)
    scores = x @ weights[:, :-1].T + weights[:, -1]
    if len(classes) == 2:
        scores = np.concatenate([np.zeros((len(x), 1)), scores], axis=1)
    return np.sum(np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(x)), targets]) + np.sum(weights[:, :-1] ** 2) / 2


def test_the_optimum_of_logistic_regression_is_that_of_scikit_learn(file):
    cases = list(logistic_cases())
    results = probe({"what": "logistic", "x": file(x), "test": file(x), "n_dims": x.shape[1], "labels": labels.tolist(),
                     "max_iterations": 10000, "gradient_tolerance": 1e-6} for _, x, labels in cases)
    for (name, x, labels), ours in zip(cases, results, strict=True):
        x = x.astype(np.float32).astype(np.float64)
        theirs = LogisticRegression(tol=1e-9, max_iter=100000).fit(x, labels)
        best = objective(np.concatenate([theirs.coef_, theirs.intercept_[:, None]], axis=1), x, labels)
        found = objective(np.reshape(ours["weights"], (-1, x.shape[1] + 1)), x, labels)
        assert abs(found - best) <= 1e-6 * max(1, best), name
        assert abs(ours["objective"] - found) <= 1e-9 * max(1, found), name
        clear = np.sort(theirs.predict_proba(x), axis=1)
        clear = clear[:, -1] - clear[:, -2] > 1e-4
        assert (np.array(ours["predicted"]) == theirs.predict(x))[clear].all(), name


def test_a_hundred_iterations_end_where_scikit_learn_ends(file):
    cases = list(logistic_cases())
    results = probe({"what": "logistic", "x": file(x), "test": file(x), "n_dims": x.shape[1], "labels": labels.tolist(), "per_row": True}
                    for _, x, labels in cases)
    n_equal = 0
    for (name, x, labels), ours in zip(cases, results, strict=True):
        x = x.astype(np.float32).astype(np.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            theirs = LogisticRegression(max_iter=100).fit(x, labels)
        weights = np.reshape(ours["weights"], (-1, x.shape[1] + 1))
        n_equal += ours["n_iterations"] == theirs.n_iter_[0] and np.abs(weights[:, :-1] - theirs.coef_).max() < 1e-6
        assert abs(ours["n_iterations"] - theirs.n_iter_[0]) <= max(3, 0.2 * theirs.n_iter_[0]), name
    assert n_equal >= len(cases) - 2, n_equal  # the same steps; long ways part by rounding


def test_equal_scores_go_to_the_first_label(file):
    zeros = np.zeros((8, 3))
    for labels, first in [([5, 5, 3, 3, 9, 9, 4, 4], 3), ([2, 2, 2, 2, 1, 1, 1, 1], 1)]:
        ours, = probe([{"what": "logistic", "x": file(zeros), "test": file(zeros), "n_dims": 3, "labels": labels}])
        assert set(ours["predicted"]) == {first} == set(LogisticRegression().fit(zeros, labels).predict(zeros).tolist())


def test_one_label_and_broken_vectors_are_refused(file):
    one, broken = probe([{"what": "logistic", "x": file(np.eye(3)), "test": file(np.eye(3)), "n_dims": 3, "labels": [4, 4, 4]},
                         {"what": "logistic", "x": file(np.full((2, 3), np.nan)), "test": file(np.eye(3)), "n_dims": 3, "labels": [0, 1]}])
    assert "2 or more classes" in one["error"] and "not finite" in broken["error"]


def sklearn_label_scores(truth, predicted):
    out = {"accuracy": metrics.accuracy_score(truth, predicted)}
    for name, score in [("f1", metrics.f1_score), ("precision", metrics.precision_score), ("recall", metrics.recall_score)]:
        out[name] = score(truth, predicted, average="macro", zero_division=0)
        out[f"{name}_weighted"] = score(truth, predicted, average="weighted", zero_division=0)
    return out


def test_scores_of_labels_are_those_of_scikit_learn():
    rng = np.random.default_rng(4)
    cases = [(rng.integers(0, k, n), rng.integers(lowest, k, n)) for n, k, lowest in [(1, 1, 0), (10, 3, 0), (500, 20, 5), (100, 2, 1), (30, 90, 0)]]
    cases += [(np.zeros(5, int), np.ones(5, int)), (np.arange(9), np.arange(9)), (np.zeros(5, int), np.zeros(5, int))]
    results = probe({"what": "label_scores", "truth": truth.tolist(), "predicted": predicted.tolist()} for truth, predicted in cases)
    for (truth, predicted), ours in zip(cases, results, strict=True):
        theirs = sklearn_label_scores(truth, predicted)
        assert set(ours) == set(theirs)
        assert all(same(ours[name], value) for name, value in theirs.items()), (ours, theirs)


@pytest.mark.parametrize("rules", ["v1", "v2"])
def test_classification_scores_are_those_of_mteb(file, rules):
    rng = np.random.default_rng(6)
    for n_labels, n_dims in [(2, 16), (12, 64)]:
        x, labels = blobs(rng, 1500, n_dims, n_labels, 2)
        train, test = (x[:900], labels[:900]), (x[900:], labels[900:])
        request = {"what": "classification", "train": file(train[0]), "test": file(test[0]), "n_dims": n_dims, "rules": rules,
                   "train_labels": train[1].tolist(), "test_labels": test[1].tolist()}
        ours, = probe([request | ({"positive": 1} if n_labels == 2 else {})])
        n_seen = 0
        for result, rows in zip(ours, undersampled(train[1], 8, 10), strict=True):
            # Before 1.4 scikit-learn's tolerance was of the sum.
            tolerance = 1e-4 / (len(rows) if rules == "v1" else 1)
            classifier = LogisticRegression(tol=tolerance, max_iter=100).fit(train[0][rows], train[1][rows])
            predicted = classifier.predict(test[0])
            theirs = sklearn_label_scores(test[1], predicted)
            if n_labels == 2:
                theirs["ap"] = metrics.average_precision_score(test[1], predicted)
            assert set(result) == set(theirs)
            n_seen += all(same(result[name], value) for name, value in theirs.items())
            assert abs(result["accuracy"] - theirs["accuracy"]) <= 2 / 600  # f32 there
        assert n_seen >= 8, n_seen


# --- clustering


def kmeans_request(file, x, rows, k, batch_size, **more):
    return {"what": "kmeans", "x": file(x), "n_dims": x.shape[1], "rows": rows.tolist(), "n_clusters": k, "batch_size": batch_size, "seed": 42} | more


# Cases in which scikit-learn agrees with itself when the order of the dimensions, and so the rounding, is another.
@pytest.mark.parametrize("n_starts", [1, 3])
def test_clusters_of_clear_data_are_those_of_scikit_learn_point_by_point(file, n_starts):
    rng = np.random.default_rng(8)
    cases = []
    for n, n_dims, k, spread, batch_size in [(300, 8, 3, 0.3, 500), (3000, 32, 10, 0.4, 500), (5000, 64, 20, 0.8, 512), (2500, 16, 40, 0.5, 100),
                                             (20, 4, 8, 1, 500), (700, 5, 1, 1, 64), (600, 24, 60, 0.3, 256), (400, 24, 90, 0.5, 400)]:
        cases.append((blobs(rng, n, n_dims, k, spread)[0], np.arange(n), k, batch_size))
    x = blobs(rng, 800, 48, 12, 0.6)[0]
    cases.append((x, rng.integers(0, 800, 4000), 12, 512))  # rows that repeat
    results = probe(kmeans_request(file, x, rows, k, batch_size, n_starts=n_starts) for x, rows, k, batch_size in cases)
    for (x, rows, k, batch_size), ours in zip(cases, results, strict=True):
        random_state = np.random.RandomState(42)
        theirs = MiniBatchKMeans(k, batch_size=batch_size, n_init=n_starts, random_state=random_state).fit(x[rows])
        assert ours["n_steps"] == theirs.n_steps_, (x.shape, k)
        assert ours["labels"] == theirs.labels_.tolist(), (x.shape, k)
        assert ours["next"] == int(random_state.randint(2**32, dtype=np.uint32)), "the streams are in step"


# In the second case most clusters are reassigned at once, where the order of equals is that of numpy's sort on this CPU.
@pytest.mark.parametrize(("n", "k", "spread", "batch_size"), [(4000, 15, 3, 500), (400, 150, 0.5, 128)])
def test_clusters_of_unclear_data_score_within_scikit_learns_spread_over_seeds(file, n, k, spread, batch_size):
    rng = np.random.default_rng(10)
    x, labels = blobs(rng, n, 24, k, spread)
    ours = [metrics.v_measure_score(labels, result["labels"])
            for result in probe(kmeans_request(file, x, np.arange(n), k, batch_size, seed=seed) for seed in range(8))]
    theirs = [metrics.v_measure_score(labels, MiniBatchKMeans(k, batch_size=batch_size, n_init="auto", random_state=seed).fit(x).labels_)
              for seed in range(8)]
    assert min(theirs) - np.std(theirs) <= min(ours) and max(ours) <= max(theirs) + np.std(theirs), (ours, theirs)
    assert abs(np.mean(ours) - np.mean(theirs)) <= np.std(theirs), (ours, theirs)


def test_clusters_of_degenerate_data_come_out(file):
    same_points, two_points = np.ones((50, 4)), np.repeat(np.eye(4)[:2], 30, axis=0)
    alike, pairs, few = probe([kmeans_request(file, same_points, np.arange(50), 3, 500), kmeans_request(file, two_points, np.arange(60), 5, 16),
                               kmeans_request(file, same_points, np.arange(2), 3, 500)])
    assert len(set(alike["labels"])) == 1
    assert len(set(pairs["labels"][:30])) == 1 == len(set(pairs["labels"][30:])) and len(set(pairs["labels"])) == 2
    assert "2 points were given for 3 clusters" in few["error"]


def test_v_measures_of_sets_are_those_of_mteb(file):
    rng = np.random.default_rng(12)
    sets = [blobs(rng, n, 32, k, 0.7) for n, k in [(900, 5), (300, 12), (50, 2), (40, 1)]]
    names = [[[f"tag {label}"] for label in labels.tolist()] for _, labels in sets]
    ours, = probe([{"what": "cluster_sets", "x": file(np.concatenate([x for x, _ in sets])), "n_dims": 32, "labels": names}])
    theirs = []
    for x, labels in sets:
        # v1's Evaluator seeds numpy's global stream for each set; random_state=42 draws the same.
        np.random.seed(42)
        model = MiniBatchKMeans(n_clusters=len(set(labels.tolist())), batch_size=500, n_init="auto").fit(x)
        assert (model.labels_ == MiniBatchKMeans(n_clusters=len(set(labels.tolist())), batch_size=500, n_init="auto", random_state=42).fit(x).labels_).all()
        theirs.append(metrics.v_measure_score(labels, model.labels_))
    assert np.abs(np.array(ours) - theirs).max() < 1e-9, (ours, theirs)


def bootstrapped(x, labels, fraction, sample_size):
    """MTEB's AbsTaskClustering of version 2, from its description: -> one list of V-measures a level."""
    stream = random.Random(42)
    chosen = stream.sample(range(len(labels)), k=int(fraction * len(labels)))
    x, labels = x[chosen], [labels[i] for i in chosen]
    out = []
    for level in range(max(map(len, labels))):
        at_level = np.array([label[level] if len(label) > level else -1 for label in labels])
        has = np.array([label != -1 for label in at_level])
        at_level, vectors = at_level[has], x[has]
        model = MiniBatchKMeans(n_clusters=np.unique(at_level).size, batch_size=512, init="k-means++", n_init=1, random_state=42)
        out.append([])
        for _ in range(10):
            rows = stream.choices(range(len(vectors)), k=sample_size)
            out[-1].append(metrics.v_measure_score(at_level[rows], model.fit_predict(vectors[rows])))
    return out


@pytest.mark.parametrize("kind", ["strings", "numbers"])
def test_v_measures_of_samples_are_those_of_mteb_on_every_level(file, kind):
    rng = np.random.default_rng(14)
    x, fine = blobs(rng, 3000, 32, 9, 0.5)
    convert = int if kind == "numbers" else (lambda label: f"label {label}")
    # The second level is missing for some.
    labels = [[convert(label // 3)] + ([convert(label)] if i % 7 else []) for i, label in enumerate(fine.tolist())]
    ours, = probe([{"what": "cluster_samples", "x": file(x), "n_dims": 32, "labels": [[str(name) for name in label] for label in labels],
                    "fraction": 0.2, "sample_size": 1024}])
    theirs = bootstrapped(x, labels, 0.2, 1024)
    assert len(ours) == len(theirs) == 2 and len(ours[0]) == 10
    assert np.mean(np.abs(np.array(ours) - theirs) < 1e-9) >= 0.9, (ours, theirs)
    assert np.abs(np.array(ours) - theirs).max() < 0.05, (ours, theirs)
