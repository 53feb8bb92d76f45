"""The local stack: ``python -m deploy.local up|down|status|run``.

``run MANIFEST -- COMMAND`` starts what the manifest describes, runs COMMAND with HOST, PROMETHEUS_URL, SDEP, NAMESPACE,
ENVOY_ADMIN_URL and PLUMBLINE_STACK (the state file) in its environment, stops everything and exits as COMMAND did.
``up`` leaves a stack running, ``status`` says what runs, ``down`` stops it, and stops what a killed launcher left
behind. Exit code 2: bad arguments or input, or the stack does not come up.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.local import launch
from deploy.local.config.assembly import Folders, Options
from deploy.local.config.binaries import path_with_environment
from deploy.local.config.prometheus import DURATION, seconds_of
from deploy.local.errors import StackError
from deploy.local.running import background
from deploy.manifest.deployment import ManifestError
from model.artifact_name import ARTIFACTS_ENV, ArtifactError
from model.command_line import BAD_INPUT, OneLineParser
from model.installation import ROOT, artifacts_for, own_process, stacks_folder
from model.printable import printable
from model.train import make_example

IMAGES = Path(__file__).with_name("images.toml")
RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
EXAMPLE_MANIFEST = ROOT / "deploy" / "seldon" / "ab-test.yaml"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code of one call, see the module."""
    words = list(sys.argv[1:] if argv is None else argv)
    before, command = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    options = parser().parse_args(before)
    try:
        if options.verb in {run, up, serve}:
            _make_stacks(options.stacks)
        return int(options.verb(options, before, command))
    except (ManifestError, StackError, ArtifactError) as error:
        print(f"plumbline: {printable(str(error))}", file=sys.stderr)
        return BAD_INPUT


def run(options: argparse.Namespace, _: list[str], command: list[str]) -> int:
    """Exit code of the command, run inside a stack."""
    if not command:
        raise StackError("run: expected a command after --, got none. For a stack that stays, use up.")
    if shutil.which(command[0], path=path_with_environment(os.environ)) is None:
        raise StackError(f"run: expected a program after --, got {command[0]}, which is not on PATH. Check it.")
    background.prune(options.stacks)
    return _launch(options, f"run-{os.getpid()}", command)


def up(options: argparse.Namespace, words: list[str], _: list[str]) -> int:
    """0 once a stack runs in the background."""
    work = options.stacks / background.UP
    asyncio.run(background.clear(work))
    return background.start(own_process("deploy.local", "serve", *words[1:]), work)


def serve(options: argparse.Namespace, _: list[str], __: list[str]) -> int:
    """Exit code of a stack that runs until SIGTERM; `up` starts it in the background."""
    return _launch(options, background.UP, [])


def down(options: argparse.Namespace, _: list[str], __: list[str]) -> int:
    """0 once no process runs of the stack that is up, nor of a stack whose launcher was killed."""
    return asyncio.run(background.down(options.stacks))


def status(options: argparse.Namespace, _: list[str], __: list[str]) -> int:
    """0, after a table of what runs."""
    print(background.status(options.stacks))
    return 0


def _make_stacks(folder: Path) -> None:
    """Make the folder of the stacks' records. Raises `StackError` if nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StackError(
            f"keeping the record of the stack: expected to write to {folder}, got {error.strerror}. "
            "Name another folder with --stacks or, installed, by the variable XDG_STATE_HOME."
        ) from error


def _launch(options: argparse.Namespace, name: str, command: list[str]) -> int:
    artifacts = Path(options.artifacts) if options.artifacts else artifacts_for(options.manifest)
    make_example(artifacts)
    os.environ[ARTIFACTS_ENV] = str(artifacts.resolve())
    work = options.stacks.resolve() / name
    folders = Folders(work, (options.logs or work / "logs").resolve())
    env = dict(options.env) | ({"GUNICORN_WORKERS": str(options.workers)} if options.workers else {})
    stack_options = Options(
        images=options.images,
        ingress_port=options.ingress_port,
        prometheus_port=options.prometheus_port,
        scrape_interval=options.scrape_interval,
        breakers=options.breakers,
        retries=options.retries,
        restarts=options.restarts,
        pod_monitors=options.pod_monitors,
        rules=(RULES,),
        env=env,
    )
    return launch.launch(
        options.manifest, options.namespace, stack_options, folders, "run" if command else "up", command
    )


VERBS = {
    run: "run a command inside a stack",
    up: "start a stack and leave it",
    serve: "run a stack until it is stopped: what `up` starts in the background",
    status: "say what runs, and where",
    down: "stop the stack, and what a killed launcher left of one",
}
EXAMPLES = {
    run: "example:\n  python -m deploy.local run my-sdep.yaml -- python -m pytest",
    up: """\
