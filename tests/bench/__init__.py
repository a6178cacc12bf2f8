"""`make bench`: how fast the stack is, against its peers, in one run on one machine. See README.md."""
