"""Models by the names that people use: a version, an alias, or `live` for what serves."""

from typing import TYPE_CHECKING

from streams.errors import MillraceError

if TYPE_CHECKING:  # the database library is loaded by the commands that need it
    from models.registry.records import Generation, Model, Rollout
    from models.registry.registry import Registry

LIVE = "live"
LOOKED_AT = 1_000
"""Generations and rollouts, the latest ones, by which an encoder of the settings is known."""


def model_named(registry: "Registry", name: str) -> "Model":
    """Raises MillraceError, which says why there is none."""
    version = _version(registry, name)
    if (model := registry.models.get(version)) is not None:
        return model
    if version in _served(registry):
        raise MillraceError(
            f"{version} is the encoder of the settings, which nobody trained here: there is nothing to show, judge or "
            "release; `millrace rollback` goes back to it where it served before"
        )
    raise MillraceError(f"there is no model {version}; `millrace models list` shows what there is")


def _version(registry: "Registry", name: str) -> str:
    if name == LIVE:
        if (live := registry.generations.live()) is None:
            raise MillraceError("generation 0 serves: the encoder of the settings, which nobody trained here")
        return live.model_version
    alias = registry.generations.alias(name)
    return name if alias is None else alias.version


def _served(registry: "Registry") -> set[str]:
    generations = {name for one in registry.generations.history(LOOKED_AT) for name in _both(one)}
    return generations | {name for one in registry.rollouts.list(LOOKED_AT) for name in _both(one)}


def _both(one: "Generation | Rollout") -> tuple[str, str]:
    return one.model_version, one.previous_version
