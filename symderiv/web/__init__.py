"""The page: a formula is typed in, its derivative is seen; served by `server`, or with no server at all by `static`.

`answers` gives both the same answers, as data; ``assets`` holds the one front end. Nothing here does mathematics.
"""
