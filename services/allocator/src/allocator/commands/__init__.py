"""The words of the command ``allocator``: one module for each word, or for a group of words that belong together.

Each has ``add(words)``, which adds its parsers; each parser sets ``work``, a function of the parsed words that returns
the exit status and may raise :class:`~chassis.settings.SettingError`, which becomes a sentence on standard error. What
a word needs that takes long to import is imported when the word is given.
"""

from argparse import Namespace, _SubParsersAction
from collections.abc import Callable
from typing import Any, TypeAlias

Words: TypeAlias = "_SubParsersAction[Any]"
"""Where parsers are added."""

Work = Callable[[Namespace], int]
"""What a word does."""
