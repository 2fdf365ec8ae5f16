"""Sweeping finds the naive agent's bug, survives interruption and sharding; shrinking leaves the events that matter."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from chaos.scenario.errors import BadScenario
from chaos.scenario.timeline import LinkCut, Operation, Timeline
from chaos.search.determinism import first_difference
from chaos.search.executors import Processes
from chaos.search.job import Job, Summary, compiled, perform, report_of
from chaos.search.results import RESULTS, Shard
from chaos.search.shrink import failing_checks, shrink
from chaos.search.sweep import losing_each_message, read_seeds, read_shard, sweep
from chaos.worlds.staging import AS_IT_IS

NAIVE = "tests.simulation.eager:EagerAgent"


class Here:
    """An executor in this process that remembers what it ran, and may be interrupted."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.ran: list[int] = []
        self._stop_after = stop_after

    def results(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Summary]]:
        for job in jobs:
            if len(self.ran) == self._stop_after:
                raise KeyboardInterrupt
            self.ran.append(job.seed)
            yield job, perform(job)


def told(result: Summary) -> None:
    """Nobody listens."""


def job(scenario: str = "partition-a", agent: str | None = None) -> Job:
    return Job(scenario=scenario, seed=0, sites=5, agent=agent)


def over(job: Job, seeds: Sequence[int]) -> list[Job]:
    return [replace(job, seed=seed) for seed in seeds]


def test_a_sweep_counts_verdicts_and_names_what_failed_with_its_replay() -> None:
    tally = sweep(over(job("partition-e", NAIVE), [1, 2]), Here(), out=None, told=told)
    assert tally.verdicts == {"invalid": 2}
    assert tally.exit_code == 1
    assert [result["seed"] for result in tally.failing()] == [1, 2]
    assert tally.failing()[0]["replay"].endswith(f"--seed 1 --agent {NAIVE}")


def test_a_sweep_of_a_sound_agent_is_valid() -> None:
    assert sweep(over(job(), [1, 2]), Here(), out=None, told=told).exit_code == 0


def test_an_interrupted_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        sweep(over(job(), [1, 2, 3]), Here(stop_after=2), out=tmp_path, told=told)
    with (tmp_path / RESULTS).open("ab") as file:
        file.write(b'{"job": {"scenario": "half a li')  # it died while writing
    again = Here()
    tally = sweep(over(job(), [1, 2, 3]), again, out=tmp_path, told=told)
    assert again.ran == [3]
    assert sum(tally.verdicts.values()) == 3


SOMETIMES = """
apiVersion: fakekube/v1alpha1
kind: Scenario
metadata: {name: sometimes}
spec:
  duration: 90s
  sites: {count: 3}
  workload:
    - {at: 0s, do: create, resource: namespaces/shared, on: site-000, scope: all, labels: {crop: barley}}
    - {at: 8s, do: update, resource: namespaces/shared, on: site-000, patch: {crop: oats}}
  faults:
    - {at: 0s, every: 10s, jitter: 8s, until: 1s, duration: 5s, action: partition, selector: {sites: [site-002]}, target: all}
  quiet: {at: 20s, for: 60s}
  check:
    eventually: [{converged: namespaces/shared}]
    sometimes: [write-during-partition]
"""
"""Whether the cut is over when the write comes hangs on the seed."""


def sometimes(tmp_path: Path, *, never: bool = False) -> Job:
    path = tmp_path / "sometimes.yaml"
    path.write_text(SOMETIMES.replace("write-during-partition", "reattach-during-partition") if never else SOMETIMES)
    return Job(scenario=str(path), seed=0)


def test_a_situation_that_some_seed_shows_is_enough_for_all(tmp_path: Path) -> None:
    jobs = over(sometimes(tmp_path), [1, 2, 3, 4, 5, 6])
    alone = {perform(job)["verdict"] for job in jobs}
    assert alone == {"valid", "unknown"}, "one run that did not see it proves nothing about it"
    tally = sweep(jobs, Here(), out=None, told=told)
    assert tally.verdicts == {"valid": 6}
    assert tally.exit_code == 0
    [(name, runs)] = tally.sightings.counted().items()
    assert (name, 0 < runs < 6) == ("write-during-partition namespaces/shared", True)
    assert tally.sightings.lines() == [f"sometimes {name}: in {runs} of 6 runs"]


