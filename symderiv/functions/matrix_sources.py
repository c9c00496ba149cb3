"""Definitions that generated NumPy code calls for spectra and for functions of matrices, as source text."""

from __future__ import annotations

EIGH = '''\
def _eigh(x):
    """Eigenvalues, ascending, and unit eigenvectors of the symmetric part; each vector's largest entry is positive."""
    values, vectors = np.linalg.eigh((x + x.T)/2)
    return values, vectors*np.sign(vectors[np.argmax(np.abs(vectors), axis=0), np.arange(len(values))])
'''

INVERSE_GAPS = '''\
def _inverse_gaps(x):
    """1/(λ_k - λ_l) for the eigenvalues of the symmetric part, 0 on the diagonal."""
    values = np.linalg.eigvalsh((x + x.T)/2)
    apart = 1.0 - np.eye(len(values))
    return apart/(values - values[:, None] + 1.0 - apart)
'''

TOP_RESOLVENT = EIGH + '''

def _top_resolvent(x):
    """The pseudo-inverse of λI - X for the largest eigenvalue λ of the symmetric part."""
    values, vectors = _eigh(x)
    others = vectors[:, :-1]
    return (others/(values[-1] - values[:-1])) @ others.T
'''

SINGULAR = EIGH + '''

def _right_singular(x):
    """The unit right singular vector of the largest singular value; its largest entry is positive."""
    return _eigh(x.T @ x)[1][:, -1]


def _left_singular(x):
    """The left singular vector that belongs to it."""
    u = x @ _right_singular(x)
    return u/np.linalg.norm(u)
'''

EXPM = '''\
def _expm(x):
    """The exponential of a matrix: the power series at x/2^s, squared s times."""
    size = np.linalg.norm(x, 1)
    if not np.isfinite(size):
        return np.full_like(x, np.nan)
    s = max(0, int(np.ceil(np.log2(max(size, 1e-300)))) + 2)
    x = x/2.0**s
    result = term = np.eye(len(x), dtype=x.dtype)
    for k in range(1, 16):
        term = term @ x/k
        result = result + term
    for _ in range(s):
        result = result @ result
    return result
'''
