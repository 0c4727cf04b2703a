"""Events made up for a test, of the name `Thing`."""

from typing import Any

from pydantic import create_model

from schemas.event import Event


def thing(major: int = 1, **fields: Any) -> type[Event]:
    """`thing(size=(int, 0), name=(str, ...))`: an event with an optional and a required field."""
    made: type[Event] = create_model("Thing", __base__=Event, __doc__="A made-up fact.", **fields)
    made.major = major
    return made
