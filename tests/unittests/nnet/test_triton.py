"""Our Li-GRU in Triton against SpeechBrain's: interpreted, and on a GPU.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import logging

import pytest
import torch
from against_stock import agree, pair, results
from interpreted import defined_anew, interpreted, module

from speechbrain_growth.nnet.ligru import LiGRU, SLiGRU
from speechbrain_growth.nnet.on_gpu import serving
from speechbrain_growth.nnet.on_gpu.how import How

OPTIONS = [
    {"nonlinearity": "relu"},
    {"nonlinearity": "tanh", "bidirectional": True},
    {"nonlinearity": "leaky_relu", "num_layers": 2},
    {"normalization": "layernorm"},
    {"dropout": 0.4, "bidirectional": True},
]
HALVES = (torch.float16, torch.bfloat16)


@pytest.fixture
def chunks(device, monkeypatch):
    """The module that launches, with three steps to a chunk."""
    where = interpreted() if device == "cpu" else contextlib.nullcontext()
    monkeypatch.delenv("SPEECHBRAIN_GROWTH_NO_KERNELS", raising=False)
    with where, tf32(False):
        found = module("chunks")
        monkeypatch.setattr(found, "STEPS", 3)
        if device == "cpu":  # smaller tiles, which are quicker to interpret
            monkeypatch.setattr(found, "DEPTH", 16)
        forget(found)
        yield found
        forget(found)


@contextlib.contextmanager
def tf32(allowed):
    """Inside, products of float32 on a GPU may be rounded, or not."""
    matmul = torch.backends.cuda.matmul
    before, matmul.allow_tf32 = matmul.allow_tf32, allowed
    try:
        yield
    finally:
        matmul.allow_tf32 = before


def compiled_chunks():
    """The module that launches, as it is where nothing is interpreted."""
    pytest.importorskip("triton")
    return module("chunks")


def forget(chunks):
    """Makes all chunks anew when they are asked for."""
    chunks.forward_chunk.cache_clear()
    chunks.backward_chunk.cache_clear()


def two(device, dtype=torch.float64, **options):
    """Our layer, the stock one and an input, on a device."""
    ours, stock, inputs = pair(dtype, **options)
    assert type(ours) in (LiGRU, SLiGRU)
    inputs = inputs.detach().to(device).requires_grad_()
    return ours.to(device), stock.to(device), inputs


def computed(layer, *inputs):
    """Its results, of the kernels and nothing else."""
    assert in_triton(layer)
    return results(layer, *inputs)


def in_triton(layer):
    """Whether all its layers are computed by the kernels."""
    names = {one.computed_in() for one in layer.rnn}
    return all(name.startswith("Triton ") for name in names)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_values_and_gradients_are_the_stock_layers(
    options, training, device, chunks
):
    ours, stock, inputs = two(device, **options)
    ours.train(training), stock.train(training)
    agree(computed(ours, inputs), results(stock, inputs), 1e-12)
    assert chunks.backward_chunk.cache_info().misses == 2  # one tries it out


def test_in_single_precision_too(device, chunks):
    ours, stock, inputs = two(device, torch.float32)
    agree(computed(ours, inputs), results(stock, inputs), 2e-6)


def test_units_of_another_layer_leave_nothing_behind(device, chunks):
    for units in (6, 5, 6):
        ours, stock, inputs = two(device, units=units)
        agree(computed(ours, inputs), results(stock, inputs), 1e-12)


@pytest.mark.parametrize("steps", [1, 3, 4])
@pytest.mark.parametrize("batch, units", [(1, 1), (17, 20)])
def test_any_size(batch, units, steps, device, chunks):
    ours, stock, inputs = two(device, batch=batch, units=units)
    inputs = inputs.detach()[:, :steps].requires_grad_()
    # of one unit or one utterance, some gradients are zero but for rounding
    far = 1e-11 if batch * units > 1 else 1e-6
    ours.eval(), stock.eval()
    agree(computed(ours, inputs), results(stock, inputs), far)


def test_takes_an_initial_state_and_gives_its_gradient(device, chunks):
    ours, stock, inputs = two(device)
    start = torch.randn(1, 3, 6, dtype=torch.float64).to(device)
    start.requires_grad_()
    agree(computed(ours, inputs, start), results(stock, inputs, start), 1e-12)
    found, expected = (
        torch.autograd.grad(layer(inputs, start)[0].sum(), start)
        for layer in (ours, stock)
    )
    agree(found, expected, 1e-12)


@pytest.mark.parametrize("place", [-1e4, 1e4, float("inf"), float("nan")])
def test_extreme_numbers_come_out_as_from_the_stock_layer(
    place, device, chunks
):
    ours, stock, inputs = two(device, torch.float32)
    ours.eval(), stock.eval()
    with torch.no_grad():
        inputs[1, 2] = place
        found, expected = ours(inputs)[0], stock(inputs)[0]
    assert in_triton(ours)
    torch.testing.assert_close(found, expected, equal_nan=True)
    assert expected[1].isnan().any() == (abs(place) > 1e30 or place != place)


@pytest.mark.parametrize("half", HALVES, ids=str)
def test_half_precision_is_as_close_as_the_stock_layer_comes(
    half, device, chunks
):
    ours, stock, inputs = two(device, torch.float32, units=32)
    exact = results(stock, inputs)
    with torch.autocast(device, dtype=half):
        assert serving.how(inputs, torch.nn.ReLU()) == How(half, "ieee")
        found, rounded = computed(ours, inputs), results(stock, inputs)
    assert [x.dtype for x in found] == [x.dtype for x in rounded]
    for one, two_, three in zip(found, rounded, exact):
        far, as_far = ((x - three).abs().max() for x in (one, two_))
        assert 0 < far <= 1.5 * as_far


def test_a_row_is_the_same_in_any_batch_and_after_any_other(device, chunks):
    """Whatever a larger or longer batch left in the tensors of a chunk."""
    layer = two(device, torch.float32)[0].rnn[0].eval()
    assert layer.computed_in().startswith("Triton")

    def recur(fed):
        """States, and the gradient of what is fed."""
        fed = fed.detach().requires_grad_()
        states = layer._recur(fed, layer.h_init.expand(len(fed), -1))
        return states, *torch.autograd.grad(states.square().sum(), fed)

    fed = torch.randn(5, 7, 12).to(device)
    expected = recur(fed)
    spoilt = recur(torch.full((9, 8, 12), float("nan"), device=device))
    assert all(one.isnan().all() for one in spoilt)
    for found, first in zip(recur(fed), expected):
        assert torch.equal(found, first)
    for found, first in zip(recur(fed[2:3]), expected):
        assert torch.equal(found, first[2:3])
    states = recur(fed[:, :4])[0]
    assert torch.equal(states, expected[0][:, :4])


def test_trains_with_a_chunk_that_inference_made(device, chunks):
    ours, stock, inputs = two(device)
    with torch.inference_mode():
        ours.eval()(inputs)
    ours.train()
    agree(computed(ours, inputs), results(stock, inputs), 1e-12)
    assert chunks.forward_chunk.cache_info().hits == 1


def test_the_length_of_a_chunk_changes_no_bit(device, chunks, monkeypatch):
    ours, _, inputs = two(device, torch.float32)
    ours.eval()
    expected = computed(ours, inputs)
    forget(chunks)
    monkeypatch.setattr(chunks, "STEPS", 5)
    for found, first in zip(computed(ours, inputs), expected):
        assert torch.equal(found, first)


def test_few_chunks_are_kept(device, chunks):
    assert chunks.forward_chunk.cache_info().maxsize == chunks.KEPT
    ours, _, inputs = two(device, torch.float32)
    ours.eval()
    for batch in (1, 2, 3):
        for steps in (1, 2, 7):
            ours(inputs[:batch, :steps])
    assert chunks.forward_chunk.cache_info().currsize == 2


@pytest.mark.parametrize(
    "options", [{"nonlinearity": "sin"}, {"kind": SLiGRU}], ids=str
)
def test_what_it_does_not_compute_is_as_before(options, device, chunks):
    ours, stock, inputs = two(device, **options)
    assert not in_triton(ours)
    agree(results(ours, inputs), results(stock, inputs), 1e-12)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_states_in_half_precision_are_not_computed(
    dtype, device, chunks, caplog
):
    like = torch.zeros(1, dtype=dtype, device=device)
    assert serving.how(like, torch.nn.ReLU()) is None
    assert serving.how(like.float(), torch.nn.ReLU())
    assert serving.how(like.float().to("meta"), torch.nn.ReLU()) is None
    assert not caplog.text  # they were not even tried


def test_products_of_float32_are_as_torch_is_set(device, chunks):
    act = torch.nn.ReLU()
    like = torch.zeros(1, device=device)
    assert serving.how(like, act) == How(torch.float32, "ieee")
    with tf32(True):
        assert serving.how(like, act) == How(torch.float32, "tf32")
        assert serving.how(like.double(), act) == How(torch.float64, "ieee")


def broken(*given, **options):
    """Stands for a compiler that is missing."""
    raise OSError("no ptxas")


def idle(*given, **options):
    """Stands for a kernel that computes nothing."""


@pytest.mark.parametrize(
    "kernel, problem",
    [(broken, "OSError: no ptxas"), (idle, "its numbers were off by 1.0e+00")],
)
def test_where_it_fails_the_log_says_so_once(
    kernel, problem, device, chunks, monkeypatch, caplog
):
    class Kernel:
        """As Triton's, which are indexed by their grid."""

        def __getitem__(self, grid):
            return kernel

    monkeypatch.setattr(chunks, "ahead", Kernel())
    serving._works.cache_clear()
    ours, stock, inputs = two(device)
    with caplog.at_level(logging.WARNING):
        agree(results(ours, inputs), results(stock, inputs), 1e-12)
        assert not in_triton(ours)
    serving._works.cache_clear()
    (line,) = [r.getMessage() for r in caplog.records if "Triton" in r.msg]
    assert line.startswith("Triton does not compute the Li-GRU here, so ")
    assert line.endswith(problem)


