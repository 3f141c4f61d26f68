"""Progressive networks: a column for each task, which nobody changes later.

Rusu et al. 2016, https://arxiv.org/abs/1606.04671. The columns and laterals are
in ``Columns``, a stock layer of the YAML; when a column is added stands in its
list of growths.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.continual.columns.each_column import EachColumn


class Progressive(EachColumn):
    """Each task trains the last column, which reads all earlier ones.

    Arguments
    ---------
    size : str
        The key of the YAML that is the number of columns.

    Example
    -------
    >>> Progressive().has_heads
    True
    """

    def __init__(self, size: str = "columns") -> None:
        super().__init__(size)
