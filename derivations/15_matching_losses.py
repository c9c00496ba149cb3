"""The loss that matches a module, constructed by integration; modules that have none; what a loss that doesn't match costs."""

from symderiv.handout.source import (
    derivation,
    gradient,
    handout,
    jacobian,
    losses,
    matching_loss,
    plot,
    prose,
    section,
)

ONE = {"input": "u", "target": "y", "u": "o"}
NEGATIVE = {**ONE, "assume": "u < 0"}
TEMPERATURE = {**ONE, "t": "", "assume": "t > 0"}
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
            "Without a match the curvature depends on the target, and may be negative: far from the target the loss is flat "
            "or bends the wrong way, and a large error is hardly corrected. Loss, slope and curvature of one output:"
        ),
        plot("(sigmoid(u) - y)**2/2", "u", between=(-6, 6), numbers={"y": 1}, derivatives=2,
             caption="Sigmoid with the squared error, which is flat at the worst answers; the curvature is negative there"),
        plot("-log(normal_cdf(u))", "u", between=(-4, 4), derivatives=2,
             caption="Probit: convex, though its curvature is another one for $y=0$"),
        plot("exp(u) - y*u", "u", between=(-3, 2), numbers={"y": 1}, derivatives=2,
             caption="The exponential with Poisson's likelihood matches: the curvature is $e^u$ for every $y$"),
        plot("softplus(u) - y*log(softplus(u))", "u", between=(-5, 5), numbers={"y": 2}, derivatives=2,
             caption="Softplus with Poisson's likelihood: the curvature depends on $y$"),
        plot("u + y*exp(-u)", "u", between=(-2, 3), numbers={"y": 1}, derivatives=2,
             caption="Gamma with the logarithm as its link: convex, but the curvature grows with $y$"),
        plot("exp(u) - y*(exp(u) + log(1 - exp(-exp(u))))", "u", between=(-4, 2), numbers={"y": 1}, derivatives=2,
             caption="Complementary log-log"),
    ),
    summary="Losses by integration: elementwise, softmax, sparsemax; modules that have none; the curvature of pairs that don't match.",
)
