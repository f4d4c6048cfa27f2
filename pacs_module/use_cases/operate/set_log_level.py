"""The log level of both processes, changed while they run, with who and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...domain.errors import PipelineError
from ...ports import EventLog, PluginLog
from ...shared.log_level import LogLevel


@dataclass(frozen=True)
class SetLogLevel:
    """``own``: of this process."""

    own: LogLevel
    plugins: PluginLog
    log: EventLog

    def show(self) -> dict[str, Any]:
        """
        Say which level each process has.

        Returns:
            ``pacs_module`` and ``plugins``, each with ``level`` and ``seconds``; the plugins with ``error``
            where they do not tell.
        """
        try:
            plugins: Mapping[str, Any] = self.plugins.log_level()
        except PipelineError as error:
            plugins = {"error": error.public}
        return {"pacs_module": dict(self.own.told()), "plugins": dict(plugins)}

    def __call__(self, level: object, seconds: object, by: str, why: str) -> dict[str, Any]:
        """
        Change it; as :meth:`show`, and the plugins with ``error`` where they were not told.

        Raises:
            MessageError: No such level, or not so long.
        """
        self.own.set(level, seconds)
        # A warning: it is written at every level but ERROR, whatever it was before.
        self.log.event(
            "log_level", "another log level was set", "WARNING", to=level, seconds=seconds, by=by, why=why
        )
        try:
            self.plugins.set_log_level(str(level), float(str(seconds)))
        except PipelineError as error:
            return {**self.show(), "plugins": {"error": error.public}}
        return self.show()
