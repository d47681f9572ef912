"""Load the engine and the Immich client in a process without Home Assistant.

For processes of their own: crash tests, benchmarks, and the test that proves that the
two layers need nothing above them. Call ``load_bare()`` before anything of the
integration is imported; afterwards ``custom_components.immich_backup.engine`` and
``.immich`` import as usual, and ``homeassistant`` does not.
"""

from collections.abc import Sequence
import importlib
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
import sys
from types import ModuleType
from typing import override

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "custom_components.immich_backup"
FOLDER = ROOT.joinpath(*PACKAGE.split("."))
LAYERS = ("engine", "immich")


class HomeAssistantBlocker(MetaPathFinder):
    """Refuse to import Home Assistant."""

    @override
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Raise for Home Assistant's modules and leave all others to the rest."""
        if fullname.partition(".")[0] == "homeassistant":
            raise ModuleNotFoundError(
                "Home Assistant is not available to the engine", name=fullname
            )
        return None


def load_bare() -> None:
    """Put an empty stand-in in the place of the integration's package.

    The stand-in finds the modules below the package but does not run its
    ``__init__.py``, which belongs to Home Assistant's side. Calling it again changes
    nothing. Raises RuntimeError when it is too late.
    """
    present = sys.modules.get(PACKAGE)
    if present is not None and getattr(present, "__bare__", False):
        return
    if present is not None or "homeassistant" in sys.modules:
        raise RuntimeError("Home Assistant or the integration is already imported")
    sys.meta_path.insert(0, HomeAssistantBlocker())
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    stand_in = ModuleType(PACKAGE, "Stand-in for the integration's package.")
    stand_in.__path__ = [str(FOLDER)]
    stand_in.__dict__["__bare__"] = True
    sys.modules[PACKAGE] = stand_in
    importlib.import_module("custom_components").__dict__[FOLDER.name] = stand_in


def modules_of(layer: str) -> list[str]:
    """Return the dotted names of all modules of a layer, sorted."""
    return sorted(
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in FOLDER.joinpath(layer).rglob("*.py")
    )
