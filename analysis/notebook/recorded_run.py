"""What a run folder holds, each thing as a DataFrame. Files are read when they are asked for, once."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import pandas as pd

from analysis.evidence import files, offline, samples
from analysis.evidence.arrange import arrange
from analysis.evidence.evidence import Evidence
from analysis.evidence.offline import OfflineAnswers
from analysis.notebook import frames
from analysis.record import runfolder
from analysis.record.ledger_file import Ledger, read_ledger
from analysis.record.runfolder import LEDGER_FILE, OFFLINE_FILE, RESULT_FILE, SAMPLES_FILE, Run
from analysis.result.file import read_result
from analysis.result.parse import parse
from analysis.result.parsed import Result


def open_run(folder: str | Path = "runs/latest") -> RecordedRun:
    """The run in a folder. Raises ``RunFolderError`` if there is none."""
    return RecordedRun(Path(folder).resolve())


class RecordedRun:
    """A run folder. ``run``: its ``run.json``. Each method gives a new DataFrame, which may be changed at will."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run: Run = runfolder.read(folder)

    def __repr__(self) -> str:
        verdict = self.verdict if (self.folder / RESULT_FILE).exists() else "not judged"
        return f"{self.run.id}: {verdict}, {self.run.deployment}, started {self.run.started}"

    @property
    def verdict(self) -> str:
        """PASS, INCONCLUSIVE or FAIL. Raises ``ReportError`` if the run has not been judged."""
        return self._result.verdict.name

    @property
    def clock_offset_s(self) -> float:
        """Prometheus' clock less that of the load generator, in seconds.

        Times of `samples` and `counts` are Prometheus', those of `events` the load generator's.
        """
        return self._evidence.clock.offset_s

    @property
    def is_cut(self) -> bool:
        """Whether the ledger breaks off, so that `events` lacks its end."""
        return self._ledger.cut is not None

    def events(self) -> pd.DataFrame:
        """A line for each row of each request that was sent; see `frames.events`.

        Raises ``LedgerError`` for a ledger, and ``OfflineError`` for offline answers, that cannot be read: the answers'
        file has the class labels.
        """
        return frames.events(self._ledger.events, self._offline.classes)

    def samples(self) -> pd.DataFrame:
        """A line for each sample that Prometheus stored; see `frames.samples`. Raises ``SamplesError``."""
        return frames.samples(samples.read(self.folder / SAMPLES_FILE).series)

    def counts(self) -> pd.DataFrame:
        """A line for each scrape, predictor and cell: the live count and its bounds; see `frames.counts`.

        A predictor whose counts cannot be known is missing; `findings` says why.
        """
        return frames.counts(self._evidence)

    def curves(self) -> pd.DataFrame:
        """A line for each predictor, threshold and source (live, offline); see `frames.curves`.

        Raises ``ReportError`` if the run has not been judged.
        """
        return frames.curves(self._result.predictors)

    def findings(self) -> pd.DataFrame:
        """A line for each finding of the judge; see `frames.findings`. Raises ``ReportError`` without a result."""
        return frames.findings(self._result.findings)

    def comparison(self) -> pd.DataFrame:
        """Shadow less primary on the same distinct rows: a line for each figure; see `frames.comparison`.

        Empty if the run has no comparison. Raises ``ReportError`` if the run has not been judged.
        """
        return frames.comparison(self._result.comparison)

    def rows(self, heldout: str | Path | None = None) -> pd.DataFrame:
        """A line for each held-out row: truth, the answers served, the offline answers; see `frames.rows`.

        The features follow, if the file of held-out rows is still there as it was: at ``heldout``, or where the run
        found it. Raises as `events` does.
        """
        table = frames.rows(self._offline, self.run.predictors, self.events())
        features = frames.features(Path(heldout or self.run.heldout), self.run.heldout_sha256)
        return table if features is None else table.join(features, rsuffix="_feature")

    @cached_property
    def _ledger(self) -> Ledger:
        return read_ledger(self.folder / LEDGER_FILE)

    @cached_property
    def _offline(self) -> OfflineAnswers:
        return offline.read(self.folder / OFFLINE_FILE)

    @cached_property
    def _result(self) -> Result:
        return parse(read_result(self.folder))

    @cached_property
    def _evidence(self) -> Evidence:
        return arrange(files.read(self.folder, self.run))
