"""Ids of jobs and versions of models as they come in a path: any text that a database can hold."""

from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator

from models.serving.api.routes.items import AnyText


def _without_nul(name: str) -> str:
    if "\0" in name:
        raise ValueError("a name has no NUL in it")
    return name


PathName = Annotated[str, Path(min_length=1, max_length=512), AfterValidator(_without_nul)]
ONE_JOB = f"/v1/train/jobs/{{job_id:{AnyText.name}}}"
ONE_MODEL = f"/v1/models/{{version:{AnyText.name}}}"
