"""Where XGBoost computes: on the processor, or on a graphics card that is really there."""

import re

from clickward.warehouse.errors import UsageError, UserError

CPU = "cpu"
_CUDA = re.compile(r"cuda(:\d+)?")


def check_device(device: str) -> None:
    """Raises `UserError` where XGBoost would not compute on `device`.

    Without a card XGBoost warns and takes the processor; so a booster of one tree is asked
    where it was grown.
    """
    if device == CPU:
        return
    if not _CUDA.fullmatch(device):
        raise UsageError(f"no device {device!r}", "--device takes cpu, cuda, or cuda:1")
    found = _device_taken(device)
    if found != device and not (device == "cuda" and found.startswith("cuda")):
        raise UserError(
            f"--device {device}: XGBoost finds no such CUDA device here, it would take the {found}",
            "leave --device out, or train where `nvidia-smi` lists a card",
        )


def _device_taken(device: str) -> str:
    """The device on which XGBoost grows a tree when asked for `device`."""
    import json

    import numpy as np
    import xgboost

    numbers = np.arange(8, dtype=np.float32)[:, None]
    try:
        with xgboost.config_context(verbosity=0):
            data = xgboost.QuantileDMatrix(numbers, label=np.arange(8) % 2)
            grown = xgboost.train({"device": device, "tree_method": "hist"}, data, 1)
    except xgboost.core.XGBoostError:  # a build without CUDA
        return CPU
    return str(json.loads(grown.save_config())["learner"]["generic_param"]["device"])
