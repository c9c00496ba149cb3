"""Definitions that generated code calls, pasted once where it needs them: products that are best made block by block.

A block of about 32,000 entries (256 kB) stays in the second-level cache between being made and being multiplied.
"""

from __future__ import annotations

BLOCKS_MIRRORED = '''\
def _blocks(M, X):
    """H[i,j,k,l] = sum over s of M[i,s,k] X[s,j] X[s,l], where M[i,s,k] = M[k,s,i]: blocks k >= i, the rest mirrored."""
    p, m, q = M.shape
    n = X.shape[1]
    if m == 1:
        return (X.T*(M[:, 0, :, None]*X[0]).reshape(p, 1, q*n)).reshape(p, n, q, n)
    step = max(1, 32768//max(1, m*q*n))
    if step >= p:
        return (X.T @ np.multiply(M[:, :, :, None], X[:, None, :], order="C").reshape(p, m, q*n)).reshape(p, n, q, n)
    width = max(4, 65536//max(1, m*n), q//8) if step == 1 else q
    H, X, Xt = np.empty((p, n, q, n)), np.ascontiguousarray(X), np.ascontiguousarray(X.T)
    for i in range(0, p, step):
        rows = H[i:i + step]
        r = len(rows)
        for k in range(i, q, width):
            T = np.multiply(M[i:i + step, :, k:k + width, None], X[:, None, :], order="C").reshape(r, m, -1)
            np.matmul(Xt, T, out=rows.reshape(r, n, q*n)[:, :, k*n:(k + width)*n])
        H[i + step:, :, i:i + step] = rows[:, :, i + step:].transpose(2, 1, 0, 3)
    return H
'''

BLOCKS = '''\
def _blocks_of(M, X, Y):
    """H[i,j,k,l] = sum over s of M[i,s,k] X[s,j] Y[s,l], block by block."""
    p, m, q = M.shape
    n, w = X.shape[1], Y.shape[1]
    step = max(1, 32768//max(1, m*q*w))
    if step >= p:
        return (X.T @ np.multiply(M[:, :, :, None], Y[:, None, :], order="C").reshape(p, m, q*w)).reshape(p, n, q, w)
    H, Y, Xt = np.empty((p, n, q, w)), np.ascontiguousarray(Y), np.ascontiguousarray(X.T)
    for i in range(0, p, step):
        rows = H[i:i + step]
        r = len(rows)
        T = np.multiply(M[i:i + step, :, :, None], Y[:, None, :], order="C").reshape(r, m, q*w)
        np.matmul(Xt, T, out=rows.reshape(r, n, q*w))
    return H
'''

SLICES = '''\
def _slices(A, X):
    """H[i,j,k] = sum over s of A[i,s] X[s,j] X[s,k], a few slices at a time."""
    p, m = A.shape
    n = X.shape[1]
    step = max(1, 32768//max(1, m*n))
    if step >= p:
        return (X.T*A[:, None, :]) @ X
    H, Xt = np.empty((p, n, n)), X.T
    for i in range(0, p, step):
        np.matmul(Xt*A[i:i + step, None, :], X, out=H[i:i + step])
    return H
'''
