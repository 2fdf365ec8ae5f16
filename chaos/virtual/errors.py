"""What can go wrong with the virtual world itself, as opposed to inside a program that runs in it. And the OSErrors of its network."""

import os


class VirtualWorldError(RuntimeError):
    """Base of the errors below. They tell of a mistake in the program under test, never of a fault that was injected."""


class DeadlockError(VirtualWorldError):
    """Every task waits for something that can no longer happen: nothing is ready and no timer is set."""


class LivelockError(VirtualWorldError):
    """Callbacks keep running while virtual time stands still."""


class BlockingClientError(VirtualWorldError):
    """Code on the virtual loop tried to use the machine's network by a blocking call."""


def os_error(number: int) -> OSError:
    """The OSError subclass of an errno, with the machine's text for it."""
    return OSError(number, os.strerror(number))
