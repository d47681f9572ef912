"""A message as its receiver recorded it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What reached one receiver: a phone (`notify`), a `speaker` or a `tv`.

    ``target`` is what was chosen in Home Assistant, ``event`` what the notification
    tells of. ``message`` is empty if nothing came. ``ok`` says whether all that came
    with it was there and what it should be, ``detail`` says that in words. ``at`` is in
    seconds since the epoch: when it came, or when nobody waited any longer.
    """

    target: str
    kind: str
    event: str
    message: str
    ok: bool
    at: float
    detail: str
