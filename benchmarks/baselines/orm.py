"""What one writes with an ORM: customers one after another, a unit of work for each step of each of them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession


class Customer(SQLModel, table=True):
    """Who waits, or is served."""

    __tablename__ = "baseline_customer"
    id: int | None = Field(default=None, primary_key=True)
    room: str = Field(index=True)
    state: str = Field(default="waiting", index=True)
    agent: int | None = Field(default=None, index=True)
    came_at: datetime


class Orm:
    """Takes customers in, and gives each to the agent who has the fewest."""

    def __init__(self, url: str, agents: int, capacity: int) -> None:
        self._engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
        self._agents, self._capacity = range(1, agents + 1), capacity
        self.transactions = 0

    async def prepare(self) -> None:
        """Make the table."""
        async with self._engine.begin() as connection:
            table: Any = Customer.__table__  # type: ignore[attr-defined] # made by the metaclass
            await connection.run_sync(table.create)

    async def serve(self, rooms: Iterable[str]) -> None:
        """One after another: write down, choose, tell, write down."""
        for room in rooms:
            await self._arrive(room)
            await self._assign()
            await self._told()

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.dispose()

    async def _arrive(self, room: str) -> None:
        async with AsyncSession(self._engine) as session:
            session.add(Customer(room=room, came_at=datetime.now(UTC)))
            await session.commit()
        self.transactions += 1

    async def _assign(self) -> None:
        async with AsyncSession(self._engine) as session:
            customer = (await session.exec(_next("waiting"))).one()
            counts = select(Customer.agent, func.count()).where(col(Customer.agent).is_not(None))
            taken = dict((await session.exec(counts.group_by(col(Customer.agent)))).all())
            free = [agent for agent in self._agents if taken.get(agent, 0) < self._capacity]
            customer.agent, customer.state = min(free, key=lambda agent: taken.get(agent, 0)), "reserved"
            session.add(customer)
            await session.commit()
        self.transactions += 1

    async def _told(self) -> None:
        async with AsyncSession(self._engine) as session:
            customer = (await session.exec(_next("reserved"))).one()
            customer.state = "assigned"
            session.add(customer)
            await session.commit()
        self.transactions += 1


def _next(state: str) -> Any:
    return select(Customer).where(Customer.state == state).order_by(col(Customer.id)).limit(1).with_for_update()
