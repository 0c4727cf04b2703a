"""The parts list: which adapter stands behind which port. Nothing else constructs an adapter."""

from infra.wiring.build import build
from infra.wiring.stages import STAGES
from infra.wiring.workshop import Workshop

__all__ = ["STAGES", "Workshop", "build"]
