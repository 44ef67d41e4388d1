"""`kafkasim notebooks`: the course as files."""

from pathlib import Path

import click

from sim.teach.chapters import build_pages, differing, for_students, sync

__all__ = ["notebooks"]


@click.command()
@click.option("--sync", "write", is_flag=True, help="Write each notebook anew from its text beside it, in Markdown.")
@click.option("--students", type=click.Path(path_type=Path), help="Write notebooks without solutions into this folder.")
@click.option("--pages", type=click.Path(path_type=Path), help="Run all and write pages of HTML into this folder.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("notebooks"), show_default=True)
def notebooks(write: bool, students: Path | None, pages: Path | None, folder: Path) -> None:
    """Write the notebooks of the course: from their texts, for students, or as pages. Alone, say which are stale."""
    if write:
        for path in sync(folder):
            click.echo(f"written: {path}")
    if students is not None:
        for path in for_students(folder, students):
            click.echo(f"without solutions: {path}")
    if pages is not None:
        for path in build_pages(folder, pages):
            click.echo(f"run: {path}")
    if not (write or students or pages):
        stale = differing(folder)
        click.echo(
            f"stale: {', '.join(stale)}; kafkasim notebooks --sync" if stale else "all are what their texts make"
        )
