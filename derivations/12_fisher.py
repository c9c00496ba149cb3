"""The Gauss–Newton matrix is the Fisher information: an expectation taken step by step, and what follows of it."""

from symderiv.handout.source import (
    bregman,
    derivation,
    fenchel_young,
    fisher,
    gauss_newton,
    glm,
    handout,
    hessian_backpropagation,
    identity,
    matched_curvature,
    models,
    natural_gradient,
    prose,
    section,
)

CLASSES = {"w": "n", "N": "n -> o", "y": "o"}
LOSS = "u = N(w); -y @ log_softmax(u)"
F = {"at": "u", **CLASSES}
LABELS = "u = X @ w; sum(softplus(u) - y*u)"
BERNOULLI = {"at": "u", "family": "bernoulli", "X": "m n", "w": "n", "y": "m"}
NETWORK = {"W1": "h n", "x": "n", "f": "elementwise", "N": "h -> o", "L": "o -> "}
PAIR = {"input": "u", "u": "o", "y": "o", "assume": "sum(y) == 1", "network": "N(w)", "wrt": "w", "N": "n -> o", "w": "n"}

sheet = handout(
    "Gauss–Newton and Fisher",
    section(
        "A target drawn from the model",
        prose(
            "Let $p=\\operatorname{softmax}(u)$ be the model's own distribution, $y$ one-hot and drawn from it. Write "
            "$j=\\partial L/\\partial u$ for "
            "the *score*. The expectation over $y$ is linear, $\\mathbb{E}[y]=p$, and of a one-hot $y$ the square is "
            "known: $y\\,y^\\top=\\operatorname{diag}(y)$."
        ),
        derivation(fisher(LOSS, "w", part="score", **F), forms="matrix", meaning={"u": "logits", "N": "network", "y": "one-hot target"}),
        prose("The score is zero on average. Its covariance needs the second moment only:"),
        derivation(fisher(LOSS, "w", part="covariance", **F), forms="matrix"),
    ),
    section(
        "The Fisher information",
        prose(
            "$F=\\mathbb{E}[\\nabla_wL\\,\\nabla_wL^\\top]$. What doesn't depend on $y$ comes out; what stays "
            "inside is the covariance above."),
        derivation(fisher(LOSS, "w", part="information", **F), forms="matrix"),
        prose("That is the Gauss–Newton matrix, split at the logits:"),
        derivation(gauss_newton(LOSS, "w", at="u", **CLASSES, assume="sum(y) == 1"), forms="brief"),
        prose("Of the whole Hessian $H=G+R$ the remainder vanishes on average, since it holds the score once."),
        derivation(fisher(LOSS, "w", part="expected_hessian", **F), forms="index"),
    ),
    section(
        "The split point matters",
        prose(
            "Split *after* softmax, the same loss has another Gauss–Newton matrix: for a one-hot target it is the "
            "outer square of the "
            "gradient at the target that was seen, a term of the *empirical* Fisher. It is no expectation."
        ),
        derivation(gauss_newton("p = softmax(u); -y @ log(p)", "u", at="p", u="o", y="o", assume="onehot(y)"), forms="brief"),
    ),
    section(
        "Matching losses",
        prose(
            "Where the gradient is $A\\,M(u)+b$ with $A$ and $b$ free of $u$, no second derivative of the loss is "
            "needed: $H_{L\\circ M}=A\\,J_M$."),
        derivation(matched_curvature("softmax(u)", "-y @ log(p)", part="hessian", **PAIR), forms="matrix"),
        derivation(matched_curvature("softmax(u)", "-y @ log(p)", part="gauss_newton", **PAIR), forms="matrix"),
    ),
    section(
        "Generalised linear models",
        prose(
            "A family of distributions has a cumulant $b$; its mean is $\\mu=b'(\\theta)$, its variance "
            "$V=b''(\\theta)$. With a linear predictor $\\eta$ and "
            "$\\theta=\\theta(\\eta)$ the loss is $L=b(\\theta(\\eta))-y\\,\\theta(\\eta)$. For any $b$ and $\\theta$:"
        ),
        derivation(glm(part="gradient"), forms="matrix"),
        derivation(glm(part="hessian"), forms="matrix"),
        prose(
            "In terms of mean and variance it has a part without $y$, the Fisher information, and one that vanishes "
            "on average:"),
        derivation(glm(part="identity"), forms="matrix"),
        prose(
            "So $L''=\\mu'^2/V+(\\mu-y)\\,\\theta''$. The link is *canonical* where $\\theta''=0$: then, and only "
            "then, the curvature doesn't depend on $y$."),
        models(
            ("gaussian", "identity"), ("bernoulli", "logit"), ("binomial", "logit"), ("poisson", "log"), ("poisson", "sqrt"),
            ("gamma", "inverse"), ("gamma", "log"), ("inverse_gaussian", "inverse_squared"),
            ("inverse_gaussian", "log"), ("negative_binomial", "log"),
        ),
    ),
    section(
        "The natural gradient",
        prose(
            "The step $F^{-1}\\nabla L$ doesn't depend on how the parameters are scaled or mixed: with $w=Av$ the "
            "step in $v$, mapped by $A$, is the step in $w$."),
        derivation(
            natural_gradient(LABELS, "w", **BERNOULLI, part="gradient"),
            forms="brief",
            meaning={"X": "samples, one in each row", "w": "weights", "y": "labels, each 0 or 1"},
        ),
        derivation(
            natural_gradient(LABELS, "w", **BERNOULLI, part="fisher.information"),
            forms="matrix",
        ),
        identity(
            "A @ inv(A.T @ F @ A) @ A.T @ g", "inv(F) @ g", why="for every A with an inverse", A="n n", F="n n", g="n",
        ),
    ),
    section(
        "Layer by layer",
        prose(
            "The Hessian is passed back as the gradient is. With $\\delta$ and $H$ of the next value, each step has a "
            "Gauss–Newton part and the "
            "layer's own curvature:"
        ),
        derivation(
            hessian_backpropagation("z = W1 @ x; a = f(z); u = N(a); L(u)", **NETWORK, part='steps["a"]'),
            forms="index",
        ),
        derivation(
            hessian_backpropagation("z = W1 @ x; a = f(z); u = N(a); L(u)", **NETWORK, part='steps["z"]'),
            forms="index",
        ),
    ),
    section(
        "Potentials",
        prose(
            "A convex potential $\\varphi$ has a Bregman divergence, with the Hessian of $\\varphi$; of $\\sum_i "
            "x_i\\log x_i-x_i$ it is the Kullback–Leibler divergence."),
        derivation(bregman("sum(x*log(x) - x)", "x", x="n", assume="x > 0", part="divergence"), forms="matrix"),
        prose(
            "The Fenchel–Young loss $\\Omega^*(u)-u^\\top y$ has the gradient $\\nabla\\Omega^*(u)-y$, and so "
            "matches the module $\\nabla\\Omega^*$:"),
        derivation(fenchel_young("logsumexp(u)", "u", u="o", part="hessian"), forms="matrix"),
    ),
    summary="The expectation as an operator; F = G = E[H]; matching losses; generalised linear models; the natural "
    "gradient.",
)
