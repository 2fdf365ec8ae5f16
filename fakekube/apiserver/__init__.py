"""Request in, Response or WatchStream out: routing, codecs, discovery, tables. Knows no sockets and no clock of its own."""
