"""Every mistake of a user's gets one message, and no traceback.

Each row: what is written before the run, the arguments, and the exact message.
`{folder}` is the test's own folder; the YAML and the output folder are given by
the test where a row does not name them.

Authors
 * The speechbrain_growth authors 2026
"""

import gzip
import re
from pathlib import Path

import pytest
from bad_inputs import (
    MNIST,
    TIMIT,
    altered,
    both,
    content,
    link,
    noise,
    plan,
    run_recipe,
    utterance,
)

from speechbrain_growth.schedule.asking import KEYS
from speechbrain_growth.schedule.conditions.registry import CONDITIONS
from speechbrain_growth.schedule.growth import READERS

YAML = "{folder}/bad.yaml"
READ = ["--skip_prep=True", "--data_folder={folder}/data"] + [
    f"--{part}_annotation={{folder}}/{file}.json"
    for part, file in (("train", "train"), ("valid", "dev"), ("test", "test"))
]
IDX = ["--dataset=mnist", "--skip_prep=True", "--data_folder={folder}"]
NOISE = "ID,duration,wav,wav_format,wav_opts\n"
GROW_TIMIT = [
    "hparams/grow_timit.yaml",
    "--noise_annotation={folder}/noise.csv",
]

ON_MNIST = {
    # The YAML
    "no such YAML": (
        None,
        ["{folder}/none.yaml"],
        (
            "{folder}/none.yaml: No such file or directory; it must be a "
            "YAML file of hyperparameters"
        ),
    ),
    "a folder for a YAML": (
        None,
        ["{folder}"],
        ("{folder}: Is a directory; it must be a YAML file of hyperparameters"),
    ),
    "a YAML that is none": (
        content("bad.yaml", "a: [1"),
        [YAML],
        (
            "{folder}/bad.yaml, line 1: expected ',' or ']', but got "
            "'<stream end>'"
        ),
    ),
    "a YAML of bytes": (
        content("bad.yaml", b"\xff\xfe\x00a"),
        [YAML],
        (
            "{folder}/bad.yaml: this is no text: 'utf-8' codec can't "
            "decode byte 0xff in position 0: invalid start byte"
        ),
    ),
    "an empty YAML": (
        content("bad.yaml", ""),
        [YAML],
        (
            "{folder}/bad.yaml: found None; it must be a mapping of "
            "hyperparameters"
        ),
    ),
    "a YAML that is a list": (
        content("bad.yaml", "- 1"),
        [YAML],
        (
            "{folder}/bad.yaml: found [1]; it must be a mapping of "
            "hyperparameters"
        ),
    ),
    "a YAML without modules": (
        content("bad.yaml", "seed: 1"),
        [YAML],
        (
            "2 problems:\n"
            "  - {folder}/bad.yaml: there is no key 'output_folder'; its "
            "keys are seed\n"
            "  - {folder}/bad.yaml: there is no key 'dataset'; its keys "
            "are seed"
        ),
    ),
    "a YAML without a schedule": (
        altered("growth_schedule:", "another_schedule:"),
        [YAML],
        (
            "{folder}/bad.yaml: there is no key growth_schedule; a run "
            "that grows needs it"
        ),
    ),
    "a key twice": (
        content("bad.yaml", "seed: 1\nseed: 2\n"),
        [YAML],
        '{folder}/bad.yaml, line 2: found duplicate key "seed" with value "2" '
        '(original value: "1")',
    ),
    "a reference to nothing": (
        altered("!ref <hidden>", "!ref <heddin>"),
        [YAML],
        '{folder}/bad.yaml: The reference "heddin" is not valid',
    ),
    "an unknown class": (
        altered("speechbrain_growth.MLP", "speechbrain_growth.MPL"),
        [YAML],
        (
            "{folder}/bad.yaml: model: There is no such class as "
            "speechbrain_growth.MPL"
        ),
    ),
    "an unknown package": (
        altered("torch.nn.ReLU", "tarch.nn.ReLU"),
        [YAML],
        (
            "{folder}/bad.yaml: activation: There is no such entity as "
            "tarch.nn.ReLU"
        ),
    ),
    "an unknown argument": (
        altered("batch_norm: !ref", "batchnorm: !ref"),
        [YAML],
        (
            "{folder}/bad.yaml: model: Invalid argument to class "
            "speechbrain_growth.MLP: MLP.__init__() got an "
            "unexpected keyword argument 'batchnorm'"
        ),
    ),
    "a growth of a YAML": (
        altered("growth: []", "growth:\n  - {after_epoch: 1, hidden: [8]}"),
        [YAML],
        (
            "{folder}/bad.yaml, line 44: growth[0] (after_epoch 1): hidden is "
            "[16] and would shrink to [8]; growth only adds units"
        ),
    ),
    "a value of a YAML": (
        altered("lr: 0.002", "lr: -1"),
        [YAML],
        "{folder}/bad.yaml, line 26: lr is -1; it must be a number, at least 0",
    ),
    "a base that is not there": (
        content("bad.yaml", "base: none.yaml"),
        [YAML],
        (
            "{folder}/none.yaml: No such file or directory; it must be a "
            "YAML file of hyperparameters"
        ),
    ),
    "a base of itself": (
        content("bad.yaml", "base: bad.yaml"),
        [YAML],
        (
            "{folder}/bad.yaml: base is bad.yaml, whose own base leads "
            "back here; name one that leads to a file without a base"
        ),
    ),
    "an optimizer's argument": (
        altered("torch.optim.Adam\n", "torch.optim.Adam\n        bata: 3\n"),
        [YAML],
        (
            "the optimizer cannot be made: Adam.__init__() got an "
            "unexpected keyword argument 'bata'"
        ),
    ),
    # The command line
    "a key that is none": (
        None,
        ["--hidde=[3]"],
        "hparams/grow.yaml: there is no key 'hidde'; did you mean hidden?",
    ),
    "a stray word": (
        None,
        ["--lr=0.1", "stray"],
        "lr is '0.1 stray'; the YAML has a number there",
    ),
    "an unfinished list": (
        None,
        ["--hidden=[16"],
        "the command line, line 2: expected ',' or ']', but got ':'",
    ),
    "a key given twice": (
        None,
        ["--lr=0.1", "--lr=0.2"],
        (
            'the command line, line 2: found duplicate key "lr" with value '
            '"0.2" (original value: "0.1")'
        ),
    ),
    "a text for a rate": (
        None,
        ["--lr=high"],
        "lr is 'high'; the YAML has a number there",
    ),
    "a negative rate": (
        None,
        ["--lr=-1"],
        "lr is -1; it must be a number, at least 0",
    ),
    "a rate that is none": (
        None,
        ["--lr=.nan"],
        "lr is nan; it must be a number, at least 0",
    ),
    "no batch size": (
        None,
        ["--batch_size=0"],
        "batch_size is 0; it must be a whole number, at least 1",
    ),
    "half a batch": (
        None,
        ["--batch_size=2.5"],
        "batch_size is 2.5; it must be a whole number, at least 1",
    ),
    "no epoch": (
        None,
        ["--number_of_epochs=0"],
        "number_of_epochs is 0; it must be a whole number above 0",
    ),
    "a part of an epoch": (
        None,
        ["--number_of_epochs=1.5"],
        "number_of_epochs is 1.5; it must be a whole number above 0",
    ),
    "a negative seed": (
        None,
        ["--seed=-1"],
        "seed is -1; it must be a whole number from 0 to 4294967295",
    ),
    "a text for a seed": (
        None,
        ["--seed=abc"],
        "seed is 'abc'; the YAML has a number there",
    ),
    "a number for a list": (
        None,
        ["--hidden=16"],
        "hidden is 16; the YAML has a list there",
    ),
    "no unit": (
        None,
        ["--hidden=[0]"],
        (
            "hidden is [0]; it is to grow, so it must be a whole number "
            "above 0, or a list of them"
        ),
    ),
    "half a unit": (
        None,
        ["--hidden=[16.5]"],
        (
            "hidden is [16.5]; it is to grow, so it must be a whole number "
            "above 0, or a list of them"
        ),
    ),
    "no unit, small": (
        None,
        ["--hidden=[0]", "--growth=[]"],
        (
            "3 problems:\n"
            "  - model.hidden_0.linear.weight would have no element, (0, "
            "784); every size must be above 0\n"
            "  - model.hidden_0.linear.bias would have no element, (0,); "
            "every size must be above 0\n"
            "  - model.output.weight would have no element, (10, 0); every "
            "size must be above 0"
        ),
    ),
    "fewer than no unit": (
        None,
        ["--hidden=[-3]", "--growth=[]"],
        (
            "{recipe}/hparams/grow.yaml: model: Trying to create tensor "
            "with negative dimension -3: [-3, 784]"
        ),
    ),
    "a text for a switch": (
        None,
        ["--batch_norm=maybe"],
        "batch_norm is 'maybe'; the YAML has True or False there",
    ),
    "a number for an object": (
        None,
        ["--lr_annealing=3"],
        "lr_annealing is 3; the YAML has an object "
        "(!new:speechbrain.nnet.schedulers.LinearScheduler) there",
    ),
    "a class that is none": (
        None,
        ["--activation=!name:torch.nn.None"],
        (
            "{recipe}/hparams/grow.yaml: activation: There is no such "
            "entity as torch.nn.None"
        ),
    ),
    "an override that runs code": (
        None,
        ["--seed=!apply:os.getpid []"],
        (
            "the command line: seed is !apply:os.getpid; use a plain value, "
            "!ref <key>, !include: of a schedule, or another class where the "
            "YAML names one"
        ),
    ),
    "a class that runs code": (
        None,
        ["--model=!new:subprocess.Popen {args: [ls]}"],
        (
            "the command line: model is !new:subprocess.Popen, but "
            "subprocess.Popen is in none of torch.nn, torch.optim, "
            "speechbrain.nnet, speechbrain.lobes, speechbrain_growth.nnet; "
            "name another one of the same kind"
        ),
    ),
    "a tuple that runs code": (
        None,
        ["--opt_name=(!!python/object/apply:os.getpid [])"],
        (
            "{recipe}/hparams/grow.yaml: opt_name is "
            "(!!python/object/apply:os.getpid []); a tuple may hold plain "
            "values only, and no !"
        ),
    ),
    "a file from elsewhere": (
        None,
        ["--growth=!include:/etc/passwd"],
        (
            "the command line: growth is !include:/etc/passwd; an override "
            "may include a file of the YAML's own folder or of "
            "hparams/schedules above it"
        ),
    ),
    "a list of itself": (
        None,
        ["--hidden=&a [*a]"],
        ("the command line: hidden[0] contains itself; write out its values"),
    ),
    "a few lines that are many": (
        None,
        ["--inputs=&a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
        + [
            f"--{key}=&{after} [{', '.join([f'*{before}'] * 10)}]"
            for key, before, after in (
                ("hidden", "a", "b"),
                ("outputs", "b", "c"),
                ("seed", "c", "d"),
                ("shift", "d", "e"),
                ("lr", "e", "f"),
            )
        ],
        (
            "the command line, it has 1,234,569 values once its references "
            "are followed; 100,000 are allowed"
        ),
    ),
    "an optimizer that is none": (
        None,
        ["--opt_name=adamax"],
        "opt_name is 'adamax'; it must be adam or sgd",
    ),
    "data that are none": (
        None,
        ["--dataset=cifar"],
        "dataset is 'cifar'; it must be mnist or fashion_mnist or digits",
    ),
    "other inputs": (None, ["--inputs=7"], "inputs is 7, but digits needs 784"),
    "other outputs": (
        None,
        ["--outputs=3"],
        "outputs is 3, but digits needs 10",
    ),
    "no validation": (
        None,
        ["--valid_size=0"],
        (
            "valid_size is 0; 1 to 1436 of the 1437 training images can be "
            "held out"
        ),
    ),
    "several at once": (
        None,
        ["--lr=x", "--seed=y", "--batch_size=0"],
        (
            "3 problems:\n"
            "  - lr is 'x'; the YAML has a number there\n"
            "  - seed is 'y'; the YAML has a number there\n"
            "  - batch_size is 0; it must be a whole number, at least 1"
        ),
    ),
    "an earlier run that is none": (
        None,
        ["--init_from={folder}"],
        (
            "init_from: {folder} holds no checkpoint of a growing recipe; "
            "it must be the output folder of an earlier run, with its "
            "folder save"
        ),
    ),
    "an output folder that is a file": (
        content("out", ""),
        ["--output_folder={folder}/out"],
        "{recipe}/hparams/grow.yaml: {folder}/out/save: Not a directory",
    ),
    "a folder that cannot be": (
        None,
        ["--output_folder=/proc/nothing/x"],
        "{recipe}/hparams/grow.yaml: /proc/nothing: No such file or directory",
    ),
    "no output folder": (
        None,
        ["--output_folder="],
        "output_folder is None; the YAML has something there",
    ),
    "a number for a folder": (
        None,
        ["--output_folder=3"],
        "output_folder is 3; it must be a path, such as ./3",
    ),
    "a number for the data": (
        None,
        ["--data_folder=3"],
        "data_folder is 3; it must be a path, such as ./3",
    ),
    "a number for an earlier run": (
        None,
        ["--init_from=3"],
        (
            "init_from is 3; it must be the output folder of an earlier run, "
            "such as ./3"
        ),
    ),
    "an option without a value": (
        None,
        ["--lr"],
        "lr is None; the YAML has a number there",
    ),
    "no scheduler": (
        None,
        ["--lr_annealing="],
        "lr_annealing is None; the YAML has an object "
        "(!new:speechbrain.nnet.schedulers.LinearScheduler) there",
    ),
    "a scheduler for fewer epochs": (
        None,
        ["--lr_annealing={epoch_count: 4}"],
        (
            "lr_annealing: LinearScheduler fails after epoch 5 of 18: list "
            "index out of range; it must last for all epochs (its epoch_count, "
            "say)"
        ),
    ),
    "a scheduler of torch": (
        altered(
            "!new:speechbrain.nnet.schedulers.LinearScheduler\n"
            "    initial_value: !ref <lr>\n"
            "    final_value: !ref <final_lr>\n"
            "    epoch_count: !ref <number_of_epochs>\n",
            "!name:torch.optim.lr_scheduler.StepLR\n    step_size: 3\n",
        ),
        [YAML, "--dataset=digits"],
        (
            "lr_annealing: StepLR is not called as the schedulers of "
            "speechbrain.nnet.schedulers are; use one of these, such as "
            "LinearScheduler, NewBobScheduler or NoamScheduler, or "
            "speechbrain_growth.TorchScheduler around one of torch's"
        ),
    ),
    "no modules": (
        None,
        ["--modules="],
        "modules is None; the YAML has a mapping there",
    ),
    "an infinite rate": (
        None,
        ["--lr=.inf"],
        "lr is inf; it must be a number, at least 0",
    ),
    "a rate at which training breaks down": (
        None,
        ["--lr=1e30"],
        (
            "4 of 4 tensors of the model (model.hidden_0.linear.weight, "
            "model.hidden_0.linear.bias, model.output.weight and 1 more) of "
            "epoch 1 are not finite, and are not saved. The loss at step 2 of "
            "epoch 1 is nan; the numbers in its batch are finite. Use a "
            "smaller lr, or find the reason with torch's "
            "autograd.detect_anomaly; the same command then goes on from the "
            "newest checkpoint"
        ),
    ),
    "letters for units": (
        None,
        ["--hidden=[a]"],
        "hidden is ['a']; the YAML has a list of numbers there",
    ),
    "a list in a list": (
        None,
        ["--hidden=[[3]]"],
        "hidden is [[3]]; the YAML has a list of numbers there",
    ),
    "a logger that there is not": (
        None,
        ["--loggers=[tensorbord]"],
        "loggers: found 'tensorbord'; use tensorboard, wandb or a logger of "
        "SpeechBrain",
    ),
    "half a pixel": (
        None,
        ["--shift=0.5"],
        "shift is 0.5; it must be a whole number, at least 0",
    ),
    "a way to the left": (
        None,
        ["--shift=-1"],
        "shift is -1; it must be a whole number, at least 0",
    ),
    "more smoothing than there is": (
        None,
        ["--label_smoothing=3"],
        "label_smoothing is 3; it must be a number from 0 to 1",
    ),
    "a part of the images": (
        None,
        ["--valid_size=0.2"],
        (
            "valid_size is 0.2; 1 to 1436 of the 1437 training images can be "
            "held out"
        ),
    ),
    "no batch of a loader": (
        None,
        ["--train_dataloader_opts={batch_size: 0}"],
        (
            "a data loader cannot be made: batch_size is 0; it must be a "
            "whole number, at least 1"
        ),
    ),
    "an option that a loader lacks": (
        None,
        ["--valid_dataloader_opts={batchsize: 9}"],
        (
            "a data loader cannot be made: DataLoader.__init__() got an "
            "unexpected keyword argument 'batchsize'"
        ),
    ),
    "an example that is none": (
        None,
        ["--growth_log={example_shape: abc}"],
        (
            "example_shape: found 'abc'; it must be a list of whole numbers "
            "above 0"
        ),
    ),
    # Run options
    "fewer than no step": (
        None,
        ["--optimizer_step_limit=-1"],
        "--optimizer_step_limit is -1; it must be a whole number, at least 1",
    ),
    "no step to profile": (
        None,
        ["--profile_training", "--profile_steps=0"],
        "--profile_steps is 0; it must be at least 1",
    ),
    "a device that is none": (
        None,
        ["--device=abacus"],
        (
            "--device=abacus: Expected one of cpu, cuda, ipu, xpu, mkldnn, "
            "opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, "
            "vulkan, mps, meta, hpu, mtia, privateuseone device type at "
            "start of device string: abacus; use cpu"
        ),
    ),
    "no batch to accumulate": (
        None,
        ["--grad_accumulation_factor=0"],
        "--grad_accumulation_factor is 0; it must be at least 1",
    ),
    "more batches to accumulate than there are": (
        None,
        ["--grad_accumulation_factor=21"],
        (
            "--grad_accumulation_factor is 21, but an epoch has 20 batches, so "
            "the optimizer would never take a step; use 1 to 20"
        ),
    ),
    "more of them than debugging takes": (
        None,
        ["--grad_accumulation_factor=4", "--debug", "--debug_batches=3"],
        (
            "--grad_accumulation_factor is 4, but --debug takes 3 only, so "
            "the optimizer would never take a step; use 1 to 3"
        ),
    ),
    "gradients turned round": (
        None,
        ["--max_grad_norm=-1"],
        (
            "--max_grad_norm is -1.0; it must be above 0, since gradients are "
            "multiplied by it. To leave them as they are, use inf"
        ),
    ),
    "gradients that vanish": (
        altered("max_grad_norm: .inf", "max_grad_norm: 0"),
        [YAML],
        (
            "--max_grad_norm is 0; it must be above 0, since gradients are "
            "multiplied by it. To leave them as they are, use inf"
        ),
    ),
    "an option in the YAML": (
        altered("max_grad_norm: .inf", "grad_accumulation_factor: 0"),
        [YAML],
        "--grad_accumulation_factor is 0; it must be at least 1",
    ),
    "fp16 on a CPU": (
        None,
        ["--precision=fp16"],
        (
            "The option `--precision` or `--eval_precision` is set to "
            "fp16. This option is not yet supported on CPU. Please use "
            "`--precision=bf16` or `--eval_precision=bf16` instead to "
            "enable mixed precision on CPU."
        ),
    ),
    "data parallel": (
        None,
        ["--data_parallel_backend"],
        (
            "--data_parallel_backend: torch copies the modules at every "
            "batch, and a growth does not reach the copies; use torchrun, "
            "on one machine too"
        ),
    ),
    "checkpoints twice": (
        None,
        ["--ckpt_interval_minutes=1", "--ckpt_interval_steps=1"],
        (
            "--ckpt_interval_minutes and --ckpt_interval_steps: use one of "
            "the two"
        ),
    ),
    "a module to script": (
        None,
        ["--jit", "--jit_module_keys", "x"],
        "--jit_module_keys: there is no module x; there are model",
    ),
    "a module to compile": (
        None,
        ["--compile", "--compile_module_keys", "x"],
        "--compile_module_keys: there is no module x; there are model",
    ),
    "nothing to test": (
        None,
        ["--test_only"],
        (
            "--test_only: {folder}/out/save holds no checkpoint to test; "
            "leave the option out to train one"
        ),
    ),
    # Growths
    "growths that are none": (
        None,
        ["--growth=abc"],
        "growth: found 'abc'; it must be a list of growths, [] for none",
    ),
    "a growth in no list": (
        None,
        ["--growth={after_epoch: 1, hidden: [32]}"],
        (
            "hparams/grow.yaml: growth is {'after_epoch': 1, 'hidden': [32]}; "
            "the YAML has no mapping there"
        ),
    ),
    "a growth before there was one": (
        None,
        ["--growth=[{after_epoch: -1, hidden: [32]}]"],
        (
            "growth[0]: after_epoch: epoch is -1; it must be a whole number, "
            "at least 0, or a share of the run such as 35 %"
        ),
    ),
    "a tolerance that is none": (
        None,
        ["--growth_schedule={tolerance: small}"],
        "tolerance: found 'small'; it must be a number, at least 0",
    ),
    "a growth that is none": (
        None,
        ["--growth=[3]"],
        (
            "growth[0]: found 3; it must be a mapping such as "
            "{after_epoch: 10, rnn_neurons: 256}"
        ),
    ),
    "no condition": (
        None,
        ["--growth=[{hidden: [32]}]"],
        (
            "growth[0]: found no condition; it must have one of "
            f"{', '.join(CONDITIONS)}"
        ),
    ),
    "two conditions": (
        None,
        ["--growth=[{after_epoch: 1, by_hand: True, hidden: [32]}]"],
        (
            "growth[0]: found after_epoch and by_hand; it must have one of "
            f"{', '.join(CONDITIONS)}; combine several by any_of or all_of"
        ),
    ),
    "no size": (
        None,
        ["--growth=[{after_epoch: 1}]"],
        "growth[0]: found no size; name at least one that grows",
    ),
    "a size that is none": (
        None,
        ["--growth=[{after_epoch: 1, hidde: [32]}]"],
        (
            "growth[0] (after_epoch 1): the model has no size 'hidde'; did "
            "you mean hidden? its sizes are inputs, hidden, outputs"
        ),
    ),
    "a size that shrinks": (
        None,
        ["--growth=[{after_epoch: 1, hidden: [8]}]"],
        (
            "growth[0] (after_epoch 1): hidden is [16] and would shrink to "
            "[8]; growth only adds units"
        ),
    ),
    "a factor": (
        None,
        ["--growth=[{after_epoch: 1, hidden: [1.5]}]"],
        (
            "growth[0]: hidden is [1.5]; a size must be a whole number "
            "above 0, or a list of them (never a factor)"
        ),
    ),
    "a misspelt key of a growth": (
        None,
        ["--growth=[{after_epoch: 1, hidden: [32], symmetryy: fresh}]"],
        (
            "growth[0]: there is no key 'symmetryy'; did you mean symmetry? "
            f"Besides sizes there are {', '.join([*READERS, *KEYS])}"
        ),
    ),
    "a misspelt key with a number": (
        None,
        ["--growth=[{after_epoch: 1, hidden: [32], folds: 3}]"],
        (
            "growth[0] (after_epoch 1): the model has no size 'folds'; did "
            "you mean fold? its sizes are inputs, hidden, outputs"
        ),
    ),
    "a misspelt condition": (
        None,
        ["--growth=[{after_epcoh: 1, hidden: [32]}]"],
        (
            "growth[0]: found no condition; did you mean after_epoch? it must "
            f"have one of {', '.join(CONDITIONS)}"
        ),
    ),
    "a key that cannot grow": (
        None,
        ["--growth=[{after_epoch: 1, label_smoothing: 0.3}]"],
        (
            "growth[0]: label_smoothing is 0.3; a size must be a whole number "
            "above 0, or a list of them (never a factor); what is no size "
            "cannot grow"
        ),
    ),
    "a whole number that cannot grow": (
        None,
        ["--growth=[{after_epoch: 1, batch_size: 128}]"],
        (
            "growth[0] (after_epoch 1): the model has no size 'batch_size'; "
            "did you mean batches? "
            "its sizes are inputs, hidden, outputs"
        ),
    ),
    "a tuple within braces": (
        None,
        ["--growth=[{after_epoch: 1, hidden: (32,64)}]"],
        (
            "growth[0]: hidden is '(32', a text: quotes make one of a tuple, "
            "and braces cut it at its comma; write a list, such as [16, 32]"
        ),
    ),
    "too late": (
        None,
        ["--growth=[{after_epoch: 9, hidden: [32]}]", "--number_of_epochs=9"],
        "growth[0] (after_epoch 9): epoch is 9, but the last epoch is 9; a "
        "growth happens between epochs, after 8 at most",
    ),
    "outputs that grow": (
        None,
        ["--growth=[{after_epoch: 1, adds: {outputs: 2}}]"],
        (
            "growth[0] (after_epoch 1): the outputs grow (model.output "
            "units 10 -> 12); give the old output that each of the 2 new ones "
            "splits from, or null, as in outputs: {model.output: [0, null]}, "
            "or write outputs: fresh, for new ones as the model was built; "
            "else the last module must keep its size"
        ),
    ),
    "a metric that is a number": (
        None,
        ["--growth=[{on_plateau: {metric: 3}, hidden: [32]}]"],
        ("growth[0]: on_plateau: metric is 3; it must be the name of a metric"),
    ),
    "an unknown argument of a growth": (
        None,
        ["--growth=[{on_plateau: {metrik: loss}, hidden: [32]}]"],
        (
            "growth[0]: on_plateau: found metrik; did you mean metric? it "
            "takes metric, patience, min_delta, better, not_before, "
            "not_after, blank_above, of which metric must be given"
        ),
    ),
    "a rate of a growth": (
        None,
        ["--growth=[{after_epoch: 1, hidden: [32], lr: fast}]"],
        (
            "growth[0]: lr is 'fast'; it must be keep, a factor above 0, "
            "per_axis, per_norm, restart, {rewarm: number of steps}, or "
            "{rewarm: number of steps, units: new}; a mapping may also have "
            "factor, per_axis: True, per_norm: True, restart: True"
        ),
    ),
    "a schedule that is not there": (
        None,
        ["--growth=!include:none.yaml"],
        (
            "{recipe}/hparams/grow.yaml: {recipe}/hparams/none.yaml: No "
            "such file or directory"
        ),
    ),
    # IDX files
    "no IDX file": (
        None,
        IDX,
        (
            "{folder}/train-images-idx3-ubyte.gz: [Errno 2] No such file "
            "or directory: '{folder}/train-images-idx3-ubyte.gz'"
        ),
    ),
    "an IDX file that is no gzip": (
        content("train-images-idx3-ubyte.gz", "no gzip"),
        IDX,
        "{folder}/train-images-idx3-ubyte.gz: Not a gzipped file (b'no')",
    ),
    "an IDX file that is cut off": (
        content("train-images-idx3-ubyte.gz", gzip.compress(bytes(99))[:20]),
        IDX,
        (
            "{folder}/train-images-idx3-ubyte.gz: this is no IDX file of "
            "unsigned bytes of sizes N x 28 x 28"
        ),
    ),
    "an IDX file of endless sizes": (
        content(
            "train-images-idx3-ubyte.gz",
            gzip.compress(bytes([0, 0, 8, 3, *[255] * 4, *[0, 0, 0, 28] * 2])),
        ),
        IDX,
        (
            "{folder}/train-images-idx3-ubyte.gz: there are fewer bytes than "
            "4294967295 x 28 x 28"
        ),
    ),
    "an IDX file that is a pickle": (
        content(
            "train-images-idx3-ubyte.gz", gzip.compress(b"\x80\x04\x95" * 9)
        ),
        IDX,
        (
            "{folder}/train-images-idx3-ubyte.gz: this is no IDX file of "
            "unsigned bytes of sizes N x 28 x 28"
        ),
    ),
}
ON_TIMIT = {
    "no data": (
        None,
        ["--data_folder={folder}/none"],
        (
            "TIMIT in '{folder}/none' cannot be prepared, problems: 1\n"
            " * data folder: does not exist; a folder is expected"
        ),
    ),
    "a file for data": (
        content("data", ""),
        ["--data_folder={folder}/data"],
        (
            "TIMIT in '{folder}/data' cannot be prepared, problems: 1\n"
            " * data folder: is a file; a folder is expected"
        ),
    ),
    "an empty data folder": (
        content("data/x", ""),
        ["--data_folder={folder}/data"],
        (
            "TIMIT in '{folder}/data' cannot be prepared, problems: 1\n"
            " * data folder: no SX or SI sentence in it, but 'x'; "
            "TRAIN/DR1/FCJF0/SX37.WAV or dr1-fvmh0/sx116.wav, or any others "
            "named like these, are looked for"
        ),
    ),
    "a part of the data": (
        content("data/TRAIN/DR1/FCJF0/SX37.WAV", ""),
        ["--data_folder={folder}/data/TRAIN"],
        (
            "TIMIT in '{folder}/data/TRAIN' cannot be prepared, problems: 1\n"
            " * data folder: is a part of a corpus; name '{folder}/data' instead"
        ),
    ),
    "too short a transform": (
        None,
        ["--n_fft=200"],
        (
            "compute_features: a second of audio does not go through: "
            "expected 0 < win_length <= n_fft, but got win_length=400"
        ),
    ),
    "no name for an annotation": (
        None,
        ["--train_annotation="],
        "train_annotation is None; the YAML has something there",
    ),
    "a sorting that is none": (
        utterance(),
        [*READ, "--sorting=wild"],
        "sorting is 'wild'; it must be random, ascending or descending",
    ),
    "a metric to anneal by": (
        utterance(),
        [*READ, "--anneal_by=WER"],
        "anneal_by is 'WER'; it must be epoch, loss or PER",
    ),
    "a metric for a scheduler that counts epochs": (
        utterance(),
        [*READ, "--anneal_by=PER"],
        (
            "anneal_by is 'PER', but LinearScheduler is called with the epoch; "
            "use epoch"
        ),
    ),
    "a kernel that is none": (
        None,
        ["--cnn_kernelsize=abc"],
        "cnn_kernelsize is 'abc'; the YAML has a list there",
    ),
    "fewer channels than blocks": (
        None,
        ["--cnn_channels=[2]"],
        "{recipe}/hparams/grow.yaml: model: list index out of range",
    ),
    "no layer": (
        None,
        ["--rnn_layers=0"],
        (
            "hparams/grow.yaml, line 77: growth_log: an example of shape "
            "(1, 100, 40) does not go "
            "through model: expected 2D or 3D input (got 4D input); each of "
            "modules must run on what the one before it returns, and on "
            "nothing else"
        ),
    ),
    "a blank that is no output": (
        utterance(),
        [*READ, "--blank_index=99"],
        "blank_index is 99, but there are 40 outputs; use 0 to 39",
    ),
    "fewer outputs than labels": (
        utterance(),
        [*READ, "--output_neurons=2"],
        (
            "output_neurons is 2, but {folder}/out/save/label_encoder.txt "
            "has 3 labels, the blank included; use 3 or more outputs"
        ),
    ),
    "no annotation": (
        None,
        READ,
        (
            "{folder}/train.json: No such file or directory; it must be a "
            "JSON annotation, which is written when skip_prep is False"
        ),
    ),
    "an annotation that is no JSON": (
        content("train.json", "{"),
        READ,
        (
            "{folder}/train.json: this is no JSON: Expecting property name "
            "enclosed in double quotes: line 1 column 2 (char 1)"
        ),
    ),
    "an annotation that is a list": (
        content("train.json", "[]"),
        READ,
        (
            "{folder}/train.json: it must be a mapping from names to "
            "utterances, with one at least"
        ),
    ),
    "an annotation of nothing": (
        content("train.json", "{}"),
        READ,
        (
            "{folder}/train.json: it must be a mapping from names to "
            "utterances, with one at least"
        ),
    ),
    "an utterance that is none": (
        content("train.json", '{"a": 1}'),
        READ,
        "{folder}/train.json: a: found 1; it must be a mapping",
    ),
    "a path out of the data folder": (
        utterance(wav="{data_root}/../../etc/passwd"),
        READ,
        (
            "{folder}/dev.json: a: wav is '{data_root}/../../etc/passwd', "
            "outside of the data folder {folder}/data"
        ),
    ),
    "a path to elsewhere": (
        utterance(wav="/etc/passwd"),
        READ,
        (
            "{folder}/dev.json: a: wav is '/etc/passwd', outside of the "
            "data folder {folder}/data"
        ),
    ),
    "a path with a format": (
        utterance(wav="{data_root}/{data_root:.0}../a.wav"),
        READ,
        (
            "{folder}/dev.json: a: '{data_root}/{data_root:.0}../a.wav' has "
            "the field '{data_root:.0}'; only {data_root} is filled in, other "
            "braces are written twice"
        ),
    ),
    "a field that is none": (
        utterance(wav="{data_root}/a.wav", wrd="{foo}"),
        READ,
        (
            "{folder}/dev.json: a: '{foo}' has the field '{foo}'; only "
            "{data_root} is filled in, other braces are written twice"
        ),
    ),
    "a stray brace": (
        utterance(wav="{data_root}/a.wav", wrd="she {"),
        READ,
        (
            "{folder}/dev.json: a: 'she {' has a stray brace (Single '{' "
            "encountered in format string); only {data_root} is filled in, "
            "other braces are written twice"
        ),
    ),
    "a link out of the data folder": (
        both(utterance(wav="{data_root}/b.wav"), link("data/b.wav", "../b")),
        READ,
        (
            "{folder}/dev.json: a: wav is '{data_root}/b.wav', which leads to "
            "{folder}/b, outside of the data folder {folder}/data; put the "
            "file there, or link its folder directly inside the data folder"
        ),
    ),
    "fields that training computes": (
        utterance(sig=1, id="a"),
        READ,
        (
            "2 problems:\n"
            "  - {folder}/dev.json: a: has the field id, which training "
            "computes; rename it\n"
            "  - {folder}/dev.json: a: has the field sig, which training "
            "computes; rename it"
        ),
    ),
    "no path": (
        utterance(wav=None),
        READ,
        (
            "{folder}/dev.json: a: wav is None; it must be the path of an "
            "audio file"
        ),
    ),
    "a path to nothing": (
        utterance(wav="{data_root}/b.wav"),
        READ,
        (
            "{folder}/dev.json: a: wav is '{data_root}/b.wav'; there is no "
            "file {folder}/data/b.wav"
        ),
    ),
    "no duration": (
        utterance(duration=None),
        READ,
        ("{folder}/dev.json: a: duration is None; it must be a number above 0"),
    ),
    "a duration that is none": (
        utterance(duration="long"),
        READ,
        (
            "{folder}/dev.json: a: duration is 'long'; it must be a number "
            "above 0"
        ),
    ),
    "a duration that is the text of none": (
        utterance(duration="nan"),
        READ,
        "{folder}/dev.json: a: duration is 'nan'; it must be a number above 0",
    ),
    "a half of a character": (
        utterance(phn="sil \ud800"),
        READ,
        "{folder}/dev.json: a: phn is 'sil \\ud800'; it must be a text",
    ),
    "a blank among the phones": (
        utterance(phn="sil <blank>"),
        READ,
        (
            "{folder}/dev.json: a: phn has the label <blank>, which CTC adds; "
            "rename it"
        ),
    ),
    "no phones": (
        utterance(phn=""),
        READ,
        "{folder}/dev.json: a: phn is ''; it must be a text",
    ),
    "a phone that training lacks": (
        utterance(phn="sil zz"),
        READ,
        (
            "{folder}/dev.json: a: there is no label 'zz' in "
            "{folder}/out/save/label_encoder.txt; the labels are those of "
            "the train annotation"
        ),
    ),
    "audio at another rate": (
        utterance(rate=8000),
        READ,
        (
            "{folder}/train.json: a: wav is '{data_root}/a.wav'; found "
            "8000 Hz, 1 channels, 16000 samples; 16000 Hz, 1 channel, 1 "
            "sample or more are expected"
        ),
    ),
    "audio on two channels": (
        utterance(channels=2),
        READ,
        (
            "{folder}/train.json: a: wav is '{data_root}/a.wav'; found "
            "16000 Hz, 2 channels, 16000 samples; 16000 Hz, 1 channel, 1 "
            "sample or more are expected"
        ),
    ),
    "audio without a sample": (
        utterance(samples=0),
        READ,
        (
            "{folder}/train.json: a: wav is '{data_root}/a.wav'; found "
            "16000 Hz, 1 channels, 0 samples; 16000 Hz, 1 channel, 1 "
            "sample or more are expected"
        ),
    ),
    "audio of one sample": (
        utterance(samples=1),
        READ,
        (
            "3 problems:\n"
            + "\n".join(
                f"  - {{folder}}/{part}.json: a: needs 2 output frames, has 0 "
                "(labels: 2, samples: 1); correct it, or leave it out with "
                "--skip_too_long=True"
                for part in ("train", "dev", "test")
            )
        ),
    ),
    "more labels than frames": (
        utterance(samples=1600, phn="sil aa sil aa aa"),
        READ,
        (
            "{folder}/dev.json: a: needs 6 output frames, has 5 (labels: 5, "
            "samples: 1600); correct it, or leave it out with "
            "--skip_too_long=True"
        ),
    ),
    "no utterance left": (
        utterance(samples=1600, phn="sil aa sil aa aa"),
        [*READ, "--skip_too_long=True"],
        (
            "{folder}/dev.json: every utterance has more labels than output "
            "frames; shorten the labels, or use features with more frames"
        ),
    ),
    "audio that is cut off": (
        utterance(cut=20),
        READ,
        (
            "{folder}/train.json: a: wav is '{data_root}/a.wav'; it cannot "
            "be read: Error opening '{folder}/data/a.wav': Error in "
            "WAV/W64/RF64 file. Malformed 'fmt ' chunk."
        ),
    ),
    "no noise": (
        utterance(),
        [*GROW_TIMIT, *READ],
        (
            "noise_annotation: {folder}/noise.csv: No such file or "
            "directory; it must be a CSV of noises, or left out"
        ),
    ),
    "noise that is a pickle": (
        both(utterance(), content("noise.csv", NOISE + "a,1,a.pkl,pkl,\n")),
        [*GROW_TIMIT, *READ],
        (
            "2 problems:\n"
            "  - {folder}/noise.csv: a: wav_format is 'pkl'; use wav or "
            "flac\n"
            "  - {folder}/noise.csv: a: there is no file 'a.pkl'"
        ),
    ),
    "noise without a format": (
        both(utterance(), content("noise.csv", "ID,duration,wav\na,1,a.wav\n")),
        [*GROW_TIMIT, *READ],
        (
            "noise_annotation: {folder}/noise.csv: there is no wav_format, "
            "wav_opts; it must have the columns ID, duration, wav, "
            "wav_format, wav_opts and one noise at least"
        ),
    ),
    "noise that is no audio": (
        both(utterance(), noise(cut=20)),
        [*GROW_TIMIT, *READ],
        (
            "{folder}/noise.csv: a: '{folder}/noise.wav'; it cannot be read: "
            "Error opening '{folder}/noise.wav': Error in WAV/W64/RF64 file. "
            "Malformed 'fmt ' chunk."
        ),
    ),
    "noise at another rate": (
        both(utterance(), noise(rate=8000)),
        [*GROW_TIMIT, *READ],
        (
            "{folder}/noise.csv: a: '{folder}/noise.wav'; found 8000 Hz, 1 "
            "channels, 1600 samples; 16000 Hz, 1 channel, 1 sample or more "
            "are expected"
        ),
    ),
    "noise on two channels": (
        both(utterance(), noise(channels=2)),
        [*GROW_TIMIT, *READ],
        (
            "{folder}/noise.csv: a: '{folder}/noise.wav'; found 16000 Hz, 2 "
            "channels, 1600 samples; 16000 Hz, 1 channel, 1 sample or more "
            "are expected"
        ),
    ),
    "noise without a sample": (
        both(utterance(), noise(samples=0)),
        [*GROW_TIMIT, *READ],
        (
            "{folder}/noise.csv: a: '{folder}/noise.wav'; found 16000 Hz, 1 "
            "channels, 0 samples; 16000 Hz, 1 channel, 1 sample or more are "
            "expected"
        ),
    ),
    "noise that stands there twice": (
        both(utterance(), noise(twice=True)),
        [*GROW_TIMIT, *READ],
        "{folder}/noise.csv: a: has two rows; leave one out",
    ),
    "no noise in it": (
        both(utterance(), content("noise.csv", NOISE)),
        [*GROW_TIMIT, *READ],
        (
            "noise_annotation: {folder}/noise.csv: there is no noise; it "
            "must have the columns ID, duration, wav, wav_format, wav_opts "
            "and one noise at least"
        ),
    ),
}


# Found after the plan, some with files written; the others before it is made
LATER = {
    "more batches to accumulate than there are",
    "more of them than debugging takes",
    "gradients turned round",
    "gradients that vanish",
    "an option in the YAML",
    "a scheduler for fewer epochs",
    "a scheduler of torch",
    "an optimizer's argument",
    "an optimizer that is none",
    "data that are none",
    "other inputs",
    "other outputs",
    "no validation",
    "an output folder that is a file",
    "a folder that cannot be",
    "a rate at which training breaks down",
    "a part of the images",
    "no batch of a loader",
    "an option that a loader lacks",
    "fewer than no step",
    "no step to profile",
    "a device that is none",
    "no batch to accumulate",
    "fp16 on a CPU",
    "data parallel",
    "checkpoints twice",
    "a module to script",
    "a module to compile",
    "nothing to test",
    "no IDX file",
    "an IDX file that is no gzip",
    "an IDX file that is cut off",
    "an IDX file of endless sizes",
    "an IDX file that is a pickle",
}
ROWS = [(MNIST, name, *row) for name, row in ON_MNIST.items()]
ROWS += [(TIMIT, name, *row) for name, row in ON_TIMIT.items()]
PLANNED = [row for row in ROWS if row[0] == MNIST and row[1] not in LATER]


def arguments(recipe, given, folder):
    """A row's arguments, and what it does not say."""
    yaml = [] if not given[0].startswith("--") else ["hparams/grow.yaml"]
    rest = [f"--output_folder={folder}/out", "--device=cpu"]
    if recipe == MNIST:
        rest.append("--dataset=digits")
    else:
        rest += ["--growth=[]", "--rnn_neurons=6", "--dnn_neurons=8"]
        rest += ["--cnn_channels=[2,4]", "--number_of_epochs=2"]
    named = {word.split("=")[0] for word in given}
    rest = [word for word in rest if word.split("=")[0] not in named]
    return [*yaml, *given, *rest]


def prepared(recipe, before, given, folder):
    """Writes what a row needs; returns its arguments."""
    if before is not None:
        before(folder)
    given = [word.replace("{folder}", str(folder)) for word in given]
    return arguments(recipe, given, folder)


def without_paths(text, recipe, folder):
    """A message as it stands in the tables."""
    for word, path in (("{folder}", folder), ("{recipe}", recipe)):
        text = text.replace(str(path), word)
    return text


def table(rows):
    """One test for each row; those on TIMIT take longer."""
    return pytest.mark.parametrize(
        "recipe, name, before, given, message",
        [
            pytest.param(
                *row,
                id=row[1],
                marks=[pytest.mark.slow] if row[0] == TIMIT else [],
            )
            for row in rows
        ],
    )


@table(PLANNED)
def test_the_plan_refuses_and_nothing_is_written(
    recipe, name, before, given, message, tmp_path
):
    line = prepared(recipe, before, given, tmp_path)
    files = sorted(tmp_path.rglob("*"))
    found = plan(recipe, line)
    assert found is not None, "it passed the plan"
    assert without_paths(found, recipe, tmp_path) == f"error: {message}"
    assert sorted(tmp_path.rglob("*")) == files


@table([row for row in ROWS if row not in PLANNED])
def test_one_message_and_no_traceback(
    recipe, name, before, given, message, tmp_path
):
    line = prepared(recipe, before, given, tmp_path)
    code, text = run_recipe(recipe, line, tmp_path / "printed.txt")
    assert code == 1
    assert "Traceback" not in text
    text = without_paths(text, recipe, tmp_path)
    assert text.rstrip().endswith(f"error: {message}")


def test_the_page_says_how_many_there_are():
    page = Path(__file__).parents[2] / "docs" / "inputs.md"
    (number,) = re.findall(r"(\d+)\s+inputs", page.read_text("utf-8"))
    assert int(number) == len(ROWS)
