class Unavailable(Exception):
    """Where files are kept cannot be reached, or refuses us; what was asked of it may help later.

    `name` is the file it was asked about, which may or may not be there now.
    """

    def __init__(self, name, told):
        super().__init__(told)
        self.name = name
