"""A run whose model becomes deeper is killed, resumed and evaluated.

Authors
 * The speechbrain_growth authors 2026
"""

import growing_run
import pytest
import torch
from growing_run import at, data, toy, train, weights
from test_growing_brain import claim_best

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain_growth import Exact, GrowthError
from speechbrain_growth.launch.plan_table import as_table
from speechbrain_growth.launch.planning import plan_run
from speechbrain_growth.nnet.scalable_crdnn import ScalableCRDNN

EXTRA = ("extra_cnn_blocks", "extra_rnn_layers", "extra_dnn_blocks")
DEEPER = growing_run.YAML.replace(
    "speechbrain.lobes.models.CRDNN.CRDNN\n",
    "speechbrain_growth.ScalableCRDNN\n"
    + "    activation: !name:torch.nn.ReLU\n    dnn_blocks: !ref <dnn_blocks>\n"
    + "".join(f"    {key}: !ref <{key}>\n" for key in EXTRA),
).replace(
    "rnn_layers: 2\n",
    "rnn_layers: 2\ndnn_blocks: 2\n" + "".join(f"{k}: 0\n" for k in EXTRA),
)
BORN = ["CNN.extra_0", "RNN_extra_0", "DNN.extra_0"]
# what: the growths of a run
GROWTHS = {
    "one of each": [{"after_epoch": 2, **dict.fromkeys(EXTRA, 1)}],
    "and wider": [{"after_epoch": 2, "rnn_neurons": 9, **{EXTRA[1]: 1}}],
    "one by one": [
        {"after_epoch": 1, EXTRA[1]: 1},
        {"after_epoch": 2, EXTRA[1]: 2, "rnn_neurons": 8},
    ],
    "an identity": [{"after_epoch": 2, "dnn_blocks": 3, "dnn_neurons": 9}],
}
MOMENTS = ["epoch 2 saved", "grown", "epoch 3 saved"]


@pytest.fixture(scope="module", autouse=True)
def deeper():
    """The toy run has a model that can be deepened"""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growing_run, "YAML", DEEPER)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory, deeper):
    """Runs that nobody interrupts"""
    return {
        what: train(toy(tmp_path_factory.mktemp("run"), growth=growth))
        for what, growth in GROWTHS.items()
    }


def ids(parameters):
    """Which objects they are"""
    return [id(parameter) for parameter in parameters]


def held(brain):
    """All parameters of the optimizer"""
    return [p for g in brain.optimizer.param_groups for p in g["params"]]


def test_the_model_is_what_the_yaml_builds(whole):
    brain = whole["one of each"]
    built = brain.blueprint.modules(brain.schedule.sizes)
    built.load_state_dict(brain.modules.state_dict(), strict=True)
    assert isinstance(built["model"], ScalableCRDNN)
    assert set(BORN) <= {name for name, _ in built["model"].named_modules()}


def test_the_growth_is_exact_and_says_so(whole):
    (line,) = whole["one of each"].growth_log.read()
    assert line["born"] == {f"model.{name}": "exact" for name in BORN}
    assert line["drift"] == 0.0 and line["grown"] and line["tolerance"]
    assert line["valid_before"]["error"] == line["valid_after"]["error"]
    words = whole["one of each"].growth_log.in_words()
    assert "model.RNN_extra_0 is born, exact" in words
    assert whole["and wider"].growth_log.read()[0]["drift"] < 1e-5


def test_an_identity_is_calibrated_on_the_probe_batch(whole):
    (line,) = whole["an identity"].growth_log.read()
    assert line["born"] == {"model.DNN.block_2": str(Exact.IN_EVAL)}
    assert line["drift"] < 1e-5 and line["tolerance"] == 1e-4
    assert line["grown"]
    assert line["valid_after"]["loss"] == pytest.approx(
        line["valid_before"]["loss"], rel=1e-5
    )


def test_the_gates_have_opened(whole):
    gates = dict(whole["one of each"].modules.model.named_parameters())
    for name in BORN:
        assert gates[f"{name}.gate"].abs() > 0


