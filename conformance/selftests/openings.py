"""Runs in the process: the options of one, its controller, and what it reports."""

from types import SimpleNamespace

from conformance.judge.catalog import load_catalog
from conformance.runner.controller import Controller
from conformance.runner.options import OPTIONS
from conformance.runner.run_directory import SelectedItem


def options(url, **given):
    plain = {
        option.name: option.settings.get("default", False if "action" in option.settings else None)
        for option in OPTIONS
    }
    return SimpleNamespace(**plain | {"base_url": url} | given)


def controller_of(url, folder, said, **given):
    named = vars(options(url, report_dir=str(folder / "reports"), **given))
    namespace = SimpleNamespace(**{f"conformance_{name}": value for name, value in named.items()})
    return Controller(namespace, {}, said.append)


def lines_of(controller):
    """The lines that end a run."""
    return [line.text for line in controller.summary]


def reported(controller, rows):
    """Examine those of some rows that have a probe, and write the report; it, and the lines that end the run."""
    worker = controller.open()
    for row in rows:
        if load_catalog()[row].probe is not None:
            worker.examine(load_catalog()[row])
    worker.directory.write_selected({row: SelectedItem(node_id=row, location=(row, 0, row)) for row in rows})
    controller.conclude()
    return controller.report, lines_of(controller)
