"""How a message reaches its targets: one module for each kind."""

from .message import Message

__all__ = ["Message"]
