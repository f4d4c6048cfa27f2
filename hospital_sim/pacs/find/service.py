"""
C-FIND as a service: the answers of ``find`` one by one over the association, or none, as the habits want it.
"""

from __future__ import annotations

from pynetdicom.dimse_primitives import C_FIND

from hospital_sim.pacs.call import Call
from hospital_sim.pacs.find.answers import Asked, Finder
from hospital_sim.pacs.find.query import OUT_OF_RESOURCES, Answer, Query, QueryRefusedError
from hospital_sim.pacs.move.images import CANCELLED, PENDING
from hospital_sim.pacs.wire.data_sets import encode_answer, encode_element
from hospital_sim.sending.scu import SUCCESS


def find(call: Call) -> None:
    """Serve a C-FIND."""
    call.read_identifier()
    number = call.context.next_find()
    if call.context.bites("never-answers", number):
        call.bitten.append("never-answers")
        call.hang()
        call.note("C-FIND", 0, None)
        return
    try:
        answers = _answers(call, Query.of(call.values), number)
        if not call.sleep(call.habits.seconds("slow")):
            call.note("C-FIND", 0, None)
            return
        sent, status = _send_all(call, answers, number)
    except QueryRefusedError as error:
        sent, status = 0, error.status
    response = C_FIND()
    response.Status = status
    call.note("C-FIND", sent, status)  # first: who has the answer may read the ledger
    call.send(response)


def _answers(call: Call, query: Query, number: int) -> list[Answer]:
    """What is found; nothing from an overloaded PACS, and no more than its cap."""
    context = call.context
    if context.bites("overloaded", number):
        call.bitten.append("overloaded")
        return []
    asked = Asked(number, context.corrected)
    found = Finder(context.archive, call.habits, call.now, context.ae_title, asked).answers(query)
    cap = call.habits.count("cap")
    if cap is None or len(found) <= cap:
        return found
    call.bitten.append("cap")
    return found[:cap]


def _send_all(call: Call, answers: list[Answer], number: int) -> tuple[int, int]:
    """Send them, and the last one again and again where a habit wants it; how many, and the final status."""
    sent, status = _send_answers(call, answers)
    if answers and call.context.bites("endless-answers", number):
        call.bitten.append("endless-answers")
        return _send_without_end(call, answers[-1], sent)
    return sent, status


def _send_answers(call: Call, answers: list[Answer]) -> tuple[int, int]:
    """Send them; how many were sent, and the final status."""
    limit = call.habits.count("cap-a700")
    pause = call.habits.seconds("trickle")
    every = call.habits.count("answers-without-data")
    command = _pending_command(call)
    for number, answer in enumerate(answers):
        if limit is not None and number >= limit:
            call.bitten.append("cap-a700")
            return number, OUT_OF_RESOURCES
        if call.is_cancelled or call.is_gone or (pause and not call.sleep(pause)):
            return number, CANCELLED
        call.send_raw(command, _encoded(call, answer))
        if every and (number + 1) % every == 0:
            call.bitten.append("answers-without-data")
            call.send_raw(_pending_command(call, with_data=False), b"")
    return len(answers), SUCCESS


def _send_without_end(call: Call, answer: Answer, sent: int) -> tuple[int, int]:
    """The same answer until the other side has enough."""
    command = _pending_command(call)
    data = _encoded(call, answer)
    while not call.is_cancelled and not call.is_gone:
        call.send_raw(command, data)
        sent += 1
    return sent, CANCELLED


def _encoded(call: Call, answer: Answer) -> bytes:
    return encode_answer(answer.values, answer.coding, implicit=call.implicit, vrs=answer.vrs)


def _pending_command(call: Call, *, with_data: bool = True) -> bytes:
    """The command set of a pending C-FIND response (PS3.7 9.3.2.2), the same for all answers of a query."""
    follows = 0x0001 if with_data else 0x0101  # whether a data set follows (PS3.7 E.1)
    values = [
        (0x00000002, "UI", str(call.request.AffectedSOPClassUID).encode()),
        (0x00000100, "US", (0x8020).to_bytes(2, "little")),
        (0x00000120, "US", int(call.request.MessageID).to_bytes(2, "little")),
        (0x00000800, "US", follows.to_bytes(2, "little")),
        (0x00000900, "US", PENDING.to_bytes(2, "little")),
    ]
    rest = b"".join(encode_element(one, implicit=True) for one in values)
    return encode_element((0x00000000, "UL", len(rest).to_bytes(4, "little")), implicit=True) + rest
