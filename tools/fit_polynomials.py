#!/usr/bin/env python3
"""Prints the polynomial coefficients of kernels/math_inl.h and their largest error (needs numpy; run by hand).

Each is a least-squares fit at many Chebyshev nodes, computed in float64 and rounded to float32, so near minimax:
  exp(r)            on [-ln2/2, ln2/2]            degree 6, relative error
  (2^r - 1) / r     on [-1/2, 1/2]                degree 2, relative error of 2^r, which is 1 at 0
  erf(t) / t - 1    on t in [0, 1], in s = t^2    degree 7, absolute error (the 1 keeps the first coefficient's rounding small)
  -log(erfc(t))     on t in [1, 4.2], in t - 2.6  degree 10, absolute error (a relative error of erfc)
and, reweighted until its error is even, scaled so that it ends at one half:
  (Phi(x) - 1/2)/x  on x in [0, 4.5], in x^2      degree 9, absolute error of x Phi(x), the GELU
"""
import math

import numpy as np


def fit(f, lo, hi, degree, weight_of):
    k = np.arange(4000)
    x = (lo + hi) / 2 + (hi - lo) / 2 * np.cos((k + 0.5) * np.pi / len(k))
    y = np.array([f(v) for v in x])
    weight = np.array([weight_of(v) for v in x])
    # A Chebyshev basis keeps the system well conditioned; the result is converted to powers of x.
    series = np.polynomial.Chebyshev.fit(x, y, degree, w=weight, domain=[lo, hi])
    powers = series.convert(kind=np.polynomial.Polynomial).coef.astype(np.float32)
    p = sum(c * x**i for i, c in enumerate(powers.astype(np.float64)))
    return powers, np.max(np.abs(p - y) * weight)


def erf_ratio(s):
    return 2 / math.sqrt(math.pi) - 1 if s < 1e-12 else math.erf(math.sqrt(s)) / math.sqrt(s) - 1


def one(_):
    return 1


for name, f, lo, hi, degree, weight_of in [
    ("exp(r)", math.exp, -math.log(2) / 2, math.log(2) / 2, 6, lambda r: math.exp(-r)),
    ("(2^r - 1)/r", lambda r: math.log(2) if r == 0 else math.expm1(r * math.log(2)) / r, -0.5, 0.5, 2,
     lambda r: abs(r) / 2**r),
    ("erf(t)/t - 1 in t^2", erf_ratio, 0.0, 1.0, 7, one),
    ("-log(erfc(t)) in t - 2.6", lambda t: -math.log(math.erfc(t + 2.6)), -1.6, 1.6, 10, one),
]:
    coefficients, error = fit(f, lo, hi, degree, weight_of)
    print(f"{name}: largest error {error:.2e}")
    print("  " + ", ".join(f"{c:.9e}F" for c in coefficients))


def half_normal(x):
    return math.erf(x / math.sqrt(2)) / 2


END, TERMS = 4.5, 10
x = END * (1 + np.cos((np.arange(8000) + 0.5) * np.pi / 8000)) / 2
y = np.array([half_normal(v) for v in x])
basis = np.stack([x * (x / END) ** (2 * i) for i in range(TERMS)], axis=1)
weight = np.ones_like(x)
for _ in range(200):
    root = (np.sqrt(weight) * x)[:, None]
    powers = np.linalg.lstsq(basis * root, y * root[:, 0], rcond=None)[0]
    off = np.abs((basis @ powers - y) * x)
    weight *= off / off.max() + 1e-3
    weight /= weight.mean()
powers *= 0.5 / (END * powers.sum())
print(f"(Phi(x) - 1/2)/x in x^2: largest error of the GELU {np.max(np.abs(basis @ powers - y) * x):.2e}")
print("  " + ", ".join(f"{c:.9e}F" for c in (powers / END ** (2 * np.arange(TERMS))).astype(np.float32)))
