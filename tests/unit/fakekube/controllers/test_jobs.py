"""Jobs: until enough pods have succeeded, or too many have failed."""

from __future__ import annotations

from typing import Any

from fakekube.controllers import STAGES
from tests.unit.fakekube.controllers.cluster_site import BATCH, CORE, ClusterSite, Obj, condition, names

JOBS = f"{BATCH}/jobs"


def job(name: str = "j", annotations: dict[str, str] | None = None, restart: str = "Never", **spec: Any) -> Obj:
    template = {
        "metadata": {"annotations": annotations or {}},
        "spec": {"restartPolicy": restart, "containers": [{"name": "c", "image": "i"}]},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": template, **spec}}


def verdict(site: ClusterSite, name: str = "j") -> str:
    conditions = site.obj(f"{JOBS}/{name}")["status"].get("conditions", [])
    ends = [each for each in conditions if each["type"] in ("Complete", "Failed") and each["status"] == "True"]
    return f"{ends[0]['type']} {ends[0]['reason']}" if ends else ""


def test_a_job_runs_as_many_pods_at_once_as_it_may() -> None:
    site = ClusterSite()
    site.made(JOBS, job(completions=5, parallelism=2))
    site.run(0.3)
    assert site.obj(f"{JOBS}/j")["status"]["active"] == 2
    site.run(10)
    status = site.obj(f"{JOBS}/j")["status"]
    assert (status["succeeded"], status.get("active"), status["uncountedTerminatedPods"]) == (5, None, {})
    assert verdict(site) == "Complete CompletionsReached"
    assert "completionTime" in status
    assert all("finalizers" not in pod["metadata"] for pod in site.pods())
    assert site.server.next_due() is None


def test_an_indexed_job_gives_each_index_a_pod_of_its_own() -> None:
    site = ClusterSite()
    site.made(JOBS, job(completions=4, parallelism=4, completionMode="Indexed"))
    site.run(10)
    assert site.obj(f"{JOBS}/j")["status"]["completedIndexes"] == "0-3"
    pods = site.pods()
    assert [pod["spec"]["hostname"] for pod in pods] == ["j-0", "j-1", "j-2", "j-3"]
    environment = [each["name"] for each in pods[0]["spec"]["containers"][0]["env"]]
    assert environment == ["JOB_COMPLETION_INDEX"]


def test_failures_back_off_and_then_fail_the_job() -> None:
    site = ClusterSite()
    site.made(JOBS, job(annotations={"fakekube.dev/fails": "exit 3"}, backoffLimit=2))
    site.run(5)
    assert len(site.pods()) == 1, "the second pod waits ten seconds"
    site.run(60)
    assert verdict(site) == "Failed BackoffLimitExceeded"
    assert site.obj(f"{JOBS}/j")["status"]["failed"] == 3
    assert {pod["status"]["phase"] for pod in site.pods()} == {"Failed"}


def test_restarts_in_place_count_as_failures() -> None:
    site = ClusterSite()
    site.made(JOBS, job(annotations={"fakekube.dev/fails": "exit 3"}, restart="OnFailure", backoffLimit=1))
    site.run(30)
    assert verdict(site) == "Failed BackoffLimitExceeded"
    assert site.pods() == []


def test_a_deadline_stops_all_pods() -> None:
    site = ClusterSite()
    site.made(JOBS, job(annotations={"fakekube.dev/delays": "complete=3600"}, parallelism=2, activeDeadlineSeconds=60))
    site.run(59)
    assert len(site.pods()) == 2
    site.run(5)
    assert verdict(site) == "Failed DeadlineExceeded"
    assert site.pods() == []
    assert site.obj(f"{JOBS}/j")["status"]["failed"] == 2


def test_a_suspended_job_has_no_pods_and_its_stopped_pods_do_not_count() -> None:
    site = ClusterSite()
    site.made(JOBS, job(completions=2, parallelism=2))
    site.run(0.15)
    site.patched(f"{JOBS}/j", {"spec": {"suspend": True}})
    site.run(2)
    suspended = site.obj(f"{JOBS}/j")
    found = condition(suspended, "Suspended")
    assert found is not None
    assert found["status"] == "True"
    assert "startTime" not in suspended["status"]
    assert site.pods() == []
    site.patched(f"{JOBS}/j", {"spec": {"suspend": False}})
    site.run(10)
    assert verdict(site) == "Complete CompletionsReached"
    assert "failed" not in site.obj(f"{JOBS}/j")["status"]


def test_a_finished_job_goes_after_its_time_to_live_and_takes_its_pods() -> None:
    site = ClusterSite()
    site.made(JOBS, job(ttlSecondsAfterFinished=100))
    site.run(90)
    assert verdict(site) == "Complete CompletionsReached"
    site.run(20)
    assert site.get(f"{JOBS}/j").status == 404
    assert site.pods() == []


def test_deleting_a_job_lets_its_pods_go() -> None:
    site = ClusterSite()
    site.made(JOBS, job(annotations={"fakekube.dev/delays": "complete=3600"}, parallelism=3))
    site.run(1)
    site.gone(f"{JOBS}/j", {"propagationPolicy": "Background"})
    site.run(60)
    assert site.pods() == []


def test_orphaned_pods_are_let_go_by_nobody_and_keep_no_finalizer() -> None:
    site = ClusterSite()
    site.made(JOBS, job(annotations={"fakekube.dev/delays": "complete=3600"}))
    site.run(1)
    site.gone(f"{JOBS}/j", {"propagationPolicy": "Orphan"})
    site.run(1)
    (pod,) = site.pods()
    assert "finalizers" not in pod["metadata"]


def test_a_job_of_another_controller_is_left_alone() -> None:
    site = ClusterSite()
    site.made(JOBS, job(managedBy="example.com/mine"))
    site.run(5)
    assert site.pods() == []


def test_a_restart_of_the_site_in_the_middle_loses_no_count() -> None:
    site = ClusterSite()
    site.made(JOBS, job(completions=6, parallelism=3))
    site.run(0.75)
    held = site.server.snapshot()
    other = ClusterSite(seed=5)
    other.server.restore(held)
    other.run(20)
    assert other.obj(f"{JOBS}/j")["status"]["succeeded"] == 6
    assert len(names(other.pods())) == 6


def test_a_namespace_with_running_jobs_can_be_deleted() -> None:
    site = ClusterSite()
    site.made("/api/v1/namespaces", {"metadata": {"name": "team"}})
    site.run(1)
    site.made("/apis/batch/v1/namespaces/team/jobs", job(annotations={"fakekube.dev/delays": "complete=3600"}))
    site.run(1)
    site.gone("/api/v1/namespaces/team")
    site.run(60)
    assert site.get("/api/v1/namespaces/team").status == 404
    assert site.get(f"{CORE}").status != 500


def exit_rule(action: str, *codes: int) -> Obj:
    return {"action": action, "onExitCodes": {"operator": "In", "values": list(codes)}}


def test_a_failure_policy_ignores_counts_or_ends_the_job() -> None:
    site = ClusterSite()
    policy = {"rules": [exit_rule("Ignore", 5), exit_rule("FailJob", 42)]}
    site.made(JOBS, job("ended", {"fakekube.dev/fails": "exit 42"}, podFailurePolicy=policy))
    site.made(JOBS, job("counted", {"fakekube.dev/fails": "exit 3"}, podFailurePolicy=policy, backoffLimit=0))
    site.made(JOBS, job("ignored", {"fakekube.dev/fails": "exit 5"}, podFailurePolicy=policy, backoffLimit=0))
    site.run(3)
    assert verdict(site, "ended") == "Failed PodFailurePolicy"
    told = condition(site.obj(f"{JOBS}/ended"), "Failed")
    assert told is not None
    assert told["message"].endswith("failed with exit code 42 matching FailJob rule at index 1")
    assert verdict(site, "counted") == "Failed BackoffLimitExceeded"
    assert verdict(site, "ignored") == ""
    assert "failed" not in site.obj(f"{JOBS}/ignored")["status"]


def test_a_success_policy_is_content_with_some_indexes() -> None:
    site = ClusterSite(
        stages=STAGES.failing(lambda pod: "Unready" if pod["spec"].get("hostname") in ("j-1", "j-2") else "")
    )
    policy = {"rules": [{"succeededIndexes": "0,3"}]}
    site.made(JOBS, job(completions=4, parallelism=4, completionMode="Indexed", successPolicy=policy))
    site.run(10)
    assert verdict(site) == "Complete SuccessPolicy"
    status = site.obj(f"{JOBS}/j")["status"]
    assert (status["completedIndexes"], status.get("failed")) == ("0,3", None)
    assert len(site.pods()) == 2
    assert site.server.next_due() is None


def sh(script: str) -> Obj:
    return {"name": "c", "image": "busybox", "command": ["sh", "-c", script]}


def commanded(script: str, **spec: Any) -> Obj:
    found = job(**spec)
    found["spec"]["template"]["spec"]["containers"] = [sh(script)]
    return found


def test_a_job_takes_as_long_as_its_command_sleeps() -> None:
    site = ClusterSite()
    site.made(JOBS, commanded("sleep 30"))
    site.run(29)
    assert site.obj(f"{JOBS}/j")["status"]["ready"] == 1
    site.run(3)
    assert verdict(site) == "Complete CompletionsReached"


def test_a_job_whose_command_never_ends_goes_on() -> None:
    site = ClusterSite()
    site.made(JOBS, commanded("sleep infinity"))
    site.run(1_000_000)
    assert (verdict(site), site.obj(f"{JOBS}/j")["status"]["active"]) == ("", 1)


def test_a_job_fails_by_the_exit_code_of_its_command() -> None:
    site = ClusterSite()
    rules = [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]
    site.made(JOBS, commanded("exit 42", podFailurePolicy={"rules": rules}))
    site.run(5)
    assert verdict(site) == "Failed PodFailurePolicy"


def failing(indexes: set[int], code: int = 3) -> Any:
    """Pods of these indexes fail."""

    def fails(pod: Obj) -> str:
        index = (pod["metadata"].get("annotations") or {}).get("batch.kubernetes.io/job-completion-index", "-1")
        return f"exit {code}" if int(index) in indexes else ""

    return STAGES.failing(fails)


def indexed(**spec: Any) -> Obj:
    return job(completionMode="Indexed", completions=4, parallelism=4, **spec)


def test_indexes_fail_on_their_own_and_the_others_go_on() -> None:
    site = ClusterSite(stages=failing({1, 3}))
    site.made(JOBS, indexed(backoffLimitPerIndex=1))
    site.run(8)
    status = site.obj(f"{JOBS}/j")["status"]
    assert (status["completedIndexes"], status["failedIndexes"], status.get("failed")) == ("0,2", "", None)
    site.run(60)
    status = site.obj(f"{JOBS}/j")["status"]
    assert verdict(site) == "Failed FailedIndexes"
    assert (status["completedIndexes"], status["failedIndexes"], status["failed"]) == ("0,2", "1,3", 4)
    counts = [
        pod["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"]
        for pod in site.pods("batch.kubernetes.io/job-completion-index=1")
    ]
    assert sorted(counts) == ["0", "1"]
    assert all("finalizers" not in pod["metadata"] for pod in site.pods())


def test_too_many_failed_indexes_end_the_job() -> None:
    site = ClusterSite(stages=failing({0, 1, 2}))
    site.made(JOBS, indexed(backoffLimitPerIndex=0, maxFailedIndexes=1))
    site.run(60)
    assert verdict(site) == "Failed MaxFailedIndexesExceeded"


def test_a_policy_fails_an_index_at_once() -> None:
    site = ClusterSite(stages=failing({2}, code=42))
    rules = [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}}]
    site.made(JOBS, indexed(backoffLimitPerIndex=5, podFailurePolicy={"rules": rules}))
    site.run(5)
    status = site.obj(f"{JOBS}/j")["status"]
    assert (verdict(site), status["failedIndexes"], status["failed"]) == ("Failed FailedIndexes", "2", 1)


def test_failures_that_are_ignored_are_noted_apart() -> None:
    site = ClusterSite(stages=failing({0}, code=42))
    rules = [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [42]}}]
    site.made(JOBS, indexed(backoffLimitPerIndex=1, podFailurePolicy={"rules": rules}))
    site.run(40)
    noted = [each["metadata"]["annotations"] for each in site.pods("batch.kubernetes.io/job-completion-index=0")]
    assert {each["batch.kubernetes.io/job-index-failure-count"] for each in noted} == {"0"}
    assert {each.get("batch.kubernetes.io/job-index-ignored-failure-count") for each in noted} == {None, "1", "2"}
