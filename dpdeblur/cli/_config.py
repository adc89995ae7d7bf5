"""The user's own defaults for options, in one TOML file. What the command line says wins."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from dpdeblur.errors import OptionError, UnreadableFileError

NAME = "dpdeblur.toml"
_LARGEST = 2**20
_LIMIT = "megapixels"


@dataclass(frozen=True)
class Config:
    """A configuration file; `there` says whether it exists. `settings` are its tables."""

    path: Path
    there: bool
    settings: Mapping[str, Any]

    def defaults(self, group: Any) -> dict[str, Any]:
        """The settings by the names of commands and parameters, as click wants its defaults.

        Keys outside tables are for all commands of the `group` that have such an option. Raises
        OptionError for a key that is neither that nor a command.
        """
        settings = {key: value for key, value in self.settings.items() if key != _LIMIT}
        return _defaults(self.path, settings, {}, group)

    @property
    def megapixels(self) -> float | None:
        """The limit on what is read, if the file sets one; raises OptionError if it is not one."""
        limit = self.settings.get(_LIMIT)
        if limit is None:
            return None
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0:
            raise OptionError(_LIMIT, f"{limit!r} is not a number above 0; {self.path} sets it")
        return float(limit)


def read_config(path: Path | None = None) -> Config:
    """The file at `path`, or the one in the user's own folder, which need not be there.

    Raises UnreadableFileError where it is not TOML or lies out of reach, and what `read_at_most`
    raises.
    """
    file = path or Path(typer.get_app_dir("dpdeblur")) / NAME
    try:
        if path is None and not file.is_file():
            return Config(file, False, {})
        from dpdeblur.io.atomic import read_at_most

        return Config(file, True, tomllib.loads(read_at_most(file, _LARGEST).decode()))
    except OSError as error:  # of the user's own folder
        raise UnreadableFileError(file, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, too deep
        raise UnreadableFileError(file, f"it is not TOML ({error})") from error


def _defaults(
    path: Path, settings: Mapping[str, Any], general: Mapping[str, Any], group: Any
) -> dict[str, Any]:
    tables = {key: value for key, value in settings.items() if isinstance(value, dict)}
    ours = {key: value for key, value in settings.items() if key not in tables}
    for key in [*(tables.keys() - group.commands.keys()), *(ours.keys() - _known(group))]:
        what = "command" if key in tables else "option"
        raise OptionError(key, f"{path} names it, but there is no such {what}")
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = tables.get(name, {})
        if hasattr(command, "commands"):
            found[name] = _defaults(path, inner, {**general, **ours}, command)
            continue
        names = _names(command)
        for key in inner.keys() - names.keys():
            raise OptionError(key, f"{path} names it, but '{name}' has no such option")
        chosen = {**general, **ours, **inner}
        found[name] = {
            names[key].name: _repeated(names[key], value)
            for key, value in chosen.items()
            if key in names
        }
    return found


def _known(group: Any) -> set[str]:
    """All options of all commands of a group and below."""
    return {
        key
        for command in group.commands.values()
        for key in (_known(command) if hasattr(command, "commands") else _names(command))
    }


def _repeated(parameter: Any, value: Any) -> Any:
    """One value where several may be given counts as a list of one."""
    several = parameter.multiple and not isinstance(value, list)
    return [value] if several else value


def _names(command: Any) -> dict[str, Any]:
    """The options of a command by their names without dashes in front."""
    return {
        option.removeprefix("--"): parameter
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and parameter.name != "help"
    }
