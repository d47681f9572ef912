"""What files that wait are waiting for, as a sentence for people."""

from collections.abc import Mapping

from .conductor import Conductor
from .controls import Controls
from .ledger import Ledger
from .link import ServerLink
from .texts import halt_text
from .watched import WatchedFolder

_TURN = "It waits for its turn"


class Waiting:
    """Says why nothing happens to a file at the moment, or that it is about to."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        link: ServerLink,
        folders: Mapping[str, WatchedFolder],
        conductor: Conductor,
        controls: Controls,
    ) -> None:
        """Take what is looked at."""
        self._ledger = ledger
        self._link = link
        self._folders = folders
        self._conductor = conductor
        self._controls = controls

    @property
    def trouble(self) -> str | None:
        """Return why nothing can be uploaded at the moment; None if all is well."""
        link = self._link
        if self._ledger.failing is not None:
            return self._ledger.failing
        if link.halt is not None:
            return halt_text(link.halt, link.halt_detail or "")
        if link.trouble is not None:
            return link.trouble
        return "The backup is paused" if self._controls.paused else None

    def of_uploads(self) -> str:
        """Return what single uploads wait for."""
        trouble = self.trouble
        return _TURN if trouble is None else f"It waits. {trouble}"

    def of_folder(self, folder_id: str) -> str:
        """Return what the files of a folder wait for."""
        if (watched := self._folders.get(folder_id)) is None:
            return "It waits until the rules of its folder can be understood"
        if watched.trouble is not None:
            return "It waits until its folder can be used again"
        if self.trouble is not None:
            return self.of_uploads()
        run = self._conductor.run
        if watched.waiting_for and (run is None or folder_id not in run.unconditional):
            return f"It waits for this: {', '.join(watched.waiting_for)}"
        if run is not None and folder_id in run.folders:
            return _TURN
        if not self._controls.automatic:
            return (
                "It waits until someone starts a backup, as automatic backup is switched"
                " off"
            )
        if not watched.folder.new_media:
            return (
                "It waits for the folder's time or until someone starts a backup, as its"
                " new media start none"
            )
        if self._link.user is None:
            return "It waits until the server has answered for the first time"
        return _TURN