def test_a_situation_that_no_seed_shows_is_told_and_has_an_exit_code(tmp_path: Path) -> None:
    tally = sweep(over(sometimes(tmp_path, never=True), [1, 2]), Here(), out=None, told=told)
    assert tally.verdicts == {"valid": 2}
    assert tally.exit_code == 3
    name = "reattach-during-partition namespaces/shared"
    assert tally.sightings.never() == [name]
    assert tally.sightings.lines() == [f"sometimes {name}: in none of 2 runs, so they prove nothing about it"]


def test_a_shard_does_not_judge_what_another_may_have_seen(tmp_path: Path) -> None:
    job, shard = sometimes(tmp_path, never=True), Shard(number=1, count=2)
    part = sweep(over(job, [1]), Here(), out=tmp_path / "out", told=told, shard=shard)
    assert part.exit_code == 0
    assert part.sightings.lines()[0].endswith("the same command without --shard judges them together")
    both = Here()
    whole = sweep(over(job, [1, 2]), both, out=tmp_path / "out", told=told)
    assert both.ran == [2]
    assert whole.exit_code == 3


def test_a_run_that_raises_is_unknown_and_the_sweep_goes_on(tmp_path: Path) -> None:
    fragile = job("partition-a", "tests.simulation.fragile:FragileAgent")
    tally = sweep(over(fragile, [1, 2, 3, 4, 5, 6]), Here(), out=tmp_path, told=told)
    assert tally.verdicts["valid"] + tally.verdicts["unknown"] == 6
    assert tally.verdicts["unknown"] > 0
    [ended] = tally.failing()[0]["checks"]
    assert ended["check"] == "ended"
    assert ended["reasons"][0].startswith("ZeroDivisionError: ")
    assert "(fragile.py:" in ended["reasons"][0]
    seed = tally.failing()[0]["key"]
    assert (tmp_path / f"seed-{seed}" / "timeline.jsonl").exists()


def test_a_process_is_replaced_without_losing_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.search.executors.JOBS_PER_PROCESS", 1)
    jobs = over(replace(job(), sites=2), [1, 2, 3])
    assert {one.seed for one, _ in Processes(1).results(jobs)} == {1, 2, 3}


def test_a_scenario_that_was_edited_is_another_sweep(tmp_path: Path) -> None:
    asked = sometimes(tmp_path)
    sweep(over(asked, [1]), Here(), out=tmp_path / "out", told=told)
    path = Path(asked.scenario)
    path.write_text(path.read_text().replace("crop: oats", "crop: rye"))
    with pytest.raises(BadScenario, match=r"line 1: is of another sweep \(an earlier form of it\)"):
        sweep(over(asked, [1]), Here(), out=tmp_path / "out", told=told)


def test_results_of_another_sweep_are_not_mixed_in(tmp_path: Path) -> None:
    sweep(over(job(), [1]), Here(), out=tmp_path, told=told)
    with pytest.raises(BadScenario, match="is of another sweep"):
        sweep(over(job("partition-b"), [1]), Here(), out=tmp_path, told=told)
    (tmp_path / RESULTS).write_text("no json\n")
    with pytest.raises(BadScenario, match="line 1: is no result of a sweep"):
        sweep(over(job(), [1]), Here(), out=tmp_path, told=told)


def test_a_scenario_that_cannot_run_is_refused_before_any_seed_is() -> None:
    nowhere = Here()
    with pytest.raises(BadScenario, match="neither a file nor a shipped scenario"):
        sweep(over(job("partition-z"), [1]), nowhere, out=None, told=told)
    assert nowhere.ran == []


def test_processes_give_what_this_process_gives() -> None:
    [(_, result)] = Processes(1).results([replace(job(), seed=5)])
    here = perform(replace(job(), seed=5))
    assert {**result, "wall_s": 0} == {**here, "wall_s": 0}


def test_the_shards_of_a_sweep_are_its_seeds() -> None:
    seeds = read_seeds("1-10")
    parts = [Shard(number=number, count=3).of(seeds) for number in (1, 2, 3)]
    assert sorted(seed for part in parts for seed in part) == seeds
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["", "a", "5-", "-5", "5-4", "1-2-3"])
def test_seeds_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(BadScenario, match="--seeds"):
        read_seeds(text)


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "1", "a/b"])
def test_a_shard_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(BadScenario, match="--shard"):
        read_shard(text)


