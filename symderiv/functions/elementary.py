"""The elementary and special functions of one variable, applied elementwise."""

from __future__ import annotations

from symderiv.functions.rows import ScalarFunction, interval
from symderiv.functions.sources import ERF, ERF_COMPLEX, FERMI_DIRAC

# fmt: off
ELEMENTARY: tuple[ScalarFunction, ...] = (
    ScalarFunction(
        "exp", None, sympy="exp(x)", derivative="exp(x)", derivative_note=r"\exp^{\prime}=\exp",
        numpy="np.exp({x})", latex="e^{{x}}", range=interval("(0, oo)"), monotone="increasing", convexity="convex",
        inverse="log", module="Exp", source="DLMF 4.2"),
    ScalarFunction(
        "log", None, sympy="log(x)", derivative="1/x", derivative_note=r"\log^{\prime}(x)=1/x",
        numpy="np.log({x})", latex=r"\log", domain=interval("(0, oo)"), monotone="increasing", convexity="concave",
        inverse="exp", source="DLMF 4.2"),
    ScalarFunction(
        "expm1", "exp(x) - 1", sympy="exp(x) - 1", derivative="exp(x)",
        derivative_note=r"\operatorname{expm1}^{\prime}=\exp", numpy="np.expm1({x})", latex=r"\operatorname{expm1}",
        range=interval("(-1, oo)"), monotone="increasing", convexity="convex", inverse="log1p",
        source="C99 standard, 7.12.6.3"),
    ScalarFunction(
        "log1p", "log(1 + x)", sympy="log(1 + x)", derivative="1/(1 + x)",
        derivative_note=r"\operatorname{log1p}^{\prime}(x)=1/(1+x)", numpy="np.log1p({x})",
        latex=r"\operatorname{log1p}", domain=interval("(-1, oo)"), monotone="increasing", convexity="concave",
        inverse="expm1", source="C99 standard, 7.12.6.9"),
    ScalarFunction(
        "sin", None, sympy="sin(x)", derivative="cos(x)", derivative_note=r"\sin^{\prime}=\cos",
        numpy="np.sin({x})", latex=r"\sin", range=interval("[-1, 1]"), parity="odd", module="Sin",
        source="DLMF 4.14; as an activation: Sitzmann et al. 2020"),
    ScalarFunction(
        "cos", None, sympy="cos(x)", derivative="-sin(x)", derivative_note=r"\cos^{\prime}=-\sin",
        numpy="np.cos({x})", latex=r"\cos", range=interval("[-1, 1]"), parity="even", source="DLMF 4.14"),
    ScalarFunction(
        "tan", "sin(x)/cos(x)", sympy="tan(x)", derivative="1 + tan(x)**2",
        derivative_note=r"\tan^{\prime}=1+\tan^{2}", numpy="np.tan({x})", latex=r"\tan", parity="odd",
        excluded="odd multiples of pi/2", source="DLMF 4.14"),
    ScalarFunction(
        "atan", None, sympy="atan(x)", derivative="1/(1 + x**2)", derivative_note=r"\arctan^{\prime}(x)=1/(1+x^{2})",
        numpy="np.arctan({x})", latex=r"\arctan", range=interval("(-8/5, 8/5)"), parity="odd", monotone="increasing",
        inverse="tan", module="Arctan", source="DLMF 4.23"),
    ScalarFunction(
        "sinh", "(exp(x) - exp(-x))/2", sympy="sinh(x)", derivative="cosh(x)", derivative_note=r"\sinh^{\prime}=\cosh",
        numpy="np.sinh({x})", latex=r"\sinh", parity="odd", monotone="increasing", inverse="asinh",
        source="DLMF 4.28"),
    ScalarFunction(
        "cosh", "(exp(x) + exp(-x))/2", sympy="cosh(x)", derivative="sinh(x)", derivative_note=r"\cosh^{\prime}=\sinh",
        numpy="np.cosh({x})", latex=r"\cosh", range=interval("[1, oo)"), parity="even", convexity="convex",
        source="DLMF 4.28"),
    ScalarFunction(
        "tanh", "(exp(x) - exp(-x))/(exp(x) + exp(-x))", sympy="tanh(x)", derivative="1 - tanh(x)**2",
        derivative_note=r"\tanh^{\prime}=1-\tanh^{2}", numpy="np.tanh({x})", latex=r"\tanh", range=interval("(-1, 1)"),
        parity="odd", monotone="increasing", inverse="atanh", module="Tanh", source="DLMF 4.28"),
    ScalarFunction(
        "asinh", "log(x + sqrt(1 + x**2))", sympy="asinh(x)", derivative="1/sqrt(1 + x**2)",
        derivative_note=r"\operatorname{arsinh}^{\prime}(x)=1/\sqrt{1+x^{2}}", numpy="np.arcsinh({x})",
        latex=r"\operatorname{arsinh}", parity="odd", monotone="increasing", inverse="sinh", source="DLMF 4.37"),
    ScalarFunction(
        "atanh", "(log(1 + x) - log(1 - x))/2", sympy="atanh(x)", derivative="1/(1 - x**2)",
        derivative_note=r"\operatorname{artanh}^{\prime}(x)=1/(1-x^{2})", numpy="np.arctanh({x})",
        latex=r"\operatorname{artanh}", domain=interval("(-1, 1)"), parity="odd", monotone="increasing",
        inverse="tanh", source="DLMF 4.37"),
    ScalarFunction(
        "logit", "log(x) - log(1 - x)", sympy="log(x) - log(1 - x)", derivative="1/(x*(1 - x))",
        derivative_note=r"\operatorname{logit}^{\prime}(x)=1/(x(1-x))", numpy="np.log({x}) - np.log1p(-{x})",
        latex=r"\operatorname{logit}", domain=interval("(0, 1)"), monotone="increasing", inverse="sigmoid",
        source="Berkson 1944"),
    ScalarFunction(
        "logcosh", "log(cosh(x))", sympy="log(cosh(x))", derivative="tanh(x)",
        derivative_note=r"(\log\cosh)^{\prime}=\tanh",
        numpy="np.abs({x}) + np.log1p(np.exp(-2.0*np.abs({x}))) - np.log(2.0)", complex_numpy="np.log(np.cosh({x}))",
        latex=r"\log\cosh", range=interval("[0, oo)"), parity="even", convexity="convex",
        source="Green 1990 (as a penalty)"),
    ScalarFunction(
        "heaviside", None, sympy="Heaviside(x, 0)", derivative="0", derivative_note=r"H^{\prime}=0\ (x\ne 0)",
        numpy="np.heaviside({x}, 0.0)", latex="H", range=interval("[0, 1]"), monotone="increasing", kinks=("0",),
        source="DLMF 1.16(iv); here H(0) = 0"),
    ScalarFunction(
        "sign", "heaviside(x) - heaviside(-x)", sympy="sign(x)", derivative="0",
        derivative_note=r"\operatorname{sign}^{\prime}=0\ (x\ne 0)", numpy="np.sign({x})",
        latex=r"\operatorname{sign}", range=interval("[-1, 1]"), parity="odd", monotone="increasing", kinks=("0",),
        source="DLMF Notations S"),
    ScalarFunction(
        "abs", "x*sign(x)", sympy="Abs(x)", derivative="sign(x)",
        derivative_note=r"\lvert\cdot\rvert^{\prime}=\operatorname{sign}", numpy="np.abs({x})",
        latex=r"\lvert {x}\rvert", range=interval("[0, oo)"), parity="even", convexity="convex", kinks=("0",),
        source="DLMF 1.9"),
    ScalarFunction(
        "erf", None, sympy="erf(x)", derivative="2*exp(-x**2)/sqrt(pi)",
        derivative_note=r"\operatorname{erf}^{\prime}(x)=\tfrac{2}{\sqrt{\pi}}e^{-x^{2}}", numpy="_erf({x})",
        numpy_helper=ERF, complex_numpy="_erf_complex({x})", complex_helper=ERF_COMPLEX, latex=r"\operatorname{erf}",
        range=interval("(-1, 1)"), parity="odd", monotone="increasing", source="DLMF 7.2.1"),
    ScalarFunction(
        "erfc", "1 - erf(x)", sympy="erfc(x)", derivative="-2*exp(-x**2)/sqrt(pi)",
        derivative_note=r"\operatorname{erfc}^{\prime}(x)=-\tfrac{2}{\sqrt{\pi}}e^{-x^{2}}", numpy="_erfc({x})",
        numpy_helper=ERF, complex_numpy="1.0 - _erf_complex({x})", complex_helper=ERF_COMPLEX,
        latex=r"\operatorname{erfc}", range=interval("(0, 2)"), monotone="decreasing", log_concave=True,
        source="DLMF 7.2.2; Boyd & Vandenberghe 2004, 3.5.1"),
    ScalarFunction(
        "fermi_dirac", None, sympy="-polylog(2, -exp(x))", derivative="softplus(x)",
        derivative_note=r"\mathcal{F}_1^{\prime}=\operatorname{softplus}", numpy="_fermi_dirac({x})",
        numpy_helper=FERMI_DIRAC, latex=r"\mathcal{F}_1", range=interval("(0, oo)"), monotone="increasing",
        convexity="convex", log_concave=True, source="F_1(x) = -Li_2(-e^x), the integral of softplus up to x; DLMF 25.12(iii)"),
    ScalarFunction(
        "normal_pdf", "exp(-x**2/2)/sqrt(2*pi)", sympy="exp(-x**2/2)/sqrt(2*pi)", derivative="-x*normal_pdf(x)",
        derivative_note=r"\varphi^{\prime}(x)=-x\,\varphi(x)", numpy="np.exp(-0.5*{x}*{x})/np.sqrt(2.0*np.pi)",
        latex=r"\varphi", range=interval("(0, 2/5)"), parity="even", log_concave=True, source="DLMF 7.20(iii)"),
    ScalarFunction(
        "normal_cdf", "(1 + erf(x/sqrt(2)))/2", sympy="(1 + erf(x/sqrt(2)))/2", derivative="normal_pdf(x)",
        derivative_note=r"\Phi^{\prime}=\varphi", numpy="0.5*_erfc(-np.sqrt(0.5)*{x})", numpy_helper=ERF,
        complex_numpy="0.5*(1.0 + _erf_complex(np.sqrt(0.5)*{x}))", complex_helper=ERF_COMPLEX, latex=r"\Phi",
        range=interval("(0, 1)"), monotone="increasing", log_concave=True, module="NormalCDF",
        source="DLMF 7.20(iii); log-concave: Boyd & Vandenberghe 2004, 3.5.1"),
)
# fmt: on
