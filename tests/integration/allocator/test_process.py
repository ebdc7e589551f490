"""The commands ``allocator allocate`` and its relatives, as processes."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import redis

from contract import ENTRY_FIELD, Keys, RoomId, RoomWaiting, encode, new_event_id
from support import free_port

APP = "sim-demo"
SECRET = "canary-secret-0001"
RSS_MAX_KB = 120 * 1024


class Started:
    """A process of ours and its port for those who look after it."""

    def __init__(self, running, port):
        self.running, self.port = running, port

    def get(self, path):
        """Status and text."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def until_ready_says(self, status, text):
        """Wait for this answer of ``/readyz``."""
        give_up_at = time.monotonic() + 30
        while (answer := self.get("/readyz")) != (status, f"{text}\n"):
            assert self.running.status is None, f"it ended with {self.running.status}:\n{self.running.output}"
            assert time.monotonic() < give_up_at, f"{answer} instead of {status} {text}:\n{self.running.output}"
            time.sleep(0.05)

    def figure(self, name):
        """A figure of ours; None: it is not there."""
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name) and not line.startswith("#"):
                return float(line.rsplit(" ", 1)[1])
        return None

    def memory_kb(self):
        """How much of it is resident, and the most that was."""
        text = Path(f"/proc/{self.running.pid}/status").read_text()
        sizes = dict(line.split(":", 1) for line in text.splitlines() if line.startswith("Vm"))
        return int(sizes["VmRSS"].split()[0]), int(sizes["VmHWM"].split()[0])


class Simulator(Started):
    """The simulator and its control API."""

    def control(self, path, **body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/simulator/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def state(self):
        return json.loads(self.get("/simulator/state")[1])


@pytest.fixture
def environment(redis_url, schema_url):
    return {
        "DATABASE_URL": schema_url,
        "REDIS_URL": redis_url,
        "QISCUS_APP_ID": APP,
        "QISCUS_SECRET_KEY": SECRET,
        "QISCUS_BASE_URL": f"http://127.0.0.1:{free_port()}",
        "ANTRE_METRICS_HOST": "127.0.0.1",
        "ANTRE_PLATFORM_TIMEOUT_S": "2",
        "ANTRE_QUARANTINE_S": "6",
        "ANTRE_PLATFORM_LAG_S": "1",
    }


@pytest.fixture
def allocate(processes, environment):
    """Starts allocators."""

    def start(**changes):
        port = free_port()
        env = environment | {"ANTRE_METRICS_PORT": str(port)} | changes
        running = processes.start("allocator", "allocate", env=env)
        return Started(running.wait_ready(f"http://127.0.0.1:{port}/livez"), port)

    return start


@pytest.fixture
def simulator(processes, environment):
    """A simulator with four agents, to which the environment leads; it sends no webhooks."""
    port = free_port()
    options = [
        "--agents",
        "4",
        "--capacity",
        "2",
        "--chatter-s",
        "0",
        "--doubled-share",
        "0",
        "--app",
        f"{APP}:{SECRET}",
    ]
    running = processes.start("qiscus-simulator", "--port", str(port), *options)
    running.wait_ready(f"http://127.0.0.1:{port}/simulator/state")
    environment["QISCUS_BASE_URL"] = f"http://127.0.0.1:{port}"
    made = Simulator(running, port)
    made.control("service", service_s=None)
    return made


@pytest.fixture
def stream(redis_url):
    """Puts events into the inbox, as a gateway does."""
    client = redis.Redis.from_url(redis_url)

    def publish(*rooms):
        pipeline = client.pipeline(transaction=False)
        for room in rooms:
            event = RoomWaiting(id=new_event_id(), app=APP, room=RoomId(room), received_ms=0, source="wa")
            pipeline.xadd(Keys().inbox(APP), {ENTRY_FIELD: encode(event)})
        pipeline.execute()

    yield publish
    client.close()


def until(fact, *, timeout_s=20.0):
    give_up_at = time.monotonic() + timeout_s
    while time.monotonic() < give_up_at:
        if fact():
            return
        time.sleep(0.05)
    raise AssertionError(f"not in {timeout_s} s")


class TestTheCommandLine:
    @pytest.mark.parametrize("words", [["--help"], ["allocate", "--help"], ["migrate", "--help"]])
    def test_help(self, processes, words):
        done = processes.run("allocator", *words)
        assert done.status == 0
        assert "usage: allocator" in done.output

    def test_version(self, processes):
        done = processes.run("allocator", "--version")
        assert (done.status, done.output[:1].isdigit()) == (0, True)

    def test_without_a_word_it_says_which_there_are(self, processes):
        done = processes.run("allocator")
        assert done.status == 2
        assert "COMMAND" in done.output

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("DATABASE_URL", ""),
            ("DATABASE_URL", f"mysql://u:{SECRET}@localhost"),
            ("REDIS_URL", f"http://:{SECRET}@localhost"),
            ("ANTRE_LEASE_TTL_S", "3"),
            ("ANTRE_QUARANTINE_S", "2"),
            ("ANTRE_POLICY_FILE", "/does/not/exist.yaml"),
            ("ANTRE_APPS_FILE", "/does/not/exist.toml"),
            ("QISCUS_SECRET_KEY", ""),
            ("ANTRE_METRICS_HOST", "no-such-host.invalid"),
        ],
    )
    def test_wrong_settings_are_refused_in_one_sentence(self, processes, environment, variable, value):
        env = environment | {"ANTRE_METRICS_PORT": str(free_port()), variable: value}
        done = processes.run("allocator", "allocate", env=env)
        sentences = [line for line in done.output.splitlines() if not line.startswith("{")]
        assert done.status == 2, done.output
        assert len(sentences) == 1
        assert sentences[0].startswith("allocator: ")
        assert "Traceback" not in done.output
        assert SECRET not in done.output

    def test_a_port_that_is_taken_is_refused_in_one_sentence(self, processes, environment, allocate):
        first = allocate()
        env = environment | {"ANTRE_METRICS_PORT": str(first.port)}
        done = processes.run("allocator", "allocate", env=env)
        assert done.status == 2
        assert f"ANTRE_METRICS_PORT {first.port}" in done.output
        assert "Traceback" not in done.output


