"""All benchmarks, and how one of them is run."""

import logging
import traceback
from collections.abc import Callable
from importlib import import_module

import structlog

from infra.worker.memory import look_for_cycles_seldom
from tests.benchmarks.ground import Ground
from tests.benchmarks.report import Row

NAMES = (
    "transport",
    "no_op",
    "indexing",
    "recording",
    "curation",
    "encoding",
    "pipeline",
    "freshness",
    "searching",
    "switching",
    "migrating",
    "selecting",
    "signalling",
    "start_up",
)
"""Modules here, each with a function of the same name: Ground to rows."""


def run_one(name: str, ground: Ground) -> list[Row] | str:
    """Its rows, or what went wrong. Called in a process of its own: threads and heaps of another would disturb.

    Both sides have the garbage collector of a worker.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    benchmark: Callable[[Ground], list[Row]] = getattr(import_module(f"tests.benchmarks.{name}"), name)
    look_for_cycles_seldom()
    try:
        return benchmark(ground)
    except Exception:
        return traceback.format_exc()  # not every exception of a library can travel between processes