def test_kernels_can_be_switched_off(device, chunks, monkeypatch):
    monkeypatch.setenv("SPEECHBRAIN_GROWTH_NO_KERNELS", "1")
    serving._works.cache_clear()
    assert serving.how(torch.zeros(1, device=device), torch.nn.ReLU()) is None
    serving._works.cache_clear()


class Graph:
    """Stands for ``torch.cuda.CUDAGraph`` where there is no GPU."""

    replays = 0

    def replay(self):
        """Counts."""
        self.replays += 1


@pytest.mark.parametrize("problem", ["", "out of memory"])
def test_launches_are_recorded_or_the_log_says_why(
    problem, monkeypatch, caplog
):
    cuda, graph, launches = torch.cuda, Graph(), []
    chunks = compiled_chunks()

    @contextlib.contextmanager
    def record(into, capture_error_mode):
        assert into is graph and capture_error_mode == "thread_local"
        yield
        if problem:
            raise RuntimeError(problem)

    monkeypatch.setattr(cuda, "CUDAGraph", lambda: graph)
    monkeypatch.setattr(cuda, "graph", record)
    monkeypatch.setattr(cuda, "is_current_stream_capturing", lambda: False)
    with caplog.at_level(logging.WARNING):
        run = chunks.recorded(
            lambda: launches.append(1), torch.device("cuda", 0)
        )
    assert len(launches) == 2
    run(), run()
    assert len(launches) == (4 if problem else 2)
    assert graph.replays == (0 if problem else 2)
    assert ("slower: out of memory" in caplog.text) == bool(problem)


