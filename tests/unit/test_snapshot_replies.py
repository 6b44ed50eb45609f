"""Replies made of a snapshot: made once, whoever asks, and never a failure twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from codeserver.config import Config
from codeserver.dagster_wire import dagster_api_pb2 as pb
from codeserver.errors import RequestTimeout, WorkerCrashed
from codeserver.front import encoding
from codeserver.front.dagster_api import DagsterApi
from codeserver.front.snapshot_replies import SnapshotReplies
from codeserver.supervisor.evaluating.pool import Reply
from codeserver.supervisor.evaluating.request import Request
from codeserver.supervisor.loading.snapshot import RepositorySnapshot, Snapshot
from tests.unit.waiting import others_have_ended, soon

DEFERRED = '{"deferred": "é"}' * 10
WHOLE = '{"whole": "€"}' * 10


def snapshot() -> tuple[Snapshot, dict[str, asyncio.Future[bytes | None]]]:
    """One repository `shop`, and its jobs: two that are still being built."""
    loop = asyncio.get_running_loop()
    jobs: dict[str, asyncio.Future[bytes | None]] = {
        "sell": loop.create_future(),
        "broken": loop.create_future(),
    }
    shop = RepositorySnapshot(DEFERRED.encode(), jobs, {}, {"jobs": 2})
    return Snapshot('{"listing": "é"}'.encode(), {"shop": shop}, "digest"), jobs


class Maker:
    """Makes the whole snapshot when it is told to, and counts how often it was asked."""

    def __init__(self, *outcomes: Exception | str) -> None:
        self.outcomes = list(outcomes)
        self.calls = 0
        self.go = asyncio.Event()

    async def __call__(self) -> bytes:
        self.calls += 1
        outcome = self.outcomes.pop(0)
        await self.go.wait()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome.encode()


async def ask_together(
    number: int, ask: Callable[[], Awaitable[Any]], go: Callable[[], None]
) -> list[Any]:
    """Ask several times, answer once all wait, and return the answers."""
    asking = [asyncio.ensure_future(ask()) for _ in range(number)]
    await asyncio.sleep(0)
    go()
    return list(await soon(asyncio.gather(*asking, return_exceptions=True)))


async def test_listing() -> None:
    reply = pb.ListRepositoriesReply.FromString(SnapshotReplies(snapshot()[0]).list_repositories)
    assert reply.serialized_list_repositories_response_or_error == '{"listing": "é"}'


async def test_has_repository() -> None:
    metadata = SnapshotReplies(snapshot()[0])
    assert metadata.has_repository("shop")
    assert not metadata.has_repository("shed")


@pytest.mark.parametrize("whole", [False, True])
async def test_repository(monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    monkeypatch.setattr(encoding, "CHUNK_CHARACTERS", 50)
    metadata, maker = SnapshotReplies(snapshot()[0]), Maker(*[WHOLE] * 2)
    maker.go.set()
    text = WHOLE if whole else DEFERRED
    [message] = await soon(
        metadata.repository("shop", streamed=False, whole=maker if whole else None)
    )
    stream = await soon(metadata.repository("shop", streamed=True, whole=maker if whole else None))
    reply = pb.ExternalRepositoryReply.FromString(message)
    events = [pb.StreamingExternalRepositoryEvent.FromString(event) for event in stream]
    assert reply.serialized_external_repository_data == text
    assert "".join(event.serialized_external_repository_chunk for event in events) == text
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert len(events) > 1


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_repository_is_made_once_for_all_who_ask(streamed: bool) -> None:
    metadata, maker = SnapshotReplies(snapshot()[0]), Maker(WHOLE)

    async def ask() -> list[bytes]:
        return await metadata.repository("shop", streamed=streamed, whole=maker)

    answers = await ask_together(5, ask, maker.go.set)
    answers.append(await soon(ask()))
    assert maker.calls == 1
    assert all(answer is answers[0] for answer in answers), "the same bytes are sent to everyone"


async def test_each_form_of_a_repository_is_a_reply_of_its_own() -> None:
    metadata, maker = SnapshotReplies(snapshot()[0]), Maker(WHOLE, WHOLE)
    maker.go.set()
    forms = [
        b"".join(await soon(metadata.repository("shop", streamed=streamed, whole=whole)))
        for streamed in (False, True)
        for whole in (None, maker)
    ]
    assert len(set(forms)) == 4


async def test_the_deferred_repository_is_encoded_once() -> None:
    metadata = SnapshotReplies(snapshot()[0])
    first, second = [
        await soon(metadata.repository("shop", streamed=True, whole=None)) for _ in range(2)
    ]
    assert first[0] is second[0]


async def test_a_failure_is_told_to_all_who_wait_and_then_forgotten() -> None:
    metadata, maker = SnapshotReplies(snapshot()[0]), Maker(RequestTimeout("slow"), WHOLE)

    async def ask() -> list[bytes]:
        return await metadata.repository("shop", streamed=False, whole=maker)

    answers = await ask_together(3, ask, maker.go.set)
    assert [str(answer) for answer in answers] == ["slow"] * 3
    [message] = await soon(ask())
    assert pb.ExternalRepositoryReply.FromString(message).serialized_external_repository_data
    assert maker.calls == 2


async def test_a_caller_that_goes_away_takes_nobody_along() -> None:
    metadata, maker = SnapshotReplies(snapshot()[0]), Maker(WHOLE)
    first, second = [
        asyncio.ensure_future(metadata.repository("shop", streamed=False, whole=maker))
        for _ in range(2)
    ]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    maker.go.set()
    [message] = await soon(second)
    assert first.cancelled()
    assert pb.ExternalRepositoryReply.FromString(message).serialized_external_repository_data
    assert maker.calls == 1


async def test_a_failure_after_the_callers_have_gone_is_forgotten_too() -> None:
    metadata, maker = SnapshotReplies(snapshot()[0]), Maker(RequestTimeout("slow"), WHOLE)
    gone = asyncio.ensure_future(metadata.repository("shop", streamed=False, whole=maker))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    maker.go.set()
    await others_have_ended()
    [message] = await soon(metadata.repository("shop", streamed=False, whole=maker))
    assert pb.ExternalRepositoryReply.FromString(message).serialized_external_repository_data


async def test_job() -> None:
    described, jobs = snapshot()
    metadata = SnapshotReplies(described)
    answers = await ask_together(
        3, lambda: metadata.job("shop", "sell"), lambda: jobs["sell"].set_result(b'{"job": 1}')
    )
    answers.append(await soon(metadata.job("shop", "sell")))
    assert pb.ExternalJobReply.FromString(answers[0]).serialized_job_data == '{"job": 1}'
    assert all(answer is answers[0] for answer in answers)


async def test_a_job_that_could_not_be_built() -> None:
    described, jobs = snapshot()
    metadata = SnapshotReplies(described)
    jobs["broken"].set_result(None)
    assert await soon(metadata.job("shop", "broken")) is None
    assert await soon(metadata.job("shop", "broken")) is None


@pytest.mark.parametrize(("repository", "job"), [("shop", "steal"), ("shed", "sell"), ("", "")])
async def test_a_job_that_there_is_not(repository: str, job: str) -> None:
    assert await soon(SnapshotReplies(snapshot()[0]).job(repository, job)) is None


async def test_a_caller_that_waits_for_a_job_and_goes_away() -> None:
    described, jobs = snapshot()
    metadata = SnapshotReplies(described)
    first, second = [asyncio.ensure_future(metadata.job("shop", "sell")) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    jobs["sell"].set_result(b"{}")
    assert pb.ExternalJobReply.FromString(await soon(second) or b"").serialized_job_data == "{}"


class FakeLocation:
    """A location whose evaluators answer from a list."""

    def __init__(self, described: Snapshot, *answers: Reply | Exception) -> None:
        self.current = FakeGeneration(described)
        self.answers = list(answers)

    async def generation(self) -> FakeGeneration:
        return self.current

    async def evaluate(self, request: Request) -> Reply:
        assert (request.rpc, request.runs_user_code) == ("ExternalRepository", False)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class FakeGeneration:
    def __init__(self, described: Snapshot) -> None:
        self.snapshot = described


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_evaluator_that_crashed_is_not_remembered(streamed: bool) -> None:
    """The error is a good reply to this request, and a wrong one to the next."""
    location = FakeLocation(
        snapshot()[0], WorkerCrashed("The process was killed."), Reply(WHOLE.encode(), False)
    )
    api: Any = DagsterApi(Config(), location, lambda: None, lambda: None)  # type: ignore[arg-type]
    context = SimpleNamespace(time_remaining=lambda: 30.0)
    request = pb.ExternalRepositoryRequest(
        serialized_repository_python_origin='{"repository_name": "shop"}'
    )

    async def ask() -> str:
        if not streamed:
            reply = pb.ExternalRepositoryReply.FromString(
                await api.ExternalRepository(request, context)
            )
            return reply.serialized_external_repository_data
        events = [event async for event in api.StreamingExternalRepository(request, context)]
        event = pb.StreamingExternalRepositoryEvent.FromString(b"".join(events))
        return event.serialized_external_repository_chunk

    assert "The process was killed." in await soon(ask())
    assert await soon(ask()) == WHOLE
