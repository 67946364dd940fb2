#!/usr/bin/env bash
# The first eager call of an operator made by torch.library.custom_op imports torch's compiler
#
# With torch 2.14, `torch.library.custom_op` wraps the operator so that torch.compile does not trace
# into it; the wrapper imports torch._dynamo at the first call, though nothing is compiled. It takes
# as long as `import torch`, in the middle of the first prediction. The same operator made by
# torch.library.define and torch.library.impl does not, nor does its gradient. The meta device has
# the same effect: `nn.init.normal_`, batch norm and `+` import torch._dynamo there, a convolution
# and `torch.broadcast_shapes` (with sizes alone, and no tensor) import sympy.
# What to do: where the start of a program matters, define operators by torch.library.define, and
# use numpy.broadcast_shapes.
#
# Seen with torch 2.14.1, Python 3.11, on a core of an AMD EPYC:
#   torch 2.14.1
#   custom_op                  torch._dynamo   sympy
#   define and impl            -               -
#   nn.init.normal_ on meta    torch._dynamo   sympy
#   batch norm on meta         torch._dynamo   sympy
#   sum of tensors on meta     torch._dynamo   sympy
#   convolution on meta        -               sympy
#   broadcast_shapes           -               sympy
#   processor seconds of the first call: custom_op 1.3, define and impl 0.0
#
# Exit code: 0 if it behaves as described (the seconds are printed only), 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys
from importlib.metadata import version

print("torch", version("torch").split("+")[0])
DOUBLE = "x = torch.ones(2, requires_grad=True)\ndef double(x: torch.Tensor) -> torch.Tensor: return x * 2\n"
META = "m = torch.ones(1, 2, 4, 4, device='meta')\n"
CASES = {
    "custom_op": (
        DOUBLE + "op = torch.library.custom_op('own::double', double, mutates_args=())\n"
        "op.register_autograd(lambda ctx, g: 2 * g)\n",
        "op(x).sum().backward()",
        (True, True),
    ),
    "define and impl": (
        DOUBLE + "torch.library.define('own::double', '(Tensor x) -> Tensor')\n"
        "torch.library.impl('own::double', 'default', double)\n"
        "torch.library.register_autograd('own::double', lambda ctx, g: 2 * g)\n",
        "torch.ops.own.double(x).sum().backward()",
        (False, False),
    ),
    "nn.init.normal_ on meta": (META, "torch.nn.init.normal_(m)", (True, True)),
    "batch norm on meta": (META, "torch.nn.BatchNorm2d(2, device='meta').eval()(m)", (True, True)),
    "sum of tensors on meta": (META, "m + m", (True, True)),
    "convolution on meta": (META, "torch.nn.functional.conv2d(m, m)", (False, True)),
    "broadcast_shapes": ("", "torch.broadcast_shapes((2, 1), (1, 3))", (False, True)),
}
END = "print(time.process_time() - t, *(m in sys.modules for m in ('torch._dynamo', 'sympy')))\n"
right, seconds = True, {}
for name, (before, call, expected) in CASES.items():
    code = f"import sys, time, torch\n{before}t = time.process_time()\n{call}\n{END}"
    for _ in range(2):  # the second time its files are compiled and cached
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    taken, *found = done.stdout.split()
    found = [word == "True" for word in found]
    seconds[name] = float(taken)
    right &= tuple(found) == expected
    shown = [module if is_there else "-" for is_there, module in zip(found, ("torch._dynamo", "sympy"))]
    print(f"{name:<26} {shown[0]:<15} {shown[1]}")
print(
    "processor seconds of the first call:",
    ", ".join(f"{name} {seconds[name]:.1f}" for name in ("custom_op", "define and impl")),
)
sys.exit(not right)
PYTHON