class TestPolicyFile:
    def test_a_broken_one_is_refused_at_the_start_with_the_line(self, processes, environment, tmp_path):
        file = tmp_path / "policy.yaml"
        file.write_text("paused: false\ncapacity:\n  default: many\n")
        env = environment | {"ANTRE_POLICY_FILE": str(file), "ANTRE_METRICS_PORT": str(free_port())}
        done = processes.run("allocator", "allocate", env=env)
        assert done.status == 2
        assert "line 3, column 12: $.capacity.default" in done.output

    def test_one_that_breaks_later_leaves_the_old_one_in_force(self, allocate, simulator, stream, tmp_path):
        file = tmp_path / "policy.yaml"
        file.write_text("capacity: {default: 1}\n")
        started = allocate(ANTRE_POLICY_FILE=str(file))
        rooms = simulator.control("customers", count=16, source="wa", send=False)["room_ids"]
        stream(*rooms)
        until(lambda: simulator.state()["slots_used"] == 4)
        file.write_text("capacity: {default: lots}\n")
        until(lambda: started.figure("antre_policy_refused") == 1)
        assert simulator.state()["slots_used"] == 4
        file.write_text("capacity: {default: 2}\n")
        until(lambda: simulator.state()["slots_used"] == 8)
        assert started.figure("antre_policy_refused") == 0
        assert "policy_refused" in started.running.output


