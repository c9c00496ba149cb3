"""K-FAC: the Gauss–Newton block of a layer is a Kronecker product for one sample, and nearly so for many."""

from symderiv.handout.source import derivation, handout, identity, kfac, prose, section

NET = """
    z = W1 @ x + b1
    a = tanh(z)
    u = W2 @ a
    -y @ log_softmax(u)
"""
SHAPES = {"W1": "h n", "x": "n", "b1": "h", "W2": "o h", "y": "o", "assume": "sum(y) == 1"}
BATCH = {"A": "m n", "W": "o n", "y": "m o", "assume": "sum(y, axis=1) == 1"}

sheet = handout(
    "K-FAC",
    section(
        "One layer, one sample",
        prose(
            "A linear layer is $s=Wa$, with whatever network and loss above it. Its Jacobian by the weights is "
            "$\\partial s_i/\\partial W_{kl}=\\delta_{ik}\\,a_l$. "
            "So the Gauss–Newton block of $W$ is the outer square of the layer's input, times the Gauss–Newton matrix "
            "of its output:"
        ),
        derivation(
            kfac("L(N(W @ a))", "W", at="N(W @ a)", W="h n", a="n", N="h -> o", L="o -> ", part="block"),
            forms="index",
            meaning={"W": "weights of the layer", "a": "its input", "N": "the network above", "L": "loss"},
        ),
        prose(
            "With columns stacked that is a Kronecker product, $G=(a\\,a^\\top)\\otimes S$, and $S=J_s^\\top "
            "h\\,J_s$: an *identity*, for each sample."),
        identity("vec(S @ V @ A)", "kron(A, S) @ vec(V)", why="for a symmetric A", A="n n", S="h h", V="h n", assume="symmetric(A)"),
    ),
    section(
        "A network",
        derivation(kfac(NET, "W1", at="u", part="block", **SHAPES), forms="index",
                   meaning={"x": "input", "y": "target, a distribution over the classes"}),
        derivation(kfac(NET, "W2", at="u", part="block", **SHAPES), forms="index"),
    ),
    section(
        "Many samples",
        prose(
            "Over a batch the block is a *sum* of Kronecker products, $G=\\sum_nA_n\\otimes S_n$ with "
            "$A_n=a_n\\,a_n^\\top$. That is exact as long as no layer mixes samples. "
            "A sum of Kronecker products isn't one, and can't be inverted factor by factor."
        ),
        derivation(kfac("u = A @ W.T; -sum(y*log_softmax(u, axis=-1))", "W", at="u", part="block", **BATCH), forms="index",
                   meaning={"A": "inputs of the layer, one in each row"}),
        prose(
            "**K-FAC's approximation** puts the mean of the $A_n$ and the sum of the $S_n$ in their place, $\\bar "
            "A\\otimes\\sum_nS_n$, as if inputs and curvatures were uncorrelated. "
            "What that leaves out is their covariance, for any $A_n$ and $S_n$:"
        ),
        derivation(kfac("u = A @ W.T; -sum(y*log_softmax(u, axis=-1))", "W", at="u", part="remainder", **BATCH), forms="index"),
        prose(
            "Nothing is left out where all $S_n$ are equal, as for a squared error right after the layer, or where "
            "all inputs are."),
    ),
    section(
        "The step",
        prose(
            "A Kronecker product is inverted factor by factor. So only $n\\times n$ and $h\\times h$ matrices are "
            "inverted, and the step $(A\\otimes S)^{-1}\\operatorname{vec}(\\nabla_W)$ is a matrix again:"),
        identity("kron(A, S) @ vec(inv(S) @ V @ inv(A))", "vec(V)", why="for symmetric A with an inverse", A="n n", S="h h", V="h n",
                 assume="symmetric(A)"),
    ),
    summary="The block of a layer as a Kronecker product: an identity for one sample, an approximation for many, and "
    "what it leaves out.",
)
