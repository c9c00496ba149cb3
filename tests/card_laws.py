"""What each law on the rule card says, in numbers: both sides in NumPy, by hand, from nothing of the package's.

A law has a function of a random generator that gives its two sides at a point. A derivative is a central difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

STEP = 1e-5
Sides = tuple[Any, Any]


def slope(f: Callable[[Any], Any], at: Any) -> Any:
    """∂f/∂x at a point: the axes of f, then those of x."""
    at = np.asarray(at, dtype=float)
    columns = []
    for place in np.ndindex(at.shape):
        moved = np.zeros(at.shape)
        moved[place] = STEP
        columns.append((np.asarray(f(at + moved)) - np.asarray(f(at - moved))) / (2 * STEP))
    shape = np.shape(columns[0])
    return np.stack(columns, axis=-1).reshape(shape + at.shape)


def sigma(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softplus(x: Any) -> Any:
    return np.log1p(np.exp(x))


def logsumexp(u: Any) -> Any:
    return np.log(np.sum(np.exp(u)))


def softmax(u: Any) -> Any:
    return np.exp(u) / np.sum(np.exp(u))


def vec(X: Any) -> Any:
    return np.asarray(X).T.reshape(-1)


def a_map(x: Any) -> Any:
    """A map ℝ³ → ℝ² for the rules to be tried on."""
    return np.array([np.sin(x[0]) * x[1] + x[2] ** 2, np.exp(0.3 * x[0]) - x[1] * x[2]])


def a_loss(u: Any) -> Any:
    return np.sum(np.asarray(u) ** 4) / 4 + np.prod(u)


def product_rule(r: np.random.Generator) -> Sides:
    x = r.normal(size=2)
    a, b = (lambda t: np.sin(t[0] * np.arange(1, 4))), (lambda t: np.exp(t[1] * np.arange(3)) * t[0])
    return slope(lambda t: a(t) @ b(t), x), slope(a, x).T @ b(x) + slope(b, x).T @ a(x)


def pull_back(r: np.random.Generator) -> Sides:
    x = r.normal(size=3)
    return slope(lambda t: a_loss(a_map(t)), x), slope(a_map, x).T @ slope(a_loss, a_map(x))


def hessian(f: Callable[[Any], Any], at: Any) -> Any:
    """By second differences, with a step of their own."""
    n, h = len(at), 1e-3
    e = np.eye(n) * h
    return np.array([[(f(at + e[i] + e[j]) - f(at + e[i] - e[j]) - f(at - e[i] + e[j]) + f(at - e[i] - e[j])) / (4 * h * h)
                      for j in range(n)] for i in range(n)])  # fmt: skip


def gauss_newton(r: np.random.Generator, part: str) -> Sides:
    """G and R are given by what they are for: together they are the Hessian; G alone where u is affine in w."""
    w, A = r.normal(size=3), r.normal(size=(2, 3))
    if part == "G":
        return hessian(lambda t: a_loss(A @ t), w), A.T @ hessian(a_loss, A @ w) @ A
    rest = np.einsum("k,kij->ij", slope(a_loss, a_map(w)), np.stack([hessian(lambda t, k=k: a_map(t)[k], w) for k in (0, 1)]))
    J = slope(a_map, w)
    return hessian(lambda t: a_loss(a_map(t)), w) - J.T @ hessian(a_loss, a_map(w)) @ J, rest


def fisher_term(r: np.random.Generator) -> Sides:
    w = r.normal(size=3)
    g, J = slope(a_loss, a_map(w)), slope(a_map, w)
    whole = slope(lambda t: a_loss(a_map(t)), w)
    return J.T @ np.outer(g, g) @ J, np.outer(whole, whole)


def structured(r: np.random.Generator, diagonal: bool) -> Sides:
    A, X = r.normal(size=(3, 3)), r.normal(size=(3, 3))
    X = np.diag(np.diag(X)) if diagonal else X + X.T

    def f(M: Any) -> Any:
        return np.sum(np.sin(M) * A) + np.sum(A @ M @ M)

    def along(i: int, j: int) -> Any:
        E = np.zeros((3, 3))
        E[i, j] = E[j, i] = STEP
        return (f(X + E) - f(X - E)) / (2 * STEP) if i == j or not diagonal else 0.0

    G = slope(f, X)
    told = G * np.eye(3) if diagonal else G + G.T - G * np.eye(3)
    return np.array([[along(i, j) for j in range(3)] for i in range(3)]), told


def moments(r: np.random.Generator) -> tuple[Any, Any]:
    """A finite distribution: its values as rows, their weights."""
    return r.normal(size=(4, 3)), softmax(r.normal(size=4))


def linear_expectation(r: np.random.Generator) -> Sides:
    (y, p), A, b = moments(r), r.normal(size=(2, 3)), r.normal(size=2)
    return p @ (y @ A.T + b), A @ (p @ y) + b


def second_moment(r: np.random.Generator) -> Sides:
    y, p = moments(r)
    mu = p @ y
    return (y.T * p) @ y, np.outer(mu, mu) + ((y - mu).T * p) @ (y - mu)


def one_hot_mean(r: np.random.Generator) -> Sides:
    p = softmax(r.normal(size=3))
    return sum(p[k] * np.eye(3)[k] for k in range(3)), p


def at(f: Callable[..., Sides], **shapes: Any) -> Callable[[np.random.Generator], Sides]:
    """A law in arrays of these shapes, drawn."""
    return lambda r: f(**{name: r.normal(size=shape) for name, shape in shapes.items()})


def orthogonal(Q: Any) -> Sides:
    Q = np.linalg.qr(Q)[0]
    return np.stack([Q.T @ Q, Q @ Q.T]), np.stack([np.eye(len(Q))] * 2)


LAWS: dict[str, Callable[[np.random.Generator], Sides]] = {
    r"\partial x_k/\partial x_j=\delta_{kj}": at(lambda x: (slope(lambda t: t, x), np.eye(3)), x=3),
    r"\partial c/\partial x_j=0": at(lambda x: (slope(lambda t: 2.0, x), np.zeros(3)), x=3),
    r"\partial(a+b)=\partial a+\partial b": at(
        lambda x: (slope(lambda t: np.sin(t) + t**3, x), slope(np.sin, x) + slope(lambda t: t**3, x)), x=3),
    r"\partial\textstyle\sum_k a_kb_k=\sum_k(\partial a_k\,b_k+a_k\,\partial b_k)": product_rule,
    r"\partial\textstyle\sum_k c_k\,x_k=\sum_k c_k\,\partial x_k": at(
        lambda x, c: (slope(lambda t: c @ np.sin(t), x), c @ slope(np.sin, x)), x=3, c=3),
    r"\partial\operatorname{vec}(X)=\operatorname{vec}(\partial X)": at(
        lambda X, t: (slope(lambda s: vec(np.sin(s * X)), t), vec(slope(lambda s: np.sin(s * X), t))), X=(2, 3), t=()),
    r"\partial f(z_i)=f^{\prime}(z_i)\,\partial z_i": at(
        lambda x: (slope(lambda t: np.tanh(a_map(t)), x), (1 - np.tanh(a_map(x)) ** 2)[:, None] * slope(a_map, x)), x=3),
    r"\partial N_i(u)=\textstyle\sum_k(J_N(u))_{ik}\,\partial u_k": at(
        lambda x: (slope(lambda t: a_map(np.sin(t)), x), slope(a_map, np.sin(x)) @ slope(np.sin, x)), x=3),
    r"\delta_x=(\partial v/\partial x^\top)^\top\delta_v": pull_back,
    r"J^\top\nabla_uL\,\nabla_uL^\top J=\nabla_wL\,\nabla_wL^\top": fisher_term,
    r"\mathrm{d}f/\mathrm{d}X=G+G^\top-G\odot I\text{ for symmetric }X": lambda r: structured(r, False),
    r"\mathrm{d}f/\mathrm{d}X=G\odot I\text{ for diagonal }X": lambda r: structured(r, True),
    r"\partial(a/s)=\partial a/s-a\,\partial s/s^2": at(
        lambda t: (slope(lambda x: np.sin(x) / np.exp(x), t), slope(np.sin, t) / np.exp(t)
                   - np.sin(t) * slope(np.exp, t) / np.exp(t) ** 2), t=()),
    r"\mathrm{d}N=A\,\mathrm{d}x\Rightarrow J=A": at(lambda A, x: (slope(lambda t: A @ t, x), A), A=(2, 3), x=3),
    r"\mathrm{d}L=\langle G,\mathrm{d}X\rangle\Rightarrow\nabla_XL=G": at(
        lambda G, X: (slope(lambda t: np.sum(G * t), X), G), G=(2, 3), X=(2, 3)),
    r"\mathrm{d}(\nabla L)=h\,\mathrm{d}x\Rightarrow\nabla^2_xL=h": at(
        lambda h, x: (hessian(lambda t: t @ (h + h.T) @ t / 2, x), h + h.T), h=(3, 3), x=3),
    r"G=J_u^\top\,h_L\,J_u": lambda r: gauss_newton(r, "G"),
    r"R=\textstyle\sum_k(\partial L/\partial u_k)\,\partial^2u_k/\partial w\,\partial w": lambda r: gauss_newton(r, "R"),
    r"e^{u_i}\big/\textstyle\sum_k e^{u_k}=\operatorname{softmax}(u)_i": at(lambda u: (np.exp(u - logsumexp(u)), softmax(u)), u=3),
    r"\log\textstyle\sum_k e^{u_k}=\operatorname{logsumexp}(u)": at(
        lambda u: (np.log(np.exp(u).sum()), np.logaddexp.reduce(u)), u=3),
    r"e^{u_i-\operatorname{logsumexp}(u)}=\operatorname{softmax}(u)_i": at(
        lambda u: (np.exp(u - np.logaddexp.reduce(u)), softmax(u)), u=3),
    r"\log\lvert\det X\rvert=\operatorname{logdet}X": at(
        lambda X: (np.log(abs(np.linalg.det(X))), np.linalg.slogdet(X)[1]), X=(3, 3)),
    r"\sinh x/\cosh x=(e^{x}-e^{-x})/(e^{x}+e^{-x})=\tanh x": at(
        lambda x: (np.array([np.sinh(x) / np.cosh(x), (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))]),
                   np.array([np.tanh(x)] * 2)), x=()),
    r"\log(1+e^{x})=\operatorname{softplus}(x)": at(lambda x: (np.log(1 + np.exp(x)), np.logaddexp(0, x)), x=()),
    r"1/(1+e^{x})=\sigma(-x)": at(lambda x: (1 / (1 + np.exp(x)), sigma(-x)), x=()),
    r"e^{x}\,\sigma(-x)=\sigma(x)": at(lambda x: (np.exp(x) * sigma(-x), sigma(x)), x=()),
    r"1+\tanh\tfrac{x}{2}=2\,\sigma(x)": at(lambda x: (1 + np.tanh(x / 2), 2 * sigma(x)), x=()),
    r"2\,\sigma(2x)-1=\tanh x": at(lambda x: (2 * sigma(2 * x) - 1, np.tanh(x)), x=()),
    r"(1-e^{x})\,\sigma(-x)=1-2\,\sigma(x)": at(lambda x: ((1 - np.exp(x)) * sigma(-x), 1 - 2 * sigma(x)), x=()),
    r"\max(x,0)+\operatorname{softplus}(-|x|)=\operatorname{softplus}(x)": at(
        lambda x: (np.maximum(x, 0) + softplus(-abs(x)), softplus(x)), x=()),
    r"x-\operatorname{softplus}(x)=-\operatorname{softplus}(-x)": at(lambda x: (x - softplus(x), -softplus(-x)), x=()),
    r"\log\operatorname{softmax}(u)=u-\mathbf{1}\operatorname{logsumexp}(u)": at(
        lambda u: (np.log(softmax(u)), u - np.ones(3) * logsumexp(u)), u=3),
    r"\log\sigma(x)=x-\operatorname{softplus}(x)": at(lambda x: (np.log(sigma(x)), x - softplus(x)), x=()),
    r"\log(1-\sigma(x))=-\operatorname{softplus}(x)": at(lambda x: (np.log(1 - sigma(x)), -softplus(x)), x=()),
    r"1-\sigma(-x)=\sigma(x)": at(lambda x: (1 - sigma(-x), sigma(x)), x=()),
    r"1-\sigma(x)=\sigma(-x)": at(lambda x: (1 - sigma(x), sigma(-x)), x=()),
    r"\sigma(-x)=1-\sigma(x)": at(lambda x: (sigma(-x), 1 - sigma(x)), x=()),
    r"\sigma(x)\,\sigma(-x)=\sigma(x)\,(1-\sigma(x))": at(lambda x: (sigma(x) * sigma(-x), sigma(x) * (1 - sigma(x))), x=()),
    r"\sigma(tx)\,(1-\sigma(tx))=\sigma(x)\,(1-\sigma(x))\text{ for }t^2=1": at(
        lambda x: (sigma(-x) * (1 - sigma(-x)), sigma(x) * (1 - sigma(x))), x=()),
    r"f(-x)=\pm f(x)": at(lambda x: (np.array([np.tanh(-x), np.cosh(-x)]), np.array([-np.tanh(x), np.cosh(x)])), x=()),
    r"\mathbf{1}^\top\operatorname{softmax}(u)=1": at(lambda u: (softmax(u).sum(), 1.0), u=4),
    r"y_i\,y_j=\delta_{ij}\,y_i\text{ for one-hot }y": at(lambda x: (np.outer(y := np.eye(3)[x.argmax()], y), np.diag(y)), x=3),
    r"Q^\top Q=I,\ Q\,Q^\top=I": at(orthogonal, Q=(3, 3)),
    r"f(y)=\tfrac12(f(1)+f(-1))+\tfrac{y}{2}(f(1)-f(-1))\text{ for }y^2=1": lambda r: (
        np.exp(y := np.array([1.0, -1.0])), (np.exp(1) + np.exp(-1)) / 2 + y / 2 * (np.exp(1) - np.exp(-1))),
    r"X^{-1}X=I": at(lambda X: (np.linalg.inv(X) @ X, np.eye(3)), X=(3, 3)),
    r"\mathbb{E}[Ay+b]=A\,\mathbb{E}[y]+b": linear_expectation,
    r"\mathbb{E}[y]=\mu": one_hot_mean,
    r"\mathbb{E}[y\,y^\top]=\mu\mu^\top+\operatorname{Cov}(y)": second_moment,
    r"\operatorname{softmax}(u+c\,\mathbf{1})=\operatorname{softmax}(u)": at(lambda u, c: (softmax(u + c), softmax(u)), u=3, c=()),
    r"\operatorname{logsumexp}(u+c\,\mathbf{1})=\operatorname{logsumexp}(u)+c": at(
        lambda u, c: (logsumexp(u + c), logsumexp(u) + c), u=3, c=()),
    r"(A\otimes B)\operatorname{vec}(X)=\operatorname{vec}(B\,X\,A^\top)": at(
        lambda A, B, X: (np.kron(A, B) @ vec(X), vec(B @ X @ A.T)), A=(2, 3), B=(4, 5), X=(5, 3)),
    r"H(x)\max(x,0)=\max(x,0),\ \lvert x\rvert\operatorname{sign}x=x,\ldots": at(
        lambda x: (np.array([(x > 0) * np.maximum(x, 0), abs(x) * np.sign(x)]), np.array([np.maximum(x, 0), x])), x=3),
    r"J_v^\top HJ_w=(J_w^\top HJ_v)^\top\text{ where }H=H^\top": at(
        lambda V, H, W: (V.T @ (H + H.T) @ W, (W.T @ (H + H.T) @ V).T), V=(3, 2), H=(3, 3), W=(3, 4)),
}  # fmt: skip
