#!/usr/bin/env python3
"""Prints the polynomial coefficients of kernels/math_inl.h and their largest error (needs numpy; run by hand).

Each is a least-squares fit at many Chebyshev nodes, computed in float64 and rounded to float32, so near minimax:
  exp(r)            on [-ln2/2, ln2/2]            degree 6, relative error
  erf(t) / t - 1    on t in [0, 1], in s = t^2    degree 7, absolute error (the 1 keeps the first coefficient's rounding small)
  -log(erfc(t))     on t in [1, 4.2], in t - 2.6  degree 10, absolute error (a relative error of erfc)
"""
import math

import numpy as np


def fit(f, lo, hi, degree, relative):
    k = np.arange(4000)
    x = (lo + hi) / 2 + (hi - lo) / 2 * np.cos((k + 0.5) * np.pi / len(k))
    y = np.array([f(v) for v in x])
    weight = 1 / np.abs(y) if relative else np.ones_like(y)
    # A Chebyshev basis keeps the system well conditioned; the result is converted to powers of x.
    series = np.polynomial.Chebyshev.fit(x, y, degree, w=weight, domain=[lo, hi])
    powers = series.convert(kind=np.polynomial.Polynomial).coef.astype(np.float32)
    p = sum(c * x**i for i, c in enumerate(powers.astype(np.float64)))
    return powers, np.max(np.abs(p - y) * weight)


def erf_ratio(s):
    return 2 / math.sqrt(math.pi) - 1 if s < 1e-12 else math.erf(math.sqrt(s)) / math.sqrt(s) - 1


for name, f, lo, hi, degree, relative in [
    ("exp(r)", math.exp, -math.log(2) / 2, math.log(2) / 2, 6, True),
    ("erf(t)/t - 1 in t^2", erf_ratio, 0.0, 1.0, 7, False),
    ("-log(erfc(t)) in t - 2.6", lambda t: -math.log(math.erfc(t + 2.6)), -1.6, 1.6, 10, False),
]:
    coefficients, error = fit(f, lo, hi, degree, relative)
    print(f"{name}: largest error {error:.2e}")
    print("  " + ", ".join(f"{c:.9e}F" for c in coefficients))
