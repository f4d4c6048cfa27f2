"""
``/aipull/quarantine...`` and ``/aipull/validation``: what pacs_module may ask, for the people who decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pacs_module.domain.errors import InvalidTransition, MessageError
from pacs_module.domain.image_validation.policy import Policy
from pacs_module.domain.image_validation.quarantine import HeldEvent, HeldState, QuarantineLimits
from pacs_module.domain.image_validation.rates import Arrivals, Pace, Tally, by_sender

from .image_validation.quarantine import Held, Quarantine
from .image_validation.quarantine_upkeep import goes_back
from .image_validation.validations import ValidationRows
from .image_validation.wiring import Validation
from .plugin_api import Answer, Handler, shown
from .runtime.clock import now_ms

_DAY_MS = 24 * 3_600_000
_MOST = 1000
_LONGEST = 300
_EVENTS = {"release": HeldEvent.RELEASE, "drop": HeldEvent.DROP}


@dataclass(frozen=True)
class QuarantineApi:
    """
    The handlers.

    Args:
        policy: None: validation is off.
        limits: Of the quarantine.
        quarantine: The images.
        rows: Counts of valid and invalid images.
        arrivals: How fast images come.
        before_counts: Writes down what was counted since.
        on_release: Wakes whoever does that.
    """

    policy: Policy | None
    limits: QuarantineLimits
    quarantine: Quarantine
    rows: ValidationRows
    arrivals: Arrivals
    before_counts: Callable[[], None]
    on_release: Callable[[], None]

    def validation(self) -> Answer:
        """``GET /aipull/validation``: the policy, and how many of each sender's images passed."""
        self.before_counts()
        quarantine = {
            "counts": self.quarantine.counts(),
            "bytes": self.quarantine.size(),
            "maxFiles": self.limits.files,
            "maxBytes": self.limits.size,
        }
        told = {"policy": self._policy(), "senders": self._senders(now_ms()), "quarantine": quarantine}
        return Answer(HTTPStatus.OK, told)

    def _senders(self, now: int) -> list[dict[str, Any]]:
        """Each sender with its verdicts in the policy's window and in the last day, and its pace."""
        minutes = self.rows.since(now - _DAY_MS)
        window_ms = self.policy.window_ms if self.policy is not None else _DAY_MS
        window, day = by_sender(minutes, now, window_ms), by_sender(minutes, now, _DAY_MS)
        paces = self.arrivals.paces(now)
        senders = []
        for name in sorted({*day, *paces}):
            verdicts = {
                "window": self._tally(window.get(name, Tally())),
                "day": self._tally(day.get(name, Tally())),
            }
            senders.append({"aeTitle": name, **verdicts, **_pace(paces.get(name))})
        return senders

    def _tally(self, tally: Tally) -> dict[str, Any]:
        beyond = self.policy is not None and tally.beyond(self.policy.tolerance)
        rate = round(tally.failure_rate, 4)
        return {"passed": tally.passed, "failed": tally.failed, "failureRate": rate, "beyond": beyond}

    def _policy(self) -> dict[str, Any] | None:
        policy = self.policy
        if policy is None:
            return None
        return {
            "senders": None
            if policy.senders is None
            else sorted(one.words for one in policy.senders.entries),
            "called": sorted(policy.called),
            "header": policy.header,
            "mandatory": list(policy.mandatory),
            "uids": policy.uids,
            "pixels": policy.pixels,
            "threshold": policy.threshold,
            "tolerance": policy.tolerance,
            "windowMinutes": policy.window_ms // 60_000,
        }

    def listed(self, body: Mapping[str, Any]) -> Answer:
        """``POST /aipull/quarantine``: rows, the newest first."""
        states = [_state(one) for one in _list(body, "states", [HeldState.HELD.value])] or list(HeldState)
        limit = _number(body, "limit", 100, _MOST)
        before = _number(body, "before", 0, 2**62) or None
        rows = self.quarantine.in_state(*states, before=before, limit=limit)
        return Answer(
            HTTPStatus.OK, {"images": [one.told() for one in rows], "counts": self.quarantine.counts()}
        )

    def decide(self, body: Mapping[str, Any]) -> Answer:
        """``POST /aipull/quarantine/decide``: a person releases images, or drops them."""
        event = _EVENTS.get(str(body.get("action")))
        if event is None:
            raise MessageError("action", shown(body.get("action")), "release or drop")
        who, why = _text(body, "by"), _text(body, "why")
        decided, refused = self._decide_all(self._named(body), event, who, why)
        self.on_release()
        told = {
            "decided": [one.number for one in decided],
            "refused": refused,
            "studies": sorted({one.study_uid for one in decided}),
            "pullAgain": _to_pull_again(decided) if event is HeldEvent.RELEASE else [],
        }
        return Answer(HTTPStatus.OK, told)

    def _decide_all(
        self, images: Iterable[Held], event: HeldEvent, who: str, why: str
    ) -> tuple[list[Held], list[dict[str, Any]]]:
        """Which were decided, and which could not be: they are in another state by now."""
        decided: list[Held] = []
        refused: list[dict[str, Any]] = []
        for held in images:
            try:
                self.quarantine.decide(held, event, who, why)
            except InvalidTransition as error:
                refused.append({"number": held.number, "why": str(error)})
            else:
                decided.append(held)
        return decided, refused

    def _named(self, body: Mapping[str, Any]) -> list[Held]:
        """The rows of ``numbers``, or those of ``studyUID`` that are held."""
        study = body.get("studyUID")
        if isinstance(study, str) and study:
            return [one for one in self.quarantine.of_study(study) if one.state is HeldState.HELD]
        numbers = _list(body, "numbers", [])
        if not numbers or not all(type(one) is int for one in numbers):
            raise MessageError("numbers", shown(numbers), "a list of numbers, or a studyUID")
        found = [self.quarantine.get(one) for one in numbers]
        if None in found:
            raise MessageError("numbers", shown(numbers), "numbers of images that are in quarantine")
        return [one for one in found if one is not None]


