"""The one exception that means: what was given is wrong, not the program."""


class InputError(ValueError):
    """A file, a value or a setting that the caller gave cannot be used.

    The message is one line and says what was expected, what came and, where it helps, what to do;
    it names the file or the key. The command line prints it as it is and exits with code 2.
    """
