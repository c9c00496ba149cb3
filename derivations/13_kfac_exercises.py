"""Exercises on the Gauss–Newton blocks of layers."""

from symderiv.handout.source import blanks, drawn, exercise, handout, hessian, identity, jacobian, kfac, section

LAYER = {"W": "o n", "a": "n", "y": "o"}

sheet = handout(
    "Exercises: K-FAC",
    section(
        "One sample",
        exercise(
            "By hand",
            "Derive the Gauss–Newton block of $W$ for $u=Wa$ and the loss $\\tfrac12\\lVert u-y\\rVert^2$. Write it "
            "as a Kronecker product.",
            points=3,
            hint="$\\partial u_i/\\partial W_{kl}=\\delta_{ik}\\,a_l$.",
            solution=[
                jacobian("W @ a", "W", W="o n", a="n"),
                kfac("u = W @ a; sum((u - y)**2)/2", "W", at="u", part="block", **LAYER),
                "$G=(a\\,a^\\top)\\otimes I$.",
            ],
        ),
        exercise(
            "Cross-entropy",
            "Now the loss is $-y^\\top\\log\\operatorname{softmax}(u)$, with $\\mathbf{1}^\\top y=1$. What is $S$?",
            points=2,
            solution=kfac("u = W @ a; -y @ log_softmax(u)", "W", at="u", part="block", assume="sum(y) == 1", **LAYER),
        ),
        exercise(
            "With numbers",
            "Find $S$, the Hessian of the loss in the logits, at these logits.",
            points=2,
            numbers={"u": drawn("3", low=0, high=2)},
            ask=hessian("logsumexp(u)", "u", u="o"),
            name="S",
            hint="Its rows sum to zero.",
        ),
        exercise("Which rule is it?", blanks(hessian("logsumexp(u)", "u", u="o"), what="rule", count=1, seed=2), points=2),
    ),
    section(
        "Many samples",
        exercise(
            "Exact or not?",
            "A squared error stands right after the layer, $u=AW^\\top$ with a sample in each row of $A$. Show that "
            "K-FAC's product is the block itself. Why isn't it for a cross-entropy?",
            points=3,
            hint="What are the $S_n$?",
            solution=[
                kfac("u = A @ W.T; sum((u - y)**2)/2", "W", at="u", A="m n", W="o n", y="m o", part="block"),
                "All $S_n$ are $I$. Those of a cross-entropy depend on the sample.",
            ],
        ),
        exercise(
            "The step",
            "Show that $S^{-1}\\,V\\,A^{-1}$ solves $(A\\otimes S)\\operatorname{vec}(X)=\\operatorname{vec}(V)$ for "
            "a symmetric $A$.",
            points=2,
            solution=identity("kron(A, S) @ vec(inv(S) @ V @ inv(A))", "vec(V)", why="factor by factor", A="n n", S="h h", V="h n",
                              assume="symmetric(A)"),
        ),
        exercise(
            "Two layers",
            "For $u=W_2\\tanh(W_1x)$ and the loss $\\tfrac12\\lVert u-y\\rVert^2$ find $G$ by $W_2$, split at $u$.",
            points=3,
            solution=kfac(
                "a = tanh(W1 @ x); u = W2 @ a; sum((u - y)**2)/2", "W2", at="u", W1="h n", x="n", W2="o h", y="o", part="block",
            ),
        ),
    ),
    summary="Blocks of a layer as Kronecker products, by hand and with numbers; when K-FAC is exact.",
)
