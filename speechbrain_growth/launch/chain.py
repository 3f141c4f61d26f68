"""What a YAML's modules must be: one after the other, each with a rule.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError


def check_elements(modules):
    """Raises if a size of 0 leaves a parameter without elements.

    Arguments
    ---------
    modules : torch.nn.ModuleDict
        In signal order.

    Raises
    ------
    GrowthError
        Naming all such parameters.

    Example
    -------
    >>> import torch
    >>> check_elements(torch.nn.ModuleDict({"net": torch.nn.PReLU(0)}))
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: net.weight would have no element, (0,); every size must be above 0
    """
    problems = [
        f"{name} would have no element, {tuple(parameter.shape)}; every size "
        "must be above 0"
        for name, parameter in modules.named_parameters()
        if not parameter.numel()
    ]
    if problems:
        raise GrowthError(problems)


def not_to_grow(modules, problems):
    """Says of modules that have nothing to grow where they belong instead.

    Arguments
    ---------
    modules : torch.nn.ModuleDict
        In signal order.
    problems : list of str
        From ``trace``; each begins with the name of a module.

    Returns
    -------
    list of str

    Example
    -------
    >>> import torch
    >>> modules = torch.nn.ModuleDict({"spectrum": torch.nn.Unfold(2)})
    >>> not_to_grow(modules, ["spectrum: Unfold has no growth rule"])
    ['spectrum: Unfold has no growth rule, and no parameters to grow; take it out of modules, and call self.hparams.spectrum']
    """
    bare = {
        name: type(module).__name__
        for name, module in modules.items()
        if not any(True for _ in module.parameters())
    }
    advice = {
        name: f"{name}: {kind} has no growth rule, and no parameters to grow; "
        f"take it out of modules, and call self.hparams.{name}"
        for name, kind in bare.items()
    }
    said = [
        advice.get(problem.split(":")[0].split(".")[0], problem)
        if "has no growth rule" in problem
        else problem
        for problem in problems
    ]
    return list(dict.fromkeys(said))


def not_through(error):
    """Says why an example does not go through the modules.

    Arguments
    ---------
    error : Exception
        What a module raised.

    Returns
    -------
    str

    Example
    -------
    >>> not_through(TypeError("forward() missing 1 required argument: 'y'"))
    "forward() missing 1 required argument: 'y'; each of modules must take what the one before it returns, and nothing else"
    """
    words = (str(error) or type(error).__name__).splitlines()[0]
    if isinstance(error, (TypeError, AttributeError)):  # of its signature
        words += (
            "; each of modules must take what the one before it returns, and "
            "nothing else"
        )
    return words
