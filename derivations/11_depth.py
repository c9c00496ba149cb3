"""Backpropagation at any depth: networks of L equal layers, L a symbol."""

from symderiv.handout.source import depth, handout, prose, section

sheet = handout(
    "Backpropagation at any depth",
    section(
        "A network of equal layers",
        prose(
            "Let $L$ be a symbol. The engine differentiates *one* generic layer before an abstract function of its output, "
            "of which nothing is known: what it proves of this function is true of all the layers that follow and the loss. "
            "With the last layer as base this is an induction. $\\delta_v$ is the gradient of the loss by $v$; "
            "the loss $E$ is any smooth function, $j_E$ its gradient and $h_E$ its Hessian."
        ),
        depth("z = W @ a + b; tanh(z)", "a", W="h h", a="h", b="h"),
    ),
    section(
        "Any activation, with a squared error",
        prose("The activation $f$ is generic: its derivative is $f'$. The loss stands in the base alone."),
        depth(
            "z = W @ a; f(z)",
            "a",
            kinds="gradient",
            loss="norm(a - y)**2/2",
            W="h h",
            a="h",
            y="h",
            f="elementwise",
        ),
    ),
    section(
        "Residual layers",
        prose("The state goes on unchanged beside the layer, and so does its gradient: a sum instead of a product."),
        depth("a + V @ tanh(W @ a)", "a", kinds="gradient jacobian", W="m h", V="h m", a="h"),
    ),
    section(
        "A recurrent network",
        prose("Weights that all layers share have a gradient that is a sum over the layers, here the steps in time."),
        depth("tanh(W @ a + x)", "a", kinds="gradient", shared=["W"], W="h h", a="h", x="h"),
    ),
    summary="Layers whose number is a symbol: the backward recursion, the product of Jacobians, the layerwise Hessian, by induction.",
)