def noisy(timeline: Timeline, count: int) -> Timeline:
    """`timeline` among `count` events that do no harm: short cuts before anything happens, and repeated labels."""
    rng = random.Random(7)
    sites = timeline.sites
    noise: list[LinkCut | Operation] = []
    for number in range(count):
        a, b = rng.sample(sites, 2)
        t = round(rng.uniform(1, 3), 2)
        if number % 2:
            noise.append(LinkCut(t=t, id=f"n{number}", origin=a, target=b, mode="drop", until=round(t + 0.01, 2)))
        else:
            patch = {f"noise-{number}": "1"}
            resource = "namespaces/shared-field"
            noise.append(Operation(t=t + 3, id=f"n{number}", verb="update", on=a, resource=resource, patch=patch))
    return replace(timeline, events=tuple(sorted([*timeline.events, *noise], key=lambda event: event.t)))


def test_forty_events_shrink_to_the_few_that_matter_and_still_fail() -> None:
    plain = compiled(Job(scenario="partition-e", seed=1, sites=5, agent=NAIVE))
    crowded = noisy(plain, 40 - len(plain.events))
    assert len(crowded.events) == 40
    found = shrink(crowded, lambda candidate: report_of(candidate, NAIVE))
    assert len(found.timeline.events) <= 5
    assert found.report.verdict == "invalid"
    again = report_of(found.timeline, NAIVE)
    assert failing_checks(again) == failing_checks(found.report)
    assert again.outcome.trace_sha256 == found.report.outcome.trace_sha256


def test_a_timeline_that_does_not_fail_cannot_shrink() -> None:
    with pytest.raises(BadScenario, match="is valid: there is nothing to shrink"):
        shrink(compiled(job()), report_of)


@pytest.mark.parametrize(
    ("name", "wording"),
    [
        ("no.such.module:Agent", "No module named"),
        ("chaos:Nothing", "has no attribute"),
        ("chaos", "package.module:Class"),
    ],
)
def test_an_agent_that_cannot_be_loaded_is_named(name: str, wording: str) -> None:
    with pytest.raises(BadScenario, match=wording):
        perform(job(agent=name))


def test_two_shards_give_together_what_one_run_gives() -> None:
    def verdicts(seeds: Sequence[int]) -> dict[str, str]:
        found: dict[str, str] = {}
        sweep(
            over(job(), seeds),
            Here(),
            out=None,
            told=lambda result: found.update({result["key"]: result["trace_sha256"]}),
        )
        return found

    seeds = read_seeds("1-4")
    parts = [verdicts(Shard(number=number, count=2).of(seeds)) for number in (1, 2)]
    assert parts[0] | parts[1] == verdicts(seeds)


def test_every_message_is_lost_once_and_each_loss_has_a_replay_of_its_own() -> None:
    jobs = losing_each_message(replace(job(), sites=2, seed=1))
    assert [each.staging.lose_message for each in jobs] == list(range(1, len(jobs) + 1))
    assert len(jobs) > 5
    tally = sweep(jobs[:: len(jobs) // 4], Here(), out=None, told=told)
    assert set(tally.verdicts) == {"valid"}
    lost = perform(jobs[2])
    assert lost["replay"].endswith("--lose-message 3")
    assert lost["trace_sha256"] != perform(replace(jobs[2], staging=AS_IT_IS))["trace_sha256"]


def test_a_lost_message_finds_the_agent_that_tells_everything_once() -> None:
    """Nothing is cut here: only a message that is lost shows the bug."""
    naive = replace(job("partition-a", NAIVE), sites=2, seed=1)
    assert perform(naive)["verdict"] == "valid"
    tally = sweep(losing_each_message(naive), Here(), out=None, told=told)
    assert tally.verdicts["invalid"] > 0


def test_a_run_that_repeats_has_no_difference() -> None:
    assert first_difference(replace(job(), seed=1, sites=3)) is None


def test_a_run_that_depends_on_the_hash_seed_shows_where() -> None:
    difference = first_difference(replace(job(agent="tests.simulation.unsteady:UnsteadyAgent"), seed=1, sites=3))
    assert difference is not None
    assert difference[0] != difference[1]
    assert difference[0].split()[1].count(">") == 1, "a delivery: time, ends, connection, bytes"
