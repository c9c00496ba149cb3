"""Texts read as NumPy reads them: the same text, evaluated by NumPy itself on arrays of sizes all different, 1 among them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from symderiv.errors import SymderivError
from symderiv.evaluate import evaluate
from symderiv.frontend.inputs import parse

SHAPES = {"x": "5", "y": "5", "z": "4", "w": "3", "o": "1", "v6": "6", "s": "", "t": "", "A": "4 5", "B": "5 3", "C": "4 3",
          "F": "2 3", "M": "6 4", "S": "3 3", "Q": "4 4", "R": "1 1", "r": "1 5", "c": "4 1", "T": "2 4 5", "U": "2 5 3",
          "V": "2 1 5"}  # fmt: skip
TEXTS = r"""
-x**2   -x**2*y   2**-x   2**-s**2   +x**-1   +x**0.5   +x**-0.5   +x**y**s   +(x**y)**s   -x.T**2   x - -y   x - +y
x*-y   x@-y   x@-y*s   -x@y   -A@x   A@x*z   (z*A.T).T@x   z@A*x   z@A@x*s   A@x/z   x@y/s   s/x@y   x/s/t   x/s*t
x/(s*t)   s*x**2/2   +s**t**0.5   +s**-t   -s**-2   - - x   +-x   A@B@S   A@B@w   z@A@B@w   T@x   T@B   x@U[0]   U@w   T@U
A@U   T@B@S   V@x   V*A   V+c   V@B   r@x   r*c   c*r   c@r   c.T@z   A.T@z   x.T@y   x.T   T.T   T.T@z[:2]   (A.T@z).T@x
o*x   x*o   o@o   R@o   R*A   R+x   A+r   A+c   A+o   r+c   sum(A)   sum(A,0)   sum(A,1)   sum(A,-1)   sum(A,axis=-2)
sum(T,(0,2))   sum(T,axis=(-1,0))   sum(T,axis=(1,),keepdims=True)   A.sum(0)   A.sum(axis=1,keepdims=True)
A - A.mean(1,keepdims=True)   A - A.mean(axis=0)   T.sum((0,1))   sum(s)   sum(s,axis=None)   mean(T,axis=(0,1))   var(A)
var(A,0)   var(A,0,ddof=1)   var(A,axis=1,ddof=1,keepdims=True)   std(A,axis=0)   std(x,ddof=1)   x.var(ddof=1)   max(A)
max(A,0)   A.max(1)   max(T,(0,2))   min(A,axis=1,keepdims=True)   prod(x)   prod(A,1)   prod(A,axis=(0,1))   cumsum(x)
cumsum(A)   cumsum(A,0)   cumsum(A,-1)   diff(x)   diff(A)   diff(A,axis=0)   diff(x,2)   diff(x,1)   diff(A,1)
diff(A,0)   diff(x,0)   diff(T,1)   diff(A,n=2)   diff(A,n=2,axis=0)   diff(A,1,0)   flip(x)   flip(A)   flip(A,0)
flip(T,(0,2))   roll(x,1)   roll(x,-2)   roll(x,7)   roll(A,1)   roll(A,1,0)   roll(A,2,1)   roll(A,1,(0,1))   tile(x,2)
tile(x,(2,1))   tile(x,(2,3))   tile(A,2)   tile(A,(2,1))   tile(A,(1,2,1))   tile(T,(2,))   tile(s,3)   repeat(x,2)
repeat(A,2)   repeat(A,2,0)   repeat(A,3,axis=1)   reshape(A,(5,4))   reshape(A,-1)   reshape(A,(2,-1))
reshape(A,(2,2,5))   reshape(A,(10,2))   reshape(T,(8,5))   reshape(T,(5,8))   reshape(T,(2,20))   reshape(T,(4,10))
reshape(T,(1,40,1))   reshape(T,-1)   T.reshape(2,-1)   reshape(x,(5,1))   reshape(x,(1,5))   reshape(x,(1,1,5))
reshape(r,5)   reshape(r,(5,))   reshape(c,(4,))   reshape(c,(2,2))   reshape(c,-1)   reshape(R,())   reshape(s,(1,))
reshape(s,(1,1))   reshape(v6,(2,3))   reshape(v6,(3,2))@F   reshape(M,(2,3,4))   reshape(M,(4,6))   reshape(M,(3,8))
reshape(M,(8,3))   reshape(reshape(A,-1),(5,4))   reshape(reshape(A,(5,4)),(2,10))   reshape(A.T,(4,5))   reshape(A.T,-1)
reshape(T.transpose(2,0,1),(10,4))   ravel(A)   A.flatten()   A.T.ravel()   transpose(T)   transpose(T,(1,2,0))
transpose(T,(2,0,1))   T.transpose(1,0,2)   transpose(T,axes=(0,2,1))   T.transpose()   transpose(x)   transpose(A,(-1,0))
swapaxes(T,0,2)   swapaxes(T,-1,1)   T.swapaxes(0,1)   moveaxis(T,0,2)   moveaxis(T,2,0)   moveaxis(T,-1,1)
expand_dims(x,0)   expand_dims(x,1)   expand_dims(A,-1)   expand_dims(A,-3)   squeeze(r)   squeeze(c)   squeeze(V)
squeeze(V,1)   squeeze(R)   squeeze(R,0)   squeeze(o)   tensordot(A,B,1)   tensordot(A,A,2)   tensordot(T,A,2)
tensordot(T,A,([1,2],[0,1]))   tensordot(T,A,((2,1),(1,0)))   tensordot(T,B,(2,0))   tensordot(A,B,axes=([1],[0]))
tensordot(x,y,0)   tensordot(A,C,(0,0))   concatenate([x,y])   concatenate([x,z])   concatenate((A,A))
concatenate((A,c),1)   concatenate((A,c),axis=-1)   concatenate([A,r],0)   concatenate([A,r],axis=None)
concatenate([x,y,x])   stack([x,y])   stack([x,y],1)   stack([x,y],-1)   stack([A,A],axis=1)   stack([A,A],axis=-1)
vstack([x,y])   vstack([x,A])   vstack([A,x])   hstack([x,z])   hstack([A,c])   column_stack([x,y])   column_stack([z,A])
tril(A)   triu(A)   tril(A,1)   tril(A,-1)   triu(A,k=2)   triu(A,-1)   tril(S)@w   convolve(x,w)   convolve(x,w,"valid")
convolve(w,x)   convolve(x,w,mode="full")   correlate(x,w)   correlate(x,w,"full")   correlate(x,w,mode="valid")
kron(x,z)   kron(A,S)   kron(A,x)   kron(x,A)   kron(s,A)   kron(T,A)   outer(x,z)   inner(x,y)   inner(A,x)   inner(x,A)
inner(A,A)   inner(T,A)   inner(s,A)   dot(A,B)   dot(A,x)   dot(z,A)   dot(s,A)   A.dot(x)   vdot(x,y)   vdot(A,A)
vdot(A,T[0])   matmul(A,x)   vecdot(A,A)   vecdot(A,x)   vecdot(A,A,axis=0)   multi_dot([z,A,B,w])   multi_dot((A,B))
einsum("ij,j",A,x)   einsum("ij,j->i",A,x)   einsum("ij,ij",A,A)   einsum("ij->ji",A)   einsum("ji",A)   einsum("ij->",A)
einsum("ij->j",A)   einsum("ii",S)   einsum("ii->i",S)   einsum("i,i->i",x,y)   einsum("i,j",x,z)   einsum("j,i",x,z)
einsum("b,a->ab",x,z)   einsum("...j,j->...",T,x)   einsum("...j,jk",T,B)   einsum("bij,bjk->bik",T,U)
einsum("ij,jk,k->i",A,B,w)   einsum("i...->...",A)   einsum("...ij->...ji",T)   einsum("bij->b",T)
einsum(" i j , j -> i ",A,x)   einsum("Ij,jI",S,S)   einsum("Za,aB->ZB",A,B)   einsum("aZ,Zb",A,B)   x[0]   x[-1]   x[1:]
x[:-1]   x[::2]   x[::-1]   x[3:0:-1]   x[-3:]   x[-3:-1]   x[:10]   x[1:100]   x[-100:2]   x[4:1:-2]   x[None]
x[:,None]   x[...,None]   x[None,:,None]   A[0]   A[-1]   A[:,0]   A[0,1]   A[1:,::2]   A[::-1]   A[:,::-1]   A[...,0]
A[0,...]   A[1:3,None,2]   T[0]   T[:,1]   T[...,1]   T[0,:,1]   T[1,...,2:4]   T[:,None,:,0]   T[:, -1, ::-1]
x[np.newaxis,:]   r[0]   c[:,0]   A.shape[0]*s   len(A)*s   size(A)*s   size(A,1)*s   A.size*s   T.shape[-1]*s   norm(x)
norm(A)   norm(A,axis=0)   norm(A,axis=1,keepdims=True)   norm(x,1)   norm(x,2)   norm(x,3)   norm(x,2.5)   norm(x,ord=4)
norm(A,'fro')   norm(A,2)   norm(A,2,axis=1)   norm(A,1,axis=0)   norm(A,2,(0,1))   norm(A,'fro',axis=(0,1))
norm(T,axis=(1,2))   norm(T)   norm(s)   norm(x,keepdims=True)   norm(A,keepdims=True)   norm(T,axis=2)   norm(c)
norm(r,2)   trace(S)   diag(x)   diag(S)   diagonal(S)   S.diagonal()   diagflat(x)   diagflat(F)   diagflat(r)   inv(S)
inv(S)@w   det(S)   det(S@S)   solve(S,w)   solve(S,S)   solve(Q,C)   solve(Q,A@B)   inv(R)   det(R)   matrix_power(S,3)
matrix_power(S,-2)   matrix_power(S,0)   clip(x,-0.5,0.5)   clip(x,-0.5,None)   clip(x,None,0.5)   clip(x,a_min=0,a_max=1)
x.clip(0,1)   clip(x,s,s+1)   clip(A,x,x+1)   where(x>0,x,0)   where(x>0,x,y)   where(x>0,0,y)   where(x>0,1,-1)
where(x>=0,x**2,-x)   where(x<y,x,y)   where(x<=s,x,s)   where(A>0,x,c)   where(s>0,0,zeros(3))   where(s>0,zeros(3),0)
where(x>0,0,0)   where(x>0,zeros((2,5)),x)   where(x>0,x,zeros((2,5)))   where(x>0,0,zeros((2,5)))   where(s>0,0,x)
where((x>0)*(y<0),x,y)   where(1-(x>0),x,y)   (x>0)*x   (x>y)   (x>=y)*y   (s<x)*A   maximum(x,0)   maximum(0,x)
maximum(x,y)   maximum(A,x)   maximum(A,c)   minimum(x,s)   minimum(0,x)   maximum(x,maximum(y,0))   minimum(r,c)   abs(x)
sign(x)*x   sqrt(x**2)   +log(x)   +log2(x)   +log10(x)   exp2(x)   cbrt(x)   hypot(x,y)   logaddexp(x,y)   logaddexp(A,c)
square(A)   +reciprocal(x)   +sqrt(x)   +power(x,3)   +power(x,y)   +power(x,s)   +2**x   +2.5**x   e**x   np.e**x   pi**x
+x**pi   +x**e   +x**1.5   +x**(1/3)   x**2.0   x**3   x**-3   x**0   x**1   0.1*x+0.2*x   1e-3*x   1.5e3*x   .5*x   5.*x
0.1*3*x   1e2*x   x*1e-10   expm1(x)   +log1p(x)   arctan(x)   arctanh(0.1*x)   sin(x)*cos(y)   tan(x)   tanh(A@x)
ones(5)*x   ones((4,5))*x   zeros(5)+x   zeros((4,1))+x   ones_like(A)*x   zeros_like(A)+c   eye(5)@x   eye(4)*z
identity(4)@z   x**ones_like(y)   x**(2*ones_like(y))   s**ones_like(y)   s**(2*ones(3))   x**(2*ones((4,5)))
s**zeros(3)   2**ones(3)*s   x/ones((4,5))   x**(0*y)   x**(0*A)   broadcast_to(x,(4,5))   broadcast_to(c,(4,5))
broadcast_to(s,(2,3))   broadcast_to(o,(3,))   mean(x)   mean(A,1)   mean(A,axis=(0,1),keepdims=True)   p=2; x**p
p=2; sum(x**p)   p=3; s**p   p=-1; x**p   p=1/2; (x**2)**p   p=s*0+2; x**p   q=A@x; q@q
q = A @ x; p = q*2; sum(p) + q[0]   permute_dims(T,(1,2,0))   concat([x,z])   cumulative_sum(x)   average(x)   amax(A)
amax(A,0)   max(x,0)   np.linalg.norm(x)   np.linalg.inv(S)   np.sum(A,axis=0)   np.add(x,y)   divide(x,s)   subtract(x,y)
negative(x)   float_power(x,2)   +float_power(x,0.5)   fabs(x)   sum(x*y,keepdims=True)   sum(A*x,axis=-1,keepdims=True)*A
sum(A,axis=())   mean(A,axis=())   max(A,axis=())   max(o)   var(o)   x@y*z   (x*y).sum()*z   x[0]*y[1]-x[1]*y[0]
x[1:]@y[:-1]   A[1:].T@A[:-1]   sum(A[1:,:]-A[:-1,:])   x[(0)]   A[0][1]   A[:,1:3][0]   x[1:][1:][0]   x[2:3]
x[None][0]   x[::1]   x[-5]   A[1:2,1:2]   tile(o,3)   repeat(o,4)   roll(o,1)   roll(T,3)   roll(T,1,1)   flip(T,1)
cumsum(T,1)   cumsum(T)   stack([s,t])   concatenate([o,x])   kron(o,x)   convolve(o,x)   convolve(x,x)   outer(x,x)@y
trace(outer(x,y))   diag(x)@y   diag(diag(x))   diag(outer(x,y))   sum(diag(x))   einsum("ij,kj->ik",A,A)
einsum("i,i",x,y)   einsum("i,i,i->",x,y,x)   einsum(",i->i",s,x)   einsum("ij,->ij",A,s)   einsum("k,ij->ijk",w,A)
x.max()-x.min()   +x.prod()**(1/5)   A.mean()   A.std(0)   A.T.mean(0)   T.mean((1,2))   S.trace()   s.sum()
(A@x).sum(0)   -(A@x).sum()**2
""".strip().replace("\n", "   ").split("   ")
"""texts with three blanks between them; those with a + before them speak of positive arrays"""

REFUSED = r"""
norm(A,1)   norm(T,2,axis=(1,2))   norm(A,1,axis=(0,1))   norm(T,1,axis=(0,1))   norm(T,1)   norm(x,'fro')   norm(T,2)
repeat(A,2,axis=(0,1))   swapaxes(A,(0,1),0)   swapaxes(A,None,0)   diagonal(x)   diagonal(T)   outer(s,x)   outer(A,x)
cumsum(A,axis=(0,1))   diff(A,axis=(0,1))   diff(x,-1)   diff(x,s)   concatenate([A,A],axis=(0,1))   softmax(A,axis=())
moveaxis(T,(0,1),(1,0))   stack([x,y],axis=None)   diff(A,axis=None)   roll(A,(1,2),(0,1))
""".strip().replace("\n", "   ").split("   ")
"""NumPy reads these otherwise than they would be read here, or not at all"""


def _namespace() -> dict[str, Any]:
    linalg = {name: getattr(np.linalg, name) for name in ("norm", "inv", "det", "solve", "matrix_power", "slogdet", "multi_dot")}
    own = {"heaviside": lambda x: np.heaviside(x, 0.0), "amax": np.max}
    newer = {"pow": np.power, "concat": np.concatenate, "permute_dims": np.transpose, "cumulative_sum": np.cumsum,
             "vecdot": lambda a, b, axis=-1: np.sum(a * b, axis)}  # fmt: skip
    every = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
    return {**newer, **every, **linalg, **own, "np": np, "len": len}


def _by_numpy(text: str, values: dict[str, Any]) -> Any:
    *lines, last = [line.strip() for line in text.split(";")]
    space = {**_namespace(), **values}
    for line in lines:
        exec(line, space)  # the table's own texts
    return np.asarray(eval(last, space), dtype=float)


def _case(text: str) -> tuple[str, dict[str, str], dict[str, Any]]:
    """(the text, the shapes of its symbols, their values)."""
    plain, rng = text.removeprefix("+"), np.random.default_rng(11)
    used = {name: shape for name, shape in SHAPES.items() if re.search(rf"(?<![\w.]){name}\b", plain)}
    values = {name: rng.normal(size=tuple(map(int, shape.split()))) for name, shape in used.items()}
    if text.startswith("+"):
        values = {name: abs(v) + 0.3 for name, v in values.items()}
    for name in {"S", "Q"} & used.keys():
        values[name] = values[name] + 4 * np.eye(len(values[name]))
    return plain, used, values


@pytest.mark.parametrize("text", TEXTS)
def test_the_value_is_numpys(text: str) -> None:
    plain, used, values = _case(text)
    wanted = _by_numpy(plain, values)
    found = evaluate(parse(plain, used)[0], values, {})
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("text", REFUSED)
def test_what_would_be_read_otherwise_is_refused(text: str) -> None:
    plain, used, _ = _case(text)
    with pytest.raises(SymderivError):
        parse(plain, used)


@pytest.mark.parametrize("low", [-0.5, 0.4])
def test_bounds_of_clip_that_cross(low: float) -> None:
    """NumPy takes the upper bound where the bounds cross."""
    values = {"x": np.linspace(-2.0, 2.0, 7), "a": np.array(low), "b": np.array(0.1)}
    found = evaluate(parse("clip(x, a, b)", {"x": "7", "a": "", "b": ""})[0], values, {})
    np.testing.assert_allclose(found, np.clip(values["x"], values["a"], values["b"]))


@pytest.mark.parametrize("text", ["x[1-n]", "x[1-n:]", "x[:1-n]", "x[2-2*n]"])
def test_an_index_of_no_known_sign_is_refused(text: str) -> None:
    with pytest.raises(SymderivError, match="below zero"):
        parse(text, {"x": "n"})


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("sum(pi)*np.pi", {"pi": "n"}),
        ("e = x @ x; e + np.e", {"x": "n"}),
        ("n = x @ x; sum(x)/n + mean(x)", {"x": "n"}),
        ("sum(x)/n + mean(x)", {"x": "n", "n": ""}),
        ("sum(ϕ*φ)", {"ϕ": "n", "φ": "n"}),
        ("sum(xᵢ)", {"xi": "n"}),
        ("sum(x)", {"x": "n", "sum": "elementwise"}),
        ("kron(x)", {"x": "n", "kron": "n -> o"}),
    ],
)
def test_two_things_that_would_be_printed_alike_are_refused(text: str, shapes: dict[str, str]) -> None:
    with pytest.raises(SymderivError):
        parse(text, shapes)


def test_a_prefix_says_that_it_is_the_number() -> None:
    assert parse("np.pi*x", {"x": ""})[0] is parse("pi*x", {"x": ""})[0]
    assert parse("x**np.e", {"x": ""})[0] is parse("x**e", {"x": ""})[0]
