"""Dead letters of the bridge about answers and refused tasks.

The record that is set aside is the request, since that is what was answered badly: replaying the letter asks the bridge
to look at the answer again, say after a missing label was added to the task. The letter has an id of its own for each
annotation, and the answer as it came in a header.
"""

from dataclasses import replace

from schemas.annotations import AnnotationRequested
from streams.codec import Encoded, encode
from streams.errors import BadRecord
from streams.letters import write_letter
from streams.record import Record
from streams.runner import CODE_VERSION
from streams.topics import dead_letter_topic

STAGE = "bridge"
ANSWER = "label-studio-answer"
KEPT_BYTES = 16 * 1024
"""Of an answer, in the letter's header."""


def letter_about(
    prefix: str, request: AnnotationRequested, place: str, refusal: BadRecord, about: str, answer: bytes = b""
) -> tuple[str, Encoded]:
    """Topic and record of the letter. `about` names what was refused, and the same again gives the same letter."""
    encoded = encode(request, "millrace/selection")
    topic, partition, offset = place.rsplit("/", 2)
    kept = ((ANSWER, answer[:KEPT_BYTES]),) if answer else ()
    record = Record(topic, int(partition), int(offset), encoded.key, encoded.value, encoded.headers + kept)
    letter = write_letter(record, refusal, STAGE, CODE_VERSION)
    return dead_letter_topic(prefix, STAGE), replace(letter, key=f"{place}/{about}".encode())
