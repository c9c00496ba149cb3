"""Activation functions: each row is a module too. Their conventions at a kink are torch's."""

from __future__ import annotations

from fractions import Fraction

from symderiv.functions.rows import ScalarFunction, interval
from symderiv.functions.sources import ERF, ERF_COMPLEX

# fmt: off
ACTIVATIONS: tuple[ScalarFunction, ...] = (
    ScalarFunction(
        "sigmoid", "1/(1 + exp(-x))", sympy="1/(1 + exp(-x))", derivative="sigmoid(x)*(1 - sigmoid(x))",
        derivative_note=r"\sigma^{\prime}=\sigma\,(1-\sigma)",
        numpy="np.exp(np.minimum({x}, 0.0))/(1.0 + np.exp(-np.abs({x})))", complex_numpy="1.0/(1.0 + np.exp(-{x}))",
        latex=r"\sigma", range=interval("(0, 1)"), monotone="increasing", log_concave=True, inverse="logit",
        module="Sigmoid", source="Verhulst 1845; Cox 1958"),
    ScalarFunction(
        "log_sigmoid", "log(sigmoid(x))", sympy="-log(1 + exp(-x))", derivative="1 - sigmoid(x)",
        derivative_note=r"(\log\sigma)^{\prime}=1-\sigma",
        numpy="np.minimum({x}, 0.0) - np.log1p(np.exp(-np.abs({x})))", complex_numpy="-np.log(1.0 + np.exp(-{x}))",
        latex=r"\log\sigma", range=interval("(-oo, 0)"), monotone="increasing", convexity="concave",
        module="LogSigmoid", source="torch.nn.LogSigmoid"),
    ScalarFunction(
        "softplus", "log(1 + exp(x))", sympy="log(1 + exp(x))", derivative="sigmoid(x)",
        derivative_note=r"\operatorname{softplus}^{\prime}=\sigma",
        numpy="np.maximum({x}, 0.0) + np.log1p(np.exp(-np.abs({x})))", complex_numpy="np.log(1.0 + np.exp({x}))",
        latex=r"\operatorname{softplus}", range=interval("(0, oo)"), monotone="increasing", convexity="convex", log_concave=True,
        module="Softplus", source="Dugas et al. 2001"),
    ScalarFunction(
        "relu", "x*heaviside(x)", sympy="Piecewise((x, x > 0), (0, True))", derivative="heaviside(x)",
        derivative_note=r"\operatorname{relu}^{\prime}=H", numpy="np.maximum({x}, 0.0)", latex=r"\operatorname{relu}",
        range=interval("[0, oo)"), monotone="increasing", convexity="convex", kinks=("0",), module="ReLU",
        source="Nair & Hinton 2010"),
    ScalarFunction(
        "relu6", "relu(x) - relu(x - 6)", sympy="Piecewise((0, x <= 0), (6, x >= 6), (x, True))",
        derivative="heaviside(x)*heaviside(6 - x)",
        derivative_note=r"\operatorname{relu6}^{\prime}(x)=H(x)\,H(6-x)", numpy="np.clip({x}, 0.0, 6.0)",
        latex=r"\operatorname{relu6}", range=interval("[0, 6]"), monotone="increasing", kinks=("0", "6"),
        module="ReLU6", source="Krizhevsky 2010"),
    ScalarFunction(
        "leaky_relu", "relu(x) - slope*relu(-x)", sympy="Piecewise((x, x > 0), (slope*x, True))",
        derivative="slope + (1 - slope)*heaviside(x)",
        derivative_note=r"\operatorname{leakyrelu}^{\prime}(x)=s+(1-s)\,H(x)",
        numpy="np.maximum({x}, 0.0) + {slope}*np.minimum({x}, 0.0)", latex=r"\operatorname{leakyrelu}",
        params=(("slope", Fraction(1, 100)),), param_ranges=(interval("[0, 1]"),), monotone="increasing",
        convexity="convex", kinks=("0",), module="LeakyReLU", source="Maas, Hannun & Ng 2013"),
    ScalarFunction(
        "elu", "relu(x) + alpha*(exp(-relu(-x)) - 1)", sympy="Piecewise((x, x > 0), (alpha*(exp(x) - 1), True))",
        derivative="heaviside(x) + alpha*exp(-relu(-x))*(1 - heaviside(x))",
        derivative_note=r"\operatorname{elu}^{\prime}(x)=H(x)+\alpha\,e^{x}\,(1-H(x))",
        numpy="np.maximum({x}, 0.0) + {alpha}*np.expm1(np.minimum({x}, 0.0))", latex=r"\operatorname{elu}",
        params=(("alpha", Fraction(1)),), param_ranges=(interval("[0, 1]"),), range=interval("(-1, oo)"),
        monotone="increasing", convexity="convex", kinks=("0",), module="ELU",
        source="Clevert, Unterthiner & Hochreiter 2016"),
    ScalarFunction(
        "selu", "scale*(relu(x) + alpha*(exp(-relu(-x)) - 1))",
        sympy="scale*Piecewise((x, x > 0), (alpha*(exp(x) - 1), True))",
        derivative="scale*(heaviside(x) + alpha*exp(-relu(-x))*(1 - heaviside(x)))",
        derivative_note=r"\operatorname{selu}^{\prime}(x)=\lambda\,(H(x)+\alpha\,e^{x}\,(1-H(x)))",
        numpy="{scale}*(np.maximum({x}, 0.0) + {alpha}*np.expm1(np.minimum({x}, 0.0)))", latex=r"\operatorname{selu}",
        params=(("alpha", Fraction("1.67326324235437728481704299167")),
                ("scale", Fraction("1.05070098735548049341933498529"))),
        param_ranges=(interval("[0, oo)"), interval("[0, oo)")), monotone="increasing", kinks=("0",), module="SELU",
        letters=(("scale", "lambda"),),
        source="Klambauer et al. 2017"),
    ScalarFunction(
        "celu", "relu(x) + alpha*(exp(-relu(-x)/alpha) - 1)",
        sympy="Piecewise((x, x > 0), (alpha*(exp(x/alpha) - 1), True))",
        derivative="heaviside(x) + exp(-relu(-x)/alpha)*(1 - heaviside(x))",
        derivative_note=r"\operatorname{celu}^{\prime}(x)=H(x)+e^{x/\alpha}\,(1-H(x))",
        numpy="np.maximum({x}, 0.0) + {alpha}*np.expm1(np.minimum({x}, 0.0)/{alpha})", latex=r"\operatorname{celu}",
        params=(("alpha", Fraction(1)),), param_ranges=(interval("(0, oo)"),), monotone="increasing",
        convexity="convex", bends=("0",), module="CELU", source="Barron 2017"),
    ScalarFunction(
        "gelu", "x*normal_cdf(x)", sympy="x*(1 + erf(x/sqrt(2)))/2", derivative="normal_cdf(x) + x*normal_pdf(x)",
        derivative_note=r"\operatorname{gelu}^{\prime}(x)=\Phi(x)+x\,\varphi(x)",
        numpy="0.5*{x}*_erfc(-np.sqrt(0.5)*{x})", numpy_helper=ERF,
        complex_numpy="0.5*{x}*(1.0 + _erf_complex(np.sqrt(0.5)*{x}))", complex_helper=ERF_COMPLEX,
        latex=r"\operatorname{gelu}", range=interval("(-17/100, oo)"), module="GELU",
        source="Hendrycks & Gimpel 2016"),
    ScalarFunction(
        "gelu_tanh", "x*(1 + tanh(sqrt(2/pi)*(x + 44715/1000000*x**3)))/2",
        sympy="x*(1 + tanh(sqrt(2/pi)*(x + Rational(44715, 1000000)*x**3)))/2",
        derivative="(1 + tanh(sqrt(2/pi)*(x + 44715/1000000*x**3)))/2 + x*(1 - tanh(sqrt(2/pi)*(x"
                   " + 44715/1000000*x**3))**2)*sqrt(2/pi)*(1 + 3*44715/1000000*x**2)/2",
        derivative_note=r"t=\tanh g,\ g=\sqrt{2/\pi}\,(x+0.044715\,x^3):"
                        r"\ (\tfrac{x}{2}(1+t))^{\prime}=\tfrac12(1+t)+\tfrac{x}{2}(1-t^{2})\,g^{\prime}",
        numpy="0.5*{x}*(1.0 + np.tanh(np.sqrt(2.0/np.pi)*({x} + 0.044715*{x}*{x}*{x})))",
        latex=r"\operatorname{gelu}_{\tanh}", range=interval("(-171/1000, oo)"), module="GELUTanh",
        source="Hendrycks & Gimpel 2016, the tanh approximation"),
    ScalarFunction(
        "silu", "x*sigmoid(x)", sympy="x/(1 + exp(-x))", derivative="sigmoid(x)*(1 + x*(1 - sigmoid(x)))",
        derivative_note=r"\operatorname{silu}^{\prime}(x)=\sigma(x)\,(1+x\,(1-\sigma(x)))",
        numpy="{x}*np.exp(np.minimum({x}, 0.0))/(1.0 + np.exp(-np.abs({x})))",
        complex_numpy="{x}/(1.0 + np.exp(-{x}))", latex=r"\operatorname{silu}", range=interval("(-7/25, oo)"),
        module="SiLU", source="Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017 (swish)"),
    ScalarFunction(
        "mish", "x*tanh(softplus(x))", sympy="x*tanh(log(1 + exp(x)))",
        derivative="tanh(softplus(x)) + x*(1 - tanh(softplus(x))**2)*sigmoid(x)",
        derivative_note=r"t=\tanh(\operatorname{softplus}(x)):\ (x\,t)^{\prime}=t+x\,(1-t^{2})\,\sigma(x)",
        numpy="{x}*np.tanh(np.maximum({x}, 0.0) + np.log1p(np.exp(-np.abs({x}))))",
        complex_numpy="{x}*np.tanh(np.log(1.0 + np.exp({x})))", latex=r"\operatorname{mish}",
        range=interval("(-31/100, oo)"), module="Mish", source="Misra 2020"),
    ScalarFunction(
        "hardtanh", "relu(x + 1) - relu(x - 1) - 1", sympy="Piecewise((-1, x <= -1), (1, x >= 1), (x, True))",
        derivative="heaviside(x + 1)*heaviside(1 - x)",
        derivative_note=r"\operatorname{hardtanh}^{\prime}(x)=H(x+1)\,H(1-x)", numpy="np.clip({x}, -1.0, 1.0)",
        latex=r"\operatorname{hardtanh}", range=interval("[-1, 1]"), parity="odd", monotone="increasing",
        kinks=("-1", "1"), module="Hardtanh", source="Collobert 2004"),
    ScalarFunction(
        "hardsigmoid", "relu6(x + 3)/6", sympy="Piecewise((0, x <= -3), (1, x >= 3), ((x + 3)/6, True))",
        derivative="heaviside(x + 3)*heaviside(3 - x)/6",
        derivative_note=r"\operatorname{hardsigmoid}^{\prime}(x)=\tfrac16H(x+3)\,H(3-x)",
        numpy="np.clip({x} + 3.0, 0.0, 6.0)/6.0", latex=r"\operatorname{hardsigmoid}", range=interval("[0, 1]"),
        monotone="increasing", kinks=("-3", "3"), module="Hardsigmoid", source="Howard et al. 2019"),
    ScalarFunction(
        "hardswish", "x*hardsigmoid(x)", sympy="Piecewise((0, x <= -3), (x, x >= 3), (x*(x + 3)/6, True))",
        derivative="hardsigmoid(x) + x*heaviside(x + 3)*heaviside(3 - x)/6",
        derivative_note=r"s=\operatorname{hardsigmoid}:\ (x\,s)^{\prime}=s+x\,s^{\prime}",
        numpy="{x}*np.clip({x} + 3.0, 0.0, 6.0)/6.0", latex=r"\operatorname{hardswish}",
        range=interval("[-3/8, oo)"), kinks=("-3", "3"), module="Hardswish", source="Howard et al. 2019"),
    ScalarFunction(
        "softsign", "x/(1 + abs(x))", sympy="x/(1 + Abs(x))", derivative="1/(1 + abs(x))**2",
        derivative_note=r"\operatorname{softsign}^{\prime}(x)=1/(1+\lvert x\rvert)^{2}",
        numpy="{x}/(1.0 + np.abs({x}))", latex=r"\operatorname{softsign}", range=interval("(-1, 1)"), parity="odd",
        monotone="increasing", bends=("0",), module="Softsign", source="Bergstra et al. 2009"),
    ScalarFunction(
        "tanhshrink", "x - tanh(x)", sympy="x - tanh(x)", derivative="tanh(x)**2",
        derivative_note=r"(x-\tanh x)^{\prime}=\tanh^{2}x", numpy="{x} - np.tanh({x})",
        latex=r"\operatorname{tanhshrink}", parity="odd", monotone="increasing", module="Tanhshrink",
        source="torch.nn.Tanhshrink"),
    ScalarFunction(
        "softshrink", "relu(x - lambd) - relu(-x - lambd)",
        sympy="Piecewise((x - lambd, x > lambd), (x + lambd, x < -lambd), (0, True))",
        derivative="heaviside(x - lambd) + heaviside(-x - lambd)",
        derivative_note=r"\operatorname{softshrink}^{\prime}(x)=H(x-\lambda)+H(-x-\lambda)",
        numpy="{x} - np.clip({x}, -{lambd}, {lambd})", latex=r"\operatorname{softshrink}",
        params=(("lambd", Fraction(1, 2)),), param_ranges=(interval("[0, oo)"),), parity="odd",
        monotone="increasing", kinks=("-lambd", "lambd"), module="Softshrink", source="Donoho 1995"),
    ScalarFunction(
        "hardshrink", "x*(heaviside(x - lambd) + heaviside(-x - lambd))",
        sympy="Piecewise((x, x > lambd), (x, x < -lambd), (0, True))",
        derivative="heaviside(x - lambd) + heaviside(-x - lambd)",
        derivative_note=r"\operatorname{hardshrink}^{\prime}(x)=H(x-\lambda)+H(-x-\lambda)",
        numpy="np.where(np.abs({x}) > {lambd}, {x}, 0.0)", latex=r"\operatorname{hardshrink}",
        params=(("lambd", Fraction(1, 2)),), param_ranges=(interval("[0, oo)"),), parity="odd",
        monotone="increasing", kinks=("-lambd", "lambd"), module="Hardshrink", source="Donoho & Johnstone 1994"),
)
# fmt: on
