"""Definitions that generated NumPy code calls, as source text: each is pasted once, where it is needed."""

from __future__ import annotations

#: erf and erfc to full relative precision: rational approximations on three intervals.
#: W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969).
ERF = '''\
def _erfc_tail(y):
    """erfc(y) for y >= 0.46875."""
    y = np.minimum(y, 30.0)
    near = np.minimum(y, 4.0)
    near = np.polyval(
        [2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
         2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
         1.23033935479799725e3], near) / np.polyval(
        [1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
         3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3], near)
    far = np.maximum(y, 4.0)
    w = 1.0 / (far * far)
    far = (0.56418958354775628695 - w * np.polyval(
        [1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
         1.60837851487422766e-2, 6.58749161529837803e-4], w) / np.polyval(
        [1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
         2.33520497626869185e-3], w)) / far
    split = np.trunc(16.0 * y) / 16.0
    return np.where(y <= 4.0, near, far) * np.exp(-split * split) * np.exp(-(y - split) * (y + split))


def _erf_core(x):
    """erf(x) for |x| <= 0.46875."""
    square = x * x
    return x * np.polyval(
        [1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
         3.20937758913846947e3], square) / np.polyval(
        [1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3], square)


def _erf(x):
    """The error function, elementwise."""
    y = np.abs(x)
    tail = np.sign(x) * (1.0 - _erfc_tail(np.maximum(y, 0.46875)))
    return np.where(y <= 0.46875, _erf_core(np.clip(x, -0.46875, 0.46875)), tail)


def _erfc(x):
    """The complementary error function, elementwise, without cancellation for large x."""
    y = np.abs(x)
    tail = _erfc_tail(np.maximum(y, 0.46875))
    return np.where(y <= 0.46875, 1.0 - _erf_core(np.clip(x, -0.46875, 0.46875)), np.where(x < 0, 2.0 - tail, tail))
'''

#: erf off the real axis by its integral: for checks by a complex step, |x| up to about 8.
ERF_COMPLEX = '''\
def _erf_complex(z):
    """2/sqrt(pi) z times the integral of exp(-(z s)**2) over 0 <= s <= 1, by a Gauss rule."""
    nodes, weights = np.polynomial.legendre.leggauss(96)
    s = (nodes + 1.0) / 2.0
    z = np.asarray(z)
    return z / np.sqrt(np.pi) * (np.exp(-((z[..., None] * s) ** 2)) @ weights)
'''

SOFTMAX = '''\
def _softmax(x, axis=-1):
    """exp(x)/sum(exp(x)) along an axis; the largest exponent is 0."""
    p = np.exp(x - x.max(axis=axis, keepdims=True, initial=-np.inf))
    p /= p.sum(axis=axis, keepdims=True)
    return p
'''

LOGSUMEXP = '''\
def _logsumexp(x, axis=None, keepdims=False):
    """log(sum(exp(x))) along an axis; the largest exponent is 0."""
    top = x.max(axis=axis, keepdims=True)
    total = np.log(np.exp(x - top).sum(axis=axis, keepdims=True))
    total += top
    return total if keepdims else total.squeeze(axis=axis)
'''

LOG_SOFTMAX = '''\
def _log_softmax(x, axis=-1):
    """log(softmax(x)) along an axis; the largest exponent is 0."""
    shifted = x - x.max(axis=axis, keepdims=True, initial=-np.inf)
    shifted -= np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return shifted
'''

#: -Li2(-exp(x)): the alternating series, accelerated; for x > 0 by reflection. Analytic, so that a complex step holds.
#: H. Cohen, F. Rodriguez Villegas, D. Zagier, Convergence acceleration of alternating series, Exp. Math. 9 (2000).
FERMI_DIRAC = '''\
def _fermi_dirac(x):
    """The integral of log(1 + exp(t)) up to x, which is -Li2(-exp(x)), elementwise."""
    right = np.real(x) > 0
    z = np.exp(np.where(right, -x, x))
    n, total, power = 24, 0.0, 1.0
    scale = (3.0 + 8.0**0.5)**n
    scale = (scale + 1.0/scale)/2.0
    b, c = -1.0, -scale
    for k in range(n):
        c = b - c
        power = power * z
        total = total + c * power / (k + 1.0)**2
        b *= (k + n) * (k - n) / ((k + 0.5) * (k + 1.0))
    total = total / scale
    return np.where(right, np.pi**2/6.0 + x*x/2.0 - total, total)
'''

#: The thresholds of sparsemax and of 1.5-entmax, by sorting; analytic where the support doesn't change.
#: A. Martins, R. Astudillo, ICML 2016, algorithm 1; B. Peters, V. Niculae, A. Martins, ACL 2019, algorithm 2.
THRESHOLDS = '''\
def _in_a_row(x, axis):
    """The axes named, as one last axis; and the shape of the rest with those axes kept."""
    axes = tuple(range(x.ndim)) if axis is None else tuple(a % x.ndim for a in np.atleast_1d(axis))
    moved = np.moveaxis(x, axes, range(x.ndim - len(axes), x.ndim))
    shape = tuple(1 if a in axes else d for a, d in enumerate(x.shape))
    return moved.reshape((*moved.shape[:x.ndim - len(axes)], -1)), axes, shape


def _sparsemax_threshold(x, axis=None, keepdims=False):
    """The t with sum(max(x - t, 0)) = 1."""
    flat, axes, shape = _in_a_row(np.asarray(x), axis)
    z = -np.sort(-flat.real, axis=-1)
    count = np.sum(1.0 + np.arange(1, z.shape[-1] + 1)*z > np.cumsum(z, axis=-1), axis=-1, keepdims=True)
    inside = flat.real >= np.take_along_axis(z, count - 1, axis=-1)
    t = ((np.sum(np.where(inside, flat, 0.0), axis=-1, keepdims=True) - 1.0)/count).reshape(shape)
    return t if keepdims else np.squeeze(t, axis=axes)


def _entmax15_threshold(x, axis=None, keepdims=False):
    """The t with sum(max(x/2 - t, 0)**2) = 1."""
    flat, axes, shape = _in_a_row(np.asarray(x)/2.0, axis)
    top = np.max(flat.real, axis=-1, keepdims=True)
    flat = flat - top
    z = -np.sort(-flat.real, axis=-1)
    k = np.arange(1, z.shape[-1] + 1)
    mean = np.cumsum(z, axis=-1)/k
    spread = np.cumsum(z*z, axis=-1) - k*mean*mean
    count = np.sum(mean - np.sqrt(np.maximum((1.0 - spread)/k, 0.0)) <= z, axis=-1, keepdims=True)
    inside = flat.real >= np.take_along_axis(z, count - 1, axis=-1)
    mean = np.sum(np.where(inside, flat, 0.0), axis=-1, keepdims=True)/count
    spread = np.sum(np.where(inside, (flat - mean)**2, 0.0), axis=-1, keepdims=True)
    t = (mean - np.sqrt((1.0 - spread)/count) + top).reshape(shape)
    return t if keepdims else np.squeeze(t, axis=axes)
'''
