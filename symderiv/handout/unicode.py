"""Signs of mathematics and Greek as LaTeX commands, and back.

>>> COMMAND["σ"], SIGN["odot"]
('\\\\sigma', '⊙')
"""

from __future__ import annotations

_TABLE = """
α alpha  β beta  γ gamma  δ delta  ε varepsilon  ζ zeta  η eta  θ theta  ι iota  κ kappa  λ lambda  μ mu  ν nu  ξ xi
π pi  ρ rho  σ sigma  τ tau  υ upsilon  φ varphi  χ chi  ψ psi  ω omega
Γ Gamma  Δ Delta  Θ Theta  Λ Lambda  Ξ Xi  Π Pi  Σ Sigma  Φ Phi  Ψ Psi  Ω Omega
∂ partial  ∇ nabla  ∞ infty  ∈ in  ∉ notin  ∅ emptyset  ∀ forall  ∃ exists  ⊂ subset  ⊆ subseteq  ∪ cup  ∩ cap
≤ le  ≥ ge  ≠ ne  ≈ approx  ≡ equiv  ∝ propto  ∼ sim  ≪ ll  ≫ gg  ⪰ succeq  ⪯ preceq  ≻ succ  ≺ prec
→ to  ← leftarrow  ↔ leftrightarrow  ⇒ Rightarrow  ⇐ Leftarrow  ⇔ Leftrightarrow  ⟹ Longrightarrow  ↦ mapsto
⊙ odot  ⊘ oslash  ⊗ otimes  ⊕ oplus  × times  ÷ div  ⋅ cdot  ∘ circ  ± pm  ∓ mp  ∧ wedge  ⊤ top  ⊥ bot  † dagger
∑ sum  ∏ prod  ∫ int  √ surd  ⟨ langle  ⟩ rangle  ‖ Vert  ∣ mid  … dots  ⋯ cdots  ⋮ vdots  ⋱ ddots  ℓ ell  ′ prime
✓ checkmark  □ square  ■ blacksquare  ¬ neg  ∖ setminus  ⌊ lfloor  ⌋ rfloor  ⌈ lceil  ⌉ rceil
""".split()

SIGN = dict(zip(_TABLE[1::2], _TABLE[0::2], strict=True))
COMMAND = {sign: "\\" + name for name, sign in SIGN.items()} | {
    "ϵ": r"\epsilon",
    "ϕ": r"\phi",
    "−": "-",
    "·": r"\cdot",
    "ℝ": r"\mathbb{R}",
    "ℕ": r"\mathbb{N}",
    "ᵀ": r"{}^\top",
    "⁻": "{}^-",
    "✗": r"\times",
    "µ": r"\mu",
    "∗": r"\ast",
    "\u2009": r"\,",
    "\u202f": r"\,",
}
SIGN |= {
    "epsilon": "ε", "phi": "φ", "leq": "≤", "geq": "≥", "neq": "≠", "lt": "<", "gt": ">", "rightarrow": "→",
    "longrightarrow": "⟶", "implies": "⟹", "iff": "⟺", "ldots": "…", "lVert": "‖", "rVert": "‖", "lvert": "|",
    "rvert": "|", "lbrace": "{", "rbrace": "}", "lbrack": "[", "rbrack": "]", "ast": "*", "star": "*", "top": "ᵀ",
    "mid": "|", "vert": "|", "coloneqq": "≔", "bullet": "•", "nabla": "∇", "cdot": "·", "not": "¬", "nsucceq": "⋡",
}  # fmt: skip
RAISED = dict(zip("0123456789+-=()nijkTab", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱʲᵏᵀᵃᵇ", strict=True)) | {"ᵀ": "ᵀ", "′": "′"}
