"""Integration of the operator with torch, and its memory."""

import subprocess
import sys

import pytest
import torch
from tests.factorised.inputs import make_inputs

from ctal.errors import InputError
from ctal.factorised import (
    convolutions,
    factorised_affinity,
    matmuls,
    minimal_filtering,
    multiply_adds,
    passes,
)
from ctal.functional import cross_task_affinity


def gradients(inputs, **options):
    out = cross_task_affinity(*inputs, **options)
    direction = torch.randn(
        out.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    return [out, *torch.autograd.grad(out, inputs, direction.to(out))]


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("size", [(4, 5), (20, 20)], ids=["S made again", "S kept"])
def test_torch_opcheck(shared, size):
    inputs = make_inputs(2, 2, 3, *size, shared=shared, dtype=torch.float32)
    torch.library.opcheck(torch.ops.ctal.factorised_affinity.default, inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shared", [False, True])
def test_float32_uses_convolutions_and_float64_matrix_products(dtype, shared, monkeypatch):
    other = {torch.float32: matmuls, torch.float64: convolutions}[dtype]
    monkeypatch.setattr(other, "correlate", None)
    inputs = make_inputs(2, 3, 4, 5, 6, shared=shared, dtype=dtype)
    expected = gradients([x.double().detach().requires_grad_() for x in inputs], method="dense")
    for a, b in zip(gradients(inputs, method="factorised"), expected, strict=True):
        torch.testing.assert_close(a.double(), b, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("size", "dtype", "f", "products"),
    [
        ((72, 96), torch.float32, 3, minimal_filtering),
        ((36, 48), torch.float32, 3, convolutions),  # not faster; bundled models stay identical
        ((72, 96), torch.float32, 5, convolutions),
        ((72, 96), torch.bfloat16, 3, convolutions),  # sums of several numbers would lose bits
        ((72, 96), torch.float64, 3, matmuls),
    ],
)
def test_minimal_filtering_is_used_for_large_images(size, dtype, f, products):
    X = torch.empty(1, dtype=dtype).expand(1, *size, 3, 64)
    assert passes._products(X, f**2) is products


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("size", [(2, 1), (6, 8), (7, 9)])
def test_minimal_filtering_equals_the_dense_form(size, shared, monkeypatch):
    monkeypatch.setattr(passes, "_LARGE", 0)
    monkeypatch.setattr(minimal_filtering, "_BAND_PIXELS", 20)
    monkeypatch.setattr(convolutions, "correlate", None)
    inputs = make_inputs(2, 3, 8, *size, shared=shared, dtype=torch.float32)
    expected = gradients([x.double().detach().requires_grad_() for x in inputs], method="dense")
    for a, b in zip(gradients(inputs, method="factorised"), expected, strict=True):
        torch.testing.assert_close(a.double(), b, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("shared", "calls"), [(True, [(1, 12, 12)] * 9), (False, [(1, 4, 12)] * 27)]
)
def test_targets_that_share_mixing_weights_share_the_weighted_copies(shared, calls, monkeypatch):
    shapes, apply = [], matmuls.apply
    monkeypatch.setattr(matmuls, "apply", lambda x, S: (shapes.append(S.shape), apply(x, S))[1])
    passes.forward(*[x.detach() for x in make_inputs(1, 3, 4, 5, 6, shared=shared)])
    assert shapes == calls  # one product for each weighted copy


def test_blocks_of_pixels_do_not_change_the_result(monkeypatch):
    inputs = make_inputs(2, 3, 4, 5, 6)
    whole = gradients(inputs, method="factorised")
    monkeypatch.setitem(passes._BLOCK_NUMBERS, "cpu", 3 * 3 * 4 * 7)  # about 7 pixels per block
    for a, b in zip(gradients(inputs, method="factorised"), whole, strict=True):
        torch.testing.assert_close(a, b)


def test_a_batch_equals_single_images(monkeypatch):
    inputs = make_inputs(3, 2, 4, 5, 6)
    each = gradients(inputs, method="factorised")
    monkeypatch.setattr(passes, "_portions", lambda features: [slice(0, 3)])  # as on a GPU
    for a, b in zip(gradients(inputs, method="factorised"), each, strict=True):
        torch.testing.assert_close(a, b)


def test_backward_saves_the_inputs_and_a_small_sum():
    for size, kept in [((6, 6), 0), ((12, 12), 2 * 2**2 * 3**2 * 4**2)]:
        inputs = make_inputs(2, 2, 4, *size)
        saved = []
        with torch.autograd.graph.saved_tensors_hooks(saved.append, lambda x: x):
            factorised_affinity(*inputs)
        own = {x.data_ptr() for x in inputs}
        others = [x.numel() for x in saved if x.data_ptr() not in own]
        assert len(saved) == 5
        assert sum(others) == kept <= inputs[0].numel()


class _LargestTensor(torch.utils._python_dispatch.TorchDispatchMode):
    """Record the number of elements of the largest result of any operation."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in torch.utils._pytree.tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self.numbers = max(self.numbers, tensor.untyped_storage().nbytes() // 4)
        return out


@torch.no_grad()
def test_no_tensor_has_size_p_by_p(monkeypatch):
    T, C, H, W = 2, 4, 40, 50
    P = H * W
    monkeypatch.setitem(passes._BLOCK_NUMBERS, "cpu", 1 << 14)
    inputs = make_inputs(1, T, C, H, W, dtype=torch.float32)
    # the passes, since a dispatch mode does not see inside an operator
    with _LargestTensor() as largest:
        out, S = passes.forward(*inputs)
        passes.backward(torch.ones_like(out), S, *inputs)
    assert largest.numbers < P * P / 10
    with _LargestTensor() as largest:
        cross_task_affinity(*inputs, method="dense")
    assert largest.numbers >= T * P * P  # it detects large tensors


def test_channels_last_input():
    inputs = make_inputs(2, 2, 4, 5, 6)
    last = [x.detach().movedim(2, -1).contiguous().movedim(-1, 2) for x in inputs[:2]]
    last = [x.requires_grad_() for x in last] + inputs[2:]
    assert not last[0].is_contiguous()
    expected = gradients(inputs, method="factorised")
    for a, b in zip(gradients(last, method="factorised"), expected, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_empty_batch(dtype):
    inputs = make_inputs(0, 2, 4, 5, 6, dtype=dtype)
    out, _, _, dW, db = gradients(inputs, method="factorised")
    assert out.shape == (0, 2, 4, 5, 6)
    assert not dW.any()
    assert not db.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(4, 5), (20, 20)], ids=["S made again", "S kept"])
def test_results_have_the_strides_of_the_fake_implementation(dtype, size):
    # opcheck does not check the strides of gradients, on which compiled code relies
    inputs = [x.detach() for x in make_inputs(2, 2, 3, *size, dtype=dtype)]
    forward = torch.ops.ctal.factorised_affinity
    backward = torch.ops.ctal.factorised_affinity_backward
    real = forward(*inputs)
    real = [*real, *backward(real[0], real[1], *inputs)]
    with torch._subclasses.FakeTensorMode() as mode:
        fakes = [mode.from_tensor(x) for x in inputs]
        told = forward(*fakes)
        told = [*told, *backward(told[0], told[1], *fakes)]
    assert [x.stride() for x in real] == [x.stride() for x in told]
    assert [x.dtype for x in real] == [x.dtype for x in told]


def test_compiles_without_a_graph_break():
    inputs = make_inputs(2, 2, 4, 5, 6, dtype=torch.float32)
    compiled = torch.compile(cross_task_affinity, fullgraph=True, backend="aot_eager")
    direction = torch.randn_like(inputs[0])
    found, expected = (
        torch.autograd.grad(function(*inputs, method="factorised"), inputs, direction)
        for function in (compiled, cross_task_affinity)
    )
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_exports():
    class Module(torch.nn.Module):
        def forward(self, *inputs):
            return cross_task_affinity(*inputs, method="factorised")

    inputs = make_inputs(2, 2, 4, 5, 6, dtype=torch.float32)
    batch = torch.export.Dim("batch")
    shapes = ({0: batch}, {0: batch}, None, None)
    exported = torch.export.export(Module(), tuple(inputs), dynamic_shapes=(shapes,)).module()
    more = make_inputs(3, 2, 4, 5, 6, dtype=torch.float32)
    torch.testing.assert_close(exported(*more), Module()(*more))


def test_second_derivatives_are_rejected():
    inputs = make_inputs(1, 2, 3, 3, 4)
    out = cross_task_affinity(*inputs, method="factorised")
    (first,) = torch.autograd.grad(out.square().sum(), inputs[0], create_graph=True)
    with pytest.raises(InputError, match=r'not support second derivatives; .* method="dense"'):
        first.sum().backward()
    out = cross_task_affinity(*inputs, method="dense")
    (first,) = torch.autograd.grad(out.square().sum(), inputs[0], create_graph=True)
    first.square().sum().backward()
    assert inputs[0].grad.abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(dtype):
    inputs = make_inputs(1, 2, 16, 6, 7, dtype=torch.float32)
    with torch.autocast("cpu", dtype=dtype):
        out = cross_task_affinity(*inputs, method="factorised")
    assert out.dtype == dtype
    assert [g.dtype for g in torch.autograd.grad(out.sum(), inputs)] == [torch.float32] * 4


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("size", [(16, 16), (24, 32)])
@pytest.mark.parametrize("large", [passes._LARGE, 0], ids=["plain", "minimal filtering"])
def test_rounding_errors_are_not_larger_than_in_the_dense_form(autocast, size, large, monkeypatch):
    monkeypatch.setattr(passes, "_LARGE", large)
    exact = [x.detach().double() for x in gradients(make_inputs(1, 3, 64, *size), method="dense")]
    errors = {}
    for method in ("dense", "factorised"):
        inputs = [x.detach().float().requires_grad_() for x in make_inputs(1, 3, 64, *size)]
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            rounded = gradients(inputs, method=method)
        errors[method] = [
            float((a.detach().double() - b).norm() / b.norm())
            for a, b in zip(rounded, exact, strict=True)
        ]
    # 1.2: the rounding errors of sums depend on their order
    for factorised, dense in zip(errors["factorised"], errors["dense"], strict=True):
        assert factorised < 1.2 * dense


def test_torch_counts_the_flops():
    inputs = make_inputs(2, 3, 4, 5, 6, dtype=torch.float32)
    work = 2 * multiply_adds(inputs[0].shape, 3)["factorised"]
    with torch.utils.flop_counter.FlopCounterMode(display=False) as counter:
        out = cross_task_affinity(*inputs, method="factorised")
        assert counter.get_total_flops() == 2 * work  # two operations per multiply-add
        out.sum().backward()
    assert counter.get_total_flops() == 6 * work


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("shared", [False, True])
def test_on_a_gpu(shared):
    inputs = make_inputs(3, 3, 8, 9, 10, shared=shared)
    expected = gradients(inputs, method="dense")
    on_gpu = [x.detach().cuda().requires_grad_() for x in inputs]
    for a, b in zip(gradients(on_gpu, method="factorised"), expected, strict=True):
        torch.testing.assert_close(a.cpu(), b)


def test_the_operator_does_not_import_the_compiler():
    code = (
        "import sys, torch\n"
        "from ctal.factorised import factorised_affinity\n"
        "maps = torch.rand(1, 2, 3, 4, 4, requires_grad=True)\n"
        "weight, bias = torch.rand(2, 16, 2, 3, 3), torch.rand(2, 16)\n"
        "factorised_affinity(maps, maps, weight, bias).sum().backward()\n"
        "sys.exit('torch._dynamo' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
