"""The towers in training: where they start, what they make of a batch, and the files that they end as."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from pathlib import Path

import torch
from torch import Tensor, nn

from models.encoders.config import EncoderConfig
from models.encoders.image_tower import ImageTower, PictureNet, seeded_weights
from models.encoders.mini import text_tower
from models.encoders.released import IMAGE_TOWER, TEXT_ADAPTER
from models.encoders.text.adapter import Adapter
from streams.errors import Misconfigured
from trainers.learning.adapted_text import AdaptedText, adapter_of, starting_adapter
from trainers.learning.batches.shapes import (
    Batch,
    ClassFeatures,
    Features,
    Items,
    KeptFeatures,
    NegativeBatch,
    NegativeFeatures,
    PairBatch,
    PairFeatures,
    Texts,
)
from trainers.learning.data.dataset import PARENT, Dataset
from trainers.recipes.recipe import Recipe, Start

MAX_SCALE = 100.0
"""A temperature below 0.01 makes gradients that nothing learns from."""

Weights = Mapping[str, Tensor]


class Trainee(nn.Module):
    """Both towers. Everything that is a parameter learns; whatever stays as it is, is none."""

    def __init__(self, pictures: PictureNet, texts: AdaptedText | None, recipe: Recipe, facts: "TowerFacts") -> None:
        super().__init__()
        self.facts = facts
        self._still = () if recipe.picture_tower else (pictures.requires_grad_(False),)
        if recipe.picture_tower:
            self.pictures = pictures
        self.texts = texts
        scale = torch.tensor([-log(recipe.temperature.init)])
        if recipe.temperature.learnable:
            self.log_scale: Tensor = nn.Parameter(scale)
        else:
            self.register_buffer("log_scale", scale, persistent=False)

    @property
    def picture_tower(self) -> PictureNet:
        return self._still[0] if self._still else self.pictures

    def forward(self, batch: Batch) -> Features:
        """What this rank's part of a step looks like to the towers."""
        return Features(
            self.log_scale.float().exp().clamp(max=MAX_SCALE),
            None if batch.pairs is None else self._pairs(batch.pairs),
            None if batch.classed is None else ClassFeatures(self._read(batch.classed.texts), *batch.classed[1:]),
            None if batch.negatives is None else self._negatives(batch.negatives),
            None if batch.kept is None else KeptFeatures(self._read(batch.kept), batch.kept.vectors),
        )

    def _pairs(self, batch: PairBatch) -> PairFeatures:
        return PairFeatures(self._see(batch.pictures), self._read(batch.texts), *batch[2:])

    def _negatives(self, batch: NegativeBatch) -> NegativeFeatures:
        sides = (self._either(batch.positives), self._either(batch.negatives))
        return NegativeFeatures(self._read(batch.queries), *sides, *batch[3:])

    def _either(self, items: Items) -> Tensor:
        return torch.where(items.pictured[:, None] == 1, self._see(items.pictures), self._read(items.texts))

    def _see(self, pictures: Tensor) -> Tensor:
        tower = self.picture_tower.to(pictures.device)
        kind = tower.projection.weight.dtype
        return nn.functional.normalize(tower(pictures.to(kind)).float(), dim=1)

    def _read(self, texts: Texts) -> Tensor:
        if self.texts is None:
            return texts.vectors
        return nn.functional.normalize(self.texts(texts).float(), dim=1)


@dataclass(frozen=True, slots=True)
class TowerFacts:
    """What the exported files say of the towers."""

    side_px: int
    trained: bool
    """Whether the picture tower means anything once this has learnt."""
    adapter: Adapter | None
    """The parent's, which is handed on where the text tower does not learn."""


def build(recipe: Recipe, dataset: Dataset) -> Trainee:
    """The towers as a run starts: the parent's, or seeded. The same on every rank. Raises Misconfigured."""
    facts, folder = dataset.facts, dataset.folder / PARENT
    parent = Adapter.load(folder / TEXT_ADAPTER) if (folder / TEXT_ADAPTER).exists() else None
    learns = recipe.picture_tower and (dataset.size("pairs") > 0 or dataset.size("triples") > 0)
    tower = TowerFacts(facts.side_px, facts.trained or learns, parent)
    return Trainee(_pictures(recipe, dataset), _texts(recipe, dataset, parent), recipe, tower)


def export(trainee: Trainee, folder: Path, weights: Weights | None = None) -> tuple[Path, ...]:
    """Writes the files that `load_released` reads. `weights` by parameter name stand in for the live ones."""
    folder.mkdir(parents=True, exist_ok=True)
    live = dict(trainee.named_parameters()) if weights is None else weights
    whole = {name: each.detach().to("cpu", torch.float32).contiguous().clone() for name, each in live.items()}
    facts = trainee.facts
    network = PictureNet(trainee.picture_tower.projection.out_features)
    network.load_state_dict(_under("pictures.", whole) or trainee.picture_tower.state_dict())
    ImageTower(network, facts.side_px, facts.trained, EncoderConfig()).save(folder / IMAGE_TOWER)
    adapter = facts.adapter if trainee.texts is None else adapter_of(trainee.texts.scale, _under("texts.", whole))
    if adapter is None:
        return (folder / IMAGE_TOWER,)
    adapter.save(folder / TEXT_ADAPTER)
    return folder / IMAGE_TOWER, folder / TEXT_ADAPTER


def _pictures(recipe: Recipe, dataset: Dataset) -> PictureNet:
    network = PictureNet(dataset.facts.dim)
    if recipe.start is Start.SEED:
        network.load_state_dict(seeded_weights(network, recipe.seed))
    else:
        parent = ImageTower.load(dataset.folder / PARENT / IMAGE_TOWER, dataset.facts.dim, EncoderConfig())
        network.load_state_dict(parent.weights)
    return network


def _texts(recipe: Recipe, dataset: Dataset, parent: Adapter | None) -> AdaptedText | None:
    if not recipe.lora.rank:
        return None
    tower = text_tower(EncoderConfig())
    if tower.plain_digest.split()[0] != dataset.facts.text_digest.split()[0]:
        raise Misconfigured("the text model here is not the one that the data set was made with")
    return AdaptedText(tower.plain, starting_adapter(tower.plain, recipe.lora, parent, recipe.seed))


def _under(prefix: str, weights: Weights) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): each for name, each in weights.items() if name.startswith(prefix)}
