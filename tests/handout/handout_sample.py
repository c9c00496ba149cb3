"""Three derivations as pages should show them; the tests render them in every format.

A line of steps is ``left :: right :: reason :: law :: shape``, with what follows ``right`` left out where it is empty.
"""

from symderiv.handout.model import (
    Assumptions,
    Card,
    CardRow,
    Check,
    Code,
    Example,
    Line,
    Page,
    Prose,
    Result,
    Section,
    Steps,
    Symbols,
)


def steps(heading: str, text: str, folded: bool = False) -> Steps:
    """Steps from a line of text each; a folded block is numbered."""
    rows = [[part.strip() for part in row.split("::")] for row in text.strip().splitlines()]
    return Steps(heading, tuple(Line(*row, number=n + 1 if folded else None) for n, row in enumerate(rows)), folded)


LAYER = Section(
    "Jacobian of an activated linear layer",
    (
        Prose(r"Find $J=\partial N/\partial h^\top$ for $N=f(Wh)$. Let $z=Wh$."),
        Symbols(
            (
                ("W", r"o\times n", "constant"),
                ("h", "n", "variable"),
                ("f", r"\mathbb{R}\to\mathbb{R}", "elementwise, generic"),
            )
        ),
        steps(
            "In brief",
            r"""
\frac{\partial N}{\partial h^\top} :: \operatorname{diag}(f'(z))\,\frac{\partial z}{\partial h^\top} :: elementwise chain rule :: :: o\times n
:: \operatorname{diag}(f'(Wh))\,W :: linearity
""",
        ),
        steps(
            "Index form",
            r"""
J_{ij} :: \frac{\partial f(z_i)}{\partial h_j} :: Jacobian entry :: :: o\times n
:: f'(z_i)\,\frac{\partial z_i}{\partial h_j} :: elementwise chain rule
:: f'(z_i)\sum_k W_{ik}\,\frac{\partial h_k}{\partial h_j} :: linearity
:: f'(z_i)\sum_k W_{ik}\,\delta_{kj} :: differentiate variable
:: f'(z_i)\,W_{ij} :: contract delta
J :: \operatorname{diag}(f'(Wh))\,W :: read as matrix, unfold name
""",
        ),
        steps(
            "Matrix form",
            r"""
\frac{\partial N}{\partial h^\top} :: \operatorname{diag}(f'(z))\,\frac{\partial z}{\partial h^\top} :: elementwise chain rule :: :: o\times n
:: \operatorname{diag}(f'(z))\,W\,\frac{\partial h}{\partial h^\top} :: linearity
:: \operatorname{diag}(f'(Wh))\,W :: differentiate variable
""",
        ),
        steps(
            "Differential form",
            r"""
\mathrm{d}N :: f'(z)\odot\mathrm{d}z :: elementwise chain rule :: :: o
:: f'(z)\odot(W\,\mathrm{d}h) :: linearity
:: \operatorname{diag}(f'(z))\,W\,\mathrm{d}h :: Hadamard as diag
\frac{\partial N}{\partial h^\top} :: \operatorname{diag}(f'(Wh))\,W :: identify Jacobian :: :: o\times n
""",
        ),
        steps(
            "In full: one line per rule, with its law",
            r"""
J_{ij} :: \frac{\partial f(z_i)}{\partial h_j} :: Jacobian entry :: J_{ij}=\partial N_i/\partial x_j :: o\times n
:: f'(z_i)\,\frac{\partial z_i}{\partial h_j} :: elementwise chain rule :: \partial f(z_i)=f'(z_i)\,\partial z_i
:: f'(z_i)\,\frac{\partial}{\partial h_j}\sum_k W_{ik}h_k :: unfold name :: z=Wh
:: f'(z_i)\sum_k\biggl(\frac{\partial W_{ik}}{\partial h_j}h_k+W_{ik}\frac{\partial h_k}{\partial h_j}\biggr) :: product rule :: \partial(ab)=(\partial a)\,b+a\,\partial b
:: f'(z_i)\sum_k W_{ik}\,\frac{\partial h_k}{\partial h_j} :: differentiate constant :: \partial c=0
:: f'(z_i)\sum_k W_{ik}\,\delta_{kj} :: differentiate variable :: \partial x_k/\partial x_j=\delta_{kj}
:: f'(z_i)\,W_{ij} :: contract delta :: \textstyle\sum_k a_k\,\delta_{kj}=a_j
J :: \operatorname{diag}(f'(z))\,W :: read as matrix :: [\,d_i A_{ij}\,]_{ij}=\operatorname{diag}(d)\,A
:: \operatorname{diag}(f'(Wh))\,W :: unfold name :: z=Wh
""",
            folded=True,
        ),
        steps(
            "Reading",
            r"""
J_{i,:} :: e_i^\top\operatorname{diag}(f'(z))\,W :: slice :: :: n
:: f'(z_i)\,W_{i,:} :: row of diag product
""",
        ),
        Prose("Row $i$ of $J$ is row $i$ of $W$, scaled by $f'(z_i)$, the slope of $f$ at neuron $i$."),
        Example(
            (
                r"f(x)=x^2,\quad "
                r"W=\begin{bmatrix}1&2\\0&1\\-1&1\end{bmatrix},\quad "
                r"h=\begin{bmatrix}1\\0\end{bmatrix}",
                r"\Longrightarrow\quad f'(z)=\begin{bmatrix}2\\0\\-2\end{bmatrix},\quad "
                r"J=\begin{bmatrix}2&4\\0&0\\2&-2\end{bmatrix}",
            ),
            "With numbers",
        ),
        Result((r"\frac{\partial f(Wh)}{\partial h^\top}=\operatorname{diag}(f'(Wh))\,W\;\in\mathbb{R}^{o\times n}",)),
        Assumptions("$f$ is differentiable at every $z_i$."),
        Check(
            r"20 draws · seed 0 · sizes $o=3,\ n=5$ · $f$ drawn from sin, tanh, x³ · worst "
            "relative error 3e-14 (limit $10^{-9}$, complex step)"
        ),
        Code("The call", 'sd.jacobian("f(W @ h)", "h", W="o n", h="n", f="elementwise")'),
    ),
    1,
)

