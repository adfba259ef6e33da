# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Draw what each stream predicts beside the ground truth.

A row for each image: the ground truth, then the predictions of each stream, boxes with
their class and score. The frame is red where a classifier's class is wrong, or no box
is found where there are some. For detectors, classifiers and recognizers (of a clip,
its first frame is shown).
"""

import argparse
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Optional

import numpy as np
from data_config import loader_config
from mmengine.config import Config
from tool_options import (
    add_cfg_options,
    add_out,
    add_split,
    check_out,
    described_parser,
    read_config,
)

from dynkd.utils.tool import run_tool
from dynkd.visualization import save_figure

GREEN, RED, BLUE = '#009E73', '#D55E00', '#0072B2'


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the options.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        argparse.Namespace: The options.
    """
    parser = described_parser(__doc__)
    parser.add_argument('config', help='config of the distillation')
    parser.add_argument('checkpoint', help='a checkpoint of its run')
    add_out(parser)
    add_split(parser)
    parser.add_argument(
        '--number', type=int, default=6, help='how many images are drawn (6)'
    )
    parser.add_argument(
        '--skip', type=int, default=0, help='how many images are left out before (0)'
    )
    parser.add_argument(
        '--score', type=float, default=0.3, help='least score of a box (0.3)'
    )
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    check_out(parser, args.out)
    if args.number < 1 or args.skip < 0:
        parser.error('--number must be positive, and --skip must not be negative.')
    return args


def predict(
    cfg: Config, args: argparse.Namespace
) -> tuple[list[tuple[np.ndarray, dict, dict]], Optional[Sequence[str]]]:
    """Predict samples of the data with every stream.

    Args:
        cfg (Config): The config of the distillation.
        args (argparse.Namespace): The options.

    Returns:
        tuple[list, list]: Of each sample its image, its annotation, and the predictions
        by stream; and the names of the classes, if the data have them.

    Raises:
        SystemExit: If config or checkpoint are not of a distillation, or no sample is
            left.
    """
    import torch
    from mmengine.runner import Runner

    if 'streams' not in cfg.model:
        raise SystemExit(f'{args.config} has no streams: it is not of a distillation.')
    loading = loader_config(cfg, args.split, args.config)
    loading.update(batch_size=1, num_workers=0, persistent_workers=False)
    loading.pop('prefetch_factor', None)
    loading['sampler'] = dict(type='DefaultSampler', shuffle=False)
    with TemporaryDirectory() as folder:
        # It loads as a test does, without the files that the streams started from.
        runner = Runner(
            model=cfg.model,
            data_preprocessor=cfg.get('data_preprocessor'),
            work_dir=folder,
            load_from=args.checkpoint,
            default_scope=cfg.get('default_scope', 'mmengine'),
            log_level='WARNING',
            experiment_name='browse_predictions',
        )
        try:
            runner.load_or_resume()
        except RuntimeError as error:  # it is of a plain model, or of another one
            raise SystemExit(f'{args.checkpoint}: {error}') from None
        loader = runner.build_dataloader(loading)
    model = runner.model.eval()
    rows = []
    for index, batch in enumerate(islice(loader, args.skip + args.number)):
        if index < args.skip:
            continue
        with torch.no_grad():
            found = model.predict_streams(batch)
        annotation = loader.dataset.get_data_info(index)
        own = {name: predicted[0] for name, predicted in found.items()}
        rows.append((picture(annotation, batch), annotation, own))
    if not rows:
        raise SystemExit(f'there are not more than {args.skip} samples.')
    return rows, loader.dataset.metainfo.get('classes')


def picture(annotation: Mapping[str, Any], batch: Mapping[str, Any]) -> np.ndarray:
    """The image of a sample, as it is in its file; of a clip, its first frame.

    Args:
        annotation (dict): The sample's annotation.
        batch (dict): A batch of this sample.

    Returns:
        np.ndarray: An RGB image of shape (H, W, 3).
    """
    path = annotation.get('img_path')
    if path is not None:
        import cv2

        return cv2.imread(path)[..., ::-1]
    if 'img' in annotation:
        image = np.asarray(annotation['img'])
        gray = image.ndim == 2
        return np.repeat(image[..., None], 3, axis=-1) if gray else image
    inputs = batch['inputs']
    clip = next(iter(inputs.values())) if isinstance(inputs, Mapping) else inputs
    # (C, H, W), or of a recognizer (M, C, H, W) or (M, C, T, H, W).
    frame = clip[0] if clip[0].dim() == 3 else clip[0][0]
    frame = frame if frame.dim() == 3 else frame[:, 0]
    return frame.permute(1, 2, 0).byte().numpy()


