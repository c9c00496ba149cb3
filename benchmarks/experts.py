"""The derivatives as somebody who knows the closed form writes them by hand, in plain NumPy.

Where two forms compete both are kept, and the faster one of the run counts as the expert's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def _softmax(u: Array) -> Array:
    p = np.exp(u - u.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return p


def _softmax_jacobian(W: Array, h: Array, b: Array) -> Array:
    p = _softmax(W @ h + b)
    J = W - p @ W
    J *= p[:, None]
    return J


def _mlp_jacobian(W1: Array, b1: Array, W2: Array, b2: Array, W3: Array, b3: Array, x: Array) -> Array:
    a1 = np.tanh(W1 @ x + b1)
    a2 = np.tanh(W2 @ a1 + b2)
    a3 = np.tanh(W3 @ a2 + b3)
    J = (W3 * (1 - a2 * a2)) @ W2
    J *= 1 - a1 * a1
    J = J @ W1
    J *= (1 - a3 * a3)[:, None]
    return J


def _mlp_gradient(X: Array, Y: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Array:
    Z = X @ W1.T
    Z += b1
    np.tanh(Z, out=Z)
    G = _softmax(Z @ W2.T + b2)
    G -= Y
    G /= len(X)
    dW2, db2 = G.T @ Z, G.sum(axis=0)
    D = G @ W2
    Z *= Z
    np.subtract(1.0, Z, out=Z)
    D *= Z
    return D.T @ X, D.sum(axis=0), dW2, db2


def _logistic_hessian(X: Array, y: Array, w: Array) -> Array:
    e = np.exp(-np.abs(X @ w))
    A = X * (np.sqrt(e) / (1 + e))[:, None]
    return A.T @ A


def _poisson_hessian(X: Array, y: Array, w: Array) -> Array:
    A = X * np.exp(0.5 * (X @ w))[:, None]
    return A.T @ A


def _factored_hessian(T: Array, U: Array, V: Array) -> Array:
    n, k = U.shape
    H = np.zeros((n, k, n, k))
    G = V.T @ V
    G += G
    s = H.strides
    np.lib.stride_tricks.as_strided(H, (n, k, k), (s[0] + s[2], s[1], s[3]))[:] = G
    return H


def _factored_hessian_view(T: Array, U: Array, V: Array) -> Array:
    n, k = U.shape
    H = np.zeros((n, k, n, k))
    G = V.T @ V
    G += G
    s = H.strides
    np.ndarray((n, k, k), float, H, 0, (s[0] + s[2], s[1], s[3]))[:] = G  # without as_strided's overhead
    return H


def _factored_core(T: Array, U: Array, V: Array) -> Array:
    G = V.T @ V
    G += G
    return G


def _factored_step(T: Array, U: Array, V: Array) -> Array:
    G = V.T @ V
    return U - np.linalg.solve(G, (U @ G - T @ V).T).T


def _factored_step_dense(T: Array, U: Array, V: Array) -> Array:
    H = _factored_hessian(T, U, V).reshape(U.size, U.size)
    return U - np.linalg.solve(H, 2 * (U @ (V.T @ V) - T @ V).ravel()).reshape(U.shape)


def _outer_blocks(K: Array, x: Array) -> Array:
    n, q = len(K), len(x)
    Kx = (K[:, :, None] * x).reshape(n, 1, n * q)
    return (x[:, None] * Kx).reshape(n, q, n, q)


def _outer_blocks_einsum(K: Array, x: Array) -> Array:
    return np.einsum("j,ikl->ijkl", x, K[:, :, None] * x)


def _network_core(x: Array, y: Array, W1: Array, W2: Array, W3: Array) -> Array:
    a1 = np.tanh(W1 @ x)
    a2 = np.tanh(W2 @ a1)
    p = _softmax(W3 @ a2)
    d1, d2 = 1 - a1 * a1, 1 - a2 * a2
    e2 = (p - y) @ W3
    e1 = (e2 * d2) @ W2
    B = np.sqrt(p)[:, None] * (W3 - p @ W3)
    B *= d2
    M = W2 * d1
    B = B @ M
    K = B.T @ B
    K += (M * (-2 * a2 * d2 * e2)[:, None]).T @ M
    K.flat[:: len(K) + 1] += -2 * a1 * d1 * e1
    return K


def _network_hessian(x: Array, y: Array, W1: Array, W2: Array, W3: Array) -> Array:
    return _outer_blocks(_network_core(x, y, W1, W2, W3), x)


def _network_hessian_einsum(x: Array, y: Array, W1: Array, W2: Array, W3: Array) -> Array:
    return _outer_blocks_einsum(_network_core(x, y, W1, W2, W3), x)


def _batch_core(X: Array, Y: Array, W1: Array, W2: Array, W3: Array) -> Array:
    a1 = np.tanh(X @ W1.T)
    a2 = np.tanh(a1 @ W2.T)
    p = _softmax(a2 @ W3.T)
    d1, d2 = 1 - a1 * a1, 1 - a2 * a2
    e2 = (p - Y) @ W3
    e1 = (e2 * d2) @ W2
    B = W3 - (p @ W3)[:, None, :]
    B *= np.sqrt(p)[:, :, None]
    B *= d2[:, None, :]
    C = B.transpose(0, 2, 1) @ B
    i = np.arange(W2.shape[0])
    C[:, i, i] += -2 * a2 * d2 * e2
    K = W2.T @ C @ W2
    K *= d1[:, :, None]
    K *= d1[:, None, :]
    j = np.arange(W2.shape[1])
    K[:, j, j] += -2 * a1 * d1 * e1
    return K


def _network_hessian_batch(X: Array, Y: Array, W1: Array, W2: Array, W3: Array) -> Array:
    K = _batch_core(X, Y, W1, W2, W3)
    (m, n), p = X.shape, K.shape[1]
    KX = (K.transpose(1, 0, 2)[..., None] * X[None, :, None, :]).reshape(p, m, p * n)
    return (X.T @ KX).reshape(p, n, p, n)


def _mirrored(C: Array, Z: Array) -> Array:
    """Σ_s C_s ⊗ z_s z_sᵀ by block rows, the lower blocks mirrored."""
    p, n = C.shape[1], Z.shape[1]
    G, Zt = np.empty((p, n, p, n)), np.ascontiguousarray(Z.T)
    for a in range(p):
        T = np.ascontiguousarray(C[:, a, a:])[:, :, None] * Z[:, None, :]
        np.matmul(Zt, T.reshape(len(Z), -1), out=G[a].reshape(n, p * n)[:, a * n :])
        G[a + 1 :, :, a] = G[a, :, a + 1 :].transpose(1, 0, 2)
    return G


def _network_hessian_batch_mirrored(X: Array, Y: Array, W1: Array, W2: Array, W3: Array) -> Array:
    return _mirrored(_batch_core(X, Y, W1, W2, W3), X)


def _relu_hessian(x: Array, y: Array, **weights: Array) -> Array:
    W = list(weights.values())
    z, D = x, []
    for Wl in W[:-1]:
        z = Wl @ z
        D.append(z > 0)
        z = np.where(D[-1], z, 0.0)
    p = _softmax(W[-1] @ z)
    B = W[-1] - p @ W[-1]
    B *= np.sqrt(p)[:, None]
    for Wl, d in zip(W[-2:0:-1], D[:0:-1], strict=True):
        B *= d
        B = B @ Wl
    B *= D[0]
    return _outer_blocks_einsum(B.T @ B, x)


def _softmax_blocks(P: Array) -> Array:
    C = -P[:, :, None] * P[:, None, :]
    i = np.arange(P.shape[1])
    C[:, i, i] += P
    return C


def _gauss_newton_last(X: Array, Y: Array, W1: Array, W2: Array, W3: Array) -> Array:
    Z = np.tanh(np.tanh(X @ W1.T) @ W2.T)
    return _mirrored(_softmax_blocks(_softmax(Z @ W3.T)), Z)


def _gauss_newton_last_syrk(X: Array, Y: Array, W1: Array, W2: Array, W3: Array) -> Array:
    Z = np.tanh(np.tanh(X @ W1.T) @ W2.T)
    P = _softmax(Z @ W3.T)
    (m, o), h = P.shape, Z.shape[1]
    s = np.sqrt(P)
    L = -P[:, None, :] * s[:, :, None]
    i = np.arange(o)
    L[:, i, i] += s
    A = (L[:, :, :, None] * Z[:, None, None, :]).reshape(m * o, o * h)
    return (A.T @ A).reshape(o, h, o, h)


def _tangents(X: Array, W1: Array, W2: Array, W3: Array) -> tuple[list[Array], list[Array]]:
    """What each layer's output does to sqrt(h) times the last one, and each layer's input."""
    z1 = np.tanh(X @ W1.T)
    z2 = np.tanh(z1 @ W2.T)
    P = _softmax(z2 @ W3.T)
    m, o = P.shape
    s, i = np.sqrt(P), np.arange(o)
    B3 = -P[:, None, :] * s[:, :, None]
    B3[:, i, i] += s
    B2 = (B3.reshape(-1, o) @ W3).reshape(m, o, -1)
    B2 *= (1 - z2 * z2)[:, None, :]
    B1 = (B2.reshape(m * o, -1) @ W2).reshape(m, o, -1)
    B1 *= (1 - z1 * z1)[:, None, :]
    return [B1, B2, B3], [X, z1, z2]


def _gauss_newton_all(X: Array, Y: Array, W1: Array, W2: Array, W3: Array) -> Array:
    """Nine blocks; the lower three are the upper ones transposed."""
    B, Z = _tangents(X, W1, W2, W3)
    G: dict[tuple[int, int], Array] = {}
    for u in range(3):
        p, j = B[u].shape[2], Z[u].shape[1]
        Bu, Zu = B[u].transpose(0, 2, 1), Z[u].T
        for v in range(u, 3):
            C = (Bu @ B[v]).transpose(1, 0, 2)
            R = (C[..., None] * Z[v][None, :, None, :]).reshape(p, len(X), -1)
            G[u, v] = (Zu @ R).reshape(p, j, B[v].shape[2], Z[v].shape[1])
            G[v, u] = G[u, v].transpose(2, 3, 0, 1)
    return tuple(G[u, v] for u in range(3) for v in range(3))


def _gauss_newton_all_syrk(X: Array, Y: Array, W1: Array, W2: Array, W3: Array) -> Array:
    """One symmetric product over all parameters; the blocks are views of it."""
    B, Z = _tangents(X, W1, W2, W3)
    shapes = [(b.shape[2], z.shape[1]) for b, z in zip(B, Z, strict=True)]
    A = np.concatenate([(b[..., None] * z[:, None, None, :]).reshape(B[0].shape[0] * B[0].shape[1], -1)
                        for b, z in zip(B, Z, strict=True)], axis=1)
    M = A.T @ A
    ends = np.cumsum([p * j for p, j in shapes])[:-1]
    return tuple(block.reshape(*s, *t) for s, row in zip(shapes, np.split(M, ends), strict=True)
                 for t, block in zip(shapes, np.split(row, ends, axis=1), strict=True))


def _gauss_newton_product(X: Array, Y: Array, W1: Array, W2: Array, W3: Array, V1: Array, V2: Array, V3: Array) -> Array:
    h = len(W1)
    Z = X @ np.concatenate([W1, V1]).T  # the values and their tangents in one product
    z1, r1 = np.tanh(Z[:, :h]), Z[:, h:]
    d1 = 1 - z1 * z1
    r1 *= d1
    z2 = np.tanh(z1 @ W2.T)
    d2 = 1 - z2 * z2
    r2 = r1 @ W2.T
    r2 += z1 @ V2.T
    r2 *= d2
    p = _softmax(z2 @ W3.T)
    u = r2 @ W3.T
    u += z2 @ V3.T
    u *= p
    u -= p * u.sum(axis=1, keepdims=True)
    g2 = u @ W3
    g2 *= d2
    g1 = g2 @ W2
    g1 *= d1
    return g1.T @ X, g2.T @ z1, u.T @ z2


def _tensor_hessian(W1: Array, b1: Array, W2: Array, b2: Array, x: Array) -> Array:
    a1 = np.tanh(W1 @ x + b1)
    a2 = np.tanh(W2 @ a1 + b2)
    d1, d2 = 1 - a1 * a1, 1 - a2 * a2
    J = (W2 * d1) @ W1
    A = W2 * (-2 * a1 * d1)
    A *= d2[:, None]
    (o, h), n = W2.shape, W1.shape[1]
    H = ((A[:, None, :] * W1.T).reshape(o * n, h) @ W1).reshape(o, n, n)
    H += (J * (-2 * a2 * d2)[:, None])[:, :, None] * J[:, None, :]
    return H


def _tensor_hessian_sliced(W1: Array, b1: Array, W2: Array, b2: Array, x: Array) -> Array:
    a1 = np.tanh(W1 @ x + b1)
    a2 = np.tanh(W2 @ a1 + b2)
    d1, d2 = 1 - a1 * a1, 1 - a2 * a2
    J = (W2 * d1) @ W1
    A = W2 * (-2 * a1 * d1)
    A *= d2[:, None]
    c = -2 * a2 * d2
    H = np.empty((len(W2), W1.shape[1], W1.shape[1]))
    for i in range(len(W2)):  # one slice stays in the cache
        np.matmul(W1.T * A[i], W1, out=H[i])
        H[i] += (c[i] * J[i])[:, None] * J[i]
    return H


def _layer_norm_jacobian(x: Array, g: Array, b: Array) -> Array:
    n = len(x)
    c = x - x.mean()
    s = 1 / np.sqrt(c @ c / n + 1e-5)
    z = c * s
    J = (z * (-1 / n))[:, None] * z
    J -= 1 / n
    J.flat[:: n + 1] += 1
    J *= (g * s)[:, None]
    return J


def _attention_jacobian(Q: Array, K: Array, V: Array) -> Array:
    p = _softmax(Q @ K.T)
    (m, d), e, i = Q.shape, V.shape[1], np.arange(len(Q))
    M = K - (p @ K)[:, None, :]
    M *= p[:, :, None]
    J = np.zeros((m, e, m, d))
    J[i, :, i, :] = V.T @ M
    return J


def _gaussian_gradient(S: Array, r: Array) -> Array:
    P = np.linalg.inv(S)
    a = P @ r
    P -= a[:, None] * a
    P *= 0.5
    return P


def _multinomial_product(X: Array, Y: Array, W: Array, D: Array) -> Array:
    p = _softmax(X @ W.T)
    U = X @ D.T
    U *= p
    U -= p * U.sum(axis=1, keepdims=True)
    return U.T @ X


softmax_jacobian = {"two passes": _softmax_jacobian}
mlp_jacobian = {"chain": _mlp_jacobian}
mlp_gradient = {"backpropagation": _mlp_gradient}
logistic_hessian = {"syrk": _logistic_hessian}
poisson_hessian = {"syrk": _poisson_hessian}
factored_hessian = {"as_strided": _factored_hessian, "view": _factored_hessian_view}
factored_core = {"core": _factored_core}
factored_step = {"by the core": _factored_step, "dense": _factored_step_dense}
network_hessian = {"matmul": _network_hessian, "einsum at the end": _network_hessian_einsum}
network_hessian_batch = {"matmul": _network_hessian_batch, "mirrored": _network_hessian_batch_mirrored}
relu_hessian = {"BᵀB": _relu_hessian}
gauss_newton_last = {"mirrored": _gauss_newton_last, "syrk": _gauss_newton_last_syrk}
gauss_newton_all = {"blocks": _gauss_newton_all, "syrk": _gauss_newton_all_syrk}
gauss_newton_product = {"R-operator": _gauss_newton_product}
tensor_hessian = {"one gemm": _tensor_hessian, "slices": _tensor_hessian_sliced}
layer_norm_jacobian = {"rank one": _layer_norm_jacobian}
attention_jacobian = {"row by row": _attention_jacobian}
gaussian_gradient = {"inverse": _gaussian_gradient}
multinomial_product = {"R-operator": _multinomial_product}
