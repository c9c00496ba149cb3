"""PyTorch models as modules: read through torch.fx, with their parameters' names and values (the extra ``torch``)."""

from symderiv.torch_models.model import TorchModel, from_torch

__all__ = ["TorchModel", "from_torch"]
