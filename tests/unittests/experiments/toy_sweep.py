"""A sweep of a toy recipe, for tests.

Authors
 * The speechbrain_growth authors 2026
"""

import yaml

# Logs as a recipe does, without its seconds of imports
SCRIPT = r"""
import json, os, sys, time
# SpeechBrain reads no value with an equals sign in it
options = dict(a[2:].replace("=", " ").split(" ", 1) for a in sys.argv[2:])
folder = options["output_folder"]
open(os.path.join(folder, "starts"), "a").write("x")
if options.get("fail") == "true":
    print("1 %\r100 %", flush=True)
    sys.exit("error: nothing works")
if "init_from" in options:
    log = open(os.path.join(options["init_from"], "run_log.jsonl")).read()
    assert '"seed": ' + options["seed"] in log and '"test"' in log, log
path = os.path.join(folder, "run_log.jsonl")
def read():
    return [json.loads(l) for l in open(path)] if os.path.exists(path) else []
def write(events):
    with open(path + ".tmp", "w") as fout:
        fout.writelines(json.dumps(e) + "\n" for e in events)
    os.replace(path + ".tmp", path)
start = {"event": "start", "metric": "error", "better": "lower", "epochs": 5,
         "seed": int(options["seed"]), "threads": os.environ["OMP_NUM_THREADS"]}
events = read() or [start]
for epoch in range(len(events), 6):
    time.sleep(float(options.get("pause", 0)))
    error = float(options.get("error", 9)) - epoch + int(options["seed"])
    events.append({"event": "epoch", "epoch": epoch, "valid": {"error": error}})
    write(events)
write([*events, {"event": "test", "test": {"error": error}}])
"""
FILE = {
    "recipe": "train.py",
    "hparams": "toy.yaml",
    "results": "results",
    "seeds": [1, 2],
    "runs": {"small": {"error": 9}, "large": {"error": 8}},
}


def write(folder, **changes):
    """A sweep file and its recipe."""
    (folder / "train.py").write_text(SCRIPT, encoding="utf-8")
    content = {k: v for k, v in {**FILE, **changes}.items() if v is not None}
    path = folder / "sweep.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    return str(path)


def starts(folder):
    """How often each run was started."""
    return {
        str(path.parent.relative_to(folder / "results")): len(path.read_text())
        for path in sorted(folder.glob("results/*/*/starts"))
    }
