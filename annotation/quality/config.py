"""Settings of label quality."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

Share = Annotated[float, Field(gt=0, le=1)]


class QualityConfig(BaseModel):
    """When answers count as a label."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: Annotated[float, Field(gt=0.5, lt=1)] = 0.75
    """An answer settles once it is this probable; below, one more person is asked. Must lie below the trust in
    somebody who is new, or no task with one annotator would ever settle."""
    max_annotators: Annotated[int, Field(ge=1, le=50)] = 5
    """After this many people the item stays without a label."""
    prior_right: PositiveFloat = 9.0
    """Right answers that somebody new is credited with. With `prior_wrong` it makes the trust in newcomers, 0.9."""
    prior_wrong: PositiveFloat = 1.0
    """Wrong answers that somebody new is charged with."""
    open_answers: Annotated[int, Field(ge=2)] = 1000
    """How many different wrong answers a task without classes is taken to have; chance seldom agrees then."""
    same_words: Share = 0.6
    """Two captions or answers say the same if the F1 of their words is at least this."""
    same_segments: Share = 0.5
    """Two answers in segments are the same if these overlap at least so far (intersection over union)."""
    same_boxes: Share = 0.75
    """Two answers in boxes are the same if the F1 of their matched boxes is at least this."""
    box_iou: Share = 0.5
    """Two boxes of one class match if they overlap at least so far (intersection over union)."""
    sweep_items: PositiveInt = 200
    """Labels that are judged anew at a time, about once a second, after the trust in an annotator has moved."""
