# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What works with what: each method on pairs of the libraries' own configs.

Each cell is a training of two iterations on tiny data, its validation and the export of
the student. Prints the table of docs/recipes.md:

    python tests/test_recipes/families.py [NAME ...]
"""

import sys
import tempfile
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import own_data
from mmengine.config import Config

from dynkd.recipes import compose, write
from dynkd.utils.cli import build_runner

_KINETICS = 'kinetics400-rgb.py'


@dataclass(frozen=True)
class Family:
    """A student and a teacher, by the libraries' own configs.

    Args:
        name (str): What the table calls the pair: ``'teacher → student'``.
        student (str): Config of the student.
        teacher (str): Config of the teacher.
        methods (tuple of str): The methods that are tried.
    """

    name: str
    student: str
    teacher: str
    methods: tuple[str, ...] = ('dkd', 'kd')


def _det(name: str, student: str, teacher: str, *methods: str) -> Family:
    paths = (f'mmdet::{one}_coco.py' for one in (student, teacher))
    return Family(name, *paths, ('dkd', 'kd', *methods))


def _cls(name: str, student: str, teacher: str, *methods: str) -> Family:
    paths = (f'mmpretrain::{one}_in1k.py' for one in (student, teacher))
    return Family(name, *paths, ('dkd', 'kd', *methods))


def _rec(name: str, student: str, teacher: str) -> Family:
    paths = (f'mmaction::recognition/{one}_{_KINETICS}' for one in (student, teacher))
    return Family(name, *paths)


def _seg(name: str, student: str, teacher: str) -> Family:
    paths = (
        f'mmseg::{one}_4xb2-80k_cityscapes-512x1024.py' for one in (student, teacher)
    )
    return Family(name, *paths)


_FCOS = 'fcos/fcos_{}_fpn_gn-head-center-normbbox-centeronreg-giou_8xb8-amp-lsj-200e'
FAMILIES = [
    _det('FCOS R50 → R18', _FCOS.format('r18'), _FCOS.format('r50'), 'fgd', 'dpk'),
    _det(
        'RetinaNet R50 → R18',
        'retinanet/retinanet_r18_fpn_1x',
        'retinanet/retinanet_r50_fpn_1x',
        'fgd',
        'dpk',
    ),
    _det('ATSS R50 → GFL R50', 'gfl/gfl_r50_fpn_1x', 'atss/atss_r50_fpn_1x', 'fgd'),
    _det(
        'RTMDet s → tiny',
        'rtmdet/rtmdet_tiny_8xb32-300e',
        'rtmdet/rtmdet_s_8xb32-300e',
        'fgd',
    ),
    _det('YOLOX s → tiny', 'yolox/yolox_tiny_8xb8-300e', 'yolox/yolox_s_8xb8-300e'),
    _det(
        'Faster R-CNN R101 → R50',
        'faster_rcnn/faster-rcnn_r50_fpn_1x',
        'faster_rcnn/faster-rcnn_r101_fpn_1x',
        'fgd',
    ),
    _det(
        'Mask R-CNN R101 → R50',
        'mask_rcnn/mask-rcnn_r50_fpn_1x',
        'mask_rcnn/mask-rcnn_r101_fpn_1x',
    ),
    _det('DETR R50 → R18', 'detr/detr_r18_8xb2-500e', 'detr/detr_r50_8xb2-500e'),
    _det(
        'Deformable DETR, two-stage → one-stage',
        'deformable_detr/deformable-detr_r50_16xb2-50e',
        'deformable_detr/deformable-detr-refine-twostage_r50_16xb2-50e',
    ),
    _det('SSD512 → SSD300', 'ssd/ssd300', 'ssd/ssd512'),
    _cls(
        'ResNet50 → MobileNetV3',
        'mobilenet_v3/mobilenet-v3-small_8xb128',
        'resnet/resnet50_8xb32',
        'ekd',
        'dpk',
    ),
    _cls(
        'RegNetX → MobileNetV3',
        'mobilenet_v3/mobilenet-v3-small_8xb128',
        'regnet/regnetx-400mf_8xb128',
        'ekd',
        'dpk',
    ),
    _cls(
        'ViT → ResNet18',
        'resnet/resnet18_8xb32',
        'vision_transformer/vit-base-p16_64xb64',
        'ekd',
        'dpk',
    ),
    _cls(
        'ConvNeXt → Swin',
        'swin_transformer/swin-tiny_16xb64',
        'convnext/convnext-tiny_32xb128',
        'ekd',
        'dpk',
    ),
    _cls(
        'ResNet34 → ResNet18',
        'resnet/resnet18_8xb32',
        'resnet/resnet34_8xb32',
        'ekd',
        'dpk',
        'iakd',
        'dtskd',
    ),
    _rec(
        'TSN R50 → TSM MobileNetV2',
        'tsm/tsm_imagenet-pretrained-mobilenetv2_8xb16-1x1x8-100e',
        'tsn/tsn_imagenet-pretrained-r50_8xb32-1x1x8-100e',
    ),
    _rec(
        'TSM R50 → SlowOnly',
        'slowonly/slowonly_r50_8xb16-8x8x1-256e',
        'tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-100e',
    ),
    _seg('PSPNet R50 → R18', 'pspnet/pspnet_r18-d8', 'pspnet/pspnet_r50-d8'),
    _seg('Semantic FPN R50 → FCN R18-d8', 'fcn/fcn_r18-d8', 'sem_fpn/fpn_r50'),
]


def make_data(folder: Path) -> None:
    """Write the data into ``data`` below a folder.

    Args:
        folder (Path): The folder.
    """
    for write_one in (
        own_data.write_coco,
        own_data.write_imagenet,
        own_data.write_kinetics,
        own_data.write_cityscapes,
    ):
        write_one(folder / 'data')


def run_cell(family: Family, method: str, folder: Path) -> str:
    """Train a pair by a method, in the folder where the data are.

    Args:
        family (Family): The pair.
        method (str): The method.
        folder (Path): Where results go.

    Returns:
        str: ``'works'``, or the message with which it is refused.

    Raises:
        AssertionError: If no student is left at the end.
    """
    teacher = None if method == 'dtskd' else family.teacher
    try:
        composed = compose(family.student, teacher, method, folder=str(folder))
    except ValueError as error:
        return str(error)
    cfg = Config.fromfile(write(composed, folder / 'made.py'))
    cfg.work_dir = str(folder)
    # CKA needs 4 images, or the positions of a map.
    batch = 4 if method == 'dpk' else 2
    own_data.shrink(cfg, _side(family, method), batch)
    try:
        runner = build_runner(cfg)
    except ValueError as error:
        return str(error)
    runner.train()
    assert (folder / 'student.pth').is_file() and (folder / 'student.py').is_file()
    return 'works'


def _side(family: Family, method: str) -> int:
    """The side of the images: as small as the pair and the method can do with."""
    if 'DETR' in family.name or 'SSD' in family.name:
        return 320  # 300 proposals among the positions; convolutions without padding.
    # CKA needs 4 positions on the coarsest level.
    return 160 if method == 'dpk' else 96


def main(names: list[str]) -> None:
    """Run all cells, or those of some pairs, and print the table.

    Args:
        names (list[str]): Parts of the names of pairs.
    """
    with tempfile.TemporaryDirectory() as place, chdir(place):
        make_data(Path.cwd())
        for family in FAMILIES:
            if names and not any(name in family.name for name in names):
                continue
            for method in family.methods:
                folder = Path(tempfile.mkdtemp(dir=place))
                said = _said(family, method, folder)
                print(f'| {family.name} | `{method}` | {said} |', flush=True)
                # All of them take 40 GB. The rest stays: a library's visualizer writes
                # where the first run of the process began.
                for checkpoint in folder.rglob('*.pth'):
                    checkpoint.unlink()


def _said(family: Family, method: str, folder: Path) -> str:
    """What a cell says: a fault is shown with the others."""
    try:
        said = run_cell(family, method, folder)
    except Exception as error:
        said = f'fails: {type(error).__name__}: {error}'
    return ' '.join(said.split())


if __name__ == '__main__':
    main(sys.argv[1:])
