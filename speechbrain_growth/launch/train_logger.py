"""What a YAML says of its train logger, before anything is built.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.measure.other_loggers import wrong_loggers


def directions_of(blueprint):
    """Returns which values of the train logger's metric are better.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML with its overrides.

    Returns
    -------
    dict
        ``lower`` or ``higher`` by the name of the metric; empty if the YAML
        does not say it.

    Example
    -------
    >>> from speechbrain_growth.blueprint.blueprint import Blueprint
    >>> path = getfixture("tmpdir") / "hparams.yaml"
    >>> text = "train_logger: {metric: PER, better: lower}\\nmodules: {}\\n"
    >>> _ = path.write(text)
    >>> directions_of(Blueprint(str(path), {}))
    {'PER': 'lower'}
    """
    logger = _arguments(blueprint)
    metric = logger.get("metric")
    if isinstance(metric, str) and "better" in logger:
        return {metric: logger["better"]}
    return {}


def wrong_loggers_of(blueprint):
    """Returns what is wrong with the loggers that also get the log.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML with its overrides.

    Returns
    -------
    list of str
        Empty if nothing is wrong with those that are given by name; others are
        built later.
    """
    also = _arguments(blueprint).get("also", [])
    if isinstance(also, list):
        also = [one for one in also if not isinstance(one, dict)]
    return wrong_loggers(also)


def _arguments(blueprint):
    """The arguments of the YAML's train logger."""
    logger = blueprint.value("train_logger")
    return logger if isinstance(logger, dict) else {}
