"""The generator's own files in the package: scripts, templates and the table of gateways."""

from importlib.resources import files


def script(name: str) -> str:
    """The text of a Ruby or Painless script."""
    return _text("scripts", name)


def template(name: str, **values: str) -> str:
    """The text of a template, with a value for each `@NAME@` in it."""
    text = _text("templates", name)
    for key, value in values.items():
        text = text.replace(f"@{key.upper()}@", value)
    return text


def gateways() -> str:
    """The YAML table of other programs' logs."""
    return _text("gateways.yml")


def _text(*names: str) -> str:
    return files("shipper.assets.generate").joinpath(*names).read_text(encoding="utf-8")
