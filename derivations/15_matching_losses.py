"""The loss that matches a module, constructed by integration; modules that have none; what a loss that doesn't match costs."""

from symderiv.handout.source import (
    derivation,
    gradient,
    handout,
    jacobian,
    losses,
    matching,
    matching_loss,
    pairs,
    plot,
    prose,
    section,
)

ONE = {"input": "u", "target": "y", "u": "o"}
NEGATIVE = {**ONE, "assume": "u < 0"}
TEMPERATURE = {**ONE, "t": "", "assume": "t > 0"}
SPACES = {"input": "u", "output": "p", "target": "y", "u": "o", "y": "o"}
BINARY = "-sum(y*log(p) + (1 - y)*log(1 - p))"
SYMMETRIC = {**ONE, "A": "o o", "assume": "symmetric(A)"}

sheet = handout(
    "Losses made for a module",
    section(
        "A loss whose gradient is an error",
        prose(
            "A loss $L(u,y)$ *matches* a module $M$ if $\\nabla_uL=M(u)-y$: what is sent back through the network is output "
            "less target, and nothing else. Then $L=\\Phi(u)-y^\\top u$ with $\\nabla\\Phi=M$.\n\n"
            "Such a $\\Phi$ exists exactly where the Jacobian of $M$ is symmetric, and it is found by integration. "
            "$\\nabla^2_uL=J_M$: the curvature is free of the target, and $L$ is convex exactly where $J_M\\succeq 0$."
        ),
        derivation(
            gradient("logsumexp(u) - y @ u", "u", u="o", y="o"),
            meaning={"u": "logits", "y": "target"},
            forms="brief index matrix differential full",
            numbers={"u": [0, 0, "log(2)"], "y": [1, 0, 0]},
        ),
    ),
    section(
        "Entry by entry",
        prose("For an elementwise module $\\Phi=\\sum_i\\int M(u_i)\\,\\mathrm{d}u_i$."),
        losses(
            ("identity, Gaussian", matching_loss("u", **ONE), "convex"),
            ("sigmoid, Bernoulli", matching_loss("sigmoid(u)", **ONE), "convex"),
            ("tanh, targets ±1", matching_loss("tanh(u)", **ONE), "convex"),
            ("exp, Poisson", matching_loss("exp(u)", **ONE), "convex"),
            ("gamma", matching_loss("-1/u", **NEGATIVE), "convex"),
            ("inverse Gaussian", matching_loss("(-2*u)**(-1/2)", **NEGATIVE), "convex"),
            ("negative binomial", matching_loss("r*exp(u)/(1 - exp(u))", **{**NEGATIVE, "r": "", "assume": ["u < 0", "r > 0"]}), "convex"),
            ("ReLU", matching_loss("relu(u)", **ONE), "convex"),
            ("hard tanh", matching_loss("hardtanh(u)", **ONE), "convex"),
            ("arctan", matching_loss("atan(u)", **ONE), "convex"),
            ("erf", matching_loss("erf(u)", **ONE), "convex"),
            ("cube", matching_loss("u**3", **ONE), "convex"),
            ("softplus", matching_loss("softplus(u)", **ONE), "convex"),
            ("SiLU", matching_loss("silu(u)", **ONE), "neither"),
        ),
        prose(
            "$\\mathcal{F}_1(u)=-\\operatorname{Li}_2(-e^{u})$ is the integral of softplus, which has no simpler form. SiLU "
            "falls before it rises, and so its loss isn't convex."
        ),
    ),
    section(
        "Whole vectors",
        losses(
            ("softmax", matching_loss("softmax(u)", **ONE), "convex"),
            ("temperature", matching_loss("softmax(u/t)", **TEMPERATURE), "convex"),
            ("sparsemax", matching_loss("sparsemax(u)", **ONE), "convex"),
            ("1.5-entmax", matching_loss("entmax15(u)", **ONE), "convex"),
            ("direction", matching_loss("u/norm(u)", **ONE), "convex"),
            ("symmetric map", matching_loss("A @ u", **SYMMETRIC), "neither"),
            ("there and back", matching_loss("W.T @ tanh(W @ u)", **ONE, W="m o"), "convex"),
            ("a square map", matching_loss("A @ u", **ONE, A="o o"), "none"),
            ("softmax of a map", matching_loss("softmax(A @ u)", **ONE, A="o o"), "none"),
        ),
    ),
    section(
        "Sparsemax",
        prose(
            "$\\operatorname{sparsemax}(u)=\\max(u-\\tau\\mathbf{1},0)$ is the point of the simplex that is nearest to $u$; "
            "$\\tau(u)$ makes the entries sum to one. Its kinks are where an $u_i$ is the threshold. Away from these, "
            "$s=H(u-\\tau\\mathbf{1})$ says which entries are in the support, and $\\nabla\\tau=s/\\mathbf{1}^\\top s$."
        ),
        derivation(
            jacobian("sparsemax(u)", "u", u="o"),
            meaning={"u": "scores"},
            forms="brief matrix index full",
            numbers={"u": [0.3, 2.0, 1.5]},
        ),
        plot(
            {"p_1": "exp(u)/(exp(u) + 1)", "s_1": "clip(u/2 + 1/2, 0, 1)"},
            "u",
            between=(-4, 4),
            caption="The first of two entries against the difference of their scores: softmax $p_1$, and sparsemax $s_1$",
        ),
    ),
    section(
        "Pairs that don't match",
        prose(
            "Without a match something is left over that depends on $u$ and $y$ together. The output is $p=M(u)$ throughout; the "
            "last row has the sigmoid again, with the loss that is made for it."
        ),
        pairs(
            ("probit, Bernoulli", matching("normal_cdf(u)", BINARY, **SPACES), False),
            ("complementary log-log, Bernoulli", matching("1 - exp(-exp(u))", BINARY, **SPACES), False),
            ("gamma with the logarithm as link", matching("exp(u)", "sum(log(p) + y/p)", **SPACES), False),
            ("softplus, Poisson", matching("softplus(u)", "sum(p - y*log(p))", **SPACES), False),
            ("sigmoid, squared error", matching("sigmoid(u)", "sum((p - y)**2)/2", **SPACES), False),
            ("softmax, squared error", matching("softmax(u)", "sum((p - y)**2)/2", **SPACES), False),
            ("sigmoid, Bernoulli", matching("sigmoid(u)", BINARY, **SPACES), True),
        ),
    ),
    section(
        "What that costs: their curvature",
        prose(
            "Of one output, against $u$, for several targets. Of a pair that matches all curves would be one, and $\\ge 0$ where "
            "$M$ rises. Here each target has its own; where a curve is below zero the loss bends the wrong way, and a step of Newton's "
            "method goes uphill."
        ),
        plot({"y=0": "sigmoid(u)**2/2", "y=1": "(sigmoid(u) - 1)**2/2"}, "u", between=(-6, 6), order=2,
             caption="Sigmoid with the squared error: negative at the worst answers, where the loss is flat as well"),
        plot({"y=0": "sigmoid(u)**2", "y=1": "(sigmoid(u) - 1)**2", "y=1/2": "(sigmoid(u) - 1/2)**2"}, "u", between=(-6, 6), order=2,
             caption="Softmax of the two scores $u$ and $0$ with the squared error, $y$ the first entry of the target"),
        plot({"y=0": "-log(normal_cdf(-u))", "y=1": "-log(normal_cdf(u))"}, "u", between=(-4, 4), order=2,
             caption="Probit with Bernoulli's likelihood: never negative, and yet another curve for each target"),
        plot({"y=0": "exp(u)", "y=1": "-log(1 - exp(-exp(u)))"}, "u", between=(-4, 2), order=2, span=(-0.2, 2),
             caption="Complementary log-log with Bernoulli's likelihood"),
        plot({"y=0": "softplus(u)", "y=1": "softplus(u) - log(softplus(u))", "y=4": "softplus(u) - 4*log(softplus(u))"},
             "u", between=(-5, 5), order=2,
             caption="Softplus with Poisson's likelihood: it bends upwards, the more the larger $y$ is"),
        plot({"y=1/2": "u + exp(-u)/2", "y=1": "u + exp(-u)", "y=2": "u + 2*exp(-u)"}, "u", between=(-1, 3), order=2,
             caption="Gamma with the logarithm as its link: $y\\,e^{-u}$, which dies away where the mean is too large"),
        prose("For comparison the loss that is made for the sigmoid:", "A pair that matches"),
        plot({"y=0": "softplus(u)", "y=1": "softplus(u) - u"}, "u", between=(-6, 6), order=2,
             caption="Sigmoid with Bernoulli's likelihood: $\\sigma(1-\\sigma)$ for both targets, one curve on the other"),
    ),
    summary="Losses by integration: elementwise, softmax, sparsemax; modules that have none; the curvature of pairs that don't match.",
)
