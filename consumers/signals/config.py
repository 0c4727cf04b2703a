"""Settings of signals."""

from pydantic import BaseModel, ConfigDict


class SignalsConfig(BaseModel):
    """Over which windows use is measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")
