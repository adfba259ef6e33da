# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Reading what a run logged."""

import json
from pathlib import Path
from typing import Union


class RunLog:
    """What MMEngine's local backend logged of a run, over all its resumptions.

    What a later run of the directory did again, or instead, replaces what was before.

    Args:
        work_dir (str or Path): The work directory of the run.

    Raises:
        FileNotFoundError: If the directory holds no log.
    """

    def __init__(self, work_dir: Union[str, Path]) -> None:
        files = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
        if not files:
            raise FileNotFoundError(
                f'{work_dir} holds no log (*/vis_data/scalars.json): no run has logged '
                'there.'
            )
        self.records: list[dict] = []
        for file in files:
            later = _read(file)
            self.records = _before(self.records, later) + later

    def curve(self, name: str) -> dict[int, float]:
        """The values of a scalar over the run.

        Args:
            name (str): Name of the scalar, ``'student/coco/bbox_mAP'`` or
                ``'loss_emd'`` for example.

        Returns:
            dict[int, float]: The values by step, which is the epoch for metrics of an
            epoch-based run and else the iteration.

        Raises:
            KeyError: If the run never logged it.
        """
        values = {r['step']: r[name] for r in self.records if name in r}
        if not values:
            known = sorted({key for record in self.records for key in record})
            raise KeyError(
                f'the run logged no `{name}`. It logged: {", ".join(known)}.'
            )
        return dict(sorted(values.items()))


def _before(records: list[dict], later: list[dict]) -> list[dict]:
    """What of the records is from before the first training step of later ones.

    A training that begins anew may be shorter than the one before it in the directory.
    """
    first = next((record for record in later if 'iter' in record), None)
    if first is None:
        return records
    # Metrics of a run that counts epochs have the epoch as their step.
    epoch = first.get('epoch', first['step'])
    return [r for r in records if r['step'] < (first['step'] if 'iter' in r else epoch)]


def _read(file: Path) -> list[dict]:
    """Read a file with one record per line; a killed run may leave half a line."""
    records = []
    for line in file.read_text().splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records
