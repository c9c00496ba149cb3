"""Real PyTorch models: values and gradients agree with torch.func to 1e-10, and what can't be read is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

import symderiv as sd

WORST = 1e-10


class ResidualNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.fc1, self.fc2 = nn.LayerNorm(3), nn.Linear(3, 5), nn.Linear(5, 3)

    def forward(self, x: Any) -> Any:
        return x + self.fc2(F.gelu(self.fc1(self.norm(x)), approximate="tanh"))


class Gated(nn.Module):
    """A gated unit: the product of two linear layers, one of them under a sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        self.value, self.gate = nn.Linear(2, 3), nn.Linear(2, 3, bias=False)

    def forward(self, x: Any) -> Any:
        return self.value(x) * torch.sigmoid(self.gate(x))


class Attention(nn.Module):
    def __init__(self, heads: int = 2, first: bool = False) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(4, heads, batch_first=first)

    def forward(self, x: Any) -> Any:
        return self.attn(x, x, x)[0]


class Pieces(nn.Module):
    """Attention by its pieces, with a scale, sums along axes, and a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.wq, self.wk = nn.Linear(4, 3), nn.Linear(4, 3)
        self.scale = nn.Parameter(torch.tensor(0.7))

    def forward(self, x: Any) -> Any:
        q, k = self.wq(x), self.wk(x)
        p = (self.scale * q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(dim=-1)
        return torch.einsum("ij,jk->ik", p, x).mean(dim=0)


class Mixture(nn.Module):
    """A gate that weighs two experts, which are one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.experts = nn.Linear(3, 2), nn.Parameter(torch.randn(2, 5, 3))

    def forward(self, x: Any) -> Any:
        p = torch.softmax(self.gate(x), -1)
        return torch.einsum("e,eoi,i->o", p, self.experts, x)


class Recurrent(nn.Module):
    """Three steps of a cell, its parameters shared."""

    def __init__(self, cell: str) -> None:
        super().__init__()
        self.cell = getattr(nn, cell)(2, 3)

    def forward(self, x: Any, h: Any) -> Any:
        for _ in range(3):
            h = self.cell(x, h)
        return h