SOFTMAX = Section(
    "Jacobian of softmax",
    (
        Prose(
            r"Find $J=\partial p/\partial u^\top$ for $p=\operatorname{softmax}(u)$. Let "
            r"$p=e^{u}/s$, $s=\mathbf{1}^\top e^{u}$."
        ),
        Symbols((("u", "o", "variable"),)),
        steps(
            "In brief",
            r"""
J :: \frac{1}{s}\operatorname{diag}(e^{u})-\frac{1}{s^{2}}\,e^{u}\,(e^{u})^\top :: quotient rule :: :: o\times o
:: \operatorname{diag}(p)-p\,p^\top :: fold definition
""",
        ),
        steps(
            "Index form",
            r"""
J_{ij} :: \frac{\partial}{\partial u_j}\,\frac{e^{u_i}}{s} :: unfold definition :: :: o\times o
:: \frac{1}{s}\,\frac{\partial e^{u_i}}{\partial u_j}-\frac{e^{u_i}}{s^{2}}\,\frac{\partial s}{\partial u_j} :: quotient rule
:: \frac{e^{u_i}}{s}\,\delta_{ij}-\frac{e^{u_i}}{s^{2}}\sum_k e^{u_k}\,\delta_{kj} :: elementwise chain rule, $\exp^{\prime}=\exp$
:: \frac{e^{u_i}}{s}\,\delta_{ij}-\frac{e^{u_i}}{s}\,\frac{e^{u_j}}{s} :: contract delta
:: p_i\,\delta_{ij}-p_i\,p_j :: fold definition
:: p_i\,(\delta_{ij}-p_j) :: factor out
J :: \operatorname{diag}(p)-p\,p^\top :: read as matrix
""",
        ),
        steps(
            "Matrix form",
            r"""
J :: \frac{1}{s}\,\frac{\partial e^{u}}{\partial u^\top}-\frac{1}{s^{2}}\,e^{u}\,\frac{\partial s}{\partial u^\top} :: quotient rule :: :: o\times o
:: \frac{1}{s}\operatorname{diag}(e^{u})-\frac{1}{s^{2}}\,e^{u}\,(e^{u})^\top :: elementwise chain rule, $\exp^{\prime}=\exp$
:: \operatorname{diag}(p)-p\,p^\top :: fold definition
""",
        ),
        steps(
            "Differential form",
            r"""
\mathrm{d}p :: \frac{1}{s}\,\mathrm{d}(e^{u})-\frac{1}{s^{2}}\,e^{u}\,\mathrm{d}s :: quotient rule :: :: o
:: \frac{1}{s}\,e^{u}\odot\mathrm{d}u-\frac{1}{s^{2}}\,e^{u}\,(e^{u})^\top\mathrm{d}u :: elementwise chain rule, $\exp^{\prime}=\exp$
:: p\odot\mathrm{d}u-p\,p^\top\mathrm{d}u :: fold definition
:: (\operatorname{diag}(p)-p\,p^\top)\,\mathrm{d}u :: Hadamard as diag, factor out
J :: \operatorname{diag}(p)-p\,p^\top :: identify Jacobian :: :: o\times o
""",
        ),
        steps(
            "In full: one line per rule, with its law",
            r"""
J_{ij} :: \frac{\partial p_i}{\partial u_j} :: Jacobian entry :: J_{ij}=\partial N_i/\partial x_j :: o\times o
:: \frac{\partial}{\partial u_j}(e^{u_i}s^{-1}) :: unfold definition :: \operatorname{softmax}(u)_i=e^{u_i}s^{-1}
:: \frac{\partial e^{u_i}}{\partial u_j}\,s^{-1}+e^{u_i}\,\frac{\partial s^{-1}}{\partial u_j} :: product rule :: \partial(ab)=(\partial a)\,b+a\,\partial b
:: e^{u_i}\frac{\partial u_i}{\partial u_j}\,s^{-1}+e^{u_i}\,\frac{\partial s^{-1}}{\partial u_j} :: elementwise chain rule :: \partial e^{x_i}=e^{x_i}\,\partial x_i
:: e^{u_i}\delta_{ij}\,s^{-1}+e^{u_i}\,\frac{\partial s^{-1}}{\partial u_j} :: differentiate variable :: \partial x_i/\partial x_j=\delta_{ij}
:: e^{u_i}\delta_{ij}\,s^{-1}-e^{u_i}s^{-2}\,\frac{\partial s}{\partial u_j} :: elementwise chain rule :: \partial x^{-1}=-x^{-2}\,\partial x
:: e^{u_i}\delta_{ij}\,s^{-1}-e^{u_i}s^{-2}\sum_k\frac{\partial e^{u_k}}{\partial u_j} :: sum rule :: \textstyle\partial\sum_k a_k=\sum_k\partial a_k
:: e^{u_i}\delta_{ij}\,s^{-1}-e^{u_i}s^{-2}\sum_k e^{u_k}\,\delta_{kj} :: elementwise chain rule :: \partial e^{x_k}=e^{x_k}\,\partial x_k
:: e^{u_i}\delta_{ij}\,s^{-1}-e^{u_i}s^{-2}\,e^{u_j} :: contract delta :: \textstyle\sum_k a_k\,\delta_{kj}=a_j
:: p_i\,\delta_{ij}-p_i\,p_j :: fold definition :: e^{u_i}s^{-1}=p_i
:: p_i\,(\delta_{ij}-p_j) :: factor out :: ab-ac=a\,(b-c)
J :: \operatorname{diag}(p)-p\,p^\top :: read as matrix :: [\,d_i\delta_{ij}\,]=\operatorname{diag}(d),\ [\,a_ib_j\,]=a\,b^\top
""",
            folded=True,
        ),
        steps(
            "Reading",
            r"""
J\,\mathbf{1} :: p-p\,(p^\top\mathbf{1}) :: distribute :: :: o
:: \mathbf{0} :: entries sum to one, $\mathbf{1}^\top p=1$
""",
        ),
        Prose("$J$ is symmetric. Its rows sum to zero: adding a constant to every $u_j$ leaves $p$ unchanged."),
        Example(
            (
                r"u=\begin{bmatrix}0\\0\\\log 2\end{bmatrix},\quad "
                r"p=\frac14\begin{bmatrix}1\\1\\2\end{bmatrix}",
                r"\Longrightarrow\quad J=\frac1{16}\begin{bmatrix}3&-1&-2\\-1&3&-2\\-2&-2&4\end{bmatrix}",
            ),
            "With numbers",
        ),
        Result(
            (
                r"\frac{\partial\operatorname{softmax}(u)}{\partial u^\top}=\operatorname{diag}(p)-p\,p^\top\;\in\mathbb{R}^{o\times o}",
            )
        ),
        Assumptions("none."),
        Check("20 draws · seed 0 · sizes $o=5$ · worst relative error 3e-14 (limit $10^{-9}$, complex step)"),
        Code("The call", 'sd.jacobian("softmax(u)", "u", u="o")'),
    ),
    2,
)

