"""The same derivatives by automatic differentiation, in every variant that a user of the library would try.

Each function here takes a `Library` and gives {variant: function of the workload's arrays, by position}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.libraries import Function, Library

Variants = dict[str, Function]
Peer = Callable[[Library], Variants]


def jacobians(make: Callable[[Any], Function], by: int) -> Peer:
    return lambda L: {"jacrev": L.jit(L.jacrev(make(L.np), by)), "jacfwd": L.jit(L.jacfwd(make(L.np), by))}


def gradients(make: Callable[[Any], Function], by: int | tuple[int, ...]) -> Peer:
    return lambda L: {"grad": L.jit(L.grad(make(L.np), by))}


def hessians(make: Callable[[Any], Function], by: int) -> Peer:
    def variants(L: Library) -> Variants:
        f = make(L.np)
        return {"hessian": L.jit(L.hessian(f, by)), "jacrev of grad": L.jit(L.jacrev(L.grad(f, by), by))}

    return variants


def tensors(make: Callable[[Any], Function], by: int) -> Peer:
    def variants(L: Library) -> Variants:
        f = make(L.np)
        return {"hessian": L.jit(L.hessian(f, by)), "jacfwd of jacfwd": L.jit(L.jacfwd(L.jacfwd(f, by), by))}

    return variants


def products(make: Callable[[Any], Function], by: int) -> Peer:
    """A Hessian times the last argument, forward over reverse."""

    def variants(L: Library) -> Variants:
        f = make(L.np)

        def product(*arrays: Any) -> Any:
            *given, v = arrays
            slope = L.grad(lambda x: f(*given[:by], x, *given[by + 1 :]))
            return L.jvp(slope, (given[by],), (v,))[1]

        return {"jvp of grad": L.jit(product)}

    return variants


def rows(make: Callable[[Any], Function]) -> Peer:
    """The Hessian by one row of U alone: the same core."""

    def variants(L: Library) -> Variants:
        h = L.hessian(make(L.np), 1)
        return {"hessian by one row": L.jit(lambda T, U, V: h(T[0], U[0], V))}

    return variants


def gauss_newton_last(L: Library) -> Variants:
    np = L.np

    def by_jacobians(X: Any, Y: Any, W1: Any, W2: Any, W3: Any) -> Any:
        Z = np.tanh(np.tanh(X @ W1.T) @ W2.T)
        J = L.vmap(L.jacrev(lambda W, z: W @ z), (None, 0))(W3, Z)
        h = L.vmap(L.hessian(lambda u: np.logsumexp(u, 0)))(Z @ W3.T)
        m, o = h.shape[:2]
        J = J.reshape(m, o, -1)
        hJ = (h @ J).reshape(m * o, -1)
        return (J.reshape(m * o, -1).T @ hJ).reshape(*W3.shape, *W3.shape)

    def by_hessian(X: Any, Y: Any, W1: Any, W2: Any, W3: Any) -> Any:  # the last layer is linear: G is H
        Z = np.tanh(np.tanh(X @ W1.T) @ W2.T)
        return L.hessian(lambda W: np.logsumexp(Z @ W.T, 1).sum())(W3)

    return {"JᵀhJ": L.jit(by_jacobians), "hessian": L.jit(by_hessian)}


def gauss_newton_all(L: Library) -> Variants:
    np = L.np

    def net(W: Any, x: Any) -> Any:
        return W[2] @ np.tanh(W[1] @ np.tanh(W[0] @ x))

    def by_jacobians(X: Any, Y: Any, *W: Any) -> Any:
        J = L.vmap(L.jacrev(net), (None, 0))(W, X)
        h = L.vmap(L.hessian(lambda u: np.logsumexp(u, 0)))(L.vmap(net, (None, 0))(W, X))
        m, o = h.shape[:2]
        flat = [j.reshape(m, o, -1) for j in J]
        hJ = [(h @ j).reshape(m * o, -1) for j in flat]
        return tuple((a.reshape(m * o, -1).T @ b).reshape(*u.shape, *v.shape)
                     for a, u in zip(flat, W, strict=True) for b, v in zip(hJ, W, strict=True))

    return {"JᵀhJ": L.jit(by_jacobians)}


def gauss_newton_product(L: Library) -> Variants:
    np = L.np

    def product(X: Any, Y: Any, W1: Any, W2: Any, W3: Any, *V: Any) -> Any:
        def f(A: Any, B: Any, C: Any) -> Any:
            return np.tanh(np.tanh(X @ A.T) @ B.T) @ C.T

        u, Ju = L.jvp(f, (W1, W2, W3), V)
        gradient = L.grad(lambda a: np.logsumexp(a, 1).sum())
        return L.vjp(f, W1, W2, W3)[1](L.jvp(gradient, (u,), (Ju,))[1])

    return {"jvp, then vjp": L.jit(product)}


def softmax_layer(np: Any) -> Function:
    return lambda W, h, b: np.softmax(W @ h + b, 0)


def tanh_network(np: Any) -> Function:
    t = np.tanh
    return lambda W1, b1, W2, b2, W3, b3, x: t(W3 @ t(W2 @ t(W1 @ x + b1) + b2) + b3)


def mean_cross_entropy(np: Any) -> Function:
    return lambda X, Y, W1, b1, W2, b2: (
        -(np.log_softmax(np.tanh(X @ W1.T + b1) @ W2.T + b2, 1) * Y).sum() / X.shape[0]
    )


def logistic(np: Any) -> Function:
    return lambda X, y, w: np.softplus(-y * (X @ w)).sum()


def poisson(np: Any) -> Function:
    return lambda X, y, w: np.exp(X @ w).sum() - y @ (X @ w)


def factored(np: Any) -> Function:
    return lambda T, U, V: ((T - U @ V.T) ** 2).sum()


def factored_row(np: Any) -> Function:
    return lambda t, u, V: ((t - V @ u) ** 2).sum()


def network_sample(np: Any) -> Function:
    return lambda x, y, W1, W2, W3: -y @ np.log_softmax(W3 @ np.tanh(W2 @ np.tanh(W1 @ x)), 0)


def network_batch(np: Any) -> Function:
    return lambda X, Y, W1, W2, W3: -(np.log_softmax(np.tanh(np.tanh(X @ W1.T) @ W2.T) @ W3.T, 1) * Y).sum()


def relu_network(np: Any) -> Function:
    def loss(x: Any, y: Any, *weights: Any) -> Any:
        z = x
        for W in weights[:-1]:
            z = np.relu(W @ z)
        return -y @ np.log_softmax(weights[-1] @ z, 0)

    return loss


def tensor_network(np: Any) -> Function:
    return lambda W1, b1, W2, b2, x: np.tanh(W2 @ np.tanh(W1 @ x + b1) + b2)


def layer_norm(np: Any) -> Function:
    return lambda x, g, b: g * (x - np.mean(x, 0)) / (np.var(x, 0) + 1e-5) ** 0.5 + b


def attention(np: Any) -> Function:
    return lambda Q, K, V: np.softmax(Q @ K.T, 1) @ V


def gaussian(np: Any) -> Function:
    return lambda S, r: (r @ np.solve(S, r) + np.logdet(S)) / 2


def multinomial(np: Any) -> Function:
    return lambda X, Y, W: -(np.log_softmax(X @ W.T, 1) * Y).sum()
