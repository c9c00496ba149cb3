"""The chain rule for modules of any kind, to the third order."""

from symderiv.handout.source import (
    derivation,
    derivative,
    gradient,
    handout,
    hessian,
    identity,
    jacobian,
    prose,
    section,
)

MODULES = {"w": "parameters", "N": "module", "L": "loss"}

sheet = handout(
    "Composition",
    section(
        "Chain rule: the Jacobian of a composition",
        prose("The outer derivative is taken at $u=N(w)$."),
        derivation(
            jacobian("L(N(w))", "w", w="n", N="n -> o", L="o -> s"),
            meaning={**MODULES, "L": "outer module"},
            covers="S12 S13",
        ),
    ),
    section(
        "Chain rule: the gradient of a loss",
        derivation(gradient("L(N(w))", "w", w="n", N="n -> o", L="o -> "), meaning=MODULES, covers="S12 S14"),
    ),
    section(
        "The Hessian of a composition",
        derivation(hessian("L(N(w))", "w", w="n", N="n -> o", L="o -> "), meaning=MODULES, covers="S15"),
    ),
    section(
        "Exercise: the Hessian of a vector-valued composition",
        prose("*Exercise.* Derive the second derivative of $L\\circ N$ where $L$ has several outputs. *Solution.*"),
        derivation(
            hessian("L(N(w))", "w", w="n", N="n -> o", L="o -> s"),
            meaning={**MODULES, "L": "outer module"},
            forms="brief index full ways",
            covers="S16",
        ),
    ),
    section(
        "The third derivative",
        prose(
            "The same rules, once more. Each term is a way to spread three derivatives over the outer and the inner map."
        ),
        derivation(
            derivative("L(N(w))", "w", order=3, w="n", N="n -> o", L="o -> "),
            meaning=MODULES,
            forms="brief full",
            covers="S15",
        ),
    ),
    section(
        "Where does softmax belong?",
        prose(
            "Softmax may end the network, and the loss take probabilities; or it may begin the loss, which then takes logits. "
            "The composition is the same, and so is its derivative by the parameters."
        ),
        identity(
            "-y @ log(softmax(W @ h))",
            "-y @ log_softmax(W @ h)",
            why="log of softmax",
            W="o n",
            h="n",
            y="o",
            covers="S12",
        ),
        derivation(
            gradient("p = softmax(W @ h); -y @ log(p)", "W", W="o n", h="n", y="o", assume="sum(y) == 1"),
            meaning={"W": "weights", "h": "input", "y": "target"},
            forms="brief index",
            covers="S12",
        ),
        derivation(
            gradient("u = W @ h; -y @ log_softmax(u)", "W", W="o n", h="n", y="o", assume="sum(y) == 1"),
            meaning={"W": "weights", "h": "input", "y": "target"},
            forms="brief index",
            covers="S12",
        ),
    ),
    summary="The chain rule for abstract modules: Jacobian, gradient, Hessian, the vector-valued exercise, third order.",
)
