"""Chat in cells: the magics, their output, the reader's variables, and which session a notebook goes on with."""