@pytest.mark.parametrize("what", GROWTHS)
def test_the_optimizer_holds_the_parameters_in_the_models_order(what, whole):
    brain = whole[what]
    assert ids(held(brain)) == ids(brain.modules.parameters())
    for parameter, state in brain.optimizer.state.items():
        assert state["square_avg"].shape == parameter.shape


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("what", GROWTHS)
def test_resumed_equals_uninterrupted(what, moment, whole, tmp_path):
    train(toy(tmp_path, kill=at(moment), growth=GROWTHS[what]))
    resumed = train(toy(tmp_path, growth=GROWTHS[what]))
    expected, found = weights(whole[what]), weights(resumed)
    assert list(expected) == list(found)
    for name in expected:
        assert torch.equal(expected[name], found[name]), name


@pytest.fixture(scope="module")
def kept(tmp_path_factory, deeper):
    """A run of which the checkpoint of each epoch is kept, and its folder."""
    folder = tmp_path_factory.mktemp("kept")
    return train(toy(folder, keep=9, growth=GROWTHS["one of each"])), folder


@pytest.mark.parametrize("epoch, depth", [(2, 0), (3, 1)])
def test_the_best_checkpoint_evaluates_whatever_its_depth(epoch, depth, kept):
    brain, folder = kept
    claim_best(brain, epoch)
    loader = torch.utils.data.DataLoader(data(2, seed=1), batch_size=4)
    fresh = toy(folder, keep=9, growth=GROWTHS["one of each"])
    loss = fresh.evaluate(loader, min_key="error")
    assert ("RNN_extra_0" in fresh.modules.model) == depth
    assert loss == pytest.approx(brain.history[epoch - 1]["loss"], rel=1e-6)
    # the living brain, deeper by now, steps back as well, and forth again
    assert brain.evaluate(loader, min_key="error") == loss
    assert ids(held(brain)) == ids(brain.modules.parameters())
    brain.on_fit_start()
    assert "RNN_extra_0" in brain.modules.model
    assert ids(held(brain)) == ids(brain.modules.parameters())


def test_with_nothing_inserted_it_is_the_stock_model(tmp_path):
    brain = train(toy(tmp_path, growth=[], number_of_epochs=1))
    stock = CRDNN(
        input_size=12,
        cnn_channels=[2, 4],
        rnn_layers=2,
        rnn_neurons=6,
        dnn_neurons=8,
        dropout=0.0,
        activation=torch.nn.ReLU,
    )
    stock.load_state_dict(brain.modules.model.state_dict(), strict=True)
    inputs = data()[:4][0]
    stock.eval()
    brain.modules.eval()
    torch.testing.assert_close(stock(inputs), brain.modules.model(inputs))


def test_a_birth_that_promises_less_is_taken_and_logged(tmp_path):
    growth = [{"after_epoch": 2, EXTRA[2]: 1, "birth": "copy"}]
    brain = train(toy(tmp_path, growth=growth))
    (line,) = brain.growth_log.read()
    assert line["grown"] and line["tolerance"] is None
    assert line["drift"] > brain.schedule.tolerance
    words = "not exact: a copy of model.DNN.block_1"
    assert line["born"] == {"model.DNN.extra_0": words}
    assert words in brain.growth_log.in_words()
    assert words in as_table(plan_run(brain.blueprint))


def test_a_birth_that_does_not_fit_is_refused_by_the_plan(tmp_path):
    growth = [{"after_epoch": 2, EXTRA[2]: 1, "birth": "identity"}]
    brain = toy(tmp_path, growth=growth)
    with pytest.raises(GrowthError, match="use birth: gate or copy"):
        plan_run(brain.blueprint)


def test_a_reset_optimizer_holds_the_born_parameters(tmp_path):
    growth = [{**GROWTHS["one of each"][0], "optimizer": "reset"}]
    brain = train(toy(tmp_path, growth=growth, kill=at("grown")))
    assert not brain.optimizer.state
    assert ids(held(brain)) == ids(brain.modules.parameters())


def test_the_brain_calibrates_what_it_probes(tmp_path):
    growth = GROWTHS["an identity"]
    brain = train(toy(tmp_path, growth=growth, kill=at("grown")))
    norm = brain.modules.model.DNN.block_2.norm.norm
    assert norm.running_mean.any()  # some units are silent
    assert torch.equal(norm.bias, norm.running_mean)
