"""``plumbline VERB``: all commands of the project behind one name.

Each verb is one of our modules, run as ``python -m MODULE`` runs it. Our packages are imported before it begins: what
a user has in the working folder, a ``deploy/`` or a ``model.py``, is never taken for ours. For the same reason each of
our processes is started through this file, as ``plumbline -m MODULE`` (see `model.installation`).

This file lies at the root of the repository. Installed, it is ``plumbline/__init__.py``, above the same packages.
"""

from __future__ import annotations

import difflib
import runpy
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from analysis.notebook.recorded_run import RecordedRun

ROOT: Final = Path(__file__).resolve().parent
PACKAGES: Final = ("model", "deploy", "analysis", "locustfiles", "dashboards")
BAD_INPUT: Final = 2


@dataclass(frozen=True, slots=True)
class Verb:
    """``words``: what the module gets before the user's words."""

    name: str
    module: str
    words: tuple[str, ...]
    text: str

    @property
    def command(self) -> str:
        """The same without this file."""
        return " ".join(("python -m", self.module, *self.words))


VERBS: Final = (
    Verb("loadtest", "locustfiles", (), "from a manifest to a verdict: start, drive, scrape, judge, report, stop"),
    Verb("web", "locustfiles", ("--web",), "the same from Locust's web page"),
    Verb("capacity", "locustfiles.capacity", (), "the highest rate at which every gate holds and the counts are exact"),
    Verb("doctor", "locustfiles.doctor", (), "look before the load: one prediction, one feedback, Prometheus"),
    Verb("card", "model.card", (), "write the card and the held-out rows of a model of yours, or of its answers"),
    Verb("judge", "analysis", ("judge",), "judge a recorded run again; needs no server"),
    Verb("report", "analysis", ("report",), "write report.html, report.md and junit.xml of a judged run again"),
    Verb("collect", "analysis", ("collect",), "fetch what Prometheus stored of a run, if that failed at its end"),
    Verb("up", "deploy.local", ("up",), "start the local stack for a manifest and leave it running"),
    Verb("status", "deploy.local", ("status",), "say what of the local stack runs, and where"),
    Verb("down", "deploy.local", ("down",), "stop the local stack, whatever is left of it"),
    Verb("train", "model.train", (), "train the two models of the example; loadtest does it when it needs them"),
)
EXAMPLES: Final = """\
examples:
  plumbline loadtest                                     the example: two models on a local stack, 30 s
  plumbline card credit.joblib --heldout rows.csv --target default --out models
  plumbline loadtest --sdep my-sdep.yaml --artifacts models --gate 'recall>=0.9'
  plumbline judge runs/latest --gate 'recall>=0.9'
  plumbline VERB --help                                  options and examples of a verb

Paths are those of the working folder: runs/ is made there, and the gates in its pyproject.toml count (tool.plumbline).
What can be made again (Prometheus, the example's models) is kept in ~/.cache/plumbline, or where XDG_CACHE_HOME says.
exit codes: 0 PASS, or done; 2 bad arguments or input; 3 FAIL; 4 INCONCLUSIVE; 1 a crash;
129, 130 or 143: ended by SIGHUP, SIGINT (Ctrl-C) or SIGTERM before a verdict."""


def main(words: Sequence[str] | None = None) -> int:
    """Run a verb; its exit code, if it returns at all. ``words``: the command line's by default."""
    name, *others = [*(sys.argv[1:] if words is None else words)] or [""]
    verbs = {verb.name: verb for verb in VERBS}
    if name in verbs:
        verb = verbs[name]
        return _run(verb.module, [*verb.words, *others], {f"python -m {verb.module}": f"plumbline {name}"})
    if name == "-m" and others:
        return _run(others[0], others[1:], {})
    if name in {"", "-h", "--help"}:
        print(_help(), file=sys.stdout if name else sys.stderr)
        return 0 if name else BAD_INPUT
    near = difflib.get_close_matches(name, verbs, n=1, cutoff=0.5)
    advice = f"Did you mean {near[0]}? " if near else ""
    print(f"plumbline: expected a verb, got {name!r}. {advice}`plumbline --help` lists the verbs.", file=sys.stderr)
    return BAD_INPUT


def open_run(folder: str | Path = "runs/latest") -> RecordedRun:
    """A run folder as pandas DataFrames, for a notebook: see `analysis.notebook`. Raises as `import_packages`."""
    import_packages()
    opened: RecordedRun = import_module("analysis.notebook.recorded_run").open_run(folder)
    return opened


def import_packages() -> None:
    """Import our packages under their own names, whatever else has these names on the path.

    Raises ``ImportError`` if another package of such a name was imported before.
    """
    sys.path.insert(0, str(ROOT))
    try:
        for name in PACKAGES:
            package = import_module(name)
            if not Path(package.__file__ or "").resolve().is_relative_to(ROOT):
                raise ImportError(
                    f"importing {name}: expected the package of plumbline, got {package.__file__}, which was imported "
                    "before. Import plumbline's first, in a process of its own."
                )
    finally:
        sys.path.remove(str(ROOT))


def _run(module: str, words: list[str], shown: Mapping[str, str]) -> int:
    """Run the module as the main program. It ends the process itself, or it has nothing to say: 0.

    ``shown``: how a help text shows the command that is run. The commands of the verbs are shown as verbs.
    """
    import_packages()
    show = import_module("model.command_line").show_commands_as
    show({verb.command: f"plumbline {verb.name}" for verb in VERBS} | dict(shown))
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


def _help() -> str:
    """The verbs, with a line for each."""
    verbs = "\n".join(f"  {verb.name:<10}{verb.text}" for verb in VERBS)
    return (
        "usage: plumbline VERB [options]\n\nDrive load at a model served with Seldon Core, and judge whether the "
        f"quality metrics that it publishes are true.\n\nverbs:\n{verbs}\n\n{EXAMPLES}"
    )


if __name__ == "__main__":
    sys.exit(main())