class TestRunning:
    def test_it_is_alive_and_ready_and_shows_its_figures(self, allocate):
        started = allocate()
        until(lambda: started.figure("antre_leader") == 1)
        assert started.get("/livez") == (200, "ok\n")
        assert started.get("/readyz") == (200, "ok\n")
        assert started.get("/elsewhere")[0] == 404
        assert started.figure("antre_term") == 1

    def test_customers_are_served(self, allocate, simulator, stream):
        started = allocate()
        rooms = simulator.control("customers", count=6, source="wa", send=False)["room_ids"]
        stream(*rooms)
        until(lambda: simulator.state()["served"] == 6)
        until(lambda: started.figure("antre_assignments_total") == 6)
        assert "Traceback" not in started.running.output
        assert SECRET not in started.running.output

    def test_of_two_one_leads_and_sigterm_hands_over_quickly(self, allocate):
        first = allocate()
        until(lambda: first.figure("antre_leader") == 1)
        second = allocate()
        until(lambda: second.get("/readyz")[0] == 200)
        assert second.figure("antre_leader") == 0
        started = time.monotonic()
        first.running.process.terminate()
        until(lambda: second.figure("antre_leader") == 1)
        took = time.monotonic() - started
        assert first.running.wait() == 0
        assert second.figure("antre_term") == 2
        assert took < 1, f"the hand-over took {took:.2f} s"

    def test_killed_the_other_leads_when_the_lease_ends(self, allocate):
        short = {"ANTRE_LEASE_TTL_S": "4", "ANTRE_LEASE_RENEW_S": "0.3", "ANTRE_PLATFORM_TIMEOUT_S": "1"}
        first = allocate(**short)
        until(lambda: first.figure("antre_leader") == 1)
        second = allocate(**short)
        first.running.kill()
        started = time.monotonic()
        until(lambda: second.figure("antre_leader") == 1)
        assert time.monotonic() - started < 4 + 1.5

    def test_a_follower_ends_at_once(self, allocate):
        first = allocate()
        until(lambda: first.figure("antre_leader") == 1)
        second = allocate()
        started = time.monotonic()
        assert second.running.terminate() == 0
        assert time.monotonic() - started < 3

    @pytest.mark.slow
    def test_not_ready_without_postgres_and_without_redis_but_alive(self, allocate, postgres_server, redis_server):
        started = allocate()
        started.until_ready_says(200, "ok")
        for _ in range(2):  # a backend that was just being forked escapes the first
            postgres_server.pause()
        redis_server.pause()
        started.until_ready_says(503, "Redis does not answer")
        assert started.get("/livez")[0] == 200
        redis_server.resume()
        started.until_ready_says(503, "Postgres does not answer")
        assert started.get("/livez")[0] == 200
        postgres_server.resume()
        started.until_ready_says(200, "ok")
        assert started.get("/livez")[0] == 200
        assert "Traceback" not in started.running.output

    @pytest.mark.slow
    def test_without_the_schema_it_says_what_brings_it_and_goes_on_when_it_is_there(
        self, allocate, processes, database_url
    ):
        started = allocate(DATABASE_URL=database_url)
        started.running.wait_output("allocator migrate")
        assert processes.run("allocator", "migrate", env={"DATABASE_URL": database_url}).status == 0
        until(lambda: started.figure("antre_leader") == 1)
        assert "Traceback" not in started.running.output


def test_ten_thousand_who_wait_stay_below_the_bound_of_memory(allocate, simulator, stream):
    started = allocate()
    rooms = simulator.control("customers", count=10_000, source="wa", send=False)["room_ids"]
    for start in range(0, 10_000, 1000):
        stream(*rooms[start : start + 1000])
    until(lambda: (started.figure('antre_sessions_open{app="sim-demo",state="waiting"}') or 0) >= 9_992, timeout_s=40)
    until(lambda: simulator.state()["slots_used"] == 8)
    time.sleep(3)
    resident, most = started.memory_kb()
    assert most < RSS_MAX_KB, f"{resident} kB resident, {most} kB at most"
    assert "Traceback" not in started.running.output
