"""What a training run does, and nothing of where it runs: ranks and threads are not part of it."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Part(BaseModel):
    """A part of a recipe: frozen, and without fields that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Precision(StrEnum):
    FP32 = "fp32"
    BF16 = "bf16"
    """No gain on a processor; half the memory on a GPU. The weights that are exported are kept in single precision."""


class Start(StrEnum):
    PARENT = "parent"
    """The weights of the encoder that the run follows."""
    SEED = "seed"
    """A picture tower that has seen nothing, from the recipe's seed."""


class Objective(Part):
    """How much each loss counts. A loss without examples in the data set counts nothing."""

    contrastive: float = Field(default=1.0, ge=0, le=100)
    """InfoNCE between pictures and their texts, both ways; a text that several pictures share is right for each."""
    supervised: float = Field(default=0.0, ge=0, le=100)
    """Supervised contrastive: items of a class near each other, those of the task's other classes away."""
    hard_negatives: float = Field(default=0.2, ge=0, le=100)
    """A query near the item that people took, and away from the one that they passed over."""
    retention: float = Field(default=0.0, ge=0, le=100)
    """Texts that nobody labelled stay where the parent put them. Of use only where the text tower learns."""


class Temperature(Part):
    """What similarities are divided by. Prompts of one task lie close together, so it decides much."""

    init: float = Field(default=0.05, ge=0.01, le=1)
    """At the start."""
    learnable: bool = False
    """It is learnt along with the towers, and never falls below 0.01."""


Target = Literal["query", "key", "value", "attended", "inner", "outer"]


class Lora(Part):
    """The low-rank adapter of the text tower."""

    rank: int = Field(default=0, ge=0, le=256)
    """0 leaves the text tower as it is."""
    alpha: float = Field(default=16.0, gt=0, le=1024)
    """The change is multiplied by alpha / rank."""
    targets: tuple[Target, ...] = Field(default=("query", "value"), min_length=1)
    """Which linear layers of each transformer layer learn."""

    @model_validator(mode="after")
    def _distinct(self) -> "Lora":
        if len(set(self.targets)) < len(self.targets):
            raise ValueError("targets names a layer twice")
        return self


class Augmentation(Part):
    """How a picture may differ each time it is seen. Nothing that could change its class is on by default."""

    shift: float = Field(default=0.08, ge=0, le=0.5)
    """Moved by up to this share of its side, both ways."""
    flip: bool = False
    """Mirrored left to right, half of the time. Letters and digits do not survive it."""
    brightness: float = Field(default=0.1, ge=0, le=1)
    """Brighter or darker by up to this share of the whole range."""
    contrast: float = Field(default=0.1, ge=0, lt=1)
    """Contrast changed by up to this share."""


class Recipe(Part):
    """One way to train. Equal recipes on equal data and parents give equal weights on the same machine."""

    objective: Objective = Objective()
    """What is learnt."""
    steps: int = Field(default=200, ge=1, le=10_000_000)
    """Updates of the weights."""
    batch: int = Field(default=64, ge=2, le=1_048_576)
    """Examples of each kind in one step, over all ranks."""
    side_batch: int = Field(default=16, ge=1, le=1_048_576)
    """Hard negatives in one step, and texts to be kept, over all ranks."""
    accumulation: int = Field(default=1, ge=1, le=4096)
    """Parts that a step's batch is computed in. Each part sees only its own negatives."""
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    """Of AdamW, at its highest."""
    weight_decay: float = Field(default=0.01, ge=0, le=10)
    """Of AdamW; norms, biases and the temperature do not decay."""
    warm_up: float = Field(default=0.05, ge=0, le=1)
    """Share of the steps in which the learning rate rises from near 0."""
    cosine_floor: float = Field(default=0.05, ge=0, le=1)
    """Share of the learning rate that the cosine falls to at the last step."""
    clip: float = Field(default=1.0, gt=0, le=1e6)
    """Longest gradient; a longer one is shortened to it."""
    temperature: Temperature = Temperature()
    """Of all contrastive losses."""
    zero_stage: int = Field(default=1, ge=0, le=3)
    """How much of the training state ranks share out among themselves: nothing, optimiser, gradients, weights."""
    precision: Precision = Precision.FP32
    """Of the forward and backward pass."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Of order, augmentation and fresh weights."""
    replay: float = Field(default=0.25, ge=0, le=1)
    """Least share of older or merely captioned examples in a batch, so that the model does not forget."""
    start: Start = Start.PARENT
    """Where the picture tower begins."""
    picture_tower: bool = True
    """Whether the picture tower learns."""
    lora: Lora = Lora()
    """Whether and how the text tower learns."""
    augmentation: Augmentation = Augmentation()
    """Of pictures in training."""
    image_side_px: int | None = Field(default=None, ge=16, le=512)
    """Pictures are scaled to a square of this side; None keeps the parent's."""
    text_pieces: int = Field(default=64, ge=8, le=256)
    """Word pieces of a text that are read in training, where the text tower learns."""
    checkpoint_every: int | None = Field(default=None, ge=1, le=10_000_000)
    """Steps between checkpoints; None is as the deployment says."""

    @model_validator(mode="after")
    def _parts(self) -> "Recipe":
        for name in ("batch", "side_batch"):
            if getattr(self, name) % self.accumulation:
                raise ValueError(f"{name} does not divide by accumulation ({self.accumulation})")
        if not self.picture_tower and not self.lora.rank:
            raise ValueError("picture_tower is off and lora.rank is 0: nothing learns")
        return self
