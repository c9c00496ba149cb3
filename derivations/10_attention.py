"""Attention: queries, keys and values, one head; the gradients by each, and by the weights that make them."""

from symderiv.handout.source import derivation, gradient, handout, identity, jacobian, prose, section

ATTENTION = """
    S = Q @ K.T / sqrt(d)
    P = softmax(S, axis=1)
    O = P @ V
    L(O)
"""
MEANING = {
    "Q": "queries, one a row",
    "K": "keys, one a row",
    "V": "values, one a row",
    "L": "loss of the attended values; $J_L$ its gradient",
    "X": "tokens, one a row",
}

sheet = handout(
    "Attention",
    section(
        "One query",
        prose(
            "A query $q$ is compared with every key; softmax makes weights $p$ of what comes out, and the answer is the mean "
            "of the values under these weights. By $q$ it is a Jacobian with the *covariance* of the weights in its middle."
        ),
        derivation(
            jacobian("p = softmax(K @ q / sqrt(d)); V.T @ p", "q", K="m d", q="d", V="m e"),
            meaning={"q": "query", "K": "keys, one a row", "V": "values, one a row"},
            forms="brief index full",
            numbers={"K": [[1, 0], [0, 1], [0, 0]], "q": [0, 0], "V": [[1, 0], [0, 1], [1, 1]]},
        ),
    ),
    section(
        "Backpropagation to queries, keys and values",
        prose(
            "All queries at once: softmax is taken along each row of the scores $S$. What comes back through it is, in each "
            "row, $\\delta_P\\odot P$ without its share in the row's mean."
        ),
        derivation(
            gradient(ATTENTION, ["Q", "K", "V"], Q="n d", K="m d", V="m e", L="n e -> "),
            meaning=MEANING,
            forms="matrix index full",
        ),
    ),
    section(
        "Self-attention: the weights",
        prose("Queries, keys and values are made of the same tokens $X$; their weights come one step further back."),
        derivation(
            gradient(
                """
    Q = X @ A
    K = X @ B
    V = X @ C
    S = Q @ K.T / sqrt(d)
    P = softmax(S, axis=1)
    O = P @ V
    L(O)
""",
                ["A", "B", "C", "X"],
                X="n m",
                A="m d",
                B="m d",
                C="m e",
                L="n e -> ",
            ),
            meaning={**MEANING, "A": "weights of the queries", "B": "weights of the keys", "C": "weights of the values"},
            forms="matrix full",
        ),
    ),
    section(
        "What doesn't matter",
        prose("A row of scores may be shifted: a number added to all scores of a query changes nothing."),
        identity("softmax(S + c[:, None], axis=1)", "softmax(S, axis=1)", why="softmax shift", S="n m", c="n"),
    ),
    summary="Scaled dot-product attention: the Jacobian by a query, and every gradient by queries, keys, values and weights.",
)
