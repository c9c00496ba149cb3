"""Prove's own normal form: expanded, rational in atoms, within a budget.

``terms`` has sums of monomials and their rewriting, ``forms`` takes expressions there, ``factors`` has numerators and
denominators, ``functions`` the table's functions, ``matrices`` inverses and determinants, ``joins`` vec and kron,
``numeric`` what refutes or checks where nothing is proved.
"""
