"""The chain rule of any order: Faà di Bruno's formula for orders 2, 3 and 4, derived and checked."""

from symderiv.handout.source import derivation, derivative, handout, partitions, prose, section

NUMBERS = {"x": "", "f": "elementwise", "g": "elementwise"}

sheet = handout(
    "The chain rule of any order",
    section(
        "Numbers",
        prose(
            "Let $f$ and $g$ take and give numbers. Each further derivative falls on the outer function, by the chain "
            "rule, or on a derivative of the inner one, by the product rule."
        ),
        derivation(
            derivative("f(g(x))", "x", order=3, **NUMBERS),
            meaning={"x": "number"},
            forms="brief full",
        ),
        prose("Once more, and there are five terms:"),
        derivation(derivative("f(g(x))", "x", order=4, **NUMBERS), forms="brief"),
        prose(
            "Where do the coefficients come from? $4\\,f''\\,g'\\,g'''$ stands for four equal terms, $3\\,f''\\,(g'')^2$ for "
            "three: they are counted by the partitions below."
        ),
    ),
    section(
        "Vectors: one term for each partition",
        prose(
            "Now $C=L(N(w))$, with a vector $w$, a vector-valued $N$ and a scalar $L$. Differentiate along directions "
            "numbered $1,\\dots,k$. Every term belongs to a *partition* of the set of directions: each block is one "
            "derivative of $N$, along the directions in the block, and $L$ is differentiated once for each block. A "
            "further direction joins a block, by the product rule, or is a block of its own, by the chain rule. So "
            "the partitions of $k+1$ directions come from those of $k$, each once."
        ),
        prose(
            "Of the second order there are two. The partition with two blocks is the Gauss–Newton term, that with one "
            "block the remainder:"
        ),
        partitions(2),
    ),
    section(
        "Third order",
        prose("One block, two blocks in three ways, three blocks: $1+3+1=5$ partitions."),
        partitions(3),
    ),
    section(
        "Fourth order",
        prose(
            "Fifteen partitions, of five kinds. Two blocks are 3 and 1 directions in four ways, or 2 and 2 in three; "
            "along one direction the terms of a kind are equal, and these are the coefficients for numbers."
        ),
        partitions(4),
    ),
    section(
        "How many terms",
        prose(
            "The partitions of $k$ directions are counted by the Bell numbers $1$, $2$, $5$, $15$, $52$, $203$. Of a given "
            "kind, with $m_s$ blocks of the size $s$, there are"
            "\n\n$$\\frac{k!}{\\prod_s(s!)^{m_s}\\,m_s!}$$\n\n"
            "For two pairs out of four that is $4!/(2!^2\\cdot 2!)=3$."
        ),
    ),
    summary="Faà di Bruno's formula: a term for each partition of the directions; orders 2, 3 and 4, derived and checked.",
)
