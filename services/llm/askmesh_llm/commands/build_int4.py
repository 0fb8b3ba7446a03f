"""`askmesh-llm build-int4`: a checkpoint's 4-bit model folder for the int4 engine, by onnxruntime-genai's builder."""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

_NEEDED = ("onnxruntime_genai", "onnx_ir", "onnx", "torch", "transformers")


def build(checkpoint: Path, target: Path) -> None:
    """Write `target`, which must not exist, from a folder with safetensors weights. Raises SystemExit with the remedy.

    Needs about as much memory as the checkpoint has bytes. Nothing of the folder is run as code.
    """
    if not (checkpoint / "config.json").is_file() or not list(checkpoint.glob("*.safetensors")):
        raise SystemExit(
            f"{checkpoint} holds no safetensors checkpoint; `askmesh-llm download` prints where it put one"
        )
    if target.exists():
        raise SystemExit(f"{target} exists already")
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise SystemExit(f"missing: {', '.join(missing)}; pip install 'askmesh-llm[transformers,int4,int4-build]'")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".build-int4-") as scratch:
        made = Path(scratch) / "model"
        command = [sys.executable, "-m", "onnxruntime_genai.models.builder"]
        command += ["-i", str(checkpoint), "-o", str(made), "-p", "int4", "-e", "cpu", "-c", f"{scratch}/cache"]
        command += ["--extra_options", "hf_remote=false"]  # the builder's default runs code that comes with a model
        if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own interpreter, the operator's folders
            raise SystemExit("the builder failed; its reason is above")
        made.rename(target)