NETWORK = Section(
    "Backpropagation through a two-layer network",
    (
        Prose(r"Find $\nabla L$ for $W_1,b_1,W_2,b_2,x$."),
        Symbols(
            (
                ("W_1", r"h\times n", "variable"),
                ("b_1", "h", "variable"),
                ("W_2", r"o\times h", "variable"),
                ("b_2", "o", "variable"),
                ("x", "n", "variable"),
                ("y", "o", "constant"),
            )
        ),
        Prose(r"The cotangent of $v$ is $\delta_v=\nabla_v L$; it has the shape of $v$."),
        steps(
            "Forward pass",
            r"""
z :: W_1x+b_1 :: ::  :: h
a :: \tanh(z) :: ::  :: h
u :: W_2a+b_2 :: ::  :: o
p :: \operatorname{softmax}(u) :: ::  :: o
L :: -y^\top\log p :: ::  :: 1
""",
        ),
        steps(
            "In brief",
            r"""
\delta_u :: p-y :: lemma 5 :: :: o
\delta_z :: (W_2^\top\delta_u)\odot(\mathbf{1}-a\odot a) :: pull back :: :: h
\nabla_{W_2}L :: \delta_u\,a^\top :: pull back :: :: o\times h
\nabla_{W_1}L :: \delta_z\,x^\top :: pull back :: :: h\times n
""",
        ),
        steps(
            "Backward pass",
            r"""
\delta_u :: (\mathbf{1}^\top y)\,p-y :: lemma 5, linearity :: :: o
:: p-y :: assumption $\mathbf{1}^\top y=1$
\nabla_{W_2}L :: \delta_u\,a^\top :: pull back through $W_2a$ :: :: o\times h
\nabla_{b_2}L :: \delta_u :: pull back through sum :: :: o
\delta_a :: W_2^\top\delta_u :: pull back through $W_2a$ :: :: h
\delta_z :: \delta_a\odot\tanh^{\prime}(z) :: pull back through $\tanh$ :: :: h
:: \delta_a\odot(\mathbf{1}-a\odot a) :: $\tanh^{\prime}=1-\tanh^2$, fold name
\nabla_{W_1}L :: \delta_z\,x^\top :: pull back through $W_1x$ :: :: h\times n
\nabla_{b_1}L :: \delta_z :: pull back through sum :: :: h
\nabla_{x}L :: W_1^\top\delta_z :: pull back through $W_1x$ :: :: n
""",
        ),
        steps(
            "Index form",
            r"""
(\delta_u)_i :: p_i-y_i :: lemma 5 :: :: o
\frac{\partial L}{\partial(W_2)_{ij}} :: (\delta_u)_i\,a_j :: lemma 3, contract delta :: :: o\times h
(\delta_z)_i :: (1-a_i^2)\sum_k(W_2)_{ki}\,(\delta_u)_k :: elementwise chain rule :: :: h
\frac{\partial L}{\partial(W_1)_{ij}} :: (\delta_z)_i\,x_j :: lemma 3, contract delta :: :: h\times n
""",
        ),
        steps(
            "Differential form",
            r"""
\mathrm{d}L :: \langle\delta_u,\mathrm{d}u\rangle :: lemma 5 :: :: 1
:: \langle\delta_u,\,\mathrm{d}W_2\,a+W_2\,\mathrm{d}a+\mathrm{d}b_2\rangle :: product rule, sum rule
:: \langle\delta_u a^\top,\mathrm{d}W_2\rangle+\langle\delta_u,\mathrm{d}b_2\rangle+\langle W_2^\top\delta_u,\mathrm{d}a\rangle :: move to cotangent
\langle\delta_a,\mathrm{d}a\rangle :: \langle\delta_a\odot(\mathbf{1}-a\odot a),\,\mathrm{d}z\rangle :: elementwise chain rule :: :: 1
\langle\delta_z,\mathrm{d}z\rangle :: \langle\delta_z x^\top,\mathrm{d}W_1\rangle+\langle\delta_z,\mathrm{d}b_1\rangle+\langle W_1^\top\delta_z,\mathrm{d}x\rangle :: product rule, move to cotangent :: :: 1
""",
        ),
        Result(
            (
                r"\begin{aligned}\delta_u&=p-y&\qquad\delta_z&=(W_2^\top\delta_u)\odot(\mathbf{1}-a\odot a)\\ "
                r"\nabla_{W_2}L&=\delta_u\,a^\top&\nabla_{W_1}L&=\delta_z\,x^\top\\ "
                r"\nabla_{b_2}L&=\delta_u&\nabla_{b_1}L&=\delta_z\end{aligned}",
            )
        ),
        Assumptions(r"$\mathbf{1}^\top y=1$. Without it: $\delta_u=(\mathbf{1}^\top y)\,p-y$."),
        Check(
            r"20 draws · seed 0 · sizes $n=2,\ h=3,\ o=5$ · one line per gradient · worst "
            "relative error 3e-14 (limit $10^{-9}$, complex step)"
        ),
        Code(
            "The call",
            r"""net = '''
    z = W1 @ x + b1
    a = tanh(z)
    u = W2 @ a + b2
    p = softmax(u)
    -y @ log(p)
'''
sd.gradient(net, ["W1", "b1", "W2", "b2", "x"], W1="h n", b1="h", W2="o h", b2="o", x="n",
    y="o", assume="sum(y) == 1")""",
        ),
    ),
    6,
)