examples:
  python -m deploy.local up                                       the example: two models
  python -m deploy.local up my-sdep.yaml --images my-images.toml --artifacts models/

It prints HOST and PROMETHEUS_URL, which a load test takes as variables or options. All listens on 127.0.0.1.
exit codes: 0 it runs, 2 bad arguments or input, or the stack does not come up""",
    status: "example:\n  python -m deploy.local status\n\nexit code: 0",
    down: "example:\n  python -m deploy.local down\n\nexit code: 0, also if no stack was up",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = OneLineParser(
        prog="python -m deploy.local", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(required=True, metavar="up|down|status|run")
    for verb, text in VERBS.items():
        verb_parser = verbs.add_parser(
            verb.__name__,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=EXAMPLES.get(verb),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb_parser.set_defaults(verb=verb)
        if verb in {run, up, serve}:
            _stack_options(verb_parser)
        verb_parser.add_argument(
            "--stacks", type=Path, default=stacks_folder(), help="folder of the state (default %(default)s)"
        )
    return parser


def _stack_options(verb_parser: argparse.ArgumentParser) -> None:
    verb_parser.add_argument(
        "manifest", type=Path, nargs="?", default=EXAMPLE_MANIFEST, help="a SeldonDeployment (default: the example's)"
    )
    verb_parser.add_argument(
        "--artifacts",
        default=os.environ.get(ARTIFACTS_ENV, ""),
        metavar="FOLDER",
        help="of the models and their cards (default: artifacts/, or the example's)",
    )
    verb_parser.add_argument("--namespace", help="as kubectl -n (default: the manifest's own, else seldon)")
    verb_parser.add_argument(
        "--images", type=Path, default=IMAGES, help="the image map (default deploy/local/images.toml)"
    )
    verb_parser.add_argument("--ingress-port", type=int, default=0, help="port of Envoy (default: a free one)")
    verb_parser.add_argument("--prometheus-port", type=int, default=0, help="port of Prometheus (default: a free one)")
    verb_parser.add_argument(
        "--scrape-interval", type=_duration, default="1s", help="such as 500ms or 15s (default 1s)"
    )
    verb_parser.add_argument(
        "--breakers", choices=["istio", "envoy"], default="istio", help="none, or 1,024 of everything"
    )
    verb_parser.add_argument(
        "--retries", choices=["none", "istio", "istio-1.23"], default="none", help="of the ingress"
    )
    verb_parser.add_argument(
        "--pod-monitors", type=_positive, default=1, help="that select each pod: 2 double every sum"
    )
    verb_parser.add_argument(
        "--workers", type=_positive, help="gunicorn workers of each replica (default: the image's)"
    )
    verb_parser.add_argument("--restarts", type=int, default=3, help="of each process that ends by itself (default 3)")
    verb_parser.add_argument(
        "--env", type=_assignment, action="append", default=[], metavar="NAME=VALUE", help="for models"
    )
    verb_parser.add_argument("--logs", type=Path, help="folder of the logs (default: beside the state)")


def _duration(text: str) -> str:
    if not DURATION.fullmatch(text) or seconds_of(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a duration such as 1s or 500ms, got {text!r}")
    return text


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return int(text)


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
