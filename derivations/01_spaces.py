"""Spaces, maps and products: what the other sheets are written in."""

from symderiv.handout.source import handout, identity, maps, prose, section

sheet = handout(
    "Spaces and linear algebra",
    section(
        "Modules are maps",
        prose(
            "A module takes its input to its output, and, with the input held, its parameters to its output. A network is a "
            "composition of modules, so it has both views too; with a loss at its end it is a map into the numbers. The same "
            "expression is differentiated by one or by the other."
        ),
        maps(
            ("linear layer, of its input", "W @ h", "h"),
            ("linear layer, of its weights", "W @ h", "W"),
            ("linear layer, of its bias", "W @ h + b", "b"),
            ("abstract module, of its parameters", "N(w)", "w"),
            ("network, of its input", "V @ tanh(W @ h)", "h"),
            ("network, of its first weights", "V @ tanh(W @ h)", "W"),
            ("loss", "L(u)", "u"),
            ("loss of a module, of the parameters", "L(N(w))", "w"),
            W="o n",
            h="n",
            b="o",
            V="s o",
            w="n",
            u="o",
            N="n -> o",
            L="o -> ",
            covers="S1 S12",
        ),
    ),
    section(
        "The matrix product",
        prose(
            "An index that stands twice and is summed is a contraction; the matrix product sums the inner two of four."
        ),
        identity(
            "A @ B",
            'einsum("ik,kj->ij", A, B)',
            forms=("matrix", "index"),
            why="entries",
            A="m n",
            B="n o",
            numbers={"A": [[1, 2], [0, 1]], "B": [[1, 0, 2], [3, 1, 1]]},
            covers="S2",
        ),
        prose(
            "In higher dimensions it is the same sum, over any axis of one and any axis of the other; it is associative too:"
        ),
        identity(
            'C = A @ B; einsum("ijk,kl->ijl", T, C)',
            'S = einsum("ijk,kl->ijl", T, A); einsum("ijk,kl->ijl", S, B)',
            forms=("index", "index"),
            why="associative",
            T="p q m",
            A="m n",
            B="n o",
            covers="S2",
        ),
        prose("Transposing turns the order of a product around:"),
        identity("C = A @ B; C.T", "B.T @ A.T", why="transpose product", A="m n", B="n o"),
    ),
    section(
        "Inner products",
        prose("Of two vectors:"),
        identity(
            "u @ v",
            'einsum("i,i->", u, v)',
            forms=("matrix", "index"),
            why="entries",
            u="n",
            v="n",
            numbers={"u": [1, 2, 3], "v": [2, 0, 1]},
            covers="S3",
        ),
        prose("Of two matrices, the Frobenius inner product: entry by entry, and as a trace."),
        identity(
            "sum(A * B)",
            'einsum("ij,ij->", A, B)',
            forms=("matrix", "index"),
            why="entries",
            A="m n",
            B="m n",
            numbers={"A": [[1, 2], [0, 1]], "B": [[3, 1], [5, 2]]},
            covers="S4",
        ),
        identity(
            "sum(A * B)",
            "trace(A.T @ B)",
            forms=("matrix", "trace"),
            why="trace of a product",
            A="m n",
            B="m n",
            covers="S4",
        ),
        prose("A factor may change sides; this is what a gradient of a matrix is found by:"),
        identity(
            "Z = A @ X @ B; sum(V * Z)",
            "G = A.T @ V @ B.T; sum(G * X)",
            why="move to cotangent",
            V="m q",
            A="m n",
            X="n p",
            B="p q",
        ),
    ),
    section(
        "The outer product",
        identity(
            "outer(u, v)",
            'einsum("i,j->ij", u, v)',
            forms=("matrix", "index"),
            why="entries",
            u="m",
            v="n",
            numbers={"u": [1, 2, 0], "v": [3, 1]},
            covers="S5",
        ),
        prose("It has rank one: applied to a vector it gives a multiple of $u$."),
        identity("A = outer(u, v); A @ w", "s = v @ w; s * u", why="rank one", u="m", v="n", w="n"),
    ),
    section(
        "Vec and the Kronecker product",
        prose("$\\operatorname{vec}$ stacks the columns of a matrix, and turns a product around it into one matrix:"),
        identity("vec(A @ X @ B)", "kron(B.T, A) @ vec(X)", why="vec of product", A="m n", X="n p", B="p q"),
    ),
    summary="Modules as maps; matrix, inner, Frobenius, outer and Kronecker products, each proved from its entries.",
)
