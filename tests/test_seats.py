"""What comes back from a model at once goes on a few at a time, in order, and keeps nobody from going on."""

import asyncio

import pytest

from agent.seats import Seats, away_from_seat

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """What the service runs on."""
    return "asyncio"


async def take_turn(seats: Seats, name: str, replied: asyncio.Event, done: list[str], calls: int = 1) -> None:
    """A turn that asks a model, at once as often as told, and then takes a while."""

    async def call() -> None:
        async with away_from_seat(at_model=True):
            await replied.wait()

    with seats.offer():
        await asyncio.gather(*(call() for _ in range(calls)))
        for step in range(5):
            done.append(f"{name}{step}")
            await asyncio.sleep(0)


async def test_turns_that_come_back_together_end_one_after_the_other() -> None:
    replied, done = asyncio.Event(), list[str]()
    seats = Seats(1)
    async with asyncio.TaskGroup() as turns:
        for name in "abc":
            turns.create_task(take_turn(seats, name, replied, done))
        await asyncio.sleep(0)
        replied.set()
    assert done == [f"{name}{step}" for name in "abc" for step in range(5)]


async def test_two_calls_of_a_turn_come_back_to_one_seat() -> None:
    replied, done = asyncio.Event(), list[str]()
    replied.set()
    seats = Seats(1)
    async with asyncio.timeout(10), asyncio.TaskGroup() as turns:
        for name in "ab":
            turns.create_task(take_turn(seats, name, replied, done, calls=2))
    assert len(done) == 10


async def test_whoever_gives_up_or_fails_leaves_the_seat_to_the_next() -> None:
    replied, done = asyncio.Event(), list[str]()
    seats = Seats(1)

    async def fail() -> None:
        with seats.offer():
            async with away_from_seat(at_model=True):
                raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - our own, without words
        await fail()
    waiting = asyncio.create_task(take_turn(seats, "a", replied, done))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    replied.set()
    async with asyncio.timeout(10):
        await take_turn(seats, "b", replied, done)
    assert done == [f"b{step}" for step in range(5)]


async def test_whoever_waits_for_something_else_leaves_the_seat_meanwhile() -> None:
    written, done = asyncio.Event(), list[str]()
    seats = Seats(1)

    async def take_part(name: str, *, writes: bool) -> None:
        with seats.offer():
            async with away_from_seat(at_model=True):
                await asyncio.sleep(0)
            if writes:
                async with away_from_seat():
                    await written.wait()
            done.append(name)

    async with asyncio.timeout(10), asyncio.TaskGroup() as turns:
        turns.create_task(take_part("a", writes=True))
        await turns.create_task(take_part("b", writes=False))
        written.set()
    assert done == ["b", "a"]
