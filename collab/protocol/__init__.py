"""The pure protocol: facts and `now` in, actions out."""
