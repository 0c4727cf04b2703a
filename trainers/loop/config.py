"""How training runs."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainingConfig(BaseModel):
    """Ranks, checkpoints, leases. None of it changes what is learnt, but for ranks, threads and compiling: sums in
    another order end in other last bits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ranks: int = Field(default=2, ge=1, le=1024)
    """Processes on this machine that train together: one for each GPU, or for each two or so cores."""
    threads: int = Field(default=1, ge=1, le=256)
    """Of each rank."""
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` takes GPUs where the machine has any."""
    compiled: bool = False
    """Towers go through torch's compiler: quicker steps on GPUs after a minute at the start. Needs a C compiler, and
    recipes that do not share out weights (`zero_stage` 2 at most)."""
    hostfile: Path | None = None
    """Lines `host slots=N` of the machines that train together, reached by ssh; the folders of runs lie on a disk that
    all of them see. None trains on this machine alone."""
    master_address: str = Field(default="127.0.0.1", min_length=1)
    """Where the first rank listens for the others; with a host file, an address that all machines reach."""
    master_port: int | None = Field(default=None, ge=1, le=65_535)
    """None takes a free one at each start."""
    checkpoint_steps: int = Field(default=50, ge=1)
    """Steps between two checkpoints: what a crash costs at most."""
    keep_checkpoints: int = Field(default=2, ge=2, le=1_000)
    """Of each run, the newest; the one before serves where the newest turns out to be damaged."""
    keep_runs: int = Field(default=3, ge=0)
    """Folders of ended runs that stay, the newest."""
    restarts: int = Field(default=3, ge=0, le=1_000)
    """How often in a row ranks that died are started again without having come further."""
    silence_s: float = Field(default=900.0, gt=0)
    """A run that reports nothing for so long is taken for stuck: it is ended and started again."""
    stop_grace_s: float = Field(default=60.0, gt=0)
    """Time for the ranks to agree on a step, save and leave when they are asked to stop."""
    lease_s: float = Field(default=60.0, gt=0)
    """How long a job belongs to a trainer that is not heard of any more."""
    max_lapses: int = Field(default=5, ge=1, le=1_000_000)
    """How often that may happen to a job before it fails. A machine that is switched off while it trains counts as well
    as a trainer that dies: raise it where trainers are often taken away."""
    heartbeat_s: float = Field(default=5.0, gt=0)
    """Between two renewals of that lease, and two reports of progress at most."""
