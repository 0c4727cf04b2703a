"""All settings in one typed tree: file < environment < flag. The only module that reads the environment.

A setting `kafka.prefix` is `[kafka] prefix = …` in `millrace.toml`, `MILLRACE__KAFKA__PREFIX` in the environment and
`--set kafka.prefix=…` on the command line. Each section is declared beside the code that it steers; unknown names are
errors, and secrets are never printed.
"""

import json
import os
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from annotation.account.config import AccountConfig
from annotation.label_studio.config import LabelStudioConfig
from annotation.quality.config import QualityConfig
from annotation.selection.config import SelectionConfig
from annotation.tasks import LabellingConfig
from consumers.curation.config import CurationConfig
from consumers.embedding.config import EmbeddingConfig
from consumers.recording.config import RecordingConfig
from consumers.scoring.config import ScoringConfig
from consumers.signals.config import SignalsConfig
from infra.broker.config import BrokerConfig
from infra.label_studio.config import EmbeddedLabelStudioConfig
from infra.supervisor.config import SupervisorConfig
from infra.worker.config import WorkerConfig
from models.encoders.config import EncoderConfig
from models.metadata.config import IdempotencyConfig, MetadataConfig
from models.registry.config import RegistryConfig
from models.serving.api.config import ApiConfig
from models.serving.config import SearchConfig
from models.vector_index.config import VectorIndexConfig
from streams.errors import Misconfigured
from streams.kafka.config import KafkaConfig
from streams.media.config import MediaConfig
from streams.runner import RunnerConfig
from trainers.gate.config import GateConfig
from trainers.loop.config import TrainingConfig
from trainers.rollout.config import RolloutConfig
from trainers.snapshots.config import SnapshotConfig
from trainers.triggers.config import TriggersConfig

PREFIX = "MILLRACE__"


@dataclass
class Flags:
    """What the command line said before the command's own words. Filled once by its entry."""

    file: Path | None = None
    assignments: Sequence[str] = ()


flags = Flags()


class Settings(BaseSettings):
    """Everything that can be set. Frozen; sections are passed to those who need them."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__")

    data_dir: Path = Path(".millrace")
    """The one folder in which an installation on this machine keeps everything."""
    kafka: KafkaConfig = KafkaConfig()
    media: MediaConfig = MediaConfig()
    metadata: MetadataConfig = MetadataConfig()
    runner: RunnerConfig = RunnerConfig()
    curation: CurationConfig = CurationConfig()
    encoder: EncoderConfig = EncoderConfig()
    embedding: EmbeddingConfig = EmbeddingConfig()
    index: VectorIndexConfig = VectorIndexConfig()
    search: SearchConfig = SearchConfig()
    api: ApiConfig = ApiConfig()
    idempotency: IdempotencyConfig = IdempotencyConfig()
    recording: RecordingConfig = RecordingConfig()
    labelling: LabellingConfig = LabellingConfig()
    scoring: ScoringConfig = ScoringConfig()
    selection: SelectionConfig = SelectionConfig()
    label_studio: LabelStudioConfig = LabelStudioConfig()
    embedded_label_studio: EmbeddedLabelStudioConfig = EmbeddedLabelStudioConfig()
    quality: QualityConfig = QualityConfig()
    account: AccountConfig = AccountConfig()
    signals: SignalsConfig = SignalsConfig()
    registry: RegistryConfig = RegistryConfig()
    triggers: TriggersConfig = TriggersConfig()
    snapshots: SnapshotConfig = SnapshotConfig()
    training: TrainingConfig = TrainingConfig()
    gate: GateConfig = GateConfig()
    rollout: RolloutConfig = RolloutConfig()
    broker: BrokerConfig = BrokerConfig()
    supervisor: SupervisorConfig = SupervisorConfig()
    worker: WorkerConfig = WorkerConfig()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """First beats later."""
        file = TomlConfigSettingsSource(settings_cls, flags.file or Path("millrace.toml"))
        return init_settings, env_settings, file


def load_settings(**overrides: Any) -> Settings:
    """The settings in force; `overrides` are sections that beat everything else. Raises Misconfigured."""
    if flags.file is not None and not flags.file.is_file():
        raise Misconfigured(f"there is no settings file {flags.file}")
    if unknown := sorted(_unknown_variables(os.environ)):
        raise Misconfigured(f"{unknown[0]}: there is no such setting; `millrace config show` lists what there is")
    try:
        return Settings(**_tree(flags.assignments) | overrides)
    except ValidationError as error:
        raise Misconfigured(_explained(error)) from error
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{flags.file or 'millrace.toml'} is not valid TOML: {error}") from error


def _unknown_variables(names: Iterable[str]) -> list[str]:
    """Variables with our prefix that name no section; unknown names within a section are refused by the section."""
    ours = [name for name in names if name.startswith(PREFIX)]
    return [name for name in ours if name[len(PREFIX) :].lower().split("__")[0] not in Settings.model_fields]


def _tree(assignments: Sequence[str]) -> dict[str, Any]:
    """`a.b=1` as `{"a": {"b": "1"}}`."""
    tree: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        if not equals:
            raise Misconfigured(f"--set {assignment}: write section.key=value")
        *branches, leaf = path.strip().split(".")
        node = tree
        for branch in branches:
            node = node.setdefault(branch, {})
        node[leaf] = _value(value)
    return tree


def _value(words: str) -> Any:
    """Lists and maps are written as JSON; everything else is judged by the setting's own type."""
    if words[:1] in ("[", "{"):
        try:
            return json.loads(words)
        except ValueError as error:
            raise Misconfigured(f"--set …={words}: not valid JSON ({error})") from error
    return words


def _explained(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    problems = (f"{'.'.join(map(str, one['loc']))}: {_problem(one['type'], one['msg'])}" for one in found)
    return f"settings: {'; '.join(problems)}. `millrace config show` lists what there is."


def _problem(kind: str, said: str) -> str:
    return "there is no such setting" if kind == "extra_forbidden" else said.removeprefix("Value error, ")