def api_of(parts: Validation, arrivals: Arrivals) -> QuarantineApi:
    """The handlers over validation as the plugins have it."""
    worker = parts.worker
    return QuarantineApi(
        parts.policy if parts.is_on else None, parts.limits, parts.quarantine, parts.rows, arrivals,
        worker.write_counts, worker.wake,
    )  # fmt: skip


def routes(api: QuarantineApi) -> dict[str, tuple[str, Handler]]:
    """URI pattern to method and handler."""
    return {
        "/aipull/validation": ("GET", lambda _, __: api.validation()),
        "/aipull/quarantine": ("POST", lambda body, _: api.listed(body)),
        "/aipull/quarantine/decide": ("POST", lambda body, _: api.decide(body)),
    }


def _to_pull_again(released: Iterable[Held]) -> list[str]:
    """Studies whose released images come again with a pull only."""
    return sorted({one.study_uid for one in released if not goes_back(one)})


def _pace(pace: Pace | None) -> dict[str, Any]:
    """How fast a sender's images come; None: none has come of late."""
    if pace is None:
        return {"perSecond": 0.0, "highestPerSecond": 0.0, "lastAt": None}
    return {
        "perSecond": round(pace.a_second, 3),
        "highestPerSecond": round(pace.highest, 3),
        "lastAt": pace.last_at,
    }


def _state(text: object) -> HeldState:
    try:
        return HeldState(str(text))
    except ValueError as error:
        allowed = f"any of {', '.join(HeldState)}"
        raise MessageError("states", shown(text), allowed) from error


def _list(body: Mapping[str, Any], key: str, default: list[Any]) -> list[Any]:
    value = body.get(key, default)
    if not isinstance(value, list) or len(value) > _MOST:
        raise MessageError(key, shown(value), f"a list of at most {_MOST}")
    return value


def _number(body: Mapping[str, Any], key: str, default: int, most: int) -> int:
    value = body.get(key, default)
    if type(value) is not int or not 0 <= value <= most:
        raise MessageError(key, shown(value), f"a number, 0 to {most}")
    return value


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= _LONGEST:
        raise MessageError(key, shown(value), f"a text of 1 to {_LONGEST} characters")
    return value.strip()
