"""The command line of the demo."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from hospital_sim.sending.folder import EmptyFolderError
from stack.errors import StackError
from stack.run_folder import stop_run
from stack.whole import StackPorts

from .run import DemoOptions, run_demo

RUN_FOLDER = Path(__file__).resolve().parent.parent / "run" / "demo"

INTERRUPTED = 130

app = typer.Typer(
    help="The whole pipeline on this machine, on loopback only.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)


@app.command()
def run(
    dicom_dir: Annotated[
        Path | None, typer.Option(help="Your own DICOM files instead of the simulated department.")
    ] = None,
    keywords: Annotated[
        str, typer.Option(help="Body region, such as head,brain; the default is the chest.")
    ] = "",
    kernel: Annotated[
        str, typer.Option(help="Preferred convolution kernel, such as UB; several by comma.")
    ] = "",
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running; `make stop` ends it.")
    ] = False,
    ram_disk: Annotated[Path | None, typer.Option(help="A folder on a tmpfs of your choice.")] = None,
    day: Annotated[str, typer.Option(help="demo, or small: the day of the tests.")] = "demo",
    use_series: Annotated[
        bool, typer.Option("--use-series", help="FIND_PACS_USE_SERIES: filter before the pull.")
    ] = False,
    run_folder: Annotated[Path, typer.Option(help="Where everything lies but the RAM disk.")] = RUN_FOLDER,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Any free ports instead of the usual ones.")
    ] = False,
    send: Annotated[
        float, typer.Option(help="Over how many seconds the simulated day is spread.", min=0)
    ] = 50.0,
    deadline: Annotated[float, typer.Option(help="Give up after this many seconds.", min=10)] = 600.0,
) -> None:
    """
    Run a hospital, the pipeline and an AI backend; exit 0 only when every wanted study was computed, whole,
    and nothing else.

    Example: python -m demo run --dicom-dir ~/ct_head --keywords head,brain --kernel UB
    """
    options = DemoOptions(
        run_folder=run_folder,
        dicom_dir=dicom_dir,
        keywords=_words(keywords),
        kernels=_words(kernel),
        keep=keep,
        ram_disk=ram_disk,
        day=day,
        use_series=use_series,
        send_s=send,
        deadline_s=deadline,
        ports=StackPorts.free() if free_ports else None,
    )
    raise typer.Exit(0 if run_demo(options, console) else 1)


@app.command()
def edge(
    run_folder: Annotated[Path, typer.Option(help="Where everything lies but the RAM disk.")] = RUN_FOLDER,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Any free ports instead of the usual ones.")
    ] = False,
    day: Annotated[str, typer.Option(help="demo, or small: the day of the tests.")] = "demo",
    send: Annotated[float, typer.Option(help="Over how many seconds the day is spread.", min=0)] = 40.0,
    deadline: Annotated[float, typer.Option(help="Give up after this many seconds.", min=10)] = 400.0,
) -> None:
    """
    Run a hospital, a gateway and a regional platform whose line is cut for half a minute; exit 0 only when
    all is there.

    Example: python -m demo edge
    """
    from .edge import run_edge

    ports = StackPorts.free() if free_ports else None
    options = DemoOptions(run_folder=run_folder, day=day, send_s=send, deadline_s=deadline, ports=ports)
    raise typer.Exit(0 if run_edge(options, console) else 1)


@app.command()
def stop(run_folder: Annotated[Path, typer.Option(help="The run folder of that demo.")] = RUN_FOLDER) -> None:
    """
    End what a demo with --keep left running.

    Example: python -m demo stop
    """
    console.print("stopped" if stop_run(run_folder, console.print) else "nothing was running")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Entry point: what is known to go wrong is one line; Ctrl-C leaves no process behind."""
    signal.signal(signal.SIGTERM, _end)
    try:
        status = app(standalone_mode=False)  # an Exit comes back as its status, Ctrl-C as INTERRUPTED
        if status == INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(status if isinstance(status, int) else 0)
    except (StackError, EmptyFolderError) as error:
        console.print(f"[red]{error}[/red]", soft_wrap=True)
        sys.exit(2)
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        console.print("stopped: nothing is left running")
        sys.exit(INTERRUPTED)
    except Exception as error:
        if hasattr(error, "format_message"):  # click's usage errors
            console.print(f"[red]{error.format_message()}[/red]")
            sys.exit(2)
        raise
