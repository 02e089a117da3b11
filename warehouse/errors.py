"""What a user can cause, said so that the user can mend it."""


class UserError(Exception):
    """A failure whose cause is outside the program: data, usage or surroundings.

    `message` says what failed and where; `hint` names the next command or change.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


class UsageError(UserError):
    """The command line or a configuration file cannot be understood."""

    exit_code = 2


class ConnectionFailed(UserError):
    """No engine: the store is held, the server is away, or it refuses us."""

    exit_code = 3
