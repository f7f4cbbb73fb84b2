"""Numbers on the command line: finite ones, and lists of them: 240,480,960."""

import math
from typing import Any

import click


class FiniteFloatRange(click.FloatRange):
    """A number between two limits. Click's own range has nan in it, for nan is neither below nor above."""

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        number: float = super().convert(value, param, context)
        if math.isnan(number):
            self.fail(f"wants a number; got {value}", param, context)
        return number


class NumberList(click.ParamType[tuple[float, ...]]):
    """Numbers between two limits, separated by commas, each once; whole ones where the limits are whole."""

    name = "numbers"

    def __init__(self, what: str, least: float, most: float, example: str) -> None:
        self.what, self.least, self.most, self.example = what, least, most, example
        self.number: type[int] | type[float] = int if isinstance(least, int) else float

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        words = [word.strip() for word in str(value).split(",")]
        if not any(words):
            self.fail(f"wants {self.what}, such as {self.example}; got an empty list", param, context)
        numbers = tuple(self._one(word, param, context) for word in words)
        twice = [word for at, word in enumerate(words) if numbers[at] in numbers[:at]]
        if twice:
            self.fail(f"wants each once; got {twice[0]} twice", param, context)
        return numbers

    def _one(self, word: str, param: click.Parameter | None, context: click.Context | None) -> float:
        try:
            number = self.number(word)
        except ValueError:
            self.fail(f"wants {self.what}, such as {self.example}; got {word!r}", param, context)
        if not self.least <= number <= self.most:
            self.fail(f"wants {self.what} from {self.least} to {self.most}; got {word}", param, context)
        return number