def test_inside_the_graph_of_another_nothing_is_recorded(monkeypatch):
    chunks = compiled_chunks()
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    launches = []
    run = chunks.recorded(lambda: launches.append(1), torch.device("cuda", 0))
    run()
    assert len(launches) == 2


# Most shared memory of a program on cards of these kinds, in bytes
CARDS = {75: 65536, 80: 166912, 90: 232448}
STATES = {
    "float32": ("fp32", "fp32", "ieee"),
    "TF32": ("fp32", "fp32", "tf32"),
    "float16": ("fp32", "fp16", "ieee"),
    "bfloat16": ("fp32", "bf16", "ieee"),
    "float64": ("fp64", "fp64", "ieee"),
}


@pytest.mark.slow
@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("precision", STATES)
def test_compiles_for_cards_that_are_not_here(
    precision, card, tmp_path, monkeypatch
):
    pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource, compile

    if precision == "bfloat16" and card < 80:
        pytest.skip("such cards do not multiply bfloat16")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    states, product, sums = STATES[precision]
    with defined_anew():
        chunks = module("chunks")
        tile = {n: getattr(chunks, n) for n in ("ROWS", "OWN", "DEPTH")}
        fixed = {"units": 512, "precision": sums, "act": "tanh", **tile}
        for kernel in (chunks.ahead, chunks.back):
            names = kernel.arg_names
            kinds = {
                name: "constexpr"
                if name in fixed
                else f"*{product if name == 'u' else states}"
                for name in names
            }
            source = ASTSource(
                kernel,
                kinds,
                {(i,): fixed[n] for i, n in enumerate(names) if n in fixed},
                {
                    (i,): [["tt.divisibility", 16]]
                    for i, n in enumerate(names)
                    if n not in fixed
                },
            )
            target = GPUTarget("cuda", card, 32)
            made = compile(source, target, {"num_warps": chunks.WARPS})
            assert len(made.asm["cubin"]) > 10_000
            assert made.metadata.shared <= CARDS[card]
            if card >= 80:
                on_tensor_cores = precision != "float32"
                assert ("mma" in made.asm["ptx"]) == on_tensor_cores
