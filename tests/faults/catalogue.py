"""The 45 cases: what goes wrong, how it is brought about, what is most at risk, and T.

At risk are the invariants by number: 1 nobody lost, 2 one agent, 3 capacity, 4 order, 5 no past leader, 6 ledger =
platform, 7 progress, 8 bounds, 9 a durable 200, 10 no customer data (8 and 10 are looked at in every case). T is the
time from the repair to the next assignment; TTL is the lease's.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One row."""

    number: int
    fault: str
    how: str
    at_risk: str
    allowed: str
    """T, in words."""


WAY_IN = (
    Case(1, "gateway SIGKILL before its write to Redis", "crash point", "1 9", "-"),
    Case(2, "gateway SIGKILL after the write, before the answer; the sender tries again", "crash point", "1 2 4", "-"),
    Case(3, "the same webhook twice, 1 ms to 1 s apart, through two gateways", "client", "2 4", "-"),
    Case(
        4,
        "an allocation webhook again after assignment; after the resolve; a customer who comes back in the same room",
        "client",
        "1 2 3",
        "-",
    ),
    Case(5, "resolve arrives before its allocation webhook", "client", "1 3", "-"),
    Case(6, "ten times more webhooks than it can take, 60 s", "load", "8 9", "5 s"),
    Case(
        7,
        "1 MB body, JSON a thousand deep, slow sender, bad UTF-8, wrong types, empty, chunked without end",
        "client",
        "8",
        "-",
    ),
    Case(8, "forged webhook with a valid token for a room that does not exist", "client", "2 8", "-"),
)
LEADING = (
    Case(9, "leader SIGKILL at every crash point of the round", "sweep", "1-6", "TTL + 1 s"),
    Case(10, "leader SIGSTOP for 3 TTL while idle, then SIGCONT", "signal", "5", "TTL + 1 s"),
    Case(11, "leader SIGSTOP between the trust check and the send", "hook + signal", "2 3 5", "TTL + quarantine"),
    Case(12, "leader SIGSTOP between the platform's 200 and the settle", "hook + signal", "2 6", "TTL + 1 s"),
    Case(13, "event loop blocked for 2 TTL", "hook", "5 7", "TTL + 1 s"),
    Case(14, "two allocators start at once, 100 times", "loop", "5", "1 s"),
    Case(15, "SIGTERM with 64 calls in flight", "signal", "1 2", "250 ms"),
    Case(16, "renew takes effect, reply lost", "proxy", "5 7", "2 s"),
    Case(17, "acquire takes effect, reply lost", "proxy", "7", "2 s"),
    Case(18, "Redis clock jumps 60 s ahead (lease vanishes early)", "libfaketime, DEL of the lease", "2 5", "TTL"),
    Case(
        19,
        "Redis clock jumps an hour back (lease will not expire)",
        "libfaketime, PEXPIRE",
        "7",
        "2 TTL + 1 s",
    ),
    Case(20, "leader cut off from Redis only", "proxy", "5 7", "TTL + 1 s"),
    Case(21, "leader cut off from Postgres only", "proxy", "1 7", "3 s"),
    Case(22, "leader cut off from the platform only", "proxy", "4 8", "3 s"),
)
REDIS = (
    Case(23, "SIGKILL and restart, `appendfsync always`", "signal", "1 9", "3 s"),
    Case(24, "SIGKILL with fsync delayed 1.5 s", "strace injection", "1 9", "3 s"),
    Case(25, "fsync fails (EIO), disk full", "strace injection, small file system", "9 7", "-"),
    Case(26, "failover to a replica that missed the last writes", "REPLICAOF NO ONE", "1 5", "sweep + 5 s"),
    Case(27, "split brain: the old primary still accepts", "two servers", "1 5", "sweep + 5 s"),
    Case(28, "FLUSHALL, or restart with nothing", "command", "1 4", "sweep + 5 s"),
    Case(29, "out of memory under noeviction; an eviction policy set by mistake", "config", "9", "-"),
)
POSTGRES = (
    Case(30, "immediate shutdown during record, reserve, settle", "pg_ctl", "2 3 6", "5 s"),
    Case(31, "COMMIT takes effect, reply lost", "proxy", "2 3", "2 s"),
    Case(32, "failover to a standby without the last commits", "promote", "2 3 6", "10 s + sweep"),
    Case(33, "a pool full of connections to a server that is read-only now", "promote", "7", "5 s"),
)
PLATFORM = (
    Case(34, "30 % of assigns take effect and then time out", "simulator", "2 3 6", "10 s"),
    Case(
        35,
        "an assign takes effect 20 s after we gave up, the agent flaps meanwhile",
        "simulator",
        "2 3",
        "quarantine",
    ),
    Case(36, "429 with Retry-After; 60 s of 5xx; assign down and reads up; the reverse", "simulator", "1 4 8", "5 s"),
    Case(37, "counters 10 s late; stale agent list; agent goes offline during the assign", "simulator", "3 7", "-"),
    Case(
        38,
        "a person assigns, takes over or resolves by hand in the middle of the race",
        "simulator",
        "2 6",
        "60 s",
    ),
    Case(
        39,
        "a room that is always refused, at the head of the backlog; a poisoned event at the head of the inbox",
        "simulator, client",
        "4 7",
        "1 round",
    ),
    Case(
        40,
        "everybody full for an hour (virtual), then 100 resolves at once, one of them lost",
        "simulator",
        "3 4 7",
        "1 s (lost: poll)",
    ),
)
AND = (
    Case(41, "rolling upgrade of everything under load, old and new schema side by side", "processes", "1-6", "250 ms"),
    Case(42, "SCRIPT FLUSH; connection closed by the server between commands", "command", "7", "1 s"),
    Case(43, "capacity lowered below the present load, raised again; an agent deleted", "policy", "3 7", "1 round"),
    Case(44, "two apps, one floods with 100 times the load of the other", "load", "7 8", "-"),
    Case(45, "name resolution fails; TLS certificate of the platform is wrong", "proxy", "8", "3 s"),
)
GROUPS = {
    "the way in": WAY_IN,
    "leading": LEADING,
    "Redis": REDIS,
    "Postgres": POSTGRES,
    "the platform": PLATFORM,
    "and": AND,
}
CASES = {case.number: case for group in GROUPS.values() for case in group}
BESIDE = Case(0, "beside the table: a day without faults, several apps, odd answers, …", "all", "1-8", "-")
"""Tests that are marked as a case without a number."""
