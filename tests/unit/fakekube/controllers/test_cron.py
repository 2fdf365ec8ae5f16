"""Cron schedules as moments, and CronJobs by the site's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakekube.controllers.cron import cron
from tests.unit.fakekube.controllers.cluster_site import BATCH, CORE, ClusterSite, Obj, names


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("schedule", "zone", "moment", "following"),
    [
        ("*/5 * * * *", None, "2026-11-25T08:00:00", "2026-11-25T08:05:00"),
        ("0 0 1 1 *", None, "2026-11-25T08:00:00", "2027-01-01T00:00:00"),
        ("30 4 * * mon-fri", None, "2026-11-27T05:00:00", "2026-11-30T04:30:00"),
        ("0 12 13 * 5", None, "2026-11-25T08:00:00", "2026-11-27T12:00:00"),  # the 13th or a Friday
        ("0 12 13 * *", None, "2026-11-25T08:00:00", "2026-12-13T12:00:00"),
        ("@daily", "Europe/Paris", "2026-11-25T08:00:00", "2026-11-25T23:00:00"),
        ("30 2 29 3 *", "Europe/Paris", "2026-03-01T00:00:00", "2027-03-29T00:30:00"),  # left out in 2026
        ("59 23 29 feb *", None, "2026-11-25T08:00:00", "2028-02-29T23:59:00"),
        ("@every 1h30m", None, "2026-11-25T08:00:00", "2026-11-25T09:30:00"),
        ("TZ=Asia/Tokyo 0 9 * * *", None, "2026-11-25T08:00:00", "2026-11-26T00:00:00"),
        ("5/20 8 * * *", None, "2026-11-25T08:10:00", "2026-11-25T08:25:00"),
    ],
)
def test_the_next_moment(schedule: str, zone: str | None, moment: str, following: str) -> None:
    assert cron(schedule, zone).after(at(moment)) == at(following)


def test_a_day_that_never_comes_has_no_moment() -> None:
    assert cron("0 0 30 2 *", None).after(at("2026-01-01T00:00:00")) is None


@settings(max_examples=60, deadline=None)
@given(
    schedule=st.sampled_from(["*/7 * * * *", "0 */6 * * *", "15 3 * * 0", "0 0 1 * *", "@every 50m"]),
    behind_s=st.integers(0, 40 * 86400),
)
def test_the_last_moment_is_the_one_before_the_next(schedule: str, behind_s: int) -> None:
    now = at("2026-11-25T08:00:00")
    earliest = now - behind_s
    found, moment = None, cron(schedule, None).after(earliest)
    while moment is not None and moment <= now:
        found, moment = moment, cron(schedule, None).after(moment)
    assert cron(schedule, None).last(earliest, now) == found


def cronjob(schedule: str = "*/10 * * * *", takes_s: float = 1, **spec: Any) -> Obj:
    template = {
        "metadata": {"annotations": {"fakekube.dev/delays": f"complete={takes_s}"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]},
    }
    return {
        "metadata": {"name": "tick"},
        "spec": {"schedule": schedule, "jobTemplate": {"spec": {"template": template}}, **spec},
    }


JOBS, TICK = f"{BATCH}/jobs", f"{BATCH}/cronjobs/tick"


def test_a_job_every_ten_minutes_and_three_are_kept() -> None:
    site = ClusterSite()
    site.made(f"{BATCH}/cronjobs", cronjob())
    site.run(3600)
    assert len(site.items(JOBS)) == 3
    status = site.obj(TICK)["status"]
    assert status["lastScheduleTime"] <= status["lastSuccessfulTime"]
    assert (
        names(site.items(JOBS))[-1]
        == f"tick-{int(datetime.fromisoformat(status['lastScheduleTime']).timestamp()) // 60}"
    )


@pytest.mark.parametrize(("policy", "running"), [("Allow", 3), ("Forbid", 1), ("Replace", 1)])
def test_runs_that_last_longer_than_the_schedule(policy: str, running: int) -> None:
    site = ClusterSite()
    site.made(f"{BATCH}/cronjobs", cronjob(takes_s=1500, concurrencyPolicy=policy))
    site.run(1800)
    assert len(site.obj(TICK)["status"]["active"]) == running


def test_a_suspended_cron_job_rests_and_goes_on_with_the_last_missed_run() -> None:
    site = ClusterSite()
    site.made(f"{BATCH}/cronjobs", cronjob(suspend=True))
    site.run(5)
    assert site.server.next_due() is None
    site.run(7200)
    site.patched(TICK, {"spec": {"suspend": False}})
    site.run(5)
    assert len(site.items(JOBS)) == 1


def test_a_run_that_is_missed_by_more_than_its_deadline_is_lost() -> None:
    site = ClusterSite()
    site.made(f"{BATCH}/cronjobs", cronjob("0 0 * * *", suspend=True, startingDeadlineSeconds=60))
    site.run(86400 + 7200)
    site.patched(TICK, {"spec": {"suspend": False}})
    site.run(5)
    assert site.items(JOBS) == []


def test_a_job_that_somebody_deletes_is_missed() -> None:
    site = ClusterSite()
    site.made(f"{BATCH}/cronjobs", cronjob(takes_s=1500, concurrencyPolicy="Forbid"))
    site.run(700)
    [active] = site.obj(TICK)["status"]["active"]
    site.gone(f"{JOBS}/{active['name']}", {"propagationPolicy": "Background"})
    site.run(5)
    assert "active" not in site.obj(TICK)["status"]
    told = [each["message"] for each in site.items(f"{CORE}/events") if each["reason"] == "MissingJob"]
    assert told == [f"Active job went missing: {active['name']}"]
