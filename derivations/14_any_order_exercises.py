"""Exercises on the chain rule of higher order."""

from symderiv.handout.source import blanks, derivative, drawn, exercise, find_error, handout, partitions, section

NUMBERS = {"x": "", "f": "elementwise", "g": "elementwise"}

sheet = handout(
    "Exercises: the chain rule of any order",
    section(
        "Partitions",
        exercise(
            "Three directions",
            "Write down the partitions of three directions $i$, $j$, $l$, and for each the term of "
            "$\\partial^3C/\\partial w_i\\partial w_j\\partial w_l$, where $C=L(N(w))$.",
            points=4,
            hint="One block, two blocks in three ways, three blocks. A block is a derivative of $N$.",
            solution=[partitions(3)],
        ),
        exercise(
            "Which of them survive",
            "Let $N$ be affine, $N(w)=Aw+b$. Which partitions of $k$ directions have a term that isn't zero? And if instead "
            "$L$ is quadratic, which ones of four?",
            points=3,
            solution="With an affine $N$ a block of two or more directions is a second or higher derivative of $N$, "
            "and zero: only the partition into single directions survives, $L^{(k)}[A,\\dots,A]$. With a quadratic $L$ its "
            "third and higher derivatives are zero: only the partitions into one or two blocks survive, of four directions "
            "$1+4+3=8$.",
        ),
        exercise(
            "Counting",
            "How often does $f'''\\,g''\\,(g')^2$ stand in the fourth derivative of $f(g(x))$? Count the partitions.",
            points=2,
            solution="Its partitions have one pair and two single directions. A pair out of four directions is chosen in "
            "$4!/(2!\\cdot 2!)=6$ ways, so six times.",
        ),
    ),
    section(
        "Numbers",
        exercise(
            "What comes here?",
            blanks(derivative("f(g(x))", "x", order=3, **NUMBERS), count=2, seed=3),
            points=2,
        ),
        exercise(
            "One of these lines is wrong",
            find_error(derivative("exp(g(x))", "x", order=3, x="", g="elementwise"), seed=2),
            points=3,
        ),
        exercise(
            "With numbers",
            "Find the third derivative of $e^{x^2}$ at this $x$, by the formula with $f=\\exp$ and $g(x)=x^2$. Which partitions drop out?",
            points=3,
            numbers={"x": drawn("", low=0, high=2)},
            ask=derivative("exp(x**2)", "x", order=3, x=""),
            name="d",
            solution="$g'''=0$, so the partition with one block drops out: $3\\,e^{x^2}\\cdot 2x\\cdot 2+e^{x^2}(2x)^3$.",
        ),
    ),
    summary="Partitions of three directions, which terms survive, a coefficient; blanks, an error and numbers.",
)