class Memory(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(2, 3)

    def forward(self, x: Any, h: Any, c: Any) -> Any:
        for _ in range(2):
            h, c = self.cell(x, (h, c))
        return h


def seq(*parts: nn.Module) -> nn.Module:
    return nn.Sequential(*parts)


MODELS: dict[str, tuple[Callable[[], nn.Module], dict[str, str]]] = {
    "one layer": (lambda: nn.Linear(2, 3), {}),
    "mlp": (lambda: seq(nn.Linear(2, 3), nn.Tanh(), nn.Dropout(0.3), nn.Linear(3, 5), nn.Softmax(dim=-1)), {}),
    "mlp of a batch": (lambda: seq(nn.Linear(2, 3), nn.SiLU(), nn.Linear(3, 5), nn.LogSoftmax(dim=1)), {"x": "7 2"}),
    "activations": (lambda: seq(nn.Linear(2, 3), nn.GELU(), nn.Softplus(beta=2), nn.ELU(0.5), nn.LeakyReLU(0.2), nn.Mish(),
                                nn.Hardtanh(-2, 2), nn.Softsign(), nn.SELU(), nn.Tanhshrink()), {}),
    "norms": (lambda: seq(nn.LayerNorm(4), nn.Linear(4, 3), nn.RMSNorm(3), nn.Tanh()), {}),
    "batch norm": (lambda: seq(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Tanh()), {"x": "5 2"}),
    "residual": (ResidualNet, {"x": "3"}),
    "gated": (Gated, {"x": "2"}),
    "attention, one sequence": (Attention, {"x": "3 4"}),
    "attention, a batch first": (lambda: Attention(2, True), {"x": "2 3 4"}),
    "attention, a batch second": (lambda: Attention(1), {"x": "3 2 4"}),
    "attention by pieces": (Pieces, {"x": "3 4"}),
    "transformer layer": (lambda: seq(nn.TransformerEncoderLayer(4, 2, 5, batch_first=True)), {"x": "2 3 4"}),
    "transformer layer, norm first": (
        lambda: seq(nn.TransformerEncoderLayer(4, 2, 5, activation="gelu", norm_first=True, batch_first=True)), {"x": "2 3 4"}),
    "convolution": (lambda: seq(nn.Conv1d(2, 3, 3, stride=2, padding=1), nn.Tanh()), {"x": "2 7"}),
    "convolution of a batch": (lambda: seq(nn.Conv1d(2, 3, 2, dilation=2, bias=False)), {"x": "5 2 7"}),
    "mixture of experts": (Mixture, {"x": "3"}),
    "rnn": (lambda: Recurrent("RNNCell"), {"x": "2", "h": "3"}),
    "gru": (lambda: Recurrent("GRUCell"), {"x": "5 2", "h": "5 3"}),
    "lstm": (Memory, {"x": "2", "h": "3", "c": "3"}),
}  # fmt: skip


def arrays_for(model: Any, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = model.shapes()
    return {name: random.normal(size=[int(d) for d in shapes[name].split()]) for name in shapes if name not in model.values}


def built(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    module = make().double().eval()
    with torch.no_grad():                       # biases and gains away from their first values, which hide mistakes
        for tensor in module.parameters():
            tensor.add_(0.1 * torch.randn_like(tensor))
        for tensor in module.buffers():
            if tensor.dtype.is_floating_point:
                tensor.add_(torch.rand_like(tensor))
    return module


def by_parameter(module: nn.Module, model: Any, given: dict[str, np.ndarray], weights: np.ndarray) -> dict[str, np.ndarray]:
    """torch's own gradients of ⟨weights, output⟩, split as the model's symbols are."""
    inputs = [torch.as_tensor(v) for v in given.values()]
    params = dict(module.named_parameters())

    def loss(p: Any) -> Any:
        return (functional_call(module, p, tuple(inputs)) * torch.as_tensor(weights)).sum()

    found = {k: v.detach().numpy() for k, v in torch.func.grad(loss)(params).items()}
    split = {}
    for path, symbols in model.names.items():
        if path in found:
            parts = symbols if isinstance(symbols, tuple) else (symbols,)
            for symbol, part in zip(parts, np.split(found[path], len(parts)) if parts[1:] else [found[path]], strict=True):
                split[symbol] = part.reshape(model.values[symbol].shape)
    return split


@pytest.mark.parametrize("name", MODELS)
def test_values_and_gradients_equal_torch(name: str) -> None:
    make, shapes = MODELS[name]
    module = built(make)
    model = sd.from_torch(module, **shapes)
    if isinstance(module, nn.Linear):
        module = nn.Sequential(module)
    given = arrays_for(model)
    expected = module(*(torch.as_tensor(v) for v in given.values())).detach().numpy()
    everything = {**model.values, **given}
    value = sd.parse(model.program(), shapes=model.shapes())
    assert np.abs(value.numpy()(**_used(value, everything)) - expected).max() < WORST

    weights = np.random.default_rng(1).normal(size=expected.shape)
    axes = "ijkl"[: expected.ndim]
    names = list(model.parameters)
    text = f'{_named(model.program())}\neinsum("{axes},{axes}->", output, cot)'
    derived = sd.gradient(text, names, shapes={**model.shapes(), "cot": " ".join(map(str, expected.shape))})
    found = dict(zip(names, derived.numpy()(**everything, cot=weights), strict=True))
    for symbol, gradient in by_parameter(module, model, given, weights).items():
        assert np.abs(found.pop(symbol) - gradient).max() < WORST, symbol
    assert not found


def _named(program: str) -> str:
    """A program whose value has the name output."""
    *lines, last = program.splitlines()
    name, sign, _ = last.partition(" = ")
    return "\n".join([*lines, last, f"output = {name}"] if sign else [*lines, f"output = {last}"])


def _used(value: Any, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    from symderiv.ir import free_symbols

    return {s.name: arrays[s.name] for s in free_symbols(value) if s.name in arrays}


LOSSES = [
    (nn.MSELoss(), "real"), (nn.MSELoss(reduction="sum"), "real"), (nn.L1Loss(), "real"), (nn.HuberLoss(delta=0.5), "real"),
    (nn.SmoothL1Loss(beta=0.3), "real"), (nn.CrossEntropyLoss(), "simplex"), (nn.CrossEntropyLoss(reduction="sum"), "simplex"),
    (nn.BCEWithLogitsLoss(), "unit"), (nn.PoissonNLLLoss(), "unit"), (nn.SoftMarginLoss(), "signs"),
    (nn.KLDivLoss(reduction="batchmean"), "simplex"), (nn.KLDivLoss(reduction="sum"), "simplex"),
]  # fmt: skip


@pytest.mark.parametrize("batch", [True, False])
@pytest.mark.parametrize(("loss", "target"), LOSSES, ids=lambda v: str(v))
def test_losses_keep_their_reduction(loss: nn.Module, target: str, batch: bool) -> None:
    module = built(lambda: seq(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 5)))
    model = sd.from_torch(module, loss=loss, **({"x": "4 2"} if batch else {}))
    given = arrays_for(model, 3)
    y = np.abs(given["y"]) + 0.1
    given["y"] = {"real": given["y"], "unit": y / (1 + y), "signs": np.sign(given["y"]),
                  "simplex": y / y.sum(axis=-1, keepdims=True)}[target]  # fmt: skip
    x, y = (torch.as_tensor(given[k]) for k in "xy")
    params = dict(module.named_parameters())
    expected = torch.func.grad(lambda p: loss(functional_call(module, p, (x,)), y))(params)
    derived = sd.gradient(model, ["m0_weight", "m2_bias"]).numpy()(**model.values, **given)
    for found, name in zip(derived, ("0.weight", "2.bias"), strict=True):
        assert np.abs(found - expected[name].detach().numpy()).max() < WORST


def test_a_hessian_and_the_row_of_modules() -> None:
    module = built(lambda: seq(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 5)))
    model = sd.from_torch(module) >> sd.CrossEntropy(target="y")
    assert model.program().splitlines()[-1] == "cross_entropy(u, y)"
    random = np.random.default_rng(0)
    x, y = random.normal(size=2), random.dirichlet(np.ones(5))
    values = sd.from_torch(module).values
    hessian = sd.hessian(model, "m0_weight").numpy()(**values, x=x, y=y)
    params = {k: v.detach() for k, v in module.named_parameters()}

    def loss(w: Any) -> Any:
        return F.cross_entropy(functional_call(module, {**params, "0.weight": w}, (torch.as_tensor(x),)), torch.as_tensor(y))

    assert np.abs(hessian - torch.func.hessian(loss)(params["0.weight"]).numpy()).max() < WORST


def test_the_readme_walk_names_things_as_torch_does() -> None:
    model = sd.from_torch(ResidualNet().eval())
    assert model.names["fc1.weight"] == "fc1_weight"
    assert model.shapes()["fc1_weight"] == "5 3"
    assert list(model.parameters) == ["norm_weight", "norm_bias", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias"]


class Unknown(nn.Module):
    def forward(self, x: Any) -> Any:
        y = torch.tanh(x)
        return torch.fft.fft(y).real


class Decides(nn.Module):
    def forward(self, x: Any) -> Any:
        if x.sum() > 0:
            return x
        return -x


class Picks(nn.Module):
    def forward(self, x: Any) -> Any:
        return x[0] * 2


class Pools(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool1d(2)

    def forward(self, x: Any) -> Any:
        return self.pool(x)


class Reuses(nn.Module):
    def forward(self, x: Any) -> Any:
        y = torch.sin(x)
        z = torch.relu_(y)
        return z * y


class Detaches(nn.Module):
    def forward(self, x: Any) -> Any:
        return torch.sin(x).detach_() * x


@pytest.mark.parametrize(
    ("model", "line", "words"),
    [
        (Reuses(), "z = torch.relu_(y)", "in place"),
        (Detaches(), "return torch.sin(x).detach_() * x", "detach_"),
        (nn.Sequential(nn.Softplus(threshold=1)), "", "threshold"),
        (Unknown(), "return torch.fft.fft(y).real", "fft"),
        (Decides(), "if x.sum() > 0:", "traced"),
        (Picks(), "return x[0] * 2", "entries"),
        (Pools(), "return self.pool(x)", "MaxPool1d"),
        (nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)), "", "model.eval()"),
    ],
    ids=["in place", "detached", "threshold", "function", "decision", "entry", "module", "dropout"],
)
def test_what_cannot_be_read_is_named_with_its_line(model: nn.Module, line: str, words: str) -> None:
    model.train()
    with pytest.raises(sd.NoRuleError) as caught:
        sd.from_torch(model, x="2 2")
    assert words in str(caught.value)
    assert line in str(caught.value)


class Bare(nn.Module):
    def forward(self, x: Any) -> Any:
        return torch.tanh(x)


def test_bad_input_is_told() -> None:
    with pytest.raises(sd.SymderivError, match=r"reads a torch.nn.Module, not a str"):
        sd.from_torch("model")
    with pytest.raises(sd.SymderivError, match="no input 'z'"):
        sd.from_torch(nn.Linear(2, 3), z="2")
    with pytest.raises(sd.SymderivError, match="shape of the input 'x' isn't known"):
        sd.from_torch(Bare())
    with pytest.raises(sd.NoRuleError, match="label_smoothing=0.1 can't be read"):
        sd.from_torch(nn.Linear(2, 3), loss=nn.CrossEntropyLoss(label_smoothing=0.1))
    with pytest.raises(sd.NoRuleError, match="CTCLoss"):
        sd.from_torch(nn.Linear(2, 3), loss=nn.CTCLoss())
