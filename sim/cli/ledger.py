"""`kafkasim ledger`: the fidelity ledger, from the rules' own docstrings and vectors."""

from pathlib import Path

import click

__all__ = ["ledger"]


@click.command()
@click.option("--write", is_flag=True, help="Write sim/rules/README.md of this checkout instead of printing.")
def ledger(write: bool) -> None:
    """Print what is exact, approximate and left out, rule by rule."""
    import sim
    from sim.conformance.tracing import trace_bundled
    from sim.observe.ledger import render

    root = Path(sim.__file__).parent.parent
    text = render(root, trace_bundled())
    if write:
        (root / "sim" / "rules" / "README.md").write_text(text, encoding="utf-8")
    else:
        click.echo(text, nl=False)
