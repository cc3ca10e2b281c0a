"""The command lines of `jobs/`: one message for what is wrong, with the nearest option, and a help to be read."""

import argparse
from collections.abc import Sequence
from datetime import date, datetime
from typing import NoReturn

from segmentation.config_messages import did_you_mean

HELP_WIDTH = 80


class JobParser(argparse.ArgumentParser):
    """A parser without abbreviations, whose help fits 80 columns; `examples` and `exit_codes` end it."""

    def __init__(self, prog: str, description: str, usage: str, examples: str, exit_codes: str) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=f"examples:\n{examples}\n\nexit codes:\n{exit_codes}",
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
                prog, max_help_position=26, width=HELP_WIDTH
            ),
            allow_abbrev=False,
        )

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options in the arguments. Ends the process: with 2 and a message where they are wrong, with 0 after help.

        An option that is not known is told before anything that is missing, which it may stand for.
        """
        known = [option for option in self._option_string_actions if option.startswith("--")]
        for argument in arguments[: list(arguments).index("--")] if "--" in arguments else arguments:
            option = argument.partition("=")[0]
            if option.startswith("--") and " " not in option and option not in known:
                self.error(f"{option} is not an option{did_you_mean(option, known)}")
        return self.parse_args(arguments)

    def error(self, message: str) -> NoReturn:
        """One line, and where to read more: no usage, which would push the message out of sight."""
        self.exit(2, f"{self.prog}: error: {message} (--help tells more)\n")


def day(text: str) -> date:
    """A day such as 2011-09-01, as an option's value."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a day such as 2011-09-01, got {text!r}") from None
