"""`fakekube serve`: sites on this machine's sockets, their agents and links, until a signal."""

from chaos.serve.command import serve as serve
