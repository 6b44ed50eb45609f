"""`codeserver partitions`: the partition keys of a job or an asset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import click

from codeserver.cli.options.job import job_argument, repository_option
from codeserver.cli.options.location import location_options
from codeserver.cli.options.where import Where, client_of
from codeserver.cli.printing import screen
from codeserver.cli.printing.words import counted

if TYPE_CHECKING:
    from codeserver.api import v1

_MOST_ON_A_PAGE = 10_000


@click.command("partitions")
@job_argument(required=False)
@click.option("--asset", metavar="KEY", help="Key of an asset instead of a job, as raw/orders.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Print no more keys.")
@click.option("--reverse", is_flag=True, help="Print the last keys first.")
@repository_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: definition, keys, their number.")
@location_options
def partitions_command(
    *,
    job: str | None,
    asset: str | None,
    limit: int | None,
    reverse: bool,
    repository: str,
    as_json: bool,
    where: Where,
) -> None:
    """List partition keys.

    One key a line, in Dagster's order: for time windows, the oldest first.
    """
    if (job is None) == (asset is None):
        raise click.UsageError("Give the name of a job, or --asset with the key of an asset.")
    with client_of(where) as client:
        fetch = partial(
            client.partitions_page,
            job=job or "",
            asset=asset or "",
            repository=repository,
            reverse=reverse,
        )
        pages = _pages(fetch, limit)
        if as_json:
            found = list(pages)
            keys = [key for page in found for key in page.keys]
            facts = {"partitions": found[0].partitions, "keys": keys}
            screen.out().json({**facts, "total_count": found[-1].total_count})
            return
        out = screen.out()
        for number, page in enumerate(pages):
            if number == 0 and out.is_terminal:
                what = page.partitions.description.rstrip(".")
                many = counted(page.total_count, "key")
                out.line((f"{what}; {many}" if what else many, "dim"))
            for key in page.keys:
                out.line(key)


def _pages(
    fetch: Callable[..., v1.ListPartitionsResponse], limit: int | None
) -> Iterator[v1.ListPartitionsResponse]:
    """Pages with at most `limit` keys in all."""
    token, left = "", limit
    while True:
        size = 0 if left is None else min(left, _MOST_ON_A_PAGE)
        page = fetch(page_size=size, page_token=token)
        yield page
        token, left = page.next_page_token, left if left is None else left - len(page.keys)
        if not token or left == 0:
            return
