"""Images are revoked while they launch: how long after the upload one is still admitted, and what stays as it is."""
import argparse
import json
import time
from collections import Counter

from images import BUCKET, REGION, REVOCATION, SIGN
from scene import Checks, Scene, percentile

IMAGES = 10
# So many of each image are in service before, and so many more of each launch every TICK seconds.
BEFORE, MORE, TICK = 5, 1, 2.0
# The bound that is promised, and how long the launches go on after the upload.
BOUND, WATCHED = 60.0, 70.0
LIST = {"Bucket": BUCKET, "Key": "v1/revocations/default.jsonl"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--goldseal", required=True)
    chosen = parser.parse_args()
    checks = Checks()
    with Scene(chosen.goldseal, policy=REVOCATION) as scene:
        scene.forge.key("revoker")
        scene.forge.run("revoke", "renew", "--first", *SIGN)
        before = scene.forge.s3.get_object(**LIST)["Body"].read()
        images = scene.forge.sealed(IMAGES)
        groups = {image: scene.group(f"web-{number}", image) for number, image in enumerate(images)}
        replicas = scene.hook(2)
        size = grow(scene, groups, BEFORE)
        served = scene.until(lambda: scene.states() == {"InService": size * IMAGES}, 90)
        checks.that(served, f"{size * IMAGES} instances of {IMAGES} images in service", dict(scene.states()))
        running = {one["instance"] for one in scene.ledger() if one["result"] == "CONTINUE"}

        size = storm(scene, groups, size, 10)
        now = scene.clock()
        scene.forge.run("revoke", "image", *images, "--reason", "poisoned, INC-42", "--by", "alice@example.com", "--yes", *SIGN)
        # The upload was before the command ended: the bound is measured from the later of the two, and told of both.
        uploaded = scene.clock()
        storm(scene, groups, size, WATCHED)
        judge(checks, scene, uploaded, uploaded - now)

        left = {one for one in running if one in in_service(scene)}
        checks.that(left == running, "what ran is not touched", f"{len(running - left)} of {len(running)} are gone")
        audited(checks, scene, in_service(scene))

        # Whoever may write to the store puts the list back that was there before.
        scene.forge.s3.put_object(**LIST, Body=before)
        for one in replicas:
            one.kill()
        scene.hook(1)
        start = scene.clock()
        storm(scene, groups, size + MORE * int(WATCHED / TICK), 20)
        after = [one for one in scene.ledger() if one["started"] > start and one["state"] == "completed"]
        results = Counter(one["result"] for one in after)
        checks.that(set(results) == {"ABANDON"}, "a list that is put back admits nothing", dict(results))
        if checks.failed:
            print("\n".join(one.said()[-2000:] for one in scene.replicas))
    checks.close()


def grow(scene: Scene, groups: dict[str, str], size: int) -> int:
    for group in groups.values():
        scene.scale(group, size)
    return size


def storm(scene: Scene, groups: dict[str, str], size: int, seconds: float) -> int:
    """Every group launches, steadily."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        size = grow(scene, groups, size + MORE)
        time.sleep(TICK)
    return size


def in_service(scene: Scene) -> set[str]:
    pages = scene.autoscaling.get_paginator("describe_auto_scaling_groups").paginate()
    return {one["InstanceId"] for page in pages for group in page["AutoScalingGroups"] for one in group["Instances"]
            if one["LifecycleState"] == "InService"}


def judge(checks: Checks, scene: Scene, uploaded: float, signing: float) -> None:
    decided = [one for one in scene.ledger() if one["state"] == "completed" and one["ended"] > uploaded]
    late = [max(0.0, one["ended"] - uploaded) for one in decided if one["result"] == "CONTINUE"]
    first = {}
    for one in sorted(decided, key=lambda one: one["ended"]):
        if one["result"] == "ABANDON":
            first.setdefault(one["image"], one["ended"] - uploaded)
    launched = [one for one in decided if one["started"] > uploaded]
    checks.that(len(launched) >= 200, "200 instances or more launched after the upload", len(launched))
    checks.that(len(first) == IMAGES, "every image was refused", f"{len(first)} of {IMAGES}")
    waits = [max(first[one["image"]], 0.0) for one in launched if one["image"] in first]
    worst = max([*late, *first.values()], default=float("inf"))
    print(f"        signed and stored in {signing:.1f} s; {len(decided)} decided after it, {len(late)} of them still admitted")
    print(f"        from the upload to the first refusal: p50 {percentile(waits, 0.5):.1f} s, p99 {percentile(waits, 0.99):.1f} s;"
          f" to the last admission: {max(late, default=0.0):.1f} s")
    checks.that(worst < BOUND, f"from the upload to the refusal of every later launch: worst {worst:.1f} s < {BOUND:.0f} s")


def audited(checks: Checks, scene: Scene, running: set[str]) -> None:
    scene.forge.run("audit", "--policy", "policy.toml", "--regions", REGION, "--write",
                    "json=audit.json", expect=1)
    report = json.loads((scene.folder / "audit.json").read_text())
    codes = {cause["code"] for image in report["images"] for cause in image["reasons"]}
    told = {one["instance"] for one in report["instances"] if one["class"] == "refused"}
    checks.that(running <= told and "image-revoked" in codes, "the audit reports what runs of them",
                f"{len(running - told)} of {len(running)} are not told of; {sorted(codes)}")


main()
