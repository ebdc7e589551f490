"""How evenly sessions went to agents, by the record of truth."""

import pytest

from qiscus_simulator.evenness import evenness
from qiscus_simulator.record import AgentState, Entry
from qiscus_simulator.values import ALL_KEYS


class Story:
    """A record, entry by entry."""

    def __init__(self):
        self.entries = []

    def agent(self, at, agent, *, online=True, capacity=1, what="agent", app="sim-a"):
        state = AgentState(online=online, channels=ALL_KEYS, capacity=capacity, deleted=False)
        self.entries.append(Entry(0, at, app, "agent", agent=agent, what=what, state=state))

    def assigned(self, agent, count, *, what="api", app="sim-a"):
        self.entries += [Entry(0, 50.0, app, "assigned", agent=agent, what=what)] * count

    def told(self):
        return evenness(self.entries, 100.0)


@pytest.fixture
def story():
    return Story()


def test_nothing_given_is_nothing_to_tell(story):
    story.agent(0, 1)
    assert story.told() is None


def test_in_proportion_to_capacity_is_even_and_otherwise_it_is_not(story):
    story.agent(0, 1, capacity=1)
    story.agent(0, 2, capacity=3)
    story.assigned(1, 10)
    story.assigned(2, 30)
    assert story.told() == 1.0
    story.assigned(1, 40)
    assert story.told() == pytest.approx(1 - 30 / 80, abs=0.03)


def test_in_proportion_to_the_time_they_were_online_is_even(story):
    story.agent(0, 1)
    story.agent(0, 2)
    story.agent(50, 2, online=False)
    story.assigned(1, 20)
    story.assigned(2, 10)
    assert story.told() == 1.0


def test_what_people_do_by_hand_and_supervisors_are_not_counted(story):
    story.agent(0, 1)
    story.agent(0, 9, what="supervisor", capacity=9)
    story.assigned(1, 10)
    story.assigned(9, 10, what="hand")
    assert story.told() == 1.0


def test_each_app_has_agents_of_its_own(story):
    story.agent(0, 1, app="sim-a")
    story.agent(0, 1, app="sim-b")
    story.assigned(1, 30, app="sim-a")
    story.assigned(1, 10, app="sim-b")
    assert story.told() == 1.0
