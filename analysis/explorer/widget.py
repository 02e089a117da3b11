"""The explorer in a notebook: the report's page, beside a store that answers."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from clickward.analysis.explorer.answers import Asked, answer
from clickward.analysis.explorer.charts import chart_library
from clickward.analysis.explorer.modules import joined
from clickward.analysis.explorer.page import packed, style
from clickward.analysis.explorer.payload import make_payload
from clickward.warehouse.connection import Warehouse, connection
from clickward.warehouse.profile import Project, find_project


class Explorer(anywidget.AnyWidget):
    """The explorer of a feature set's scores, for JupyterLab, Notebook 7, VS Code and marimo.

    `models` are versions (default: champion and challenger), `date_from` to `date_to` (excluded)
    the days. The store is held only while something is read, unless a `warehouse` is given, which
    stays the caller's to close. Evidence is exported into the folder `export_to`.

    Raises `UserError` where nothing is scored.
    """

    payload = traitlets.Bytes().tag(sync=True)
    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        feature_set: str = "fs_install",
        *,
        models: Sequence[str] | None = None,
        date_from: date | None = None,
        date_to: date | None = None,
        export_to: str | Path = "evidence",
        project: Project | None = None,
        warehouse: Warehouse | None = None,
    ) -> None:
        self.shown = Asked(
            feature_set, tuple(models) if models else None, date_from, date_to, Path(export_to)
        )
        self.project = warehouse.project if warehouse else project or find_project()
        self.warehouse = warehouse
        with self._store() as store:
            payload = make_payload(
                store, feature_set=feature_set, models=models, date_from=date_from, date_to=date_to
            )
        script = f"{chart_library(self.project.home / 'cache')}\n{joined('widget.js')}"
        super().__init__(payload=packed(payload.to_json()), _esm=script, _css=style())
        self.on_msg(self._answer)

    def _store(self) -> AbstractContextManager[Warehouse]:
        return nullcontext(self.warehouse) if self.warehouse else connection(self.project)

    def _answer(self, _: Any, question: dict[str, Any], __: list[bytes]) -> None:
        """Answer the page; what goes wrong is told there too, and raised here."""
        try:
            with self._store() as store:
                self.send(answer(store, self.shown, question))
        except Exception as error:
            self.send({"id": question.get("id"), "error": f"{type(error).__name__}: {error}"})
            raise
