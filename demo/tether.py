"""Become another program, one that ends when the process which started it does.

Run as a script: ``tether.py PARENT_PID LOCK_FD PROGRAM [ARGUMENT ...]``. The process id
is written to the open file ``LOCK_FD``, which stays open (and locked) in the program.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent and become the program."""
    parent, lock, *command = sys.argv[1:]
    if sys.platform == "linux":
        # The kernel keeps this over the change of the program. It sends the signal once
        # for each thread of the parent, so one that asks politely would not do.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("the process that started this one is gone")
    os.ftruncate(int(lock), 0)
    os.pwrite(int(lock), str(os.getpid()).encode(), 0)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