RULES = Section(
    "Rules used",
    (
        Card(
            (
                CardRow("Jacobian entry", r"J_{ij}=\partial N_i/\partial x_j"),
                CardRow("differentiate constant", r"\partial c/\partial x_j=0"),
                CardRow(
                    "differentiate variable",
                    r"\partial x_k/\partial x_j=\delta_{kj},\quad\partial X_{kl}/\partial X_{ij}=\delta_{ki}\,\delta_{lj}",
                ),
                CardRow("sum rule", r"\partial(a+b)=\partial a+\partial b,\quad\partial\sum_k a_k=\sum_k\partial a_k"),
                CardRow("product rule", r"\partial\sum_k a_kb_k=\sum_k(\partial a_k\,b_k+a_k\,\partial b_k)"),
                CardRow(
                    "linearity",
                    r"\partial\sum_k c_k\,x_k=\sum_k c_k\,\partial x_k",
                    r"product rule with $\partial c=0$",
                ),
                CardRow(
                    "quotient rule",
                    r"\partial(a/s)=\partial a/s-a\,\partial s/s^2",
                    r"product rule with $(x^{-1})^{\prime}=-x^{-2}$",
                ),
                CardRow("elementwise chain rule", r"\partial f(z_i)=f'(z_i)\,\partial z_i", "$f$ differentiable"),
                CardRow("chain rule", r"\partial N_i(u)=\sum_k(J_N(u))_{ik}\,\partial u_k"),
                CardRow(
                    "pull back", r"\delta_x=(\partial v/\partial x^\top)^\top\delta_v", "cotangents of all uses add"
                ),
                CardRow("move to cotangent", r"\langle v,AXB\rangle=\langle A^\top vB^\top,X\rangle"),
                CardRow("identify Jacobian", r"\mathrm{d}N=A\,\mathrm{d}x\Rightarrow J=A"),
                CardRow("unfold name / fold name", r"z\leftrightarrow Wh", "programs, `let`"),
                CardRow(
                    "unfold definition / fold definition",
                    r"\operatorname{softmax}(u)_i\leftrightarrow e^{u_i}/\textstyle\sum_k e^{u_k}",
                    "from the row of the function",
                ),
                CardRow("assumption", r"\text{lhs}\to\text{rhs}", "a fact given by `assume=`"),
                CardRow("lemma", r"\partial v/\partial x\to\text{its result}", "memoised by (node, variable)"),
                CardRow("contract delta", r"\sum_k a_k\,\delta_{kj}=a_j"),
                CardRow("distribute / factor out", r"a\,(b+c)=ab+ac"),
                CardRow(
                    "entries sum to one",
                    r"\mathbf{1}^\top\operatorname{softmax}(u)=1",
                    "proved once, from the definition",
                ),
                CardRow("Hadamard as diag", r"a\odot b=\operatorname{diag}(a)\,b"),
                CardRow("row of diag product", r"e_i^\top\operatorname{diag}(d)\,A=d_i\,A_{i,:}"),
                CardRow(
                    "read as matrix",
                    r"[\,\sum_k A_{ik}B_{kj}\,]=AB,\;"
                    r"[\,d_iA_{ij}\,]=\operatorname{diag}(d)A,\;"
                    r"[\,d_i\delta_{ij}\,]=\operatorname{diag}(d),\;"
                    r"[\,a_ib_j\,]=ab^\top",
                ),
                CardRow("slice", r"H_{i,:,:}=[\,H_{ijk}\,]_{jk}"),
            )
        ),
    ),
)

PAGE = Page(
    "Derivations 1, 2 and 6",
    "derivations",
    Prose(
        "Numerator layout: $i$ is the output, $j$ and $k$ the parameter; vectors are columns; "
        r"$\nabla_xL$ has the shape of $x$; $\operatorname{vec}$ stacks columns. $\odot$ elementwise "
        r"product, $\oslash$ elementwise quotient, $\langle A,B\rangle=\sum_{ij}A_{ij}B_{ij}$, "
        r"$\otimes$ Kronecker product, $\delta_{ij}$ unit tensor, $\delta_v$ (one name below) "
        "cotangent of $v$, $[X]_{ij}$ entry."
    ),
    (LAYER, SOFTMAX, NETWORK, RULES),
)
