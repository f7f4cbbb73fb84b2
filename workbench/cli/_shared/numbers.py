"""Types of numbers on the command line: a finite number, and a list of numbers such as 240,480,960."""

import math
from typing import Any

import click


class FiniteFloatRange(click.FloatRange):
    """A number between two limits. Click's own range accepts nan, which is neither below nor above a limit."""

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        number: float = super().convert(value, param, context)
        if math.isnan(number):
            self.fail(f"expected a number, got {value}", param, context)
        return number


class NumberList(click.ParamType[tuple[float, ...]]):
    """Different numbers between two limits, separated by commas. They are integers if the limits are."""

    name = "numbers"

    def __init__(self, kind: str, low: float, high: float, example: str) -> None:
        self.kind, self.low, self.high, self.example = kind, low, high, example
        self.number: type[int] | type[float] = int if isinstance(low, int) else float

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        words = [word.strip() for word in str(value).split(",")]
        if not any(words):
            self.fail(f"expected {self.kind}, such as {self.example}, got an empty list", param, context)
        numbers = tuple(self._number(word, param, context) for word in words)
        repeated = [word for index, word in enumerate(words) if numbers[index] in numbers[:index]]
        if repeated:
            self.fail(f"expected every number once, got {repeated[0]} twice", param, context)
        return numbers

    def _number(self, word: str, param: click.Parameter | None, context: click.Context | None) -> float:
        try:
            number = self.number(word)
        except ValueError:
            self.fail(f"expected {self.kind}, such as {self.example}, got {word!r}", param, context)
        if not self.low <= number <= self.high:
            self.fail(f"expected {self.kind} from {self.low} to {self.high}, got {word}", param, context)
        return number
