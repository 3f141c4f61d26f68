"""Overrides, and other keys of a run, that mean something to a sweep.

Authors
 * The speechbrain_growth authors 2026
"""

START = "init_from"  # the override that may name another run
HPARAMS = "hparams"  # the one that names another YAML
BUDGET, EPOCHS = "budget", "number_of_epochs"  # the ones that end a run
RATE = "lr_annealing"  # the one that lets the learning rate decay
SET_BY_SWEEP = ("seed", "output_folder")  # overrides that no file may set

# Keys that are no overrides
EQUAL = "equal"  # a unit, and the run whose cost is the budget
PREDICTED = "predicted"  # what the test is expected to give
OWN = (EQUAL, PREDICTED)
