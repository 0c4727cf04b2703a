"""Settings of the account of labels saved."""

from pydantic import BaseModel, ConfigDict


class AccountConfig(BaseModel):
    """How the account is drawn up."""

    model_config = ConfigDict(frozen=True, extra="forbid")
