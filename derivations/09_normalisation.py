"""Normalisation layers: layer norm, RMS norm, batch norm; by their input and their parameters."""

from symderiv.handout.source import derivation, gradient, handout, identity, jacobian, prose, section

sheet = handout(
    "Normalisation layers",
    section(
        "RMS norm",
        prose("The simplest first: the input divided by its root mean square $\\sqrt v$."),
        derivation(
            jacobian("v = mean(x**2) + eps; x / sqrt(v)", "x", x="n", eps=""),
            meaning={"x": "input", "eps": "a small number"},
            forms="brief index full",
        ),
    ),
    section(
        "Layer norm",
        prose("The mean $m$ is taken away first; $v$ is the variance of what remains."),
        derivation(
            jacobian("m = mean(x); v = mean((x - m)**2) + eps; (x - m) / sqrt(v)", "x", x="n", eps=""),
            meaning={"x": "input", "eps": "a small number"},
            forms="matrix index full",
        ),
    ),
    section(
        "Layer norm before a loss",
        prose(
            "With gain $g$ and offset $b$, as a network has it; $L$ is all that comes after. $c$ is the centred input, $z$ the "
            "normalised one: the gradient comes back through both, and loses its mean."
        ),
        derivation(
            gradient(
                "c = x - mean(x); v = mean(c**2) + eps; z = c / sqrt(v); u = g * z + b; L(u)",
                ["x", "g", "b"],
                x="n",
                g="n",
                b="n",
                eps="",
                L="n -> ",
            ),
            meaning={"x": "input", "g": "gain", "b": "offset", "eps": "a small number", "L": "all that comes after; $J_L$ its gradient"},
            forms="matrix full",
        ),
    ),
    section(
        "Batch norm",
        prose(
            "The same along the other axis: a batch $X$ has a sample in each row, and each *column* is normalised by its own "
            "mean and variance. So every sample's gradient holds the whole batch."
        ),
        derivation(
            gradient(
                "C = X - mean(X, axis=0); v = mean(C**2, axis=0) + eps; Z = C / sqrt(v); U = Z * g + b; L(U)",
                ["X", "g", "b"],
                X="B n",
                g="n",
                b="n",
                eps="",
                L="B n -> ",
            ),
            meaning={"X": "batch, a sample in each row", "g": "gain", "b": "offset", "L": "all that comes after; $J_L$ its gradient"},
            forms="matrix index full",
        ),
    ),
    section(
        "What a normalisation forgets",
        prose("A number added to all entries leaves no trace in layer norm; a positive factor none in RMS norm without $\\epsilon$."),
        identity("layer_norm(x + t)", "layer_norm(x)", why="centred", x="n", t=""),
    ),
    summary="RMS, layer and batch norm: Jacobians and gradients by the input, the gain and the offset.",
)