def truth(annotation: Mapping[str, Any]) -> tuple[list[int], list[list[float]]]:
    """The labels and boxes that a sample has.

    Args:
        annotation (dict): Its annotation.

    Returns:
        tuple[list, list]: Labels and boxes; a classifier's sample has no boxes.
    """
    if 'instances' in annotation:
        boxes = [own for own in annotation['instances'] if not own['ignore_flag']]
        return [own['bbox_label'] for own in boxes], [own['bbox'] for own in boxes]
    label = annotation.get('gt_label', annotation.get('label'))
    return np.ravel(label).astype(int).tolist(), []


def prediction(
    sample: Any, least: float
) -> tuple[list[int], list[list[float]], list[float]]:
    """The labels, boxes and scores that a stream predicts.

    Args:
        sample (BaseDataElement): Its prediction.
        least (float): Least score of a box.

    Returns:
        tuple[list, list, list]: Labels, boxes, scores; a classifier has no boxes.
    """
    found = getattr(sample, 'pred_instances', None)
    if found is not None:
        found = found[found.scores >= least]
        return tuple(x.tolist() for x in (found.labels, found.bboxes, found.scores))
    label = int(sample.pred_label.reshape(-1)[0])
    return [label], [], [float(sample.pred_score.reshape(-1)[label])]


def draw(
    rows: Sequence[tuple[np.ndarray, dict, dict]],
    classes: Optional[Sequence[str]],
    least: float,
    out: Path,
) -> None:
    """Draw the figure.

    Args:
        rows (sequence of tuple): Of each sample its image, annotation and predictions.
        classes (sequence of str, optional): Names of the classes.
        least (float): Least score of a box.
        out (Path): The figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(rows[0][2])
    figure = Figure(
        figsize=(3 * (1 + len(names)), 2.6 * len(rows)), layout='constrained'
    )
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(rows), 1 + len(names), squeeze=False)
    for axes, (image, annotation, found) in zip(grid, rows):
        labels, boxes = truth(annotation)
        _draw_one(axes[0], image, classes, labels, boxes, color=GREEN)
        for axis, name in zip(axes[1:], names):
            own, its, scores = prediction(found[name], least)
            color = BLUE if its or own == labels else RED
            _draw_one(axis, image, classes, own, its, scores, color)
    for axis, title in zip(grid[0], ['ground truth', *names]):
        axis.set_title(title)
    save_figure(figure, out, dpi=120)


def _draw_one(
    axis: Any,
    image: np.ndarray,
    classes: Optional[Sequence[str]],
    labels: Sequence[int],
    boxes: Sequence[Sequence[float]],
    scores: Sequence[float] = (),
    color: str = GREEN,
) -> None:
    """Draw an image with its classes or boxes."""
    from matplotlib.patches import Rectangle

    axis.imshow(image)
    axis.set_xticks([])
    axis.set_yticks([])
    names = [str(classes[label]) if classes else str(label) for label in labels]
    ends = [f' {score:.2f}' for score in scores] or [''] * len(names)
    texts = [f'{name}{end}' for name, end in zip(names, ends)]
    if not boxes:
        axis.set_xlabel(', '.join(texts) or 'nothing', color=color)
        for spine in axis.spines.values():
            spine.set(color=color, linewidth=2)
    for (x1, y1, x2, y2), text in zip(boxes, texts):
        shape = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, ec=color, lw=1.5)
        axis.add_patch(shape)
        axis.text(
            x1,
            y1,
            text,
            fontsize=7,
            color='white',
            va='bottom',
            bbox=dict(facecolor=color, pad=1, lw=0),
            clip_on=True,
        )


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run from the command line.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        int: The exit status.
    """
    args = parse_args(argv)
    # Its scope and its repairs.
    import dynkd  # noqa: F401

    cfg = read_config(args)
    rows, classes = predict(cfg, args)
    draw(rows, classes, args.score, args.out)
    print(f'Wrote {args.out}')
    return 0


if __name__ == '__main__':
    run_tool(main)
