"""Snapshot locks: the three actions, and what they keep from being deleted."""
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from moto.core.responses import ActionResult

from . import errors, paging, snapshots

LONGEST = timedelta(days=36500)


@dataclass
class Lock:
    mode: str
    created: datetime
    started: datetime
    expires: datetime
    cool_off: int | None = None

    def state(self, now: datetime) -> str:
        if self.expires <= now:
            return "expired"
        if self.mode == "compliance" and self.cool_off and now < self.created + timedelta(hours=self.cool_off):
            return "compliance-cooloff"
        return self.mode

    def shown(self, snapshot) -> dict:
        seen = {
            "OwnerId": snapshot.owner_id, "SnapshotId": snapshot.id, "LockState": self.state(now()),
            "LockDuration": -(-(self.expires - self.started) // timedelta(days=1)), "LockCreatedOn": self.created,
            "LockDurationStartTime": self.started, "LockExpiresOn": self.expires}
        if self.cool_off:
            seen |= {"CoolOffPeriod": self.cool_off,
                     "CoolOffPeriodExpiresOn": self.created + timedelta(hours=self.cool_off)}
        return seen


def now() -> datetime:
    return datetime.now(timezone.utc)


def check_deletion(snapshot) -> None:
    lock = getattr(snapshot, "lock", None)
    if lock and lock.state(now()) != "expired":
        raise errors.ec2("OperationNotPermitted", f"The snapshot {snapshot.id} is locked")


class LockActions:
    """Overrides for moto's EC2 responses."""

    def lock_snapshot(self):
        self.error_on_dryrun()
        snapshot = self._own_snapshot()
        lock = self._asked()
        if old := getattr(snapshot, "lock", None):
            state = old.state(now())
            if state == "compliance" and (lock.mode != "compliance" or lock.expires < old.expires or lock.cool_off):
                raise errors.ec2("InvalidParameterValue", "A lock in compliance mode can only be made longer")
            if state != "expired":
                lock.created = old.created
        snapshot.lock = lock
        return ActionResult(lock.shown(snapshot))

    def unlock_snapshot(self):
        self.error_on_dryrun()
        snapshot = self._own_snapshot()
        lock = getattr(snapshot, "lock", None)
        if lock is None or lock.state(now()) == "compliance":
            raise errors.ec2("OperationNotPermitted", f"The snapshot {snapshot.id} cannot be unlocked")
        snapshot.lock = None
        return ActionResult({"SnapshotId": snapshot.id})

    def describe_locked_snapshots(self):
        self.error_on_dryrun()
        backend, wanted = self.ec2_backend, self._get_param("SnapshotIds") or []
        own = [snapshots.required(one, self.current_account, self.region) for one in wanted]
        own = own or list(backend.snapshots.values())
        # Of a snapshot that was never locked nothing is shown.
        rows = [one.lock.shown(one) for one in own if getattr(one, "lock", None)]
        for name, values in self._filters_from_querystring().items():
            if name != "lock-state":
                raise errors.ec2("InvalidParameterValue", f"The filter '{name}' is invalid")
            rows = [row for row in rows if row["LockState"] in values]
        page, token = paging.page(rows, self._get_param("NextToken"), self._get_param("MaxResults"))
        return ActionResult({"Snapshots": page, "NextToken": token})

    def _own_snapshot(self):
        snapshot_id = self._get_param("SnapshotId")
        snapshot = snapshots.required(snapshot_id, self.current_account, self.region)
        if snapshot.owner_id != self.current_account:
            raise errors.ec2("UnauthorizedOperation", "You are not authorized to perform this operation.")
        return snapshot

    def _asked(self) -> Lock:
        mode, cool_off = self._get_param("LockMode"), self._get_param("CoolOffPeriod")
        days, expires = self._get_param("LockDuration"), self._get_param("ExpirationDate")
        if (days is None) == (expires is None):
            raise errors.ec2("InvalidParameterCombination", "Specify either LockDuration or ExpirationDate")
        if cool_off is not None and (mode != "compliance" or not 1 <= cool_off <= 72):
            raise errors.ec2("InvalidParameterCombination", "CoolOffPeriod is for compliance mode, from 1 to 72 hours")
        start = now()
        if expires is None:
            expires = start + timedelta(days=days)
        elif expires.tzinfo is None:
            expires = expires.replace(tzinfo=timezone.utc)
        if not timedelta(days=1) <= expires - start <= LONGEST:
            raise errors.ec2("InvalidParameterValue", "A lock must last from 1 to 36500 days")
        return Lock(mode, start, start, expires, cool_off)
