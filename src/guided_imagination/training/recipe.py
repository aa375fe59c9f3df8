"""What a recipe stands for: batch transforms, optimiser and schedule."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample, one_hot
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torchvision.transforms.v2 import CutMix, MixUp, RandomChoice
from transformers import get_cosine_schedule_with_warmup

from guided_imagination.config.augmentation import RandAugmentConfig
from guided_imagination.config.training import Crop, Recipe, SoftLabels
from guided_imagination.data.augmentation import randaugment
from guided_imagination.utils.randomness import batch_indices
from guided_imagination.utils.seeding import derive_seed


def augment(
    pixels: Tensor, labels: Tensor, recipe: Recipe, classes: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """A batch as the network sees it: images (B, 3, H, W) in [-1, 1], and labels (B,) or, once mixed, (B, classes).

    `pixels` (B, 3, H, W) uint8 and `labels` (B,) lie on the CPU, the result on `device`. Draws from torch's global
    CPU generator (`fit` seeds it per update).
    """
    if recipe.randaugment is not None:
        pixels = _randaugment(pixels, recipe.randaugment)
    pixels, labels = pixels.to(device, non_blocking=True), labels.to(device, non_blocking=True)
    images = random_affine(normalise(pixels), recipe.rotation, recipe.translation, recipe.flip, recipe.crop)
    kinds = {MixUp: recipe.mixup, CutMix: recipe.cutmix}
    mixes = [kind(alpha=alpha, num_classes=classes) for kind, alpha in kinds.items() if alpha > 0]
    return RandomChoice(mixes)(images, labels) if mixes else (images, labels)


def _randaugment(pixels: Tensor, policy: str) -> Tensor:
    seeds = torch.randint(2**62, (len(pixels),)).tolist()
    rngs = [torch.Generator().manual_seed(seed) for seed in seeds]
    return randaugment(pixels / 255, rngs, RandAugmentConfig(policy=policy)) * 255


def soft_targets(labels: Tensor, log_probs: Tensor, soft: SoftLabels) -> Tensor:
    """(1 - weight) onehot(labels) + weight softmax(log_probs / temperature), (B, C), of labels (B,).

    The cross-entropy with it is the weighted sum of that with the labels and that with the teacher.
    """
    taught = (log_probs / soft.temperature).softmax(1)
    return (1 - soft.weight) * one_hot(labels, log_probs.shape[1]) + soft.weight * taught


def batch_rows(step: int, size: int, real: int, recipe: Recipe, seed: int) -> Tensor:
    """Which of `size` images update `step` takes, (batch_size,): of the first `real` as many as `real_share` asks."""
    if recipe.real_share is None or not 0 < real < size:
        return batch_indices(step, size, recipe.batch_size, seed)
    count = round(recipe.real_share * recipe.batch_size)
    parts = []
    if count:
        parts.append(batch_indices(step, real, count, seed, "real"))
    if count < recipe.batch_size:
        parts.append(real + batch_indices(step, size - real, recipe.batch_size - count, seed, "new"))
    return torch.cat(parts)


def random_affine(images: Tensor, rotation: float, translation: float, flip: float, crop: Crop | None = None) -> Tensor:
    """Turn by up to `rotation` degrees, move by up to `translation` of the side, mirror with chance `flip`.

    (B, 3, H, W) -> the same; every image is drawn on its own, all are resampled at once, the outside
    is filled from the border. With `crop`, a part anywhere in the image is what is turned and moved. Draws from
    torch's global generator (`fit` seeds it per update).
    """
    count = len(images)
    angle = torch.empty(count).uniform_(-rotation, rotation).deg2rad()
    shift = torch.empty(count, 2).uniform_(-translation, translation) * 2
    mirror = torch.where(torch.rand(count) < flip, -1.0, 1.0)
    cosine, sine = angle.cos(), angle.sin()
    rows = [torch.stack([cosine * mirror, -sine, shift[:, 0]], 1), torch.stack([sine * mirror, cosine, shift[:, 1]], 1)]
    if crop is not None:
        size, centre = _draw_parts(count, crop)
        rows = [row * size[:, [axis]] + centre[:, [axis]] * LAST for axis, row in enumerate(rows)]
    grid = affine_grid(torch.stack(rows, 1).to(images.device), list(images.shape), align_corners=False)
    return grid_sample(images, grid, padding_mode="border", align_corners=False)


LAST = torch.tensor([0.0, 0.0, 1.0])  # where a row of an affine matrix has what is added


def _draw_parts(count: int, crop: Crop) -> tuple[Tensor, Tensor]:
    """Width and height (B, 2) in [0, 1] of parts of an image, and their centres (B, 2) in [-1, 1]: x, then y.

    The area is uniform, the aspect ratio log-uniform, as torchvision's RandomResizedCrop draws them; a part that would
    be wider or higher than the image is cut to it.
    """
    area = torch.empty(count).uniform_(*crop.area)
    aspect = torch.empty(count).uniform_(*map(math.log, crop.aspect)).exp()
    size = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], 1).clamp(max=1)
    return size, (2 * torch.rand(count, 2) - 1) * (1 - size)


def normalise(images: Tensor) -> Tensor:
    """uint8 or float images in [0, 255] -> [-1, 1]."""
    return images.float() / 127.5 - 1


def recipe_key(recipe: Recipe) -> str:
    """Differs between recipes that differ in anything; short, and nothing that reads a table takes it for a number."""
    return f"r{derive_seed(recipe.model_dump()):016x}"[:9]


def updates(recipe: Recipe, samples: int) -> int:
    """Optimiser updates of a run: fixed by the recipe, or as many as `epochs` over `samples` images take.

    Raises ValueError for a recipe whose passes nobody has `resolved`.
    """
    if recipe.passes is not None:
        raise ValueError("a recipe with passes knows its updates only once it is resolved")
    if recipe.epochs is None:
        return recipe.updates or 0
    return math.ceil(recipe.epochs * samples / recipe.batch_size)


def build_optimizer(model: nn.Module, recipe: Recipe, steps: int) -> tuple[Optimizer, LRScheduler]:
    """The optimiser of what can be trained, and its schedule: a linear warm-up, then a cosine or steps down."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if recipe.optimizer == "sgd":
        optimizer: Optimizer = SGD(
            parameters,
            recipe.learning_rate,
            momentum=0.9,
            nesterov=recipe.nesterov,
            weight_decay=recipe.weight_decay,
        )
    else:
        optimizer = AdamW(parameters, recipe.learning_rate, weight_decay=recipe.weight_decay)
    warmup = round(recipe.warmup * steps)
    if not recipe.milestones:
        return optimizer, get_cosine_schedule_with_warmup(optimizer, warmup, steps)
    falls = [round(epoch / (recipe.epochs or epoch) * steps) for epoch in recipe.milestones]

    def rate(step: int) -> float:
        return min(1.0, (step + 1) / max(warmup, 1)) * 0.1 ** sum(step >= fall for fall in falls)

    return optimizer, LambdaLR(optimizer, rate)
