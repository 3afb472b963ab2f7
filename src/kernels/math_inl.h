// exp and erfc on Vec. Included by kernels_inl.h, once per path. Coefficients: tools/fit_polynomials.py prints them.

// exp(x) for x <= 88; arguments below -87 give about 1e-38. x = n ln 2 + r, exp(r) by a polynomial on |r| <= ln2 / 2.
inline Vec exp(Vec x) {
  x = min(max(x, set1(-87.0F)), set1(88.0F));
  const Vec n = round_nearest(x * set1(1.44269504F));
  // ln 2 in two parts: the first has few bits, so n times it is exact.
  Vec r = fma(n, set1(-0.693145751953125F), x);
  r = fma(n, set1(-1.42860677e-6F), r);
  Vec p = set1(1.382942079e-03F);
  p = fma(p, r, set1(8.374771103e-03F));
  p = fma(p, r, set1(4.166835919e-02F));
  p = fma(p, r, set1(1.666642129e-01F));
  p = fma(p, r, set1(4.999999106e-01F));
  p = fma(p, r, set1(1.0F));
  p = fma(p, r, set1(1.0F));
  return p * exp2_int(n);
}

// 2^x for x <= 127 within 1.2e-4 of itself, exactly 1 at 0; below -126 as for -126.
inline Vec exp2_close(Vec x) {
  x = max(x, set1(-126.0F));
  const Vec n = round_nearest(x);
  const Vec r = x - n;
  Vec p = set1(5.459282547e-02F);
  p = fma(p, r, set1(2.422178388e-01F));
  p = fma(p, r, set1(6.933686137e-01F));
  p = fma(p, r, set1(1.0F));
  return p * exp2_int(n);
}

// erf(t) for 0 <= t <= 1: t + t q(t^2).
inline Vec erf_small(Vec t) {
  const Vec s = t * t;
  Vec q = set1(-9.673591194e-06F);
  q = fma(q, s, set1(1.126825373e-04F));
  q = fma(q, s, set1(-8.484396385e-04F));
  q = fma(q, s, set1(5.221053492e-03F));
  q = fma(q, s, set1(-2.686543763e-02F));
  q = fma(q, s, set1(1.128378287e-01F));
  q = fma(q, s, set1(-3.761263788e-01F));
  q = fma(q, s, set1(1.283791661e-01F));
  return fma(q, t, t);
}

// erfc(t) for t >= 1, as exp(-p(t)); beyond 4.2 it stays at erfc(4.2) = 2.9e-9, which no f32 sum with 1 can see.
inline Vec erfc_large(Vec t) {
  const Vec u = min(t, set1(4.2F)) - set1(2.6F);
  Vec p = set1(2.732175197e-08F);
  p = fma(p, u, set1(8.905024629e-08F));
  p = fma(p, u, set1(-1.700434382e-06F));
  p = fma(p, u, set1(1.160835109e-05F));
  p = fma(p, u, set1(-6.847976329e-05F));
  p = fma(p, u, set1(3.770484182e-04F));
  p = fma(p, u, set1(-1.966194483e-03F));
  p = fma(p, u, set1(1.003259420e-02F));
  p = fma(p, u, set1(9.470253587e-01F));
  p = fma(p, u, set1(5.541776657e+00F));
  p = fma(p, u, set1(8.351532936e+00F));
  return exp(set1(0.0F) - p);
}

// x/2 (1 + erf(x / sqrt 2)).
inline Vec gelu(Vec x) {
  const Vec zero = set1(0.0F);
  const Vec t = max(x, zero - x) * set1(0.707106781F);
  const Vec small = erf_small(min(t, set1(1.0F)));
  const Vec large = erfc_large(max(t, set1(1.0F)));
  const Vec one = set1(1.0F);
  // 1 + erf(x / sqrt 2), without cancellation for large negative x.
  const Vec near = select_greater(x, zero, one + small, one - small);
  const Vec far = select_greater(x, zero, set1(2.0F) - large, large);
  return set1(0.5F) * x * select_greater(t, one, far, near);
}

// The same within 4e-5 + 5e-6 |x|, at a third of the cost: x times a half and an odd polynomial that ends at +-1/2.
inline Vec gelu_close(Vec x) {
  const Vec y = min(max(x, set1(-4.5F)), set1(4.5F));
  const Vec s = y * y;
  Vec p = set1(-1.400083608e-12F);
  p = fma(p, s, set1(1.697322977e-10F));
  p = fma(p, s, set1(-9.193850126e-09F));
  p = fma(p, s, set1(2.958930168e-07F));
  p = fma(p, s, set1(-6.365322406e-06F));
  p = fma(p, s, set1(9.787236195e-05F));
  p = fma(p, s, set1(-1.122689806e-03F));
  p = fma(p, s, set1(9.833282791e-03F));
  p = fma(p, s, set1(-6.633771956e-02F));
  p = fma(p, s, set1(3.988877535e-01F));
  return x * fma(y, p, set1(0.5F));
}

// x / (1 + exp(-x)).
inline Vec silu(Vec x) {
  return x / (set1(1.0F) + exp(set1(0.0F) - x));
}

// The same within 1.5e-4 of itself, below -80 within 1e-36 |x|.
inline Vec silu_close(Vec x) {
  return x * inverse(set1(1.0F) + exp2_close(min(x * set1(-1.44269504F), set1(120.0F))));
}
