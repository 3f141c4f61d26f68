"""How much of a batch is padding: ordinary batches, and bucketed ones.

> OMP_NUM_THREADS=1 python tests/benchmarks/padding.py

The lengths are those of mini-TIMIT's training part, or of another annotation.

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import json
import logging
import sys
import tempfile
from pathlib import Path

from speechbrain.dataio.sampler import DynamicBatchSampler
from speechbrain_growth.data.bucketing import ordinary, padding
from speechbrain_growth.launch.init_from import open_blueprint

TIMIT = Path(__file__).resolve().parents[2] / "recipes" / "TIMIT"
sys.path.insert(0, str(TIMIT))

from mini_timit import render_mini_timit  # noqa: E402
from timit_prepare import prepare_timit  # noqa: E402

BUCKETS = (1, 5, 10, 30, 100)


def mini_timit():
    """The durations of mini-TIMIT's training part, rendered for that."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = render_mini_timit(Path(folder) / "mini")
        paths = [str(Path(folder) / f"{part}.json") for part in "abc"]
        prepare_timit(str(corpus), *paths)
        return durations(paths[0])


def durations(path):
    """Those of an annotation."""
    items = json.loads(Path(path).read_text(encoding="utf-8")).values()
    return [item["duration"] for item in items]


def main():
    """Prints a line for each way to make batches."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--annotation", help="if not mini-TIMIT's train.json")
    chosen = parser.parse_args()
    path = chosen.annotation
    lengths = sorted(durations(path) if path else mini_timit())
    yaml = TIMIT / "ASR" / "growing_CTC" / "hparams" / "grow.yaml"
    recipe = open_blueprint(str(yaml))
    loader = {"batch_size": recipe.value("batch_size")}
    options = dict(recipe.value("dynamic_batch_sampler"))
    ways = {
        "sorting: random": ordinary(len(lengths), {**loader, "shuffle": True}),
        "sorting: ascending": ordinary(len(lengths), loader),
    }
    for number in BUCKETS:
        options["num_buckets"] = number
        ways[f"dynamic_batching, {number} buckets"] = list(
            DynamicBatchSampler(lengths, lengths_list=lengths, **options)
        )
    print(f"{len(lengths)} utterances, {sum(lengths) / 60:.1f} minutes\n")
    print("| batches | number | utterances in each | padding |")
    print("|---|---|---|---|")
    for name, batches in ways.items():
        sizes = sorted(map(len, batches))
        print(
            f"| {name} | {len(batches)} | {sizes[0]} to {sizes[-1]} | "
            f"{100 * padding(batches, lengths):.1f} % |"
        )


if __name__ == "__main__":
    logging.disable(logging.INFO)
    main()
